"""Verdicts by numbers where exact arithmetic cannot tell: the classic traps, and right answers that look bad."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest

import matcalc as mc
from matcalc import draws, exact, judge, probes
from matcalc.declarations import read_declarations
from matcalc.draws import Claim
from matcalc.exact import Judgement
from matcalc.lower import lower_text
from matcalc.systems import Floats, NoPoint

SQUARE = "matrix(n,n)"


def claim_of(left: str, right: str, **declare: str) -> Claim:
    table = read_declarations(declare)
    a, b = (lower_text(side, table, open_names=False).node for side in (left, right))
    return Claim(a, b, table)


def verdict(left: str, right: str, **declare: str) -> Judgement:
    return judge.judge(claim_of(left, right, **declare), 0)


# The classic traps: a naive comparison at random points calls every one of these equal.
TRAPS = {
    "2 by 2 only": ("A^2 - tr(A) A", "-det(A) I", f"A: {SQUARE}", "different"),
    "1 by 1 only": ("tr(A B)", "tr(A) tr(B)", f"A: {SQUARE}; B: {SQUARE}", "different"),
    "positive only": ("sqrt(x^2)", "x", "x: scalar", "different"),
    "symmetric only": ("A", "A^T", f"A: {SQUARE}", "different"),
    "a small shift": ("(A + 1e-12 I)^-1", "A^-1", f"A: {SQUARE}", "different"),
    "saturated": ("erf(10 + x^2)", "1", "x: scalar", "undecided"),
    "overflow": ("exp(1000 x^2)", "2 exp(1000 x^2)", "x: scalar", "different"),
    "lost in overflow": ("exp(1000 x^2)", "exp(1000 x^2) + 1", "x: scalar", "different"),
    "underflow": ("exp(-1000 - x^2)", "5 exp(-1000 - x^2)", "x: scalar", "undecided"),
    "tiny coefficients": ("1e-9 A", "7e-9 A", f"A: {SQUARE}", "different"),
    "tiny coefficients of a function": ("1e-9 expm(A)", "7e-9 expm(A)", f"A: {SQUARE}", "different"),
    "one side of a kink": ("relu(x)", "x", "x: vector(n)", "different"),
    "one side of a kink, a scalar": ("relu(x)", "x", "x: scalar", "different"),
    "a ratio 0/0": ("(relu(x) relu(-x)) / (step(x) step(-x))", "x", "x: scalar", "undecided"),
    "a ratio 1/0": ("sin(y) / (relu(x) relu(-x))", "cos(y)", "x: scalar; y: scalar", "undecided"),
    "no rank": ("(x y^T)^-1", "y x^T", "x: vector(n); y: vector(n)", "undecided"),
    "ties": ("max(abs(X) + abs(X^T))", "2 max(abs(X))", f"X: {SQUARE}", "different"),
}


@pytest.mark.parametrize("left, right, table, expected", TRAPS.values(), ids=TRAPS)
def test_classic_traps(left: str, right: str, table: str, expected: str) -> None:
    found = verdict(left, right, **dict(part.split(": ") for part in table.split("; ")))
    assert found.status == expected
    if found.status == "undecided":
        assert found.note


def test_ties_that_change_alike_are_none() -> None:
    """max(kron(ones(2), x)) is attained twice, and is the largest entry of x all the same."""
    table = read_declarations({"x": "vector(n)"})
    node, claimed = (lower_text(t, table, open_names=False).node for t in ("max(kron(ones(2), x))", "ismax(x)"))
    assert judge.judge(Claim(node, claimed, table, ("x",)), 0).status == "equal"
    table = read_declarations({"X": f"{SQUARE} symmetric toeplitz"})
    node, claimed = (lower_text(t, table, open_names=False).node for t in ("max(X)", "ismax(X)"))
    found = judge.judge(Claim(node, claimed, table, ("X",)), 0)
    assert (found.status, found.trials) == ("undecided", 0)
    assert "tie" in found.note


WOODBURY = claim_of(
    "(A + U B V)^-1",
    "A^-1 - A^-1 U (B^-1 + V A^-1 U)^-1 V A^-1",
    A=SQUARE, U="matrix(n,k)", B="matrix(k,k)", V="matrix(k,n)",
)  # fmt: skip


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_woodbury_is_never_rejected(first: int) -> None:
    for seed in range(first, first + 50):
        assert exact.judge(WOODBURY, Random(seed)).status == "equal"
        if seed % 10 == 0:
            assert judge.numeric(WOODBURY, seed).status != "different"


AGREES = [
    ("exp(x) exp(y)", "exp(x + y)", "x: scalar; y: scalar"),
    ("relu(x) - relu(-x)", "x", "x: vector(n)"),
    ("log(x) + log(y)", "log(x y)", "x: scalar positive; y: scalar positive"),
    ("logdet(A B)", "logdet(A) + logdet(B)", f"A: {SQUARE}; B: {SQUARE}"),
    ("det(expm(A))", "exp(tr(A))", f"A: {SQUARE}"),
    ("eigmax(A)", "-eigmin(-A)", f"A: {SQUARE} symmetric"),
    ("||A||_2", "eigmax(A)", f"A: {SQUARE} spd"),
    ("acos(x) + asin(x)", "pi / 2", "x: scalar"),
    ("A^+ A A^+", "A^+", "A: matrix(n,m)"),
    ("(x y^T)^+", "y x^T / ((x^T x) (y^T y))", "x: vector(n); y: vector(m)"),
]


@pytest.mark.parametrize("left, right, table", AGREES)
def test_what_is_true_agrees(left: str, right: str, table: str) -> None:
    found = verdict(left, right, **dict(part.split(": ") for part in table.split("; ")))
    assert found.status == "equal"
    assert found.trials >= 2


DIFFERS = [
    ("log(x y)", "log(x) + log(y)", "x: scalar; y: scalar"),
    ("log(x + y)", "log(x) + log(y)", "x: scalar; y: scalar"),
    ("expm(A + B)", "expm(A) expm(B)", f"A: {SQUARE}; B: {SQUARE}"),
    ("||x + y||", "||x|| + ||y||", "x: vector(n); y: vector(n)"),
    ("tanh(x) + 1e-7 x", "tanh(x)", "x: scalar"),
    ("exp(x) + 1e-15 exp(-x)", "exp(x)", "x: scalar"),
]


@pytest.mark.parametrize("left, right, table", DIFFERS)
def test_what_is_false_differs(left: str, right: str, table: str) -> None:
    assert verdict(left, right, **dict(part.split(": ") for part in table.split("; "))).status == "different"


def test_too_few_points_are_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function with a value at few points: the verdict is open, whatever the points say."""
    calls = 0

    def seldom(self: Floats, name: str, x: np.ndarray) -> np.ndarray:
        nonlocal calls
        calls += 1
        if calls % 20:
            raise NoPoint("a value that is not a number")
        return np.asarray(np.exp(x))

    monkeypatch.setattr(Floats, "function", seldom)
    found = judge.numeric(claim_of("exp(x)", "exp(x)", x="scalar"), 0)
    assert found.status == "undecided"
    assert "random points decide" in found.note


