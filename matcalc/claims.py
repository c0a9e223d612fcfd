"""What a person claims a derivative is: an expression in any layout, in matrix or index notation, or a differential."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from . import ir
from .declarations import Declaration
from .functions import FUNCTIONS
from .ir import Node
from .letters import latin_names
from .lower import Lowered, lower_syntax, size_names
from .parsing import Vocabulary, parse
from .shapes import CONSTANTS, with_readings
from .syntax import Equation, Syntax, Where

# `df = `, `d f(X) = `, `dF/dX = `: what is claimed stands after it. A component `d_ij = ` is no such thing.
HEAD = re.compile(r"\s*[d∂]\s*(?:[A-Za-z]\w*|\([^=]*\))?\s*(?:/\s*[d∂]\s*[A-Za-z]\w*\s*)?=")
LAYOUTS = ("mixed", "numerator", "denominator")


@dataclass(frozen=True)
class Written:
    """A claim as it was written: its text without `df =`, its table of symbols, and whether it is a differential."""

    text: str
    table: Mapping[str, Declaration]
    differential: bool

    @property
    def syntax(self) -> Syntax:
        """The claim parsed; errors are those of a text that is not in the language."""
        sizes = size_names(self.table)
        symbols = frozenset(self.table) | CONSTANTS
        return parse(self.text, Vocabulary(symbols=symbols, sizes=sizes, functions=FUNCTIONS.spellings, open=False))

    def lower(self, syntax: Syntax) -> Lowered:
        """The claim, or one like it, in the intermediate representation."""
        return lower_syntax(self.text, syntax, self.table, size_names(self.table))


def written(text: str, table: Mapping[str, Declaration], variable: str | None) -> Written:
    """A claim about a derivative by `variable`; where dX stands in it, it is a differential.

    >>> from .declarations import read_declarations
    >>> table = read_declarations({"X": "matrix(n,m)", "A": "matrix(k,n)"})
    >>> written("dF = A dX", table, "X").text, written("dF = A dX", table, "X").differential
    ('A dX', True)
    """
    if variable is None:
        return Written(text, table, False)
    direction = "d" + variable
    head = HEAD.match(text)
    if head is not None and not re.match(r"\s*d\w*_", head[0]) and not head[0].strip().startswith("delta"):
        text = text[head.end() :].strip()
    if direction in table or not re.search(rf"(?<![A-Za-z0-9_]){direction}", latin_names(text)):
        return Written(text, table, False)
    d = table[variable]
    return Written(text, {**table, direction: Declaration(d.kind, d.sizes)}, True)


def readable(lowered: Lowered) -> Syntax:
    """The syntax with every slash read."""
    return with_readings(lowered.syntax, lowered.reading.scope)


def in_components(lowered: Lowered) -> bool:
    """Whether it is written in index notation, which does not tell rows from columns."""
    root = lowered.syntax
    while isinstance(root, Where):
        root = root.body
    return isinstance(root, Equation) or bool(lowered.reading.typed.type.index)


# --- layouts --------------------------------------------------------------------------------------


def axes_of(layout: str, rank: int, total: int) -> tuple[int, ...]:
    """The axes of a derivative in a layout: numerator layout turns those of the variables round, denominator layout
    puts them first."""
    own, rest = tuple(range(rank)), tuple(range(rank, total))
    return {"mixed": own + rest, "numerator": own + rest[::-1], "denominator": rest + own[::-1]}[layout]


def readings(node: Node, rank: int, layout: str) -> Iterator[tuple[str, Node]]:
    """The claim read in each layout, the given one first: (layout, the node in mixed layout)."""
    seen: set[tuple[int, ...]] = set()
    for name in (layout, *LAYOUTS):
        axes = axes_of(name, rank, node.rank)
        back = tuple(axes.index(k) for k in range(len(axes)))
        if back not in seen:
            seen.add(back)
            yield name, node if back == tuple(range(node.rank)) else ir.transpose(node, back)


def is_row(rank: int, total: int, layout: str) -> bool:
    """Whether a derivative with one axis is a row in a layout: a gradient in numerator layout is one."""
    return total == 1 and layout != "mixed" and (rank == 0) == (layout == "numerator")
