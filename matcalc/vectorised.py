"""The vec/Kronecker form of a derivative: the Jacobian of vec(Y) by vec(X), vec putting columns below one another.

A term of the derivative has up to four axes, (i, j) of Y and (k, l) of X. What its factors connect says what it is:
i with k and j with l make kron(Q, P), i with l and j with k the same times a commutation matrix, i with j and k with
l make vec(P) vec(Q)^T, and where i is k and j is l, diag(vec(S)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from . import ir
from .confirm import means
from .errors import UnsupportedError
from .expanding import multiplied_out
from .ir import Einsum, Labels, Merge, Node, Rational, Sum
from .lower import Lowered
from .recognise import matrix_form
from .sizes import Size
from .syntax import ONE, Add, Call, Identity, Mul, Neg, Syntax, Transpose
from .terms import size_form
from .writing import recogniser

# A group of axes of one term, and the product of the factors on it.
Axes: TypeAlias = tuple[int, ...]


def vectorised(node: Node, rows: int) -> Node:
    """The matrix whose rows are the first axes of the node, and whose columns are the others, each merged into one."""
    axes = tuple(range(node.rank))
    merged: list[tuple[Node, Labels]] = [(node, axes)]
    output: list[int] = []
    for group in (axes[:rows], axes[rows:]):
        if len(group) == 2:
            i, j = group
            fresh = 10 + len(output)
            merged.append((ir.merge(node.shape[j], node.shape[i]), (fresh, j, i)))
            output.append(fresh)
        else:
            output += group
    return ir.einsum(merged, tuple(output))


def kronecker_form(lowered: Lowered, node: Node, rows: int) -> Syntax:
    """The Jacobian of the vectors as a sum of Kronecker products; `rows` axes are those of what is differentiated.

    Raises UnsupportedError where a term is none of the known forms.
    """
    if rows > 2 or node.rank - rows > 2 or node.rank == 0:
        raise UnsupportedError("the vec/Kronecker form is one of a matrix or a vector by a matrix or a vector")
    whole = vectorised(node, rows)
    if rows == 1 and node.rank > 1:
        node, rows = _unmerged(node)
    writer = _Writer(lowered, node, rows)
    terms = multiplied_out(node)
    if ir.is_zero(node) or not terms:
        raise UnsupportedError("the derivative is zero")
    if rows in (0, node.rank) or node.rank == 2:
        form = writer.whole(node)
    else:
        parts = sorted((writer.term(c, n) for c, n in terms), key=lambda p: isinstance(p, Neg))
        form = parts[0] if len(parts) == 1 else Add(tuple(parts))
    if not means(form, whole, lowered.declarations):
        raise UnsupportedError("the vec/Kronecker form could not be written so that it reads back")
    return form


@dataclass
class _Pieces:
    """A term: its number, its scalars, and its factors on the axes; `same` joins axes that are equal."""

    scalars: list[Node]
    factors: list[tuple[Node, Labels]]
    output: Labels
    extents: dict[int, Size]

    def connected(self) -> list[set[int]]:
        """The axes of the output that factors, or equality, connect."""
        groups: list[set[int]] = [{k} for k in dict.fromkeys(self.output)]
        for _, labels in self.factors:
            touched = [g for g in groups if g & set(labels)]
            groups = [g for g in groups if g not in touched]
            groups.append(set(labels).union(*touched))
        places = [{place for place, k in enumerate(self.output) if k in g} for g in groups]
        return [p for p in places if p]

    def on(self, axes: Sequence[int]) -> Node:
        """The product of the factors that touch these axes."""
        wanted = {self.output[a] for a in axes}
        chosen: list[tuple[Node, Labels]] = []
        grown = True
        while grown:
            grown = False
            for item in self.factors:
                if item not in chosen and wanted & set(item[1]):
                    chosen.append(item)
                    wanted |= set(item[1])
                    grown = True
        return ir.einsum(chosen, tuple(self.output[a] for a in axes), self.extents)


def _pieces(node: Node) -> _Pieces:
    if not isinstance(node, Einsum):
        axes = tuple(range(node.rank))
        return _Pieces([], [(node, axes)], axes, dict(enumerate(node.shape)))
    items = list(zip(node.operands, node.labels, strict=True))
    scalars = [o for o, labels in items if not labels]
    factors = [(o, labels) for o, labels in items if labels]
    return _Pieces(scalars, factors, node.output, dict(enumerate(node.extents)))


def _unmerged(node: Node) -> tuple[Node, int]:
    """(node, rows): of a vector that is a vec, with the two axes that it merged; else the node as it is."""
    terms: Sequence[tuple[Rational, Node]] = node.terms if isinstance(node, Sum) else ((1, node),)
    opened: list[tuple[Rational, Node]] = []
    for c, term in terms:
        found = _opened(term) if isinstance(term, Einsum) else None
        if found is None:
            return node, 1
        opened.append((c, found))
    if len({n.shape for _, n in opened}) != 1:
        return node, 1
    return ir.add(opened, opened[0][1].shape), 2


def _opened(term: Einsum) -> Node | None:
    first = term.output[0]
    items = list(zip(term.operands, term.labels, strict=True))
    on = [(o, labels) for o, labels in items if first in labels]
    if len(on) != 1 or not isinstance(on[0][0], Merge) or on[0][1][0] != first or first in term.output[1:]:
        return None
    _, j, i = on[0][1]
    return ir.einsum([x for x in items if x is not on[0]], (i, j, *term.output[1:]), dict(enumerate(term.extents)))


class _Writer:
    def __init__(self, lowered: Lowered, node: Node, rows: int) -> None:
        self.lowered, self.shape, self.rows = lowered, node.shape, rows
        self.sign = 1

    def term(self, c: Rational, node: Node) -> Syntax:
        self.sign = 1
        pieces = _pieces(node)
        number = ir.scale(ir.magnitude(c), ir.einsum([(s, ()) for s in pieces.scalars], ()))
        body = self._body(pieces)
        if number is not ir.ONE:
            front = self._form(number)
            parts = body.factors if isinstance(body, Mul) else (body,)
            body = Mul((*(front.factors if isinstance(front, Mul) else (front,)), *parts))
        return Neg(body) if c * self.sign < 0 else body

    def whole(self, node: Node) -> Syntax:
        """A vec, a row that is one, or a matrix of two vectors."""
        self.sign = 1
        form = self._form(node)
        if self.rows in (0, node.rank):
            vector = Call("vec", (form,)) if node.rank == 2 else form
            form = Transpose(vector) if self.rows == 0 else vector
        return Neg(form) if self.sign < 0 else form

    def _body(self, pieces: _Pieces) -> Syntax:
        """The first of the forms that the connections of the axes allow."""
        axes = tuple(range(len(self.shape)))
        rows, columns = axes[: self.rows], axes[self.rows :]
        groups = pieces.connected()
        for pairs, make in self._forms(rows, columns):
            if all(any(g <= set(pair) for pair in pairs) for g in groups):
                return make(pieces)
        found = self._diagonal(pieces, rows, columns)
        if found is None:
            raise UnsupportedError("a term of the derivative has no vec/Kronecker form")
        return found

    def _forms(self, rows: Axes, columns: Axes) -> Iterator[tuple[tuple[Axes, ...], Callable[[_Pieces], Syntax]]]:
        """(pairs of axes, what to make of them), the simplest first."""
        i, k = rows[:1], columns[:1]
        j, l = rows[1:], columns[1:]  # noqa: E741
        yield (i + k, j + l), lambda p: self._kron(p, j, l, i, k)
        if len(rows) == len(columns) == 2:
            yield (i + l, j + k), lambda p: self._commuted(p, rows, columns)
        elif len(rows) == 2:
            yield (i, j + k), lambda p: self._kron(p, j, k, i, ())
        elif len(columns) == 2:
            yield (i + l, k), lambda p: self._kron(p, i, l, (), k)
        yield (rows, columns), lambda p: self._outer(p, rows, columns)

    def _kron(self, pieces: _Pieces, j: Axes, l: Axes, i: Axes, k: Axes) -> Syntax:  # noqa: E741
        left, right = self._matrix(pieces, j, l), self._matrix(pieces, i, k)
        if left is None or right is None:
            return left or right or ONE
        return Call("kron", (left, right))

    def _commuted(self, pieces: _Pieces, rows: Axes, columns: Axes) -> Syntax:
        """The same with the axes of X exchanged: kron(Q, P) vec(X^T), and vec(X^T) = K vec(X)."""
        k, l = columns  # noqa: E741
        body = self._kron(pieces, rows[1:], (k,), rows[:1], (l,))
        sizes = tuple(size_form(self.shape[a]).syntax for a in columns)
        commutation = Call("commutation", sizes)
        if isinstance(body, Call) and all(isinstance(a, Identity) for a in body.args):
            return commutation
        return Mul((body, commutation))

    def _outer(self, pieces: _Pieces, rows: Axes, columns: Axes) -> Syntax:
        return Mul((self._vector(pieces, rows, turned=False), self._vector(pieces, columns, turned=True)))

    def _vector(self, pieces: _Pieces, axes: Axes, turned: bool) -> Syntax:
        form = self._form(pieces.on(axes))
        vector = Call("vec", (form,)) if len(axes) == 2 else form
        return Transpose(vector) if turned else vector

    def _diagonal(self, pieces: _Pieces, rows: Axes, columns: Axes) -> Syntax | None:
        """diag(vec(S)), where row and column are one."""
        own, other = (tuple(pieces.output[a] for a in group) for group in (rows, columns))
        straight, turned = own == other, own == other[::-1]
        if len(set(own)) < len(own) or not (straight or turned):
            return None
        form = self._form(ir.einsum(pieces.factors, own, pieces.extents))
        body: Syntax = Call("diag", (Call("vec", (form,)) if len(rows) == 2 else form,))
        if straight:
            return body
        sizes = tuple(size_form(self.shape[a]).syntax for a in columns)
        return Mul((body, Call("commutation", sizes)))

    # --- matrices ---

    def _matrix(self, pieces: _Pieces, row: Axes, column: Axes) -> Syntax | None:
        """The factor between a row and a column axis: a matrix, a column, a row; None where there is no axis."""
        axes = row + column
        if not axes:
            return None
        form = self._form(pieces.on(axes))
        return Transpose(form) if not row else form

    def _form(self, node: Node) -> Syntax:
        for explicit in (True, False):
            form = matrix_form(recogniser(self.lowered, explicit), node)
            if form is not None and means(form, node, self.lowered.declarations):
                if isinstance(form, Neg):
                    self.sign = -self.sign
                    return form.arg
                return form
        raise UnsupportedError("a factor of the derivative has no matrix notation")
