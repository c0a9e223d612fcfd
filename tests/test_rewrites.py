"""What the rewrites of the library do to expressions, and that none can change a value."""

from __future__ import annotations

import pytest

import matcalc as mc
from matcalc.declarations import Declaration, read_declarations
from matcalc.lower import lower_text
from matcalc.rewrites import rewrite, rewrite_of, rules
from matcalc.simplify import simplify

TABLE = {
    "x": "vector(n)", "y": "vector(n)", "X": "matrix(n,m)", "A": "matrix(n,n)", "D": "matrix(n,n) diagonal",
    "Q": "matrix(n,n) orthogonal", "S": "matrix(n,n) spd", "t": "scalar", "k": "scalar integer", "C": "matrix(n,n)",
}  # fmt: skip
DECLARED: dict[str, Declaration] = read_declarations(TABLE)


@pytest.mark.parametrize(
    "before, after",
    [
        ("log(exp(t))", "t"),
        ("exp(x) ./ sum(exp(x))", "softmax(x)"),
        ("t exp(x) / sum(exp(x))", "t softmax(x)"),
        ("log(sum(exp(A x)))", "logsumexp(A x)"),
        ("1 - sigmoid(x)", "sigmoid(-x)"),
        ("3 - 3 sigmoid(A x)", "3 sigmoid(-A x)"),
        ("exp(x) .* sigmoid(-x) .* y", "sigmoid(x) .* y"),
        ("sin(t)^2 + cos(t)^2 + k", "k + 1"),
        ("sign(x) .* x .* x", "x .* abs(x)"),
        ("x .* step(x)", "relu(x)"),
        ("log(det(A))", "logdet(A)"),
        ("det(A^k)", "det(A)^k"),
        ("y^T X (X^T X)^-1 X^T X X^T y", "y^T X X^T y"),
        ("(I - X (X^T X)^-1 X^T) X", "zeros(n,m)"),
        ("(I - X (X^T X)^-1 X^T)^2 y", "(I - X (X^T X)^-1 X^T) y"),
        ("D .* I", "D"),
        ("det(Q)^2 t", "t"),
        ("exp(t) exp(k)", "exp(t + k)"),
        ("sum(x - mean(x) ones(n))", "0"),
        ("expm(A)^-1", "expm(-A)"),
    ],
)
def test_it_folds(before: str, after: str) -> None:
    left, right = (lower_text(side, DECLARED, open_names=False).node for side in (before, after))
    assert simplify(left) is simplify(right)


@pytest.mark.parametrize(
    "text",
    [
        "A .* D",
        "x^T D x",
        "D A",
        "det(A)^2",
        "sin(x).^2 + cos(y).^2",
        "A X (X^T X)^-1 X^T C X",
        "(A C)^-T A C",
        "A C (A C)^-T",
        "(A C D)^-T A C D",
        "(C^T A^T)^-1 A C",
    ],
)
def test_it_leaves_alone_what_only_looks_alike(text: str) -> None:
    node = lower_text(text, DECLARED, open_names=False).node
    assert simplify(node) is node


@pytest.mark.parametrize("false", [("sin(x)", "x", "x: any"), ("X X", "X", "X: matrix(n,n)")])
def test_a_false_rule_never_reaches_an_answer(monkeypatch: pytest.MonkeyPatch, false: tuple[str, str, str]) -> None:
    monkeypatch.setattr(rules(), "_ready", [*rules()._ready, rewrite("false", *false)])
    assert str(mc.derive("sum(sin(x))", "x", x="vector(n)")) == "cos(x)"
    assert str(mc.derive("tr(A A)", "A")) == "2 A^T"


def test_a_false_rule_that_no_everyday_point_sees_is_seen_by_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that tanh(1000 + a) is 1: what is read is compared, not what the rule made of it."""
    assert mc.derive("tanh(1000 + a)", "a").verify()
    monkeypatch.setattr(rules(), "_ready", [*rules()._ready, rewrite("false", "tanh(1000 + a)", "1", "a: any")])
    d = mc.derive("tanh(1000 + a)", "a")
    assert str(d) == "0"
    with pytest.raises(mc.InternalError, match="refuted"):
        d.verify()


def test_rules_wait_for_what_they_are_about() -> None:
    assert all("softmax" not in r.words for r in rules().about(frozenset({"sin"})))
    for record, _ in list(rules()._waiting):
        assert rewrite_of(record).name == record.title


@pytest.mark.parametrize(
    "lhs, rhs, declare, message",
    [
        ("A", "A + A - A", "A: matrix(n,n)", "would match everything"),
        ("exp(x)", "exp(x + x - x)", "x: any", "does not shrink"),
        ("sin(x)", "cos(x)", "x: any", "does not shrink"),
        ("tr(A)", "A", "A: matrix(n,n)", "different shapes"),
        ("sin(x)", "y", "x: any, y: any", "does not"),
    ],
)
def test_rules_must_shrink(lhs: str, rhs: str, declare: str, message: str) -> None:
    with pytest.raises(mc.IdentityError, match=message):
        rewrite("r", lhs, rhs, declare)
