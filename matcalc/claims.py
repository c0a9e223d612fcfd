"""What a person claims a derivative is: an expression in any layout, in matrix or index notation, or a differential."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from .declarations import Declaration
from .errors import MatcalcError, ShapeError
from .functions import FUNCTIONS
from .ir import COMPLEX, Labels, Shape
from .letters import latin_names
from .lower import Lowered, lower_syntax, size_names
from .parsing import Vocabulary, parse
from .places import base_of
from .shapes import CONSTANTS, with_readings
from .sizes import Size
from .syntax import Add, Call, Equation, Name, Num, Sub, Syntax, Where, walk

# `df = `, `d f(X) = `, `dF/dX = `: what is claimed stands after it. A component `d_ij = ` is no such thing.
HEAD = re.compile(r"\s*[d∂]\s*(?:[A-Za-z]\w*|\([^=]*\))?\s*(?:/\s*[d∂]\s*[A-Za-z]\w*\s*)?=")
LAYOUTS = ("mixed", "numerator", "denominator")


@dataclass(frozen=True)
class Written:
    """A claim as it was written: its text without `df =`, its table of symbols, and whether it is a differential."""

    text: str
    table: Mapping[str, Declaration]
    differential: bool
    wanted: tuple[Size, ...] = ()

    @property
    def syntax(self) -> Syntax:
        """The claim parsed; errors are those of a text that is not in the language."""
        sizes = size_names(self.table)
        symbols = frozenset(self.table)
        return parse(self.text, Vocabulary(symbols, sizes, FUNCTIONS.spellings, open=False, constants=CONSTANTS))

    def lower(self, syntax: Syntax) -> Lowered:
        """The claim, or one like it, in the intermediate representation; what is asked for fixes sizes left open."""
        try:
            plain = self._lower(syntax)
            if plain.node.rank == len(self.wanted) or not plain.node.shape:
                return plain
        except ShapeError as error:
            found = self._completed(syntax)
            if found is None:
                raise error
            return found
        return self._completed(syntax) or plain

    def _lower(self, syntax: Syntax) -> Lowered:
        return lower_syntax(self.text, syntax, self.table, size_names(self.table))

    def _completed(self, syntax: Syntax) -> Lowered | None:
        for form in _completions(syntax, self.wanted):
            try:
                lowered = self._lower(form)
            except MatcalcError:
                continue
            if lowered.node.rank == len(self.wanted):
                return lowered
        return None


def _completions(syntax: Syntax, shape: Sequence[Size]) -> Iterator[Syntax]:
    """The claim with the sizes of its axes: `delta_ik delta_jl where i = 1..n`, or with a sum that fixes those of I."""
    sizes = [_size(s) for s in shape]
    known = [s for s in sizes if s is not None]
    if len(known) < len(sizes) or isinstance(syntax, Where | Equation):
        return
    term = syntax.terms[0] if isinstance(syntax, Add) else syntax
    count = Counter(k for x in walk(term) if isinstance(x, Sub) for k in x.indices if isinstance(k, str))
    if not count:
        if 1 <= len(shape) <= 2:
            yield Add((syntax, Call("zeros", tuple(known))))
        return
    for letters in (sorted(k for k, times in count.items() if times == 1), sorted(count)):
        if len(letters) == len(known):
            for order in (letters, letters[len(letters) // 2 :] + letters[: len(letters) // 2]):
                ranges = tuple(zip(order, known, strict=True))
                yield Where(syntax, (), ranges)
                yield Where(Equation("D", tuple(letters), syntax), (), ranges)


def _size(size: Size) -> Syntax | None:
    if size.name is not None:
        return Name(size.name)
    return None if size.number is None else Num(Fraction(size.number))


def written(
    text: str, table: Mapping[str, Declaration], variable: str | None, root: Shape = (), shape: Shape = ()
) -> Written:
    """A claim about a derivative by `variable`; where dX stands in it, it is a differential.

    `root` is the shape of what is differentiated, `shape` that of the derivative.

    >>> from .declarations import read_declarations
    >>> table = read_declarations({"X": "matrix(n,m)", "A": "matrix(k,n)"})
    >>> written("dF = A dX", table, "X").text, written("dF = A dX", table, "X").differential
    ('A dX', True)
    """
    if variable is None:
        return Written(text, table, False, tuple(shape))
    variable = base_of(variable, table)
    direction = "d" + variable
    head = HEAD.match(text)
    if head is not None and not re.match(r"\s*d\w*_", head[0]) and not head[0].strip().startswith("delta"):
        text = text[head.end() :].strip()
    if direction in table or not re.search(rf"(?<![A-Za-z0-9_]){direction}", latin_names(text)):
        return Written(text, table, False, tuple(shape))
    d = table[variable]
    change = Declaration(d.kind, d.sizes, d.attributes & COMPLEX)
    return Written(text, {**table, direction: change}, True, tuple(root))


def readable(lowered: Lowered) -> Syntax:
    """The syntax with every slash read."""
    return with_readings(lowered.syntax, lowered.reading.scope)


def in_components(lowered: Lowered) -> bool:
    """Whether it is written in index notation, which does not tell rows from columns."""
    root = lowered.syntax
    while isinstance(root, Where):
        root = root.body
    typed = lowered.reading.typed
    return isinstance(root, Equation) or bool(typed.type.index) or typed.choice == "axes"


# --- layouts --------------------------------------------------------------------------------------


VARIABLE_FIRST = "variable first"


def axes_of(layout: str, rank: int, total: int) -> tuple[int, ...]:
    """The axes of a derivative in a layout: numerator layout turns those of the variables round, denominator layout
    puts them first."""
    own, rest = tuple(range(rank)), tuple(range(rank, total))
    return {"mixed": own + rest, "numerator": own + rest[::-1], "denominator": rest + own[::-1]}[layout]


def readings(total: int, rank: int, layout: str, components: bool = False) -> Iterator[tuple[str, Labels]]:
    """The layouts a claim of so many axes may be in, the given one first, each with the axes of the mixed one.

    In components the indices of the variable may come first in the alphabet: d (X^2)_kl / d X_ij.
    """
    seen: set[Labels] = set()
    for name in (layout, *LAYOUTS):
        axes = axes_of(name, rank, total)
        back = tuple(axes.index(k) for k in range(total))
        if back not in seen:
            seen.add(back)
            yield name, back
    if components and total > 2:
        yield VARIABLE_FIRST, tuple(range(total - rank, total)) + tuple(range(total - rank))


def is_row(rank: int, total: int, layout: str) -> bool:
    """Whether a derivative with one axis is a row in a layout: a gradient in numerator layout is one."""
    return total == 1 and layout != "mixed" and (rank == 0) == (layout == "numerator")
