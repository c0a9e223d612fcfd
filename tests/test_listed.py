"""Vectors and matrices that are written out: they are read, differentiated and come out written out again."""

from __future__ import annotations

import time

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
    ("det([a, b; c, d])", "a", {}, "d"),
    ("det([r cos(t), -r sin(t); sin(t), cos(t)])", "t", {}, "0"),
    ("det([r cos(t), -r sin(t); sin(t), cos(t)])", "r", {}, "1"),
    ("||[r cos(t), r sin(t)]||^2", "r", {}, "2 r"),
    (
        "[x_1 / (x_1 + x_2), x_2 / (x_1 + x_2)]",
        "x",
        {"x": "vector(2)"},
        "[x_2 / (x_1 + x_2)^2, -x_1 / (x_1 + x_2)^2; -x_2 / (x_1 + x_2)^2, x_1 / (x_1 + x_2)^2]",
    ),
    ("[a, b; c, d]^-1 [x, y]", "a", {}, "[d (b y - d x) / (a d - b c)^2, c (d x - b y) / (a d - b c)^2]"),
    ("[u v, u / v; v, 1]^-1 [u, v]", "u", {}, "zeros(2)"),
    ("tr([a, b; c, d]^3)", "b", {}, "3 c (a + d)"),
    ("log(det([a, b; b, c]))", "a", {}, "c / (a c - b^2)"),
    ("sigmoid([a b, a])", "a", {}, "[b sigmoid(a b) sigmoid(-a b), sigmoid(a) sigmoid(-a)]"),
    ("[a, b]^T A [a, b]", "a", {}, "(A^T [a, b])_1 + (A [a, b])_1"),
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


# Entries that SymPy could take minutes to simplify: long polynomials, many functions.
LARGE = (
    "logdet([b^2, 1 + b, b^2; c c, cos(b), tanh(t); b, 4, 1 / (a + 3)])",
    "[c a, c b, a / (c + 3)]^T [1, c + t, 2 a; exp(b), log(a), t + 2; 2 b, t a, log(b)] [tanh(2), cos(2), 2 a]",
    "det([a, b, c, t; t, a, b, c; c, t, a, b; b, c, t, a]^2)",
    "||[(a + b + c + t)^5, (a - b)^6, exp(sin(a b) + cos(a c))]||^2",
)


@pytest.mark.parametrize("expression", LARGE)
def test_large_entries_take_no_time(expression: str) -> None:
    start = time.process_time()
    d = mc.derive(expression, "a")
    assert mc.parse(str(d), declare=d.declarations).shape == d.shape
    assert time.process_time() - start < 30


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


SQUARES = {"A": "matrix(n,n)", "B": "matrix(m,m)"}
BLOCKS = (
    ("||[A, B; C, D] x||^2", "x", {}, "2 [A, B; C, D]^T [A, B; C, D] x"),
    ("[A; B] x", "x", {"x": "vector(m)"}, "[A; B]"),
    ("||[x; y]||^2", "x", {"x": "vector(n)", "y": "vector(m)"}, "2 x"),
    ("tr([A, 0; 0, B])", "A", {"A": "matrix(n,n)", "B": "matrix(m,m)"}, "I_n"),
    ("tr([A, 0; 0, B]^2)", "A", {"A": "matrix(n,n)", "B": "matrix(m,m)"}, "2 A^T"),
    (
        "||[A; sqrt(l) I] x - [b; zeros(n)]||^2",
        "x",
        {"A": "matrix(m,n)", "l": "scalar", "b": "vector(m)"},
        "2 [A; sqrt(l) I]^T ([A; sqrt(l) I] x + [-b; zeros(n)])",
    ),
    ("||[A; x^T] w||^2", "w", {"A": "matrix(n,m)"}, "2 [A^T, x] [A^T, x]^T w"),
    ("||[X, ones(m)] w - y||^2", "w", {"X": "matrix(m,n)"}, "2 [X^T; ones(m)^T] ([X^T; ones(m)^T]^T w - y)"),
    (
        "x^T [A, b; b^T, c] x",
        "x",
        {"A": "matrix(n,n) symmetric", "b": "vector(n)", "c": "scalar"},
        "2 [A, b; b^T, c] x",
    ),
    ("w^T [1; x]", "x", {"x": "vector(n)"}, "[zeros(1, n); I_n]^T w"),
)


@pytest.mark.parametrize("expression, wrt, declared, answer", BLOCKS)
def test_blocks(expression: str, wrt: str, declared: dict[str, str], answer: str) -> None:
    d = mc.derive(expression, wrt, **declared)
    assert str(d) == answer
    assert d.verify().ok
    assert mc.parse(answer, declare=d.declarations).shape == d.shape
    assert d.steps


def test_blocks_have_values() -> None:
    e = mc.parse("[A, B; C, D]", A="matrix(n,m)", D="matrix(p,q)")
    assert e.shape == ("p+n", "q+m")
    rng = np.random.default_rng(0)
    A, B, C, D = (rng.normal(size=s) for s in ((2, 3), (2, 4), (1, 3), (1, 4)))
    np.testing.assert_allclose(e.function()(A=A, B=B, C=C, D=D), np.block([[A, B], [C, D]]))
    scope: dict[str, object] = {}
    exec(e.code(), scope)
    np.testing.assert_allclose(scope["f"](A=A, B=B, C=C, D=D), np.block([[A, B], [C, D]]))  # type: ignore[operator]
    assert mc.equal("[A; B]^T [A; B]", "A^T A + B^T B", A="matrix(n,k)", B="matrix(m,k)").ok
    assert mc.equal("det([A, B; 0, D])", "det(A) det(D)", A="matrix(n,n)", D="matrix(m,m)").ok


@pytest.mark.parametrize(
    "expression, declared, message",
    [
        (
            "[A, B]",
            {"A": "matrix(n,n)", "B": "matrix(m,m)"},
            "the blocks of a row have different heights: A is n×n, B is m×m",
        ),
        ("[A; B]", {"A": "matrix(n,n)", "B": "matrix(m,m)"}, "the blocks of a column have different widths"),
        ("[a, b] + [c, d, e]", {}, r"\[a, b\] is 2×1, \[c, d, e\] is 3×1"),
        ("[x_i, y_i]", {}, r"between \[ \] stand no components"),
    ],
)
def test_what_does_not_fit(expression: str, declared: dict[str, str], message: str) -> None:
    with pytest.raises(mc.ShapeError, match=message):
        mc.parse(expression, **declared)


def test_the_jacobian_of_polar_coordinates() -> None:
    d = mc.derive("[p_1 cos(p_2), p_1 sin(p_2)]", "p", p="vector(2)")
    assert str(d) == "[cos(p_2), -p_1 sin(p_2); sin(p_2), p_1 cos(p_2)]"
    r, t = 2.0, 0.5
    wanted = [[np.cos(t), -r * np.sin(t)], [np.sin(t), r * np.cos(t)]]
    np.testing.assert_allclose(d.function()(p=np.array([r, t])), wanted)
