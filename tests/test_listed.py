"""Vectors and matrices that are written out: they are read, differentiated and come out written out again."""

from __future__ import annotations

import numpy as np
import pytest

import matcalc as mc
from matcalc.syntax import Listed

ANSWERS = (
    ("[x1 + x2, x1 x2]", "x1", {}, "[1, x2]"),
    ("[x_1 + x_2, x_1 x_2]", "x", {"x": "vector(2)"}, "[1, 1; x_2, x_1]"),
    ("[x_1^2 x_2, 5 x_1 + sin(x_2)]", "x", {"x": "vector(2)"}, "[2 x_1 x_2, x_1^2; 5, cos(x_2)]"),
    ("[cos(t), sin(t)]", "t", {}, "[-sin(t), cos(t)]"),
    ("[cos(t), -sin(t); sin(t), cos(t)]", "t", {}, "[-sin(t), -cos(t); cos(t), -sin(t)]"),
    ("[r cos(t), r sin(t)]", "r", {}, "[cos(t), sin(t)]"),
    ("[[a, b], [c, d]] x", "x", {}, "[a, b; c, d]"),
    ("[a, b; c, d]", "a", {}, "[1, 0; 0, 0]"),
    ("x^T [2, 1; 1, 3] x", "x", {}, "2 [2, 1; 1, 3] x"),
    ("det([a, b; c, d])", "a", {}, "det([a, b; c, d]) ([a, b; c, d]^-1)_11"),
    ("||[u, v]||^2", "u", {"u": "scalar", "v": "scalar"}, "2 u"),
)


@pytest.mark.parametrize("expression, wrt, declared, answer", ANSWERS)
def test_answers(expression: str, wrt: str, declared: dict[str, str], answer: str) -> None:
    d = mc.derive(expression, wrt, **declared)
    assert str(d) == answer
    assert d.verify().ok
    again = mc.parse(answer, declare=d.declarations)
    assert str(again) == answer
    assert again.shape == d.shape


def test_kinds() -> None:
    vector, matrix, row = mc.parse("[a, b]"), mc.parse("[a, b; c, d]"), mc.parse("[[a, b]]")
    assert (vector.shape, matrix.shape, row.shape) == (("2",), ("2", "2"), ("1", "2"))
    assert vector.declarations == {"a": "scalar", "b": "scalar"}
    values = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 4.0}
    assert matrix.function()(**values).tolist() == [[1, 2], [3, 4]]
    assert isinstance(row.syntax, Listed)
    assert [str(mc.parse(t)) for t in ("[[a, b], [c, d]]", "[[a]]", "[[a, b]]")] == [
        "[a, b; c, d]",
        "[[a]]",
        "[[a, b]]",
    ]


def test_other_languages() -> None:
    e = mc.parse("[a, b; c, d]")
    assert e.latex() == r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}"
    assert mc.parse("[a, b]").latex() == r"\begin{pmatrix} a \\ b \end{pmatrix}"
    assert e.unicode() == "[a, b; c, d]"
    assert e.mathml().count("<mtr>") == 2
    assert e.mathml().count("<mtd>") == 4


def test_a_claim_may_be_written_out() -> None:
    found = mc.check("[x_1 + x_2, x_1 x_2]", "[1, 1; x_2, x_1]", "x", x="vector(2)")
    assert found.verdict == "correct"
    assert mc.check("[x_1 + x_2, x_1 x_2]", "[1, 1; x_1, x_2]", "x", x="vector(2)").ok is False


def test_blocks_are_refused() -> None:
    with pytest.raises(
        mc.ShapeError, match="the entries between \\[ \\] are scalars; matrices of blocks are not supported"
    ):
        mc.parse("[A, B; A, B]", A="matrix(n,n)", B="matrix(n,n)")
    with pytest.raises(mc.ShapeError, match=r"\[a, b\] is 2×1, \[c, d, e\] is 3×1"):
        mc.parse("[a, b] + [c, d, e]")


def test_the_jacobian_of_polar_coordinates() -> None:
    d = mc.derive("[p_1 cos(p_2), p_1 sin(p_2)]", "p", p="vector(2)")
    assert str(d) == "[cos(p_2), -p_1 sin(p_2); sin(p_2), p_1 cos(p_2)]"
    r, t = 2.0, 0.5
    wanted = [[np.cos(t), -r * np.sin(t)], [np.sin(t), r * np.cos(t)]]
    np.testing.assert_allclose(d.function()(p=np.array([r, t])), wanted)
