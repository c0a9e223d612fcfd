"""The command, end to end."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import matcalc as mc
from matcalc.cli import main

MAIN_JOB = ("derive", "||X - U V||_F^2", "--wrt", "V")


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit status, standard output, standard error)"""
    try:
        status = main(arguments)
    except SystemExit as stop:  # argparse ends so
        status = int(stop.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_the_main_job(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, *MAIN_JOB) == (0, "-2 U^T (X - U V)\n", "")


@pytest.mark.parametrize(
    "language, expected",
    [
        ("text", "-(X^-1 B A X^-1)^T"),
        ("unicode", "−(X⁻¹ B A X⁻¹)ᵀ"),
        ("latex", r"-(X^{-1} B A X^{-1})^{\top}"),
    ],
)
def test_formats(capsys: pytest.CaptureFixture[str], language: str, expected: str) -> None:
    assert _run(capsys, "derive", "tr(A X^-1 B)", "--wrt", "X", "--format", language) == (0, expected + "\n", "")


def test_index_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "derive", "X^-1", "--wrt", "X", "--format", "index") == (0, "-(X^-1)_ik (X^-1)_lj\n", "")


def test_mathml_format(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = _run(capsys, *MAIN_JOB, "--format", "mathml")
    assert (status, err) == (0, "")
    assert out.startswith("<math ")
    assert out.endswith("</math>\n")


def test_numpy_format(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = _run(capsys, *MAIN_JOB, "--format", "numpy")
    assert (status, err) == (0, "")
    assert "def " in out
    assert out.rstrip("\n") == mc.derive("||X - U V||_F^2", wrt="V").code("numpy").rstrip("\n")


def test_json_fields(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = _run(
        capsys, "derive", "x^T A x", "--wrt", "x", "-d", "A: matrix(n,n) symmetric", "--format", "json", "--verify"
    )
    answer = json.loads(out)
    verification = answer.pop("verification")
    assert (status, err) == (0, "")
    assert answer.pop("index")
    assert answer == {
        "expression": "x^T A x",
        "wrt": ["x"],
        "derivative": "2 A x",
        "latex": "2 A x",
        "shape": ["n"],
        "layout": "mixed",
        "is_matrix_form": True,
        "declarations": {"A": "matrix(n,n) symmetric", "x": "vector(n)"},
    }
    assert verification["ok"] is True
    assert verification["verdict"].startswith("verified (exact in random prime fields, 3 trials, ")


def test_json_says_when_nothing_depends(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = _run(capsys, "derive", "x^T x", "--wrt", "y", "-d", "y: vector(m)", "--format", "json")
    assert json.loads(out)["note"] == "the expression does not depend on y"


def test_declarations_are_given_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("derive", "a A x", "--wrt", "x", "-d", "A: matrix(n,m)", "--declare", "a:scalar")
    assert _run(capsys, *arguments) == (0, "a A\n", "")


def test_second_derivative(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "derive", "x^T A x", "--wrt", "x", "--wrt", "x") == (0, "A + A^T\n", "")


@pytest.mark.parametrize("layout, expected", [("mixed", "A^T"), ("numerator", "A"), ("denominator", "A^T")])
def test_layouts(capsys: pytest.CaptureFixture[str], layout: str, expected: str) -> None:
    assert _run(capsys, "derive", "tr(A X)", "--wrt", "X", "--layout", layout) == (0, expected + "\n", "")


def test_pretty(capsys: pytest.CaptureFixture[str]) -> None:
    text = "||y - W3 tanh(W2 tanh(W1 x))||^2"
    sizes = ("-d", "W1: matrix(k,n)", "-d", "W2: matrix(l,k)", "-d", "W3: matrix(m,l)")
    status, out, _ = _run(capsys, "derive", text, "--wrt", "x", *sizes, "--pretty")
    assert status == 0
    assert out.endswith("where T_1 = tanh(W2 tanh(W1 x))\n")


def test_verification_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = _run(capsys, *MAIN_JOB, "--verify")
    assert (status, out) == (0, "-2 U^T (X - U V)\n")
    assert err.startswith("verification: verified (exact in random prime fields, 3 trials, error below 1e-")


def test_an_answer_that_is_not_verified_has_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    undecided = mc.Verification(ok=False, method="numeric", trials=1, max_error=0.5, note="only 1 point decides")
    monkeypatch.setattr(mc.Derivative, "verify", lambda self, seed=None, form="text": undecided)
    status, out, err = _run(capsys, *MAIN_JOB, "--verify")
    assert (status, out) == (1, "-2 U^T (X - U V)\n")
    assert err == "verification: not verified (only 1 point decides)\n"


def test_an_answer_that_is_refuted_is_not_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = mc.derive("2 x^T A x", "x")._form
    monkeypatch.setattr(mc.Derivative, "_form", wrong)
    status, out, err = _run(capsys, "derive", "x^T A x", "--wrt", "x")
    assert (status, out) == (3, "")
    assert err.startswith("matcalc: internal error: the answer to 'x^T A x' by x is refuted by its own verification")


def test_a_note_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("derive", "x^T x", "--wrt", "y", "-d", "y: vector(m)")
    assert _run(capsys, *arguments) == (0, "zeros(m)\n", "note: the expression does not depend on y\n")


# --- errors -----------------------------------------------------------------------------------------

ERRORS = (
    (("(A x", "--wrt", "x"), "a ')' is missing: the '(' at column 1 is not closed\n  (A x\n      ^"),
    (("", "--wrt", "x"), "the text is empty; write an expression such as x^T A x\n  \n  ^"),
    (
        ("tr(B)", "--wrt", "B", "-d", "B: matrix(n,m)"),
        "tr(...) wants a square matrix: B is n×m\n  tr(B)\n  ^",
    ),
    (
        ("A + B", "--wrt", "A", "-d", "A: matrix(n,n)", "-d", "B: matrix(n,m)"),
        "the terms of a sum have different shapes: A is n×n, B is n×m\n  A + B\n      ^",
    ),
    (("x", "--wrt", "w"), "'w' is neither declared nor in the expression"),
    (
        ("x", "--wrt", "x", "-d", "x vector(n)"),
        "a declaration has the form 'A: matrix(n,n)'\n  x vector(n)\n             ^",
    ),
    (
        ("x", "--wrt", "x", "-d", "x: vektor(n)"),
        "in the declaration of 'x': unknown kind 'vektor'; did you mean vector?\n  vektor(n)\n  ^",
    ),
)


@pytest.mark.parametrize("arguments, message", ERRORS, ids=[e[0][0] or "empty" for e in ERRORS])
def test_errors_are_one_message(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str) -> None:
    assert _run(capsys, "derive", *arguments) == (2, "", f"matcalc: {message}\n")


BROKEN = (
    "x\0",
    "\ud800",
    "((((",
    "||||",
    "x^^2",
    "sum_",
    "_",
    "^",
    "\\",
    "'",
    "{",
    "1/0",
    "e(0)",
    "x where",
    "=",
    "🙂",
)


@pytest.mark.parametrize("text", BROKEN)
def test_broken_input_never_gives_a_traceback(capsys: pytest.CaptureFixture[str], text: str) -> None:
    status, out, err = _run(capsys, "derive", text, "--wrt", "x")
    assert (status, out) == (2, "")
    assert err.startswith("matcalc: ")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments", [(), ("derive",), ("derive", "x"), ("derive", "x", "--wrt", "x", "--format", "cobol"), ("nothing",)]
)
def test_wrong_usage_has_status_2(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    status, out, err = _run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("usage: matcalc")


# --- help -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("--help",), ("derive", "--help")])
def test_help_has_examples_that_work(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]) -> None:
    status, out, err = _run(capsys, *arguments)
    assert (status, err) == (0, "")
    examples = [line.strip() for line in out.splitlines() if line.startswith("  matcalc derive '")]
    assert len(examples) >= 5
    for example in examples:
        status, answer, _ = _run(capsys, *_words(example)[1:])
        assert status == 0, example
        assert answer


def _words(line: str) -> list[str]:
    """A command line split at blanks outside single quotes; `shlex` would take the prime of A' for a quote too."""
    quoted = line.split("'")
    return [w for k, part in enumerate(quoted) for w in ([part] if k % 2 else part.split())]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "--version") == (0, f"matcalc {mc.__version__}\n", "")


def test_as_a_process() -> None:
    run = subprocess.run([sys.executable, "-m", "matcalc", *MAIN_JOB], capture_output=True, text=True, check=True)
    assert run.stdout == "-2 U^T (X - U V)\n"


def test_a_reader_that_stops_early_is_no_error() -> None:
    program = [sys.executable, "-m", "matcalc", *MAIN_JOB]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def test_the_program_that_is_printed_runs(capsys: pytest.CaptureFixture[str]) -> None:
    d = mc.derive("sigmoid(X w)", wrt="w")
    rng = np.random.default_rng(0)
    X, w = rng.normal(size=(4, 3)), rng.normal(size=3)
    s = 1 / (1 + np.exp(-X @ w))
    np.testing.assert_allclose(d.function()(X=X, w=w), (s * (1 - s))[:, None] * X)


STEPS = """\
a^T x
  = a_i x_i         in index notation
d(a^T x)/dx_j
  = a_i delta_ij    constant factors, dx_i/dx_j = delta_ij
  = a_j             contract the deltas: delta_ij renames i to j
d(a^T x)/dx
  = a               in matrix notation [Matrix Cookbook (69)]
in one dimension: d/dx (a x) = a
"""


def test_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "a^T x", "--wrt", "x", "--steps"]) == 0
    assert capsys.readouterr().out == STEPS
    assert main(["derive", "a^T x", "--wrt", "x", "--steps", "all"]) == 0
    assert "a_i dx_i/dx_j    constant factors" in capsys.readouterr().out
    assert main(["derive", "a^T x", "--wrt", "x", "--steps", "differential", "--format", "unicode"]) == 0
    assert capsys.readouterr().out.startswith("d(aᵀ x)\n  = aᵀ dx")
    assert main(["derive", "a^T x", "--wrt", "x", "--steps", "--format", "latex"]) == 0
    assert capsys.readouterr().out.startswith("\\begin{align*}\n")
    assert main(["derive", "a^T x", "--wrt", "x", "--steps", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"][-1]["after"] == "a"
    assert main(["derive", "a^T x", "--wrt", "x", "--steps", "--format", "numpy"]) == 2
    assert capsys.readouterr().err == "matcalc: --steps is for the formats text, unicode, latex, json\n"


@pytest.mark.parametrize(
    "form, printed",
    [("kron", "kron(B^T, A)"), ("differential", "dF = A dX B"), ("operator", "A dX B"), ("index", "A_ik B_lj")],
)
def test_forms_of_a_tensor(capsys: pytest.CaptureFixture[str], form: str, printed: str) -> None:
    assert main(["derive", "A X B", "--wrt", "X", "--format", form]) == 0
    assert capsys.readouterr().out == printed + "\n"


def test_the_convention_of_a_structure_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "tr(A X)", "--wrt", "X", "-d", "X: matrix(n,n) symmetric", "--structure", "entries"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "A + A^T - A .* I\n"
    assert captured.err == "note: by the free entries of X, declared symmetric\n"
