"""What an entry states: `d(x^T B x)/dx = (B + B^T) x`, `tr(A B) = tr(B A)`, `det(A) <= prod(diag(A))`, `X^-1 -> X^T`.

The sides are handed on to the expression grammar; here only the relation and the `d(...)/dx` around a side are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from . import ir
from .declarations import KINDS, Declaration, read_declarations
from .entries import Record
from .errors import IdentityError, MatcalcError
from .ir import Node
from .lower import Lowered, lower_text, plain_node

RELATION = re.compile(r"<=|!=|->|=")
DERIVATIVE = re.compile(r"\s*d([2-4]?)\s*\(")
# A symbol, or a part of a complex one: dX, dconj(Z).
VARIABLE = r"d\s*([A-Za-z_]\w*(?:\([A-Za-z_]\w*\))?)"
BELOW = re.compile(rf"\s*/\s*((?:{VARIABLE}\s*)+)$")
DIRECTION = re.compile(VARIABLE)
DECLARED = re.compile(rf",\s*(?=[^\s,:()]+\s*:\s*(?:{'|'.join(KINDS)}|any)\b)")
ANY = re.compile(r"any\b")
OPEN, CLOSE = "([{", ")]}"


@dataclass(frozen=True)
class Side:
    """One side of a statement: its text, and where it starts in the field `states`."""

    record: Record
    text: str
    start: int

    def lower(self, table: Mapping[str, Declaration]) -> Lowered:
        """The side read with the names that the entry's `where` gives; errors speak of the file."""
        written = self.text
        if "where" in self.record.fields:
            joint = ", " if re.search(r"\bwhere\b", written) else " where "
            written += joint + self.record.fields["where"].value
        try:
            return lower_text(written, table, open_names=False)
        except IdentityError:
            raise
        except MatcalcError as error:
            if (error.position or 0) > len(self.text):
                shift = len(self.record.fields["where"].value) - len(written)
                raise self.record.misread(error, "where", shift) from None
            raise self.record.misread(error, "states", self.start) from None


@dataclass(frozen=True)
class Statement:
    """`left relation right`; a left side `d(left)/dx` has `wrt`, and one `d(left)` is a differential.

    >>> from matcalc import entries
    >>> (record,) = entries.read("fact f\\n    states: d(x^T x)/dx = 2 x\\n    declare: x: vector(n)", "my.mc")
    >>> s = read(record)
    >>> s.left.text, s.wrt, s.relation, s.right.text
    ('x^T x', ('x',), '=', '2 x')
    """

    record: Record
    left: Side
    relation: str
    right: Side | None
    wrt: tuple[str, ...] = ()
    differential: bool = False

    @cached_property
    def declarations(self) -> dict[str, Declaration]:
        """The declared symbols of the entry."""
        return declarations(self.record)

    @cached_property
    def nodes(self) -> tuple[Node, Node | None]:
        """Both sides in the intermediate representation; of a derivative, what is differentiated and the answer.

        They are not simplified: a rewrite would prove itself.
        """
        left = self.left.lower(self.declarations).node
        return left, None if self.right is None else self.right.lower(self.declarations).node

    @cached_property
    def plain(self) -> tuple[Node, Node | None]:
        """The same two as they are written."""
        left = plain_node(self.left.lower(self.declarations))
        return left, None if self.right is None else plain_node(self.right.lower(self.declarations))

    def pair(self, left: Node) -> Node:
        """The right side as what the left side must be equal to: a nought fits every shape."""
        right = self.nodes[1]
        assert right is not None
        assert self.right is not None
        if right.shape == left.shape:
            return right
        if ir.is_zero(right) and not right.shape:
            return ir.zero(left.shape)
        shapes = " and ".join(_shape(n) for n in (left, right))
        raise self.record.error(f"the two sides have different shapes: {shapes}", "states", self.right.start)


def _shape(node: Node) -> str:
    return f"({', '.join(map(repr, node.shape))})" if node.shape else "a scalar"


