"""Derivatives within a structure: by the free entries of a matrix, or projected to the matrices of its kind.

With G the derivative by independent entries, the derivative by the free entries of a symmetric matrix is
G + G^T - G .* I at each place (Matrix Cookbook, section 2.8), and its projection is (G + G^T)/2.
"""

from __future__ import annotations

from fractions import Fraction

from . import ir
from .errors import UnsupportedError
from .ir import Labels, Node

MODES = ("entries", "projection")
KINDS = ("symmetric", "skew", "diagonal", "lower", "upper", "toeplitz")


def within(node: Node, attributes: frozenset[str], mode: str, name: str) -> Node:
    """The derivative `node`, whose last two axes are those of the variable, within the structure of the variable."""
    kinds = {"symmetric" if a == "spd" else a for a in attributes}
    kinds = {k for k in kinds if k in KINDS}
    if kinds == {"toeplitz", "diagonal"}:
        return _multiple_of_identity(node, mode)
    if "toeplitz" in kinds:
        return _toeplitz(node, "symmetric" in kinds, mode)
    if len(kinds) != 1:
        what = "no structure" if not kinds else " and ".join(sorted(kinds))
        raise UnsupportedError(f"'{name}' is declared with {what}; structure= takes one of {', '.join(KINDS)}")
    (kind,) = kinds
    match kind:
        case "diagonal":
            return _diagonal(node)
        case "lower" | "upper":
            return _on_last_two("tril" if kind == "lower" else "triu", node)
        case "symmetric" | "skew":
            return _with_transpose(node, 1 if kind == "symmetric" else -1, mode)
    raise UnsupportedError(f"the derivative within the {kind} matrices is not known")


def _with_transpose(node: Node, sign: int, mode: str) -> Node:
    turned = ir.transpose(node, _last_two_turned(node.rank))
    if mode == "projection":
        half = Fraction(1, 2)
        return ir.add([(half, node), (half * sign, turned)], node.shape)
    terms = [(1, node), (sign, turned)]
    return ir.add(terms + ([(-1, _diagonal(node))] if sign > 0 else []), node.shape)


def _last_two_turned(rank: int) -> Labels:
    return (*range(rank - 2), rank - 1, rank - 2)


def _diagonal(node: Node) -> Node:
    """G .* I in the last two axes."""
    outer = tuple(range(node.rank - 2))
    on = (*outer, node.rank, node.rank)
    return ir.einsum([(node, on)], on)


def _on_last_two(function: str, node: Node) -> Node:
    """The triangle of the last two axes: for each value of the others those entries, all else nought."""
    if node.rank == 2:
        return ir.call(function, [node])
    axes = tuple(range(node.rank))
    mask = ir.call(function, [ir.ones(node.shape[-2:])])
    return ir.einsum([(node, axes), (mask, axes[-2:])], axes)


def _toeplitz(node: Node, symmetric: bool, mode: str) -> Node:
    """The sum along each diagonal; projected, the mean along it."""
    if node.rank != 2:
        raise UnsupportedError(
            "the derivative of what has axes within the Toeplitz matrices: the sum along each diagonal is taken of a "
            "matrix; by one entry, as in x_1, or without structure= it is known"
        )
    summed = ir.call("toeplitz", [node])
    if mode == "entries":
        return _with_transpose(summed, 1, "entries") if symmetric else summed
    counts = ir.call("toeplitz", [ir.ones(node.shape)])
    mean = ir.hadamard([summed, ir.power(counts, -1)], node.shape)
    return _with_transpose(mean, 1, "projection") if symmetric else mean


def _multiple_of_identity(node: Node, mode: str) -> Node:
    """A diagonal Toeplitz matrix is x I: the trace at each place of the diagonal; projected, the mean."""
    outer, n = tuple(range(node.rank - 2)), node.shape[-1]
    trace = ir.einsum([(node, (*outer, node.rank, node.rank))], outer)
    on = (node.rank, node.rank)
    whole = ir.einsum([(trace, outer)], (*outer, *on), {node.rank: n})
    return whole if mode == "entries" else ir.hadamard([ir.power(ir.extent(n), -1), whole], node.shape)
