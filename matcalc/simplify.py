"""Rewrites that fold older functions into shorter ones: exp(x)/sum(exp(x)) is softmax(x), log |det X| is logdet(X).

The constructors keep the canonical form; these rules go beyond it. Each makes a node smaller, so that they end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from . import ir
from .ir import ONE, Call, Einsum, Labels, Map, MatPow, Node, Number, Power, Sum

MAX_ROUNDS = 50
Rule: TypeAlias = Callable[[Node], Node | None]


def simplify(root: Node) -> Node:
    """The same value, folded from the leaves up, until nothing folds."""
    for _ in range(MAX_ROUNDS):
        memo: dict[Node, Node] = {}
        for node in ir.topological(root):
            changed = any(memo[n] is not n for n in ir.operands_of(node))
            memo[node] = _folded(ir.rebuild(node, memo, {}) if changed else node)
        if memo[root] is root:
            return root
        root = memo[root]
    return root


def _folded(node: Node) -> Node:
    for _ in range(MAX_ROUNDS):
        better = _rewritten(node)
        if better is None:
            break
        node = better
    return node


def _rewritten(node: Node) -> Node | None:
    for rule in RULES.get(type(node), ()):
        new = rule(node)
        if new is not None and new is not node:
            return new
    return None


def _sum_of_exp(node: Node) -> Node | None:
    """x where the node is the sum of exp(x) over the entries of a vector."""
    match node:
        case Einsum((Map("exp", (x,)),), ((0,),), ()):
            return x
    return None


def _log(node: Node) -> Node | None:
    match node:
        case Map("log", (Map("exp", (x,)),)):
            return x
        case Map("log", (Call("det", args) | Map("abs", (Call("det", args),)),)):
            return ir.call("logdet", args)
        case Map("log", (Sum(((1, a), (1, b))),)):
            # log(1 + exp(x)) is softplus(x)
            for one, other in ((a, b), (b, a)):
                if one is ir.ones(node.shape) and isinstance(other, Map) and other.function == "exp":
                    return ir.apply("softplus", other.args)
        case Map("log", (arg,)):
            x = _sum_of_exp(arg)
            return None if x is None else ir.call("logsumexp", [x])
    return None


def _exp_of_log(node: Node) -> Node | None:
    match node:
        case Map("exp", (Map("log", (x,)),)):
            return x
    return None


def _softmax(node: Node) -> Node | None:
    """exp(x)_i over the sum of exp(x)."""
    assert isinstance(node, Einsum)
    factors = list(zip(node.operands, node.labels, strict=True))
    for scalar, labels in factors:
        if (
            labels
            or not isinstance(scalar, Power)
            or not isinstance(scalar.exponent, Number)
            or scalar.exponent.value >= 0
        ):
            continue
        x = _sum_of_exp(scalar.base)
        if x is None:
            continue
        for other, on in factors:
            if isinstance(other, Map) and other.function == "exp" and other.args == (x,):
                rest = _without(factors, (scalar, labels), (other, on))
                left = ir.power(scalar.base, scalar.exponent.value + 1)
                return _product([*rest, (left, ()), (ir.call("softmax", [x]), on)], node)
    return None


def _without(factors: list[tuple[Node, Labels]], *gone: tuple[Node, Labels]) -> list[tuple[Node, Labels]]:
    rest = list(factors)
    for item in gone:
        rest.remove(item)
    return rest


def _product(factors: list[tuple[Node, Labels]], node: Einsum) -> Node:
    return ir.einsum(factors, node.output, dict(enumerate(node.extents)))


def _sum_of_sum(node: Node) -> Node | None:
    """A contraction of nothing but a sum, term by term, where that cancels something: sum(x - mean(x)) is 0."""
    assert isinstance(node, Einsum)
    factors = list(zip(node.operands, node.labels, strict=True))
    tensors = [(o, ls) for o, ls in factors if ls]
    if len(tensors) != 1 or not isinstance(tensors[0][0], Sum) or len(set(node.output)) == len(set(tensors[0][1])):
        return None
    ((total, labels),) = tensors
    assert isinstance(total, Sum)
    scalars = [(o, ls) for o, ls in factors if not ls]
    terms = [(c, ir.einsum([(n, labels)], node.output, dict(enumerate(node.extents)))) for c, n in total.terms]
    inner = ir.add(terms, node.shape)
    if isinstance(inner, Sum) and len(inner.terms) >= len(total.terms):
        return None
    return _product([*scalars, (inner, node.output)], node) if node.shape else ir.einsum([*scalars, (inner, ())], ())


def _signs(node: Node) -> Node | None:
    """sign(x) x is |x|, and sign(x) |x| is x; step(x) step(x) is step(x), relu(x) step(x) is relu(x)."""
    assert isinstance(node, Einsum)
    factors = list(zip(node.operands, node.labels, strict=True))
    for first, labels in factors:
        if not isinstance(first, Map) or first.function not in ("sign", "step"):
            continue
        (x,) = first.args
        for other, on in factors:
            if on != labels or other is first:
                continue
            base, exponent = (other.base, other.exponent) if isinstance(other, Power) else (other, ONE)
            new = _signed_power(x, base, exponent) if first.function == "sign" else _stepped(x, base, other)
            if new is not None:
                rest = _without(factors, (first, labels), (other, on))
                return _product([*rest, *((n, labels) for n in new)], node)
    return None


def _signed_power(x: Node, base: Node, exponent: Node) -> list[Node] | None:
    if not isinstance(exponent, Number):
        return None
    e = exponent.value
    magnitude = ir.apply("abs", [x])
    if base is x and e.denominator == 1:
        return [magnitude, ir.power(x, e - 1)] if e > 0 else [ir.power(magnitude, -1), ir.power(x, e + 1)]
    if base is magnitude and e % 2 == 1:
        return [ir.power(x, e)]
    return None


def _stepped(x: Node, base: Node, other: Node) -> list[Node] | None:
    if isinstance(base, Map) and base.function in ("relu", "step") and base.args == (x,):
        return [other]
    return None


def _logistic(node: Node) -> Node | None:
    """exp(x) sigmoid(-x) is sigmoid(x)."""
    assert isinstance(node, Einsum)
    factors = list(zip(node.operands, node.labels, strict=True))
    for first, labels in factors:
        if isinstance(first, Map) and first.function == "exp":
            other = ir.apply("sigmoid", [ir.scale(-1, first.args[0])])
            if (other, labels) in factors:
                rest = _without(factors, (first, labels), (other, labels))
                return _product([*rest, (ir.apply("sigmoid", first.args), labels)], node)
    return None


def _complement(node: Node) -> Node | None:
    """1 - sigmoid(x) is sigmoid(-x)."""
    assert isinstance(node, Sum)
    unit = ir.ones(node.shape)
    known = {n: c for c, n in node.terms}
    if unit not in known:
        return None
    for term, c in known.items():
        if isinstance(term, Map) and term.function == "sigmoid" and c == -known[unit]:
            rest = [(d, n) for n, d in known.items() if n is not unit and n is not term]
            flipped = ir.apply("sigmoid", [ir.scale(-1, term.args[0])])
            return ir.add([*rest, (-c, flipped)], node.shape)
    return None


def _reciprocal(node: Node) -> Node | None:
    """1 / (1 + exp(-x)) is sigmoid(x)."""
    match node:
        case Power(Sum(((1, a), (1, b))), Number(-1)):
            for one, other in ((a, b), (b, a)):
                if one is ir.ones(node.shape) and isinstance(other, Map) and other.function == "exp":
                    return ir.apply("sigmoid", [ir.scale(-1, other.args[0])])
    return None


def _determinant(node: Node) -> Node | None:
    """det X^k is (det X)^k; det expm(X) is exp(tr X)."""
    match node:
        case Call("det", (MatPow(base, exponent),)):
            return ir.power(ir.call("det", [base]), exponent)
        case Call("logdet", (MatPow(base, exponent),)):
            return ir.einsum([(exponent, ()), (ir.call("logdet", [base]), ())], ())
        case Call("det", (Call("expm", (x,)),)):
            return ir.apply("exp", [ir.einsum([(x, (0, 0))], ())])
        case Call("logdet", (Call("expm", (x,)),)):
            return ir.einsum([(x, (0, 0))], ())
        case Call("prod", (Call("eig", (x,)),)):
            return ir.call("det", [x])
    return None


def _trace_of_eigenvalues(node: Node) -> Node | None:
    match node:
        case Einsum((Call("eig", (x,)),), ((0,),), ()):
            return ir.einsum([(x, (0, 0))], ())
    return None


RULES: dict[type[Node], tuple[Rule, ...]] = {
    Map: (_log, _exp_of_log),
    Einsum: (_softmax, _logistic, _signs, _trace_of_eigenvalues, _sum_of_sum),
    Sum: (_complement,),
    Power: (_reciprocal,),
    Call: (_determinant,),
}