def declared(record: Record) -> dict[str, tuple[str, int]]:
    """The names that an entry declares, in the order of the text, each with its kind and its place, unread."""
    table: dict[str, tuple[str, int]] = {}
    if "declare" not in record.fields:
        return table
    text, start = record.fields["declare"].value, 0
    for part in DECLARED.split(text):
        start = text.index(part, start)
        name, colon, kind = part.partition(":")
        if not colon:
            raise record.error("a declaration has the form 'A: matrix(n,n)'", "declare", start)
        if name.strip() in table:
            raise record.error(f"'{name.strip()}' is declared twice", "declare", start)
        table[name.strip()] = kind.strip(), start
    return table


def declarations(record: Record) -> dict[str, Declaration]:
    """The symbols that an entry declares; the `any` of a rewrite, which is about entries, is a scalar."""
    table = declared(record)
    if record.kind == "rewrite":
        table = {n: (ANY.sub("scalar", kind), at) for n, (kind, at) in table.items()}
    try:
        return read_declarations({name: kind for name, (kind, _) in table.items()})
    except MatcalcError as error:
        culprit = next((n for n in table if f"'{n}'" in error.message), next(iter(table)))
        raise record.error(error.message, "declare", table[culprit][1]) from None


def read(record: Record) -> Statement:
    """The statement of a fact or a rewrite."""
    text = record.fields["states"].value
    found = _relation(text)
    if found is None:
        left, relation, right = Side(record, text.rstrip(), 0), "", None
    else:
        relation = found[0]
        left = Side(record, text[: found.start()].rstrip(), 0)
        rest = text[found.end() :]
        right = Side(record, rest.strip(), found.end() + len(rest) - len(rest.lstrip()))
    if (relation == "->") != (record.kind == "rewrite"):
        wanted = "lhs -> rhs" if record.kind == "rewrite" else "lhs = rhs"
        raise record.error(f"a {record.kind} has the form '{wanted}'", "states")
    if right is not None and not right.text:
        raise record.error("there is nothing after the relation", "states", len(text))
    statement = _derivative(record, left, relation, right)
    if not relation and RELATION.search(text):
        raise record.error("a bracket before the relation is not closed", "states")
    if not relation and not statement.wrt:
        raise record.error("a fact is 'lhs = rhs', 'lhs <= rhs', 'lhs != rhs' or 'd(expression)/dx = answer'", "states")
    return statement


def _relation(text: str) -> re.Match[str] | None:
    """The first relation that stands in no bracket."""
    for m in RELATION.finditer(text):
        before = text[: m.start()]
        if sum(before.count(c) for c in OPEN) == sum(before.count(c) for c in CLOSE):
            return m
    return None


def _derivative(record: Record, left: Side, relation: str, right: Side | None) -> Statement:
    head = DERIVATIVE.match(left.text)
    if head is None:
        return Statement(record, left, relation, right)
    end = _closing(left.text, head.end())
    tail = left.text[end + 1 :] if end >= 0 else ""
    below = BELOW.match(tail)
    if end < 0 or (tail.strip() and below is None) or (below is None and "d" in declared(record)):
        return Statement(record, left, relation, right)
    inner = left.text[head.end() : end]
    side = Side(record, inner, head.end())
    if below is None:
        return Statement(record, side, relation, right, differential=True)
    wrt = tuple(DIRECTION.findall(below[1]))
    if len(wrt) != int(head[1] or 1):
        message = f"d{head[1]}(...) is divided by {int(head[1] or 1)} symbols, as in d(f)/dx or d2(f)/dx dy"
        raise record.error(message, "states", end + 1)
    return Statement(record, side, relation, right, wrt)


def _closing(text: str, start: int) -> int:
    depth = 1
    for k in range(start, len(text)):
        depth += (text[k] in OPEN) - (text[k] in CLOSE)
        if depth == 0:
            return k
    return -1
