"""Products of tensors multiplied out, where a tensor is read term by term."""

from __future__ import annotations

from . import ir
from .errors import LimitError
from .ir import Einsum, Node, Rational, Sum

MAX_TERMS = 200


def same_form(a: Node, b: Node) -> bool:
    """Whether two nodes come to one canonical form, as they are or with all their products multiplied out.

    No rewrite is used: what this says holds for all sizes.
    """
    if a is b or a.shape != b.shape:
        return a is b
    try:
        difference = ir.add([(1, a), (-1, b)], a.shape)
        return ir.is_zero(ir.add(multiplied_out(difference, 0), a.shape))
    except LimitError:
        return False


def multiplied_out(node: Node, least: int = 3) -> list[tuple[Rational, Node]]:
    """The terms of a node, products with sums of `least` axes or more multiplied out."""
    waiting: list[tuple[Rational, Node]] = [(1, node)]
    done: list[tuple[Rational, Node]] = []
    while waiting:
        c, term = waiting.pop()
        if len(waiting) + len(done) > MAX_TERMS:
            raise LimitError(f"the derivative has more than {MAX_TERMS} terms")
        if isinstance(term, Sum):
            waiting += [(c * d, n) for d, n in term.terms]
            continue
        parts = distributed(term, least) if isinstance(term, Einsum) else None
        if parts is None:
            done.append((c, term))
        else:
            waiting += [(c * d, n) for d, n in parts]
    total = ir.add(done, node.shape)
    return list(total.terms) if isinstance(total, Sum) else [(1, total)]


def distributed(term: Einsum, least: int) -> list[tuple[Rational, Node]] | None:
    """The product, term by term of its first factor that is a sum of at least so many axes; None without one."""
    items = list(zip(term.operands, term.labels, strict=True))
    for k, (operand, labels) in enumerate(items):
        if isinstance(operand, Sum) and operand.rank >= least:
            rest = items[:k] + items[k + 1 :]
            extents = dict(enumerate(term.extents))
            return [(c, ir.einsum([*rest, (n, labels)], term.output, extents)) for c, n in operand.terms]
    return None
