"""A formula about one entry, at every entry of an array: what a function of `any` means.

Every node of the formula gets the axes of the array before its own. A function that is not elementwise has no value
at many places at once; where what it is of is written out (`det([x, 1; 1, x])`) it is replaced by its formula in the
entries, and elsewhere it is refused. That does not depend on the shape, so that a formula that is differentiated as
one about a number can be applied to arrays afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import permutations, product
from typing import Protocol

from . import ir
from .errors import UnsupportedError
from .ir import Call, Einsum, Map, MatPow, Node, Number, Power, Shape, Sum, Symbol
from .sizes import Size

MAX_ROWS = 4  # of a matrix whose determinant is written out, which has as many terms as there are permutations
MAX_POWER = 8  # of a matrix, written out as a product


class Algebra(Protocol):
    """The constructors that are needed here; `ir` and `plain` are two of them."""

    def scale(self, c: ir.Rational, node: Node) -> Node: ...
    def add(self, terms: Iterable[tuple[ir.Rational, Node]], shape: Shape) -> Node: ...
    def einsum(
        self,
        factors: Iterable[tuple[Node, ir.Labels]],
        output: ir.Labels,
        extents: Mapping[int, Size] | None = ...,
        coefficient: ir.Rational = ...,
    ) -> Node: ...
    def hadamard(self, factors: Iterable[Node], shape: Shape) -> Node: ...
    def power(self, base: Node, exponent: Node | ir.Rational) -> Node: ...
    def apply(self, function: str, args: Sequence[Node]) -> Node: ...
    def substitute(self, root: Node, symbols: Mapping[str, Node], sizes: Mapping[str, Size]) -> Node: ...
    def rebuild(self, node: Node, memo: Mapping[Node, Node], sizes: Mapping[str, Size]) -> Node: ...


def lift(root: Node, symbols: Mapping[str, Node], shape: Shape, make: Algebra = ir) -> Node:
    """A scalar node in scalar symbols, applied to every entry of what the symbols stand for.

    Errors: UnsupportedError where a function of a matrix has no formula in the entries.
    """
    lifting = _Lifting(symbols, shape, make)
    for node in ir.topological(root):
        lifting.visit(node)
    return lifting.spread(root)


@dataclass
class _Lifting:
    """What each node of the formula has become: with the axes of `shape` before its own, or as it was."""

    symbols: Mapping[str, Node]
    shape: Shape
    make: Algebra
    memo: dict[Node, Node] = field(default_factory=dict)
    varied: set[Node] = field(default_factory=set)  # those in which one of the symbols stands

    @property
    def outer(self) -> ir.Labels:
        return tuple(range(len(self.shape)))

    def visit(self, node: Node) -> None:
        if isinstance(node, Symbol):
            self.memo[node] = self.make.substitute(node, self.symbols, {})
            if {node.name, ir.conjugate_name(node.name)} & self.symbols.keys():
                self.varied.add(node)
        elif any(part in self.varied for part in ir.operands_of(node)):
            self.memo[node] = self._lifted(node)
            self.varied.add(node)
        else:
            self.memo[node] = node

    def spread(self, node: Node, own: Shape | None = None) -> Node:
        """What the node has become, with all axes: along those it lacks it is constant."""
        found, wanted = self.memo[node], self.shape + (node.shape if own is None else own)
        if found.shape == wanted:
            return found
        first = 0 if self._has_outer(node) else len(self.shape)
        return self.make.einsum(
            [(found, tuple(range(first, first + found.rank)))], tuple(range(len(wanted))), dict(enumerate(wanted))
        )

    def _has_outer(self, node: Node) -> bool:
        return self.memo[node].rank > node.rank

    def _lifted(self, node: Node) -> Node:
        match node:
            case Einsum(operands, labels, output, extents):
                n = len(self.shape)
                factors = [
                    (self.memo[o], (self.outer if self._has_outer(o) else ()) + tuple(k + n for k in ls))
                    for o, ls in zip(operands, labels, strict=True)
                ]
                outer = self.outer if any(self._has_outer(o) for o in operands) else ()
                sizes = {**dict(enumerate(self.shape)), **{k + n: s for k, s in enumerate(extents)}}
                return self.make.einsum(factors, outer + tuple(k + n for k in output), sizes)
            case Sum(terms):
                return self.make.add([(c, self.spread(n)) for c, n in terms], self.shape + node.shape)
            case Map(function, args):
                return self.make.apply(function, [self.spread(a) for a in args])
            case Power(base, exponent):
                return self._power(self.spread(base, node.shape), self.memo[exponent], exponent, node.shape)
            case MatPow(base, Number(value)) if value in range(-MAX_POWER, MAX_POWER + 1):
                return self._matrix_power(base, int(value))
            case Call(function, (arg,)) if function in BY_ENTRIES:
                return BY_ENTRIES[function](self, arg)
            case Call(function):
                raise _not_by_entries(function)
            case MatPow():
                raise _not_by_entries("the power of a matrix")
        raise TypeError(type(node).__name__)

    def _power(self, base: Node, found: Node, exponent: Node, own: Shape) -> Node:
        """With the exponent an array too, it is written as elementwise powers are read: a power has one exponent."""
        if not found.shape:
            return self.make.power(base, found)
        logarithm = self.make.apply("log", [base])
        return self.make.apply("exp", [self.make.hadamard([self.spread(exponent, own), logarithm], base.shape)])

    # --- what is written out ---

    def rows(self, node: Node) -> int:
        """The number of rows of a matrix or a vector that is written out."""
        number = node.shape[0].number
        if number is None or number > MAX_ROWS:
            raise UnsupportedError(
                "a function of 'any' is one of a single entry: a matrix in it has its entries written out, "
                f"{MAX_ROWS} rows at most, as in det([x, 1; 1, x])"
            )
        return number

    def entry(self, node: Node, *place: int) -> Node:
        """An entry of what the node has become, counted from nought."""
        return self._entry(self.spread(node), place)

    def _entry(self, full: Node, place: tuple[int, ...]) -> Node:
        if isinstance(full, Sum):
            return self.make.add([(c, self._entry(n, place)) for c, n in full.terms], self.shape)
        labels, n = tuple(range(full.rank)), len(self.shape)
        units: list[tuple[Node, ir.Labels]] = [
            (ir.basis(k + 1, full.shape[axis]), (axis,)) for axis, k in enumerate(place, n)
        ]
        return self.make.einsum([(full, labels), *units], labels[:n], dict(enumerate(full.shape)))

    def matrix(self, entries: Mapping[tuple[int, ...], Node], shape: Shape) -> Node:
        """The vector or matrix with these entries."""
        n = len(self.shape)
        terms = []
        for place, value in entries.items():
            units: list[tuple[Node, ir.Labels]] = [
                (ir.basis(k + 1, size), (n + axis,)) for axis, (k, size) in enumerate(zip(place, shape, strict=True))
            ]
            labels = self.outer + tuple(range(n, n + len(shape)))
            sizes = dict(enumerate(self.shape + shape))
            terms.append((1, self.make.einsum([(value, self.outer), *units], labels, sizes)))
        return self.make.add(terms, self.shape + shape)

    def _matrix_power(self, base: Node, exponent: int) -> Node:
        n = len(self.shape)
        found = self.spread(base) if exponent >= 0 else self.inverse(base)
        factors = [(found, (*self.outer, n + k, n + k + 1)) for k in range(abs(exponent))]
        sizes = {**dict(enumerate(self.shape)), **{n + k: base.shape[0] for k in range(abs(exponent) + 1)}}
        if not factors:
            unit = self.make.einsum([], (0, 0), {0: base.shape[0]})
            return self.make.einsum([(unit, (n, n + 1))], (*self.outer, n, n + 1), sizes | {n + 1: base.shape[0]})
        return self.make.einsum(factors, (*self.outer, n, n + abs(exponent)), sizes)

    def determinant(self, node: Node, rows: Sequence[int], columns: Sequence[int]) -> Node:
        """Of the matrix of some rows and columns: a sum over permutations."""
        terms = []
        for order in permutations(range(len(rows))):
            sign = math.prod(-1 for i, j in product(order, order) if i < j and order.index(i) > order.index(j))
            factors = [self.entry(node, rows[i], columns[j]) for i, j in enumerate(order)]
            terms.append((sign, self.make.hadamard(factors, self.shape)))
        return self.make.add(terms, self.shape)

    def inverse(self, node: Node) -> Node:
        """By Cramer's rule."""
        every = range(self.rows(node))
        over = self.make.power(self.determinant(node, every, every), -1)
        entries: dict[tuple[int, ...], Node] = {}
        for i, j in product(every, every):
            rest = [k for k in every if k != j], [k for k in every if k != i]
            minor = self.make.scale((-1) ** (i + j), self.determinant(node, *rest))
            entries[i, j] = self.make.hadamard([minor, over], self.shape)
        return self.matrix(entries, node.shape)


