"""Answers of people: the verdict, the reason in a teacher's words, an example to redo; mutants of right answers."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest

import matcalc as mc
from matcalc import cli, draws
from matcalc.changes import places_of
from matcalc.draws import Claim
from matcalc.duals import evaluate
from matcalc.lower import lower_text
from matcalc.render.text import text
from matcalc.syntax import Add, Mul, Name, Neg, Num, Pow, Syntax, Transpose, children, with_children
from matcalc.systems import Floats, NoPoint

SQUARE = "matrix(n,n)"

# --- verdicts ---------------------------------------------------------------------------------------

CLAIMS = [
    ("x^T A x", "x", "(A + A^T) x", "correct", ""),
    ("x^T A x", "x", "A x + A^T x", "correct", ""),
    ("x^T A x", "x", "(A_ij + A_ji) x_j", "correct", ""),
    ("x^T A x", "x", "D_i = (A_ij + A_ji) x_j", "correct", ""),
    ("x^T A x", "x", "x^T (A + A^T)", "correct in the other layout", ""),
    ("x^T A x", "x", "2 A x", "only if A symmetric", "it is right only if A is symmetric"),
    ("x^T A x", "x", "A x", "missing term", "a term is missing: A^T x"),
    ("x^T A x", "x", "0", "missing term", "A x"),
    ("||A X - B||_F^2", "X", "2 A^T (A X - B)", "correct", ""),
    ("||A X - B||_F^2", "X", "2 (A X - B)^T A", "correct in the other layout", ""),
    ("||A X - B||_F^2", "X", "2 tr((A X - B)^T A dX)", "correct", ""),
    ("||A X - B||_F^2", "X", "dF = 2 tr((A X - B)^T A dX)", "correct", ""),
    ("||A X - B||_F^2", "X", "df = tr((A X - B)^T A dX)", "wrong factor", "2 times this"),
    ("||A X - B||_F^2", "X", "dF = 2 (A X - B)^T A dX", "wrong shape", "the trace around it is missing"),
    ("||A X - B||_F^2", "X", "2 A (A X - B)", "transposed", "A should be A^T"),
    ("||A X - B||_F^2", "X", "2 (A X - B) A^T", "wrong order of factors", "(A X - B) A^T should be A^T (A X - B)"),
    ("||A X - B||_F^2", "X", "A^T (A X - B)", "wrong factor", "2 times this"),
    ("||A X - B||_F^2", "X", "-2 A^T (A X - B)", "wrong sign", "minus this"),
    ("||A X - B||_F^2", "X", "2 A^T (A X + B)", "wrong sign", "B should be -B"),
    ("||A X - B||_F^2", "X", "2 A^T A X", "missing term", "-2 A^T B"),
    ("A x", "x", "A", "correct", ""),
    ("A x", "x", "A^T", "correct in the other layout", ""),
    ("A X B", "X", "dF = A dX B", "correct", ""),
    ("A X B", "X", "A_ik B_lj", "correct", ""),
    ("X Y", "X", "delta_ik Y_lj", "correct", ""),
    ("X^2", "X", "delta_ki X_jl + X_ki delta_jl", "correct in the other layout", "the indices of the variable first"),
    ("logdet(X)", "X", "X^-T", "correct", ""),
    ("logdet(X)", "X", "X^-1", "correct in the other layout", "in numerator layout"),
    ("det(X)", "X", "X^-T", "wrong factor", "times det(X)"),
    ("exp(a^T x)", "x", "a", "wrong factor", "times exp(a^T x)"),
    ("||x||", "x", "x", "wrong factor", "divided by ||x||"),
    ("x^T x", "x", "2", "wrong shape", "the derivative is n×1, and the claim is a scalar"),
    ("x^T A x + b^T x", "x", "(A + A^T) x", "missing term", "b"),
    ("tr(A X)", "X", "A^T", "correct", ""),
    ("x^T x", "x", "2 x + a", "wrong", "a term is too many: a"),
    ("sum(sigmoid(W x))", "x", "W^T (sigmoid(W x) .* (1 - sigmoid(W x)))", "correct", ""),
    ("sum(sigmoid(W x))", "x", "W^T (sigmoid(W x) .* (1 + sigmoid(W x)))", "wrong sign", "sigmoid(W x)"),
    ("sum(relu(x))", "x", "relu(x)", "wrong", ""),
    ("logdet(X^T X + l I)", "X", "2 X (X^T X)^-1", "missing term", "l I"),
    ("x^T A x", "x x", "A + A^T", "correct", ""),
    ("x^T A x", "x x", "A", "missing term", "A^T"),
]  # fmt: skip


@pytest.mark.parametrize("expr, wrt, claimed, verdict, reason", CLAIMS)
def test_claims(expr: str, wrt: str, claimed: str, verdict: str, reason: str) -> None:
    symbols = {"l": "scalar"} if "l I" in expr else {"a": "vector(n)", "x": "vector(n)"} if "+ a" in claimed else {}
    found = mc.check(expr, claimed, wrt.split(), **symbols)
    assert found.verdict == verdict
    assert reason in found.reason
    assert found.ok == found.verdict.startswith("correct") == bool(found)
    assert found.right


def test_a_size_that_is_missing() -> None:
    sizes = {"X": "matrix(n,d)", "y": "vector(n)", "w": "vector(d)"}
    found = mc.check("(1/n) ||y - X w||^2", "-2 X^T (y - X w)", "w", declare=sizes)
    assert (found.verdict, found.right) == ("wrong factor", "-2 X^T (y - X w) / n")
    assert "divided by n" in found.reason


def test_declared_structure_counts() -> None:
    assert mc.check("x^T A x", "2 A x", "x", A="matrix(n,n) symmetric").verdict == "correct"
    assert mc.check("logdet(X)", "X^-1", "X", X="matrix(n,n) symmetric").verdict == "correct"


def test_layouts() -> None:
    free, bound = (mc.check("tr(A X)", "A", "X", A="matrix(n,n)", layout=layout) for layout in (None, "mixed"))
    assert (free.ok, free.verdict) == (True, "correct in the other layout")
    assert (bound.ok, bound.verdict) == (False, "transposed")
    assert mc.check("tr(A X)", "A", "X", A="matrix(m,n)", layout="numerator").verdict == "correct"
    assert mc.check("tr(A X)", "A^T", "X", A="matrix(m,n)", layout="numerator").verdict == "transposed"
    assert mc.check("x^T x", "2 x^T", "x", layout="numerator").verdict == "correct"
    assert mc.check("x^T x", "2 x", "x", layout="numerator").verdict == "correct in the other layout"
    assert mc.check("x^T A x", "2 A", "x").verdict == "wrong shape"


def test_structure_entries() -> None:
    symmetric = {"X": "matrix(n,n) symmetric", "A": SQUARE}
    right = mc.derive("tr(A X)", "X", declare=symmetric, structure="entries")
    assert mc.check("tr(A X)", str(right), "X", declare=symmetric, structure="entries").ok
    assert not mc.check("tr(A X)", "A^T", "X", declare=symmetric, structure="entries").ok


def test_an_expression_and_a_derivative_are_claims_too() -> None:
    d = mc.derive("x^T A x", "x")
    assert mc.check(d.expr, d, "x")  # type: ignore[arg-type]


def test_what_cannot_be_decided_is_not_wrong() -> None:
    found = mc.check("max(X)", "ismax(X)", "X", X="matrix(n,n) symmetric toeplitz")
    assert (found.ok, found.verdict) == (False, "not verified")
    assert "tie" in found.reason
    found = mc.equal("erf(10 + x^2)", "1", x="scalar")
    assert (found.ok, found.verdict) == (False, "not verified")
    assert "saturated" in found.reason


@pytest.mark.parametrize("claimed", ["2 A y", "2 A x)"])
def test_claims_that_cannot_be_read(claimed: str) -> None:
    with pytest.raises(mc.MatcalcError):
        mc.check("x^T A x", claimed, "x")


def test_the_example_can_be_redone() -> None:
    found = mc.check("x^T x", "x", "x")
    assert found.counterexample == "for x = [2, 2]: entry 1 of the derivative is 4, and of the claim 2"
    said = mc.check("x^T A x", "2 A x", "x").counterexample
    assert "of the derivative is" in said
    assert "and of the claim" in said


# --- identities -------------------------------------------------------------------------------------

IDENTITIES = [
    ("(A B)^-1", "B^-1 A^-1", "correct", ""),
    ("(A B)^-1", "A^-1 B^-1", "wrong order of factors", "A^-1 B^-1 should be B^-1 A^-1"),
    ("(A + B)^2", "A^2 + 2 A B + B^2", "only if A and B commute", "A B = B A"),
    ("A^2 - tr(A) A", "-det(A) I", "only if n = 2", ""),
    ("tr(A B)", "tr(A) tr(B)", "only if n = 1", ""),
    ("tr(A B)", "tr(B A)", "correct", ""),
    ("A B", "B^T A", "wrong", ""),
    ("det(A B)", "det(A) + det(B)", "wrong", ""),
    ("tr(A^T B)", "2 tr(B^T A)", "wrong factor", ""),
    ("A B^T", "A B", "transposed", "B should be B^T"),
]


@pytest.mark.parametrize("left, right, verdict, reason", IDENTITIES)
def test_identities(left: str, right: str, verdict: str, reason: str) -> None:
    found = mc.equal(left, right, A=SQUARE, B=SQUARE)
    if verdict != "wrong":
        assert found.verdict == verdict
    assert found.ok == (verdict == "correct")
    assert reason in found.reason
    assert found.ok or found.counterexample


def test_identities_with_shapes_and_signs() -> None:
    assert mc.equal("x^T y", "x y^T").verdict == "wrong shape"
    assert mc.equal("sqrt(x^2)", "x", x="scalar").verdict == "only if x positive"
    assert mc.equal("A", "A^T", A=SQUARE + " symmetric").ok
    assert mc.equal("A - A", "0", A=SQUARE).ok


# --- mutants ----------------------------------------------------------------------------------------

TEXTBOOK = """
a^T X b | X
a^T X^T b | X
x^T A y | y
x^T A x | x
1/2 x^T Q x - b^T x + c | x
(x - s)^T W (x - s) | s
(a^T x)^2 | x
||A x - b||^2 | x
||A x - b||^2 | A
||A x - b|| | x
||X - U V||_F^2 | U
||X - U V||_F^2 | V
||A X - B||_F^2 | X
||A X B - C||_F^2 | X
||A x - b||^2 + l ||x||^2 | x
tr(A X) | X
tr(A X B) | X
tr(A X^T B) | X
tr(X^T A X) | X
tr(X^2) | X
tr(X^3) | X
tr(A X B X^T C) | X
tr(A X^-1 B) | X
a^T X^-1 b | X
logdet(X) | X
det(X) | X
det(A X B) | X
logdet(X^T X) | X
det(X^T X) | X
logdet(S) + tr(S^-1 C) | S
A x | x
(A x + b)^T (A x + b) | x
sum(sigmoid(W x)) | x
sum(tanh(W x + b)) | W
sum(exp(A x)) | x
log(sum(exp(A x))) | x
exp(-1/2 (x - m)^T A (x - m)) | x
(x^T A x) / (x^T x) | x
||x||^3 | x
sin(a^T x) cos(b^T x) | x
"""
CASES = [tuple(line.split(" | ")) for line in TEXTBOOK.split("\n") if line]


def _replaced(root: Syntax, path: tuple[int, ...], new: Syntax) -> Syntax:
    if not path:
        return new
    parts = list(children(root))
    parts[path[0]] = _replaced(parts[path[0]], path[1:], new)
    return with_children(root, tuple(parts))


def _mutants(root: Syntax) -> Iterator[tuple[str, Syntax]]:
    yield "sign", Neg(root)
    yield "factor", Mul((Num(Fraction(3)), root))
    for path, node in places_of(root):
        if isinstance(node, Transpose):
            yield "transpose", _replaced(root, path, node.arg)
        elif isinstance(node, Name | Pow):
            yield "transpose", _replaced(root, path, Transpose(node))
        if isinstance(node, Num):
            yield "factor", _replaced(root, path, Num(node.value * 2))
        if isinstance(node, Mul):
            for k in range(len(node.factors) - 1):
                a, b = node.factors[k : k + 2]
                yield "order", _replaced(root, path, Mul((*node.factors[:k], b, a, *node.factors[k + 2 :])))
        if isinstance(node, Add):
            for k, term in enumerate(node.terms):
                rest = node.terms[:k] + node.terms[k + 1 :]
                yield "term", _replaced(root, path, rest[0] if len(rest) == 1 else Add(rest))
                flipped = term.arg if isinstance(term, Neg) else Neg(term)
                yield "sign", _replaced(root, path, Add((*node.terms[:k], flipped, *node.terms[k + 1 :])))


VERDICTS = {
    "sign": ("wrong sign",),
    "factor": ("wrong factor",),
    "transpose": ("transposed", "correct in the other layout"),
    "order": ("wrong order",),
    "term": ("missing term",),
}


def _same_value(d: mc.Derivative, mutant: str) -> bool:
    """Whether a mutant has the shape of the answer and its value at a random point: float64, by other code."""
    table = d.expr.lowered.declarations
    try:
        node = lower_text(mutant, table, open_names=False).node
    except mc.MatcalcError:
        return False
    if node.shape != d.node.shape:
        return False
    claim = Claim(d.node, node, table)
    for trial, sizes in zip(range(40), draws.assignments(claim), strict=False):
        raw = draws.raw_floats(claim, sizes, np.random.default_rng(trial), trial)
        try:
            a, b = (x[0] for x in evaluate([d.node, node], draws.point(claim, raw, Floats())[1], sizes, Floats()))
        except NoPoint:
            continue
        return bool(np.max(np.abs(a - b)) <= 1e-9 * max(np.max(np.abs(a)), np.max(np.abs(b))))
    raise AssertionError("no point")


def _judged(expr: str, wrt: str) -> Iterator[tuple[str, str, bool, mc.Check]]:
    d = mc.derive(expr, wrt, W="matrix(k,n)", m="vector(n)") if " m)" in expr else mc.derive(expr, wrt)
    declared = d.expr.declarations
    seen = {str(d)}
    for kind, syntax in _mutants(d.syntax):
        mutant = text(syntax)
        if mutant not in seen:
            seen.add(mutant)
            yield kind, mutant, _same_value(d, mutant), mc.check(expr, mutant, wrt, declare=declared)


@pytest.mark.parametrize("expr, wrt", CASES)
def test_mutants_are_told_from_right_answers(expr: str, wrt: str) -> None:
    for _, mutant, same, found in _judged(expr, wrt):
        if same:
            assert found.ok, mutant
        else:
            assert not found.ok or found.verdict == "correct in the other layout", mutant


def test_the_reason_names_the_mutation() -> None:
    named = total = 0
    for expr, wrt in CASES[::2]:
        for kind, _, same, found in _judged(expr, wrt):
            if not same:
                total += 1
                named += any(found.verdict.startswith(v) for v in VERDICTS[kind])
    assert total > 100
    assert named >= 0.9 * total


# --- the command ------------------------------------------------------------------------------------


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "x^T A x", "2 A x", "--wrt", "x", "-d", "A: matrix(n,n) symmetric"]) == 0
    assert capsys.readouterr().out.startswith("correct: verified (exact")
    assert cli.main(["check", "x^T A x", "2 A x", "--wrt", "x"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["only if A symmetric: it is right only if A is symmetric", "right: (A + A^T) x"]
    assert lines[2].startswith("example: for x = ")
    assert cli.main(["equal", "tr(A B)", "tr(B A)"]) == 0
    assert cli.main(["equal", "tr(A B)", "tr(A)"]) == 1
    assert cli.main(["check", "x^T A x", "2 A z", "--wrt", "x"]) == 2


@pytest.mark.parametrize("claim", ["0", "zeros(n,n)", "-(zeros(n,n))", "zeros(n,n)^T", "0 A", "2 (0 A - zeros(n,n))"])
def test_noughts_are_equal_however_they_are_written(claim: str) -> None:
    assert mc.check("tr(cosm(A - A))", claim, "A", A="matrix(n,n)")
