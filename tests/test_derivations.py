"""Derivations: every printed line is read and evaluated again, by differences, and compared with the line before."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import matcalc as mc
from matcalc.derivation import KINDS
from matcalc.sampling import Array
from matcalc.shelf import SHELF
from matcalc.statements import Statement
from tests.latex_syntax import Refused, check
from tests.lines import Paper

STATED = {e.name: e.statement for e in SHELF.shipped if e.usable and e.kind == "fact" and e.statement}
DERIVATIVES = {name: s for name, s in STATED.items() if s.wrt}


def _is_plain(s: Statement) -> bool:
    """Whether it is a first derivative by a symbol without structure."""
    return len(s.wrt) == 1 and not s.declarations[s.wrt[0]].attributes


PLAIN = [name for name, s in DERIVATIVES.items() if _is_plain(s)]


def _derivative(s: Statement, kind: str) -> mc.Derivative:
    where = s.record.text("where")
    expression = f"{s.left.text} where {where}" if where else s.left.text
    structure = s.record.text("structure") or None
    return mc.derive(expression, s.wrt, declare=s.declarations, structure=structure, steps=kind)


def _values(d: mc.Derivative) -> list[tuple[Array, Array]]:
    """Both sides of every step, at a point where the derivative is of common size."""
    for assignment in range(5):
        paper = Paper(d.expr.lowered, d.wrt[0], assignment)
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