def _not_by_entries(what: str) -> UnsupportedError:
    return UnsupportedError(
        f"a function of 'any' is one of a single entry, and {what} has no formula in the entries of its argument; "
        "for numbers alone declare the parameter a scalar"
    )


def _det(lifting: _Lifting, arg: Node) -> Node:
    every = range(lifting.rows(arg))
    return lifting.determinant(arg, every, every)


def _logdet(lifting: _Lifting, arg: Node) -> Node:
    return lifting.make.apply("log", [lifting.make.apply("abs", [_det(lifting, arg)])])


def _prod(lifting: _Lifting, arg: Node) -> Node:
    return lifting.make.hadamard([lifting.entry(arg, k) for k in range(lifting.rows(arg))], lifting.shape)


def _logsumexp(lifting: _Lifting, arg: Node) -> Node:
    """log(exp(a) + exp(b)) = a + softplus(b - a), which no large entry makes overflow."""

    def both(a: Node, b: Node) -> Node:
        more = lifting.make.apply("softplus", [lifting.make.add([(1, b), (-1, a)], lifting.shape)])
        return lifting.make.add([(1, a), (1, more)], lifting.shape)

    return reduce(both, (lifting.entry(arg, k) for k in range(lifting.rows(arg))))


def _softmax(lifting: _Lifting, arg: Node) -> Node:
    total = _logsumexp(lifting, arg)
    entries: dict[tuple[int, ...], Node] = {
        (k,): lifting.make.apply("exp", [lifting.make.add([(1, lifting.entry(arg, k)), (-1, total)], lifting.shape)])
        for k in range(lifting.rows(arg))
    }
    return lifting.matrix(entries, arg.shape)


BY_ENTRIES: dict[str, Callable[[_Lifting, Node], Node]] = {
    "det": _det, "logdet": _logdet, "prod": _prod, "logsumexp": _logsumexp, "softmax": _softmax,
}  # fmt: skip
