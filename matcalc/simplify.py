"""Folding: the rewrites of the library, and contractions of sums that cancel something.

The constructors keep the canonical form; what is here goes beyond it, from the leaves up. Each rewrite makes a
node smaller, so that folding ends.
"""

from __future__ import annotations

from . import ir
from .ir import Call, Einsum, Map, Node, Sum
from .rewrites import Rewrite, rules

MAX_ROUNDS = 50


def simplify(root: Node) -> Node:
    """The same value, folded until nothing folds."""
    for _ in range(MAX_ROUNDS):
        order = ir.topological(root)
        functions = frozenset(n.function for n in order if isinstance(n, Map | Call))
        about = rules().about(functions)
        memo: dict[Node, Node] = {}
        for node in order:
            changed = any(memo[n] is not n for n in ir.operands_of(node))
            memo[node] = _folded(ir.rebuild(node, memo, {}) if changed else node, about)
        if memo[root] is root:
            return root
        root = memo[root]
    return root


def _folded(node: Node, about: list[Rewrite]) -> Node:
    for _ in range(MAX_ROUNDS):
        better = _rewritten(node, about)
        if better is None or better is node:
            break
        node = better
    return node


def _rewritten(node: Node, about: list[Rewrite]) -> Node | None:
    if isinstance(node, Einsum):
        better = _sum_of_sum(node)
        if better is not None:
            return better
    for rule in about:
        if type(rule.lhs) is type(node):
            better = rule.apply(node)
            if better is not None:
                return better
    return None


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
