"""What once ended in a traceback, a wait, or a text that did not read back: an input a line, and what it gives now.

The comments say what it was. Random texts are in `texts.py`.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import texts

import matcalc as mc
from matcalc.cli import main
from matcalc.codegen.source import _definitions
from matcalc.systems import NoPoint

FACT = "fact own\n    states: tr(A B) = tr(B A)\n    declare: A: matrix(n,m), B: matrix(m,n)\n"
BLOCKS = "A: matrix(m,m); B: matrix(m,n); C: matrix(n,m); D: matrix(n,n); b: scalar"


def _table(declared: str) -> dict[str, str]:
    pairs = (d.partition(": ") for d in declared.split("; ") if d)
    return {name: kind for name, _, kind in pairs}


def _derived(expr: str, wrt: str, declared: str) -> mc.Derivative:
    return mc.derive(expr, wrt.split(), **_table(declared))


# expression, what was raised; now what it says
REFUSED_TEXTS = [
    ("[[1,2],[3]]", "the rows have 1 and 2 entries"),  # ValueError of zip
    ("[[12],[3,4]]", "the rows have 1 and 2 entries"),  # ValueError of zip
    ("[[x],[y,z]]", "the rows have 1 and 2 entries"),  # ValueError of zip
    ("[[12],[3,4B]]", "the rows have 1 and 2 entries"),  # IndexError
    ("||x||_1i", "unknown norm '1i'"),  # ValueError of Fraction
    ("|[1,2;3,4]^T@A ₁x| x|x|", "declare A: vector(n)"),  # KeyError
    ("-1/2 x1/2^TT_1 x + b^T x", "a number has no transpose"),  # AssertionError
    ("√x^2", "write √(x^2) or (√x)^2"),  # unexpected character
    ("√ab", "what the root is of stands in brackets"),  # unexpected character
    (r"\begin{pmatrix} a \\ b \end{pmatrix} x", "a column between"),  # unknown command
]


@pytest.mark.parametrize("text, words", REFUSED_TEXTS)
def test_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(mc.MatcalcError) as raised:
        mc.derive(text, "x")
    assert words in str(raised.value)


# expression, wrt, declared, the answer
ANSWERS = [
    ("vec(diag(a x))", "a", "a: scalar; x: vector(n)", "vec(diag(x))"),  # KeyError
    ("||[a x, y]||_F^2", "a", "a: scalar; x: vector(m); y: vector(m)", "2 a x^T x"),  # KeyError
    ("||[A; a B] x||^2", "a", "", "2 a ||B x||^2"),  # KeyError
    ("[x, 1]^T W y", "x", "", "(W y)_1"),  # KeyError
    ("tr([B B, 0; B .* B, B + I_m])", "B", "B: matrix(m,m)", "2 B^T + I"),  # KeyError in operator()
    ("||[A, B]||_F^2", "A", "A: matrix(k,k); B: matrix(k,n)", "2 A"),  # KeyError in operator()
]
# expression, wrt, declared: what is written may change, its value is verified
VALUES = [
    ("sum(x) vec(diag(x))", "x", "x: vector(n)"),  # KeyError
    ("vec(adj(diag(x)))", "x", "x: vector(n)"),  # KeyError
    ("sum([A, b B])", "b", "A: matrix(m,m); b: scalar; B: matrix(m,n)"),  # KeyError
    ("logdet([A, b; b^T, c])", "c", "A: matrix(n,n); b: vector(n); c: scalar"),  # KeyError
    ("det([A, b B; C, D])", "b", BLOCKS),  # KeyError
    ("(sum([C, A; D, I_m]) - b) / s", "s", "C: matrix(n,n); A: matrix(n,m); D: matrix(m,n); b: scalar; s: scalar"),
    ("||[D, I_m]||_F^2 / c", "c", "D: matrix(m,m); c: scalar positive"),  # KeyError
    ("||A x||^2 [x, y]", "x", ""),  # KeyError
    ("x^T Q x + [x; u]^T S [x; u]", "u", ""),  # KeyError
    ("x^T kron(A, B)1i x", "x", ""),  # TypeError of float
    ("(x .* y)^T colsum(B B)", "B", "x: vector(n); y: vector(n); B: matrix(n,n) toeplitz"),  # KeyError
    ("e(100000,n)^T x", "x", ""),  # MemoryError of an n by n array in verify()
    ("a/2305843009213693951", "a", ""),  # ValueError: no inverse modulo the prime
]


@pytest.mark.parametrize("expr, wrt, declared, answer", ANSWERS)
def test_answers(expr: str, wrt: str, declared: str, answer: str) -> None:
    d = _derived(expr, wrt, declared)
    assert str(d) == answer
    assert d.verify().ok
    assert d.operator()


@pytest.mark.parametrize("expr, wrt, declared", VALUES)
def test_values(expr: str, wrt: str, declared: str) -> None:
    d = _derived(expr, wrt, declared)
    assert mc.parse(str(d), declare=d.declarations).shape == d.shape
    assert d.verify().ok


# expression, wrt, declared; what the refusal says, or nothing where there are steps
STEPS = [
    ("||x||", "x x x x", "", ""),  # "a line does not equal the line before it": nought against rounding
    ("det([a^20 + b, c^20 + a; b^20 + c, a b c]^12)", "a", "", ""),  # the same
    ("||A x||^2 [x, y]", "x", "", ""),  # KeyError
    ("T_abcdefgh T_abcdefgh", "T", "", "more than 21 indices"),  # ValueError of zip
    ("Y_jki = 2 tanh(A_jk) x_i", "A A", "A: matrix(n,m); x: vector(n)", "too large to check"),  # Inexact escaped
    ("logdet(X)", "X X X X", "", "too large to check"),  # Inexact escaped
    ("sum_i log(sum_k exp(a_k - 1/2 sum_j (X_ij - M_kj)^2))", "M", "", "no notation"),  # RecursionError
    ("1e400 a^2", "a", "", ""),  # OverflowError
]


@pytest.mark.parametrize("expr, wrt, declared, words", STEPS)
def test_steps(expr: str, wrt: str, declared: str, words: str) -> None:
    d = _derived(expr, wrt, declared)
    if not words:
        assert d.steps
        return
    with pytest.raises(mc.MatcalcError) as raised:
        assert d.steps
    assert words in str(raised.value)


@pytest.mark.parametrize("expr", ["a^1e400", "1e400 a^2"])  # OverflowError
def test_numbers_beyond_floats(expr: str) -> None:
    d = mc.derive(expr, "a")
    for program in (d.code, d.function):
        with pytest.raises(mc.LimitError, match="a program counts in float64"):
            program()
    assert not mc.check(expr, "2 a", "a").ok
    assert not mc.equal(expr, "2 a").ok
    assert "relative error" not in str(d.verify())


# expression, wrt, declared, form, what it writes
TEXTS = [
    ("||D^-1||_max", "D", "", "latex", r"\operatorname{abs}(D^{-1})"),  # \lvert: read as det
    ("tr(abs(X) A)", "A", "", "latex", r"\operatorname{abs}(X)^{\top}"),  # \lvert: read as det
    ("a^2 sqrt(abs(a))", "a", "", "latex", r"\lvert a\rvert"),
    ("A_ij B_kl", "A", "A: matrix(n,m); B: matrix(p,q)", "differential", "dF_ijkl = B_kl dA_ij"),  # no left indices
    ("a Y_ji y_k", "y", "a: scalar; Y: matrix(m,m); y: vector(m)", "differential", "dF_ijk = a Y_ji dy_k"),
    ("kron(A, x)", "x", "", "differential", "dF = kron(A, dx)"),  # merge(n, k)_ikl A_kj dx_l
    ("erf(c^a)", "c", "c: scalar positive; a: scalar", "unicode", "√π"),  # refused when read
    ("b^(3/2)", "b", "", "unicode", "3/2 √b"),
    ("[x_1 x_2, 1; x_1, x_2]", "x", "x: vector(2)", "latex", r"\begin{pmatrix}"),  # refused when read
    ("sum(C^T)", "C", "", "latex", r"\mathbf{1}_{n \times m}"),  # unknown name 1_{n}
    ("sum(y .^ 3)", "y", "", "latex", r"y^{\circ 2}"),  # an operand is missing
    ("D^T", "D", "", "latex", r"\text{where}"),  # unknown name where
]


@pytest.mark.parametrize("expr, wrt, declared, form, written", TEXTS)
def test_what_is_printed_reads_back(expr: str, wrt: str, declared: str, form: str, written: str) -> None:
    d = _derived(expr, wrt, declared)
    shown = getattr(d, form)()
    assert written in shown
    directions = {f"d{n}": kind for n, kind in d.declarations.items()} if form == "differential" else {}
    back = mc.parse(shown, declare=d.declarations | directions)
    if not directions:
        assert mc.equal(back, str(d), declare=d.declarations).ok
        assert back.shape == d.shape


def test_layouts_of_shape_and_index() -> None:
    d = mc.derive("A w", "w", layout="denominator", A="matrix(n,m)")
    assert (d.shape, str(d), d.index()) == (("m", "n"), "A^T", "A_ji")  # ('n', 'm') and A_ij


# --- objects --------------------------------------------------------------------------------------


def test_public_objects_have_equality_and_hash_of_value() -> None:
    def objects() -> list[Any]:
        d = mc.derive("x^T A x", "x")
        check = mc.check("x^T A x", "2 A x", "x", seed=3)
        entry = mc.library["cookbook-81"]
        (match,) = mc.library.find("tr(U V)")
        return [d, d.expr, mc.parse("a"), check, d.verify(seed=3), d.steps, *d.steps, entry, match]

    first, second = objects(), objects()
    assert first == second  # by identity
    assert [hash(o) for o in first] == [hash(o) for o in second]  # TypeError
    assert pickle.loads(pickle.dumps(first)) == first
    others = [mc.derive("x^T A x", "A"), mc.derive("x^T A x", "x", layout="numerator"), mc.parse("b"), "x"]
    assert all(a != b for a in first for b in others)
    assert len({*first, *second}) == len(set(first))


WRONG_TYPES: dict[str, Callable[[], object]] = {
    "no entry": lambda: mc.library["nope"],  # KeyError
    "a number for a name": lambda: mc.library[3],  # type: ignore[index]  # KeyError
    "a list for a table": lambda: mc.parse("x", declare=[("x", "vector(n)")]),  # type: ignore[arg-type]  # TypeError
    "a list for a table of equal": lambda: mc.equal("x", "x", declare=[1]),  # type: ignore[arg-type]
    "a number for an expression": lambda: mc.derive(3, "x"),  # type: ignore[arg-type]
    "nothing for a side": lambda: mc.equal("x", None),  # type: ignore[arg-type]  # read as N o n e
    "nothing for a claim": lambda: mc.check("x", None, "x"),  # type: ignore[arg-type]
    "a list for a layout": lambda: mc.check("x", "1", "x", layout=[]),  # type: ignore[arg-type]  # TypeError
    "a number for wrt": lambda: mc.library.find("x", wrt=3),  # type: ignore[arg-type]  # TypeError
    "a number for a file": lambda: mc.library.load(3),  # type: ignore[arg-type]  # TypeError
    "a name that no file has": lambda: mc.library.load("a\0b"),  # ValueError
    "a number for a source": lambda: mc.library.filter(source=3),  # type: ignore[arg-type]  # AttributeError
    "what is no entry": lambda: mc.library.verify([3]),  # type: ignore[list-item]  # AttributeError
    "a word for trials": lambda: mc.derive("x", "x").verify(trials="a"),  # type: ignore[arg-type]  # TypeError
    "a word for a seed": lambda: mc.derive("x", "x").verify(seed="a"),  # type: ignore[arg-type]
    "a singular matrix": lambda: mc.derive("x^T A^-1 x", "x").function()(x=[1, 2], A=np.zeros((2, 2))),  # LinAlgError
    "a word for a direction": lambda: (
        mc.derive("x^T A x", "x").function(form="core")(x=[1.0], A=[[1.0]]).apply("a")
    ),  # AttributeError
}


@pytest.mark.parametrize("what", WRONG_TYPES)
def test_wrong_arguments_are_refused(what: str) -> None:
    with pytest.raises(mc.MatcalcError):
        WRONG_TYPES[what]()


def test_numbers_are_expressions() -> None:
    assert mc.check("3 x", 3, "x", x="scalar").ok  # type: ignore[arg-type]
    assert mc.equal("1/2 + 0", Fraction(1, 2)).ok  # type: ignore[arg-type]
    assert not issubclass(NoPoint, mc.MatcalcError)


# --- the command ----------------------------------------------------------------------------------


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    try:
        status = main(words)
    except SystemExit as stop:
        status = int(stop.code or 0)
    shown = capsys.readouterr()
    return status, shown.out, shown.err


COMMANDS: list[tuple[tuple[str, ...], int, str]] = [
    (("check", "||X - U V||_F^2", "-2U^T(X-UV)", "--wrt", "V"), 0, "correct"),  # taken for an option, as all of these
    (("derive", "-x^T x", "--wrt", "x"), 0, "-2 x"),
    (("derive", "--wrt", "x", "-x^T x"), 0, "-2 x"),
    (("derive", "--wrt", "x", "--", "-x^T x"), 0, "-2 x"),
    (("derive", "--x^T x", "--wrt", "x"), 0, "2 x"),
    (("derive", "-d^T d", "--wrt", "d"), 0, "-2 d"),
    (("derive", "-A x", "--wrt", "x", "-dA: matrix(n,n)"), 0, "-A"),
    (("equal", "-(A B)^T", "-B^T A^T"), 0, "correct"),
    (("identities", "find", "-tr(U V)"), 1, "nothing is known"),
    (("derive", "x^T x", "--wrt", "x", "--lay=numerator"), 0, "(2 x)^T"),
    (("derive", "x^T x", "--wrt", "x", "--fromat", "latex"), 2, "did you mean --format?"),
    (("derive", "x^T x", "-wrt", "x"), 2, "did you mean --wrt?"),
    (("derive", "x^T x", "--wrt", "x", "-y"), 2, "unrecognized arguments: -y"),
]


@pytest.mark.parametrize("words, status, said", COMMANDS)
def test_words_of_the_command(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], status: int, said: str
) -> None:
    found, out, err = _run(capsys, *words)
    assert found == status
    assert said in out + err
    assert "\0" not in out + err


def _process(*words: str, environment: Mapping[str, str] | None = None, **how: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "matcalc", *words],
        env={**os.environ, **(environment or {})},
        stdout=how.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        **how,
    )


ASCII = {"PYTHONIOENCODING": "ascii"}
UNICODE = ("derive", "alpha x^T A^-1 x", "--wrt", "x", "--format")


@pytest.mark.parametrize(
    "language, start",
    [("unicode", b"alpha (A^-1 + A^-T) x"), ("mathml", b'<math xmlns="http'), ("json", b"{"), ("latex", b"\\alpha")],
)
def test_an_output_without_unicode(language: str, start: bytes) -> None:
    with _process(*UNICODE, language, environment=ASCII) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, b"Traceback" in err) == (0, False)  # UnicodeEncodeError
    assert out.startswith(start)
    assert out.isascii()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full disk to try")
def test_a_full_disk() -> None:
    with open("/dev/full", "wb") as full, _process("derive", "x^T x", "--wrt", "x", stdout=full) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.startswith(b"matcalc: the answer could not be written")  # a traceback at the end of Python
    assert b"Traceback" not in err
    assert b"Exception ignored" not in err


def test_an_interrupt() -> None:
    with _process("identities", "verify", "--jobs", "2", start_new_session=True) as process:
        try:
            process.wait(timeout=4)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) in ((130, b""), (0, b""))  # a traceback of each worker
    assert b"Traceback" not in out


@pytest.mark.usefixtures("shelf")
def test_files_that_are_none(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fifo = tmp_path / "fifo.mc"
    os.mkfifo(fifo)
    plain = tmp_path / "plain"
    plain.write_text("")
    rules = tmp_path / "rules.mc"
    rules.write_text(FACT)
    for file in ("/dev/zero", str(fifo)):  # MemoryError; a wait for ever
        assert _run(capsys, "identities", "verify", file)[::2] == (
            2,
            f"matcalc: {Path(file).name} is no file of text\n",
        )
    monkeypatch.setenv("MATCALC_IDENTITIES", str(plain / "below"))
    status, _, err = _run(capsys, "identities", "add", str(rules))  # a traceback of mkdir
    assert (status, "Traceback" in err) == (2, False)


# --- files of identities --------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", ["\x1b[31m", "\x07", "\u202e", "\u200b", "\x00", "\u2028"])
@pytest.mark.parametrize("place", ["source: {}", "note: {}", "tags: a{}", "section: {}"])
def test_characters_that_do_not_show_are_refused(tmp_path: Path, place: str, hidden: str) -> None:
    file = tmp_path / "own.mc"
    field = place.format(f"Book{hidden}")
    file.write_text(f"fact own\n    states: tr(A B) = tr(B A)\n    {field}\n", encoding="utf-8")
    with pytest.raises(mc.IdentityError, match="a character that does not show"):  # admitted, and printed as it is
        mc.library.load(file)


TAKEN = sorted({*_definitions(), "print", "lambda", "np", "math", "None"} - {"e"})


@pytest.mark.parametrize("name", TAKEN)
def test_names_of_programs_are_no_functions(tmp_path: Path, name: str) -> None:
    file = tmp_path / "own.mc"
    file.write_text(f"function {name}(x: any) -> same\n    definition: x^2\n    derivative: 2 x\n")
    with pytest.raises(mc.IdentityError):  # admitted: code() called the helper of this name
        mc.library.load(file)
    assert str(mc.derive("x^T x", "x")) == "2 x"


def test_a_malformed_folder_is_told_every_time(tmp_path: Path) -> None:
    (tmp_path / "a.mc").write_text(
        "fact own\n    states: tr(A B) = tr(B A)\n    declare: A: matrix(n,m), B: matrix(m,n)\n"
    )
    (tmp_path / "b.mc").write_text("nonsense\n")
    program = """
import matcalc as mc
for _ in range(3):
    try:
        print(mc.derive("x^T x", "x"))
    except mc.IdentityError as error:
        print("b.mc" in str(error))
"""
    environment = {**os.environ, "MATCALC_IDENTITIES": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:3] == ["True"] * 3  # the first time only


# --- any text -------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(signal, "SIGVTALRM"), reason="there are no timers of CPU time")
def test_mutated_texts() -> None:
    found = list(texts.failures(1_500, 23, texts.small_corpus()))
    assert len(found) == 1_500
    assert [str(f) for f in found if f] == []
