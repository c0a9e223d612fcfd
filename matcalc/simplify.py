"""Folding: the rewrites of the library, and contractions of sums that cancel something.

The constructors keep the canonical form; what is here goes beyond it, from the leaves up. Each rewrite makes a
node smaller, so that folding ends.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import ir
from .ir import Basis, Einsum, Inject, MatPow, Node, Sum
from .rewrites import Rewrite, features, rules
from .tape import Record, Rewritten, ignore

MAX_ROUNDS = 50
MAX_FACTORS = 10
TWO = ir.number(2)
MAX_TERMS = 4
MULTIPLIED_OUT = "multiplied out"


def simplify(root: Node, record: Record = ignore) -> Node:
    """The same value, folded until nothing folds."""
    for _ in range(MAX_ROUNDS):
        order = ir.topological(root)
        about = rules().about(features(order))
        memo: dict[Node, Node] = {}
        for node in order:
            changed = any(memo[n] is not n for n in ir.operands_of(node))
            memo[node] = _folded(ir.rebuild(node, memo, {}) if changed else node, about, record)
        if memo[root] is root:
            return root
        root = memo[root]
    return root


def _folded(node: Node, about: list[Rewrite], record: Record) -> Node:
    for _ in range(MAX_ROUNDS):
        rule, better = next(_rewritten(node, about), ("", node))
        if better is node:
            break
        record(Rewritten(rule, node, better))
        node = better
    return node


def _rewritten(node: Node, about: list[Rewrite]) -> Iterator[tuple[str, Node]]:
    """(rule, better node): what the node may be rewritten to, the first rule first."""
    if isinstance(node, Einsum) and (better := _sum_of_sum(node)) is not None:
        yield MULTIPLIED_OUT, better
    for rule in about:
        if type(rule.lhs) is type(node) and (better := rule.apply(node)) is not None:
            yield rule.name, better
    if isinstance(node, Einsum) and (better := _multiplied_out(node, about)) is not None:
        yield MULTIPLIED_OUT, better
    if isinstance(node, MatPow) and (better := _square(node, about)) is not None:
        yield MULTIPLIED_OUT, better


def _multiplied_out(node: Einsum, about: list[Rewrite]) -> Node | None:
    """A product with an inverse and a sum, term by term, where that cancels something: P (y - P y) of a projection."""
    factors = list(zip(node.operands, node.labels, strict=True))
    if len(factors) > MAX_FACTORS or len(factors) < 2:
        return None
    outside = _has_inverse(node)
    extents = dict(enumerate(node.extents))
    for place, (total, labels) in enumerate(factors):
        if not labels or not isinstance(total, Sum) or len(total.terms) > MAX_TERMS:
            continue
        picks = _has_unit(node) and any(_has_unit(n) for _, n in total.terms)
        if not outside and not picks and not any(_has_inverse(n) for _, n in total.terms):
            continue
        rest = factors[:place] + factors[place + 1 :]
        terms = [(c, _by_rules(ir.einsum([*rest, (n, labels)], node.output, extents), about)) for c, n in total.terms]
        better = ir.add(terms, node.shape)
        count = len(better.terms) if isinstance(better, Sum) else 1
        if count == 1 or count < len(total.terms) - (0 if picks else 1):
            return better
    return None


def _has_unit(node: Node) -> bool:
    """Whether a unit vector, or a block of an identity, is a factor."""
    units = Basis | Inject
    return isinstance(node, units) or (isinstance(node, Einsum) and any(isinstance(o, units) for o in node.operands))


def _has_inverse(node: Node) -> bool:
    return isinstance(node, Einsum) and any(isinstance(o, MatPow) for o in node.operands)


def _square(node: MatPow, about: list[Rewrite]) -> Node | None:
    """The square of a sum, multiplied out where that is no longer: (I - P)^2 is I - P for a projection."""
    total = node.base
    if not isinstance(total, Sum) or len(total.terms) > MAX_TERMS or node.exponent is not TWO:
        return None
    if not any(_has_inverse(n) for _, n in total.terms):
        return None
    terms = [(c * d, _by_rules(ir.chain_product([m, n]), about)) for c, m in total.terms for d, n in total.terms]
    better = ir.add(terms, node.shape)
    return better if not isinstance(better, Sum) or len(better.terms) <= len(total.terms) else None


def _by_rules(node: Node, about: list[Rewrite]) -> Node:
    """The node rewritten at its root by the rules of the library alone."""
    for _ in range(MAX_ROUNDS):
        better = next((new for rule in about if type(rule.lhs) is type(node) and (new := rule.apply(node))), None)
        if better is None:
            break
        node = better
    return node


def _sum_of_sum(node: Einsum) -> Node | None:
    """A contraction of nothing but a sum, term by term, where that cancels something: sum(x - mean(x)) is 0."""
    factors = list(zip(node.operands, node.labels, strict=True))
    tensors = [(o, ls) for o, ls in factors if ls]
    if len(tensors) != 1 or len(set(node.output)) == len(set(tensors[0][1])):
        return None
    ((total, labels),) = tensors
    if not isinstance(total, Sum):
        return None
    extents = dict(enumerate(node.extents))
    inner = ir.add([(c, ir.einsum([(n, labels)], node.output, extents)) for c, n in total.terms], node.shape)
    if isinstance(inner, Sum) and len(inner.terms) >= len(total.terms):
        return None
    on = tuple(range(node.rank))
    return ir.einsum([*((o, ls) for o, ls in factors if not ls), (inner, on)], on)
