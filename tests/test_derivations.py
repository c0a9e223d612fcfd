"""Derivations: every printed line is read and evaluated again, by differences, and compared with the line before."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from deciding import Tally, law
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from latex_syntax import Refused, check
from lines import Paper
from strategies import DECLARED, TABLE, equations, expressions

import matcalc as mc
from matcalc import differentiate, ir
from matcalc.derivation import KINDS, Step, derivation
from matcalc.places import part_of
from matcalc.sampling import Array
from matcalc.shelf import SHELF
from matcalc.statements import Statement
from matcalc.tape import Rewritten

STATED = {e.name: e.statement for e in SHELF.shipped if e.usable and e.kind == "fact" and e.statement}
DERIVATIVES = {name: s for name, s in STATED.items() if s.wrt}


def _is_plain(s: Statement) -> bool:
    """Whether it is a first derivative by a symbol without structure, or by its conjugate."""
    part, symbol = part_of(s.wrt[0])
    return len(s.wrt) == 1 and part in ("", "conj", "grad") and s.declarations[symbol].attributes <= {"complex"}


PLAIN_SYMBOLS = frozenset(n for n, d in DECLARED.items() if d.split(" ", 1)[-1] in (d, "positive"))
PLAIN = [name for name, s in DERIVATIVES.items() if _is_plain(s)]


def _derivative(s: Statement, kind: str) -> mc.Derivative:
    where = s.record.text("where")
    expression = f"{s.left.text} where {where}" if where else s.left.text
    structure = s.record.text("structure") or None
    return mc.derive(expression, s.wrt, declare=s.declarations, structure=structure, steps=kind)


def _values(d: mc.Derivative) -> list[tuple[Array, Array]]:
    """Both sides of every step, at a point where the derivative is of common size."""
    for assignment in range(5):
        part, symbol = part_of(d.wrt[0])
        paper = Paper(d.expr.lowered, f"conj({symbol})" if part else symbol, assignment)
        values = [paper.sides(step) for step in d.steps]
        if all(np.all(np.isfinite(v)) for pair in values for v in pair) and 1e-3 < np.max(np.abs(values[-1][1])) < 1e3:
            break
    return values


def test_there_are_enough() -> None:
    assert len(PLAIN) > 120


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PLAIN)
def test_every_line_equals_the_one_before(name: str, kind: str) -> None:
    d = _derivative(DERIVATIVES[name], kind)
    assert d.steps
    for step, (before, after) in zip(d.steps, _values(d), strict=True):
        scale = max(np.max(np.abs(before), initial=0), np.max(np.abs(after), initial=0), 1e-3)
        assert before.shape == after.shape, str(step)
        assert np.max(np.abs(before - after), initial=0) <= 1e-6 * scale, str(step)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", DERIVATIVES)
def test_the_latex_is_good(name: str, kind: str) -> None:
    latex = _derivative(DERIVATIVES[name], kind).steps.latex()
    assert latex.startswith("\\begin{align*}")
    check(latex)


@pytest.mark.parametrize(
    "text",
    [
        "x^2^3", "x_i_j", "\\frac{a}", "{a", "a}", "\\left( a", "a & b", "\\nothing", "é",
        "\\begin{align*}\na &= b\n\\end{align*}", "\\text{a_b}", "\\text{$x}", "#",
    ],
)  # fmt: skip
def test_the_reader_refuses(text: str) -> None:
    with pytest.raises(Refused):
        check(text)


def test_tex_compiles_them(tmp_path: Path) -> None:
    tex = shutil.which("pdflatex")
    if tex is None:
        pytest.skip("TeX is not installed")
    bodies = [_derivative(s, kind).steps.latex() for s in DERIVATIVES.values() for kind in KINDS]
    head = (
        r"\documentclass{article}\usepackage{amsmath,amssymb}\usepackage[paperwidth=500cm,paperheight=80cm]{geometry}"
    )
    source = "\n".join([head, r"\begin{document}", *bodies, r"\end{document}"])
    (tmp_path / "all.tex").write_text(source, encoding="utf-8")
    run = subprocess.run(
        [tex, "-interaction=nonstopmode", "-halt-on-error", "all.tex"], cwd=tmp_path, capture_output=True
    )
    assert run.returncode == 0, run.stdout[-2000:]


# --- laws -------------------------------------------------------------------------------------------


@st.composite
def problems(draw: Callable[..., Any]) -> tuple[str, str, str]:
    """An expression, a variable in it without structure, and a kind of derivation."""
    made = draw(st.one_of(expressions(2), expressions(3), equations(1)))
    names = [n for n in made.names if n in PLAIN_SYMBOLS]
    assume(names)
    wrt = draw(st.sampled_from(names))
    assume(len(made.kind) + len(TABLE[wrt].sizes) <= 4)
    return repr(made), wrt, draw(st.sampled_from(KINDS))


LAWS = settings(derandomize=True, deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@law(LAWS, problems(), decided=590, undecided=2)
def test_any_derivation_is_right(tally: Tally, problem: tuple[str, str, str]) -> None:
    """Every line of it; the steps may be refused as too long, the answer may not."""
    expression, wrt, kind = problem
    d = mc.derive(expression, wrt, declare=DECLARED, steps=kind)
    assert str(d)
    try:
        check(d.steps.latex())
    except mc.LimitError as error:
        tally.refused(error)
        return
    for step, (before, after) in zip(d.steps, _values(d), strict=True):
        assert before.shape == after.shape, str(step)
        if not (np.all(np.isfinite(before)) and np.all(np.isfinite(after))):
            tally.undecided["not finite"] += 1
            continue
        scale = max(np.max(np.abs(before), initial=0), np.max(np.abs(after), initial=0), 1e-3)
        assert np.max(np.abs(before - after), initial=0) <= 1e-5 * scale, str(step)
        tally.decided += 1


# --- what is printed --------------------------------------------------------------------------------


def test_a_derivation_is_a_tuple_of_steps() -> None:
    steps = mc.derive("a^T x", "x").steps
    assert isinstance(steps, tuple)
    assert all(isinstance(s, Step) for s in steps)
    last = steps[-1]
    assert (str(last.rule), str(last.before), str(last.after), str(last.note)) == (
        "in matrix notation [Matrix Cookbook (69)]",
        "d(a^T x)/dx",
        "a",
        "",
    )
    assert str(last) == "d(a^T x)/dx = a    [in matrix notation [Matrix Cookbook (69)]]"
    assert last.unicode() == "∂(aᵀ x)/∂x = a    [in matrix notation [Matrix Cookbook (69)]]"
    assert (
        last.latex()
        == r"\frac{\partial (a^{\top} x)}{\partial x} &= a && \text{in matrix notation [Matrix Cookbook (69)]}"
    )
    assert last._repr_latex_() == f"\\begin{{align*}}\n{last.latex()}\n\\end{{align*}}"
    assert repr(last.after) == "Formula('a')"


def test_details_are_folded() -> None:
    steps = mc.derive("||X - U V||_F^2", "V").steps
    assert str(steps.full).count("\n") == str(steps).count("\n") + 3
    assert "constant factors" in str(steps.full)
    assert steps._repr_latex_() == steps.latex()
    assert steps.full.latex().count("\\\\") == steps.latex().count("\\\\") + 3


def test_the_middle_of_a_long_derivation_is_left_out() -> None:
    steps = mc.derive(" + ".join(f"(x^T A x)^{k}" for k in range(2, 40)), "x").steps
    assert "more steps ..." in str(steps)
    assert "more steps" not in str(steps.full)
    check(steps.latex())


def test_a_rewrite_and_its_source_are_named() -> None:
    text = str(mc.derive("log(1 + exp(-y x^T w))", "w").steps)
    assert text.startswith("log(1 + exp(-y x^T w))\n  = softplus(-y x^T w)")
    assert "d softplus(t)/dt = sigmoid(t)" in text
    assert "[Matrix Cookbook (43)]" in str(mc.derive("logdet(A + X)", "X").steps)


def test_structure_layout_and_second_derivatives_have_their_lines() -> None:
    assert "X is spd" in str(mc.derive("logdet(X)", "X", X="matrix(n,n) spd").steps)
    assert "structure: entries" in str(mc.derive("tr(A X)", "X", X="matrix(n,n) symmetric", structure="entries").steps)
    assert "in denominator layout" in str(mc.derive("A x", "x", layout="denominator").steps)
    twice = mc.derive("x^T A x", ["x", "x"]).steps
    assert [str(s.after) for s in twice if "in matrix notation" in str(s.rule)] == ["(A + A^T) x", "A + A^T"]
    assert "does not depend on y" in str(mc.derive("a^T x", "y", y="vector(k)").steps)


ONES = (
    ("||X - U V||_F^2", "V", "for 1x1 matrices: d/dv (x - u v)^2 = -2 u (x - u v)"),
    ("logdet(X)", "X", "for 1x1 matrices: d/dx log(abs(x)) = 1 / x"),
    ("tr(X^3)", "X", "for 1x1 matrices: d/dx x^3 = 3 x^2"),
    ("||A x - b||^2", "x", "for 1x1 matrices: d/dx (a x - b)^2 = 2 a (a x - b)"),
    ("sum(exp(x))", "x", "in one dimension: d/dx exp(x) = exp(x)"),
    ("tr(X x)", "X", "for 1x1 matrices: d/dX (x X) = x"),
)  # fmt: skip


@pytest.mark.parametrize("expression, wrt, line", ONES)
def test_the_case_of_one_by_one(expression: str, wrt: str, line: str) -> None:
    assert str(mc.derive(expression, wrt).steps).split("\n")[-1] == line


@pytest.mark.parametrize(
    "expression, wrt, declared",
    [
        ("a s^2", "s", {"a": "scalar", "s": "scalar"}),
        ("x", "x", {"x": "vector(n)"}),
        ("tr(K X)", "X", {"K": "matrix(n,n) skew"}),
    ],
)
def test_where_one_by_one_says_nothing(expression: str, wrt: str, declared: dict[str, str]) -> None:
    assert mc.derive(expression, wrt, **declared).steps.ones is None


def test_what_is_too_long_is_refused() -> None:
    declared = {"A": "matrix(n,n)", "X": "matrix(n,n)", "x": "vector(n)"}
    with pytest.raises(mc.LimitError, match="more than 21 indices in a line of the derivation"):
        _ = mc.derive("tr(" + "A X " * 15 + ")", "X", declare=declared).steps
    nested = "sum(" + "tanh(A " * 20 + "x" + ")" * 21
    with pytest.raises(mc.LimitError, match="a line of the derivation has more than 1000 symbols; the answer itself"):
        _ = mc.derive(nested, "A", declare=declared, steps="differential").steps


def test_kinds() -> None:
    with pytest.raises(mc.UnsupportedError, match="steps is one of index, differential"):
        mc.derive("a^T x", "x", steps="short")


def test_a_wrong_line_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison with the line before sees what a rule gets wrong."""
    d = mc.derive("x^T A x", "x")
    monkeypatch.setattr(differentiate, "_product_rule", _without_the_last(differentiate._product_rule))
    with pytest.raises(mc.UnsupportedError, match="does not equal the line before it"):
        _ = d.steps


def _without_the_last(rule: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: list(rule(*args))[:-1]


def test_a_skew_matrix_that_is_singular_at_odd_sizes_decides_nothing() -> None:
    steps = mc.derive("A - (K^T)^-1", "K", A="matrix(n,n)", K="matrix(n,n) skew").steps
    assert str(steps[-1].rule) == "K is skew"


def test_a_rewrite_that_changes_the_value_is_not_shown() -> None:
    d = mc.derive("a^T x", "x")
    lowered = d.expr.lowered
    false = Rewritten("false", lowered.node, ir.scale(2, lowered.node))
    with pytest.raises(mc.UnsupportedError, match="does not equal the line before it"):
        derivation(lowered, ("x",), lowered.syntax, [false], "index")