def test_a_sample_that_is_symmetric_by_chance_is_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    original = draws.raw_floats

    def symmetric(*args: object) -> draws.Raw:
        raw = original(*args)  # type: ignore[arg-type]
        return draws.Raw({n: np.asarray(v + v.T) for n, v in raw.symbols.items()}, raw.directions)

    monkeypatch.setattr(draws, "raw_floats", symmetric)
    monkeypatch.setattr(probes, "scaled", lambda *_: ())
    monkeypatch.setattr(probes, "regions", lambda *_: ())
    found = judge.numeric(claim_of("tanh(A)", "tanh(A^T)", A=SQUARE), 0)
    assert (found.status, found.note) == ("undecided", "the random points cannot tell it from a wrong answer")


def test_doubtful_errors_are_settled_with_many_digits() -> None:
    """In float64 the two sides differ by 1e-10 of what they are made of."""
    found = verdict("exp(x) + 1e-10 tanh(x)", "exp(x)", x="scalar")
    assert (found.status, found.method) == ("different", "numeric")


def test_the_same_question_has_the_same_answer() -> None:
    claim = claim_of("exp(x) exp(y)", "exp(x + y)", x="scalar", y="scalar")
    assert judge.judge(claim, 5) == judge.judge(claim, 5)


# --- the words --------------------------------------------------------------------------------------


def test_words() -> None:
    proof = mc.derive("x^T A x", "x").verify()
    assert str(proof).startswith("verified (exact in random prime fields, 3 trials, error below 1e-")
    assert (proof.ok, proof.method, proof.trials, proof.max_error) == (True, "exact", 3, 0.0)
    agreed = mc.derive("sum(relu(x))", "x").verify()
    assert str(agreed).startswith("agrees numerically at ")
    assert (agreed.ok, agreed.method) == (True, "numeric")
    open_question = mc.derive("erf(10 + x^2)", "x").verify()
    assert open_question.method in ("exact", "numeric")
    assert str(mc.Verification(False, "numeric", 1, math.nan, "why")) == "not verified (why)"
