"""Where brackets go: one table of ranks, and one walker that asks a `Style` for the leaves and the joins.

A node is written to a `Piece`, its text and the rank of its loosest operator. Whoever takes it as an operand
says the lowest rank it takes without brackets: its floor. A language is a subclass of `Style` in a file of
its own; where it delimits an operand by itself, as a fraction does in LaTeX, it changes that row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

from ..letters import IMAGINARY
from ..syntax import (
    MINUS_ONE,
    OPERATOR,
    Add,
    Adjoint,
    Bars,
    BigSum,
    Call,
    Differential,
    Div,
    Equation,
    Hadamard,
    HadamardDiv,
    HadamardPow,
    Identity,
    Listed,
    Mul,
    Name,
    Neg,
    Norm,
    Num,
    Partial,
    Pow,
    Sub,
    Syntax,
    Transpose,
    Where,
)

LOOSE, SUM, NEGATIVE, BIG_SUM, WRITTEN, PRODUCT, POSTFIX, ATOM = range(8)

Piece: TypeAlias = tuple[str, int]


class Level(NamedTuple):
    """The rank of an operator, and the floors of its first and of its later operands."""

    rank: int
    first: int
    later: int


LEVELS: Final[Mapping[str, Level]] = {
    "+": Level(SUM, NEGATIVE, NEGATIVE),
    "-": Level(NEGATIVE, BIG_SUM, BIG_SUM),
    "sum": Level(BIG_SUM, BIG_SUM, BIG_SUM),
    ".*": Level(WRITTEN, WRITTEN, PRODUCT),
    "kron": Level(WRITTEN, WRITTEN, PRODUCT),
    "./": Level(WRITTEN, WRITTEN, POSTFIX),
    "/": Level(WRITTEN, WRITTEN, POSTFIX),
    "": Level(PRODUCT, POSTFIX, POSTFIX),
    "^": Level(POSTFIX, ATOM, LOOSE),
}


class Style(ABC):
    """The leaves and the joins of one language; operands come with the brackets they need."""

    levels: ClassVar[Mapping[str, Level]] = LEVELS
    special: ClassVar[Mapping[str, Callable[[Any, Call], Piece]]] = {}
    """Functions with a notation of their own."""

    @abstractmethod
    def bracket(self, text: str) -> str: ...
    @abstractmethod
    def number(self, value: Fraction) -> Piece: ...
    @abstractmethod
    def name(self, name: str) -> str: ...
    @abstractmethod
    def imaginary(self, number: str) -> str:
        """A number times the imaginary unit."""

    @abstractmethod
    def identity(self, size: Syntax | None) -> str: ...
    @abstractmethod
    def call(self, function: str, args: Sequence[str]) -> str: ...
    @abstractmethod
    def negative(self, arg: str) -> str: ...
    @abstractmethod
    def total(self, terms: Sequence[tuple[bool, str]]) -> str:
        """A sum of terms, each with whether it is subtracted."""

    @abstractmethod
    def product(self, factors: Sequence[str]) -> str: ...
    @abstractmethod
    def operation(self, operator: str, operands: Sequence[str]) -> str:
        """Operands joined by `.*`, `./`, `/` or `kron`."""

    @abstractmethod
    def mark(self, base: str, mark: str) -> str:
        """A base with one of the marks `T -1 -T H -H +`."""

    @abstractmethod
    def power(self, base: str, exponent: Syntax) -> str: ...
    @abstractmethod
    def elementwise_power(self, base: str, exponent: Syntax) -> str: ...
    @abstractmethod
    def bars(self, arg: str) -> str: ...
    @abstractmethod
    def norm(self, arg: str, kind: str) -> str: ...
    @abstractmethod
    def component(self, base: str, indices: Sequence[str | int]) -> str: ...
    @abstractmethod
    def big_sum(self, indices: Sequence[str], body: str) -> str: ...
    @abstractmethod
    def equation(self, left: str, body: str) -> str: ...
    @abstractmethod
    def where(self, body: str, parts: Sequence[tuple[str, str, bool]]) -> str:
        """The body, and (name, value, whether it is a range from 1 to that value) for each part."""

    @abstractmethod
    def listed(self, rows: Sequence[Sequence[str]], is_matrix: bool) -> str:
        """A vector or a matrix by its entries."""

    @abstractmethod
    def differential(self, arg: str) -> str: ...
    @abstractmethod
    def partial(self, arg: str, wrt: str) -> str: ...
    def delta(self) -> str:
        """The letter of an identity that has indices."""
        return self.name("delta")


def write(node: Syntax, style: Style, floor: int = LOOSE) -> str:
    """The text of `node`, in brackets where its rank is below `floor`."""
    try:
        handler = _HANDLERS[type(node)]
    except KeyError:
        raise TypeError(f"{type(node).__name__} is never printed") from None
    text, rank = handler(node, style)
    return text if rank >= floor else style.bracket(text)


def _num(node: Num, style: Style) -> Piece:
    return style.number(node.value)


def _name(node: Name, style: Style) -> Piece:
    return style.name(node.name), ATOM


def _identity(node: Identity, style: Style) -> Piece:
    return style.identity(node.size), ATOM


def _call(node: Call, style: Style) -> Piece:
    special = style.special.get(node.function)
    if special is not None:
        return special(style, node)
    return style.call(node.function, [write(a, style) for a in node.args]), ATOM


def _neg(node: Neg, style: Style) -> Piece:
    level = style.levels["-"]
    return style.negative(write(node.arg, style, level.first)), level.rank


def _add(node: Add, style: Style) -> Piece:
    level, operand = style.levels["+"], style.levels["-"].first
    terms = [
        (True, write(t.arg, style, operand)) if type(t) is Neg else (False, write(t, style, level.later))
        for t in node.terms
    ]
    return style.total(terms), level.rank


def _starts_with_number(node: Syntax) -> bool:
    while True:
        match node:
            case Pow(arg, _) | HadamardPow(arg, _) | Transpose(arg) | Adjoint(arg) | Call("pinv", (arg,)):
                node = arg
            case _:
                return type(node) is Num


def _ends_openly(node: Syntax) -> bool:
    """Whether a number right after `node` could be read as part of it: `2 3`, `x^2 3`, `x_1 3`."""
    return type(node) is not Call and (type(node) is not Name or node.name[-1:].isdigit())


def _factor(before: Syntax, node: Syntax, style: Style, floor: int) -> str:
    if _starts_with_number(node) and _ends_openly(before):
        floor = ATOM + 1
    return write(node, style, floor)


def _mul(node: Mul, style: Style) -> Piece:
    level, factors = style.levels[""], node.factors
    rank, head, last = level.rank, factors[0], factors[-1]
    start = 1
    if type(head) is Num:
        # a fraction in front is read as one number, but the slash shows: nothing may stand to its left
        text, own = style.number(head.value)
        if own == ATOM and type(factors[1]) is Name and factors[1].name == IMAGINARY:
            text, start = style.imaginary(text), 2
        texts, rank = [text], min(rank, own)
    else:
        texts = [write(head, style, level.first)]
    if start == len(factors):
        return texts[0], rank
    for k in range(start, len(factors) - 1):
        texts.append(_factor(factors[k - 1], factors[k], style, level.later))
    if type(last) is BigSum:
        # the last factor may be open to the right; then so is the product
        texts.append(write(last, style))
        rank = min(rank, style.levels["sum"].rank)
    else:
        texts.append(_factor(factors[-2], last, style, level.later))
    return style.product(texts), rank


def operands(operator: str, parts: Sequence[Syntax], style: Style) -> Piece:
    """Parts joined by a written operator, grouped to the left."""
    level = style.levels[operator]
    texts = [write(parts[0], style, level.first), *(write(p, style, level.later) for p in parts[1:])]
    return style.operation(operator, texts), level.rank


def _hadamard(node: Hadamard, style: Style) -> Piece:
    head = node.factors[0]
    if type(head) is not Hadamard:
        return operands(".*", node.factors, style)
    # the parser makes one node of a chain, so a chain in front of a chain keeps its brackets
    level = style.levels[".*"]
    texts = [write(f, style, level.later) for f in node.factors]
    return style.operation(".*", texts), level.rank


def _hadamard_div(node: HadamardDiv, style: Style) -> Piece:
    return operands("./", (node.numerator, node.denominator), style)


def _ends_with_number(node: Syntax, style: Style) -> bool:
    while True:
        match node:
            case Mul(parts) | Hadamard(parts):
                node = parts[-1]
            case Call("kron", parts) if "kron" in style.special:
                node = parts[-1]
            case _:
                return type(node) is Num


def _div(node: Div, style: Style) -> Piece:
    level, over, under = style.levels["/"], node.numerator, node.denominator
    first = level.first
    if first and type(under) is Num and _ends_with_number(over, style):
        # `x 3 / 2` would be read as x times the number 3/2
        first = ATOM + 1
    texts = (write(over, style, first), write(under, style, level.later))
    return style.operation("/", texts), level.rank


def marked(node: Syntax, mark: str, style: Style) -> Piece:
    """`node` with a mark such as `T`, its operand in brackets unless it is an atom."""
    level = style.levels["^"]
    return style.mark(write(node, style, level.first), mark), level.rank


def _pow(node: Pow, style: Style) -> Piece:
    if node.exponent == MINUS_ONE:
        return marked(node.base, "-1", style)
    level = style.levels["^"]
    return style.power(write(node.base, style, level.first), node.exponent), level.rank


def _hadamard_pow(node: HadamardPow, style: Style) -> Piece:
    level = style.levels["^"]
    return style.elementwise_power(write(node.base, style, level.first), node.exponent), level.rank


def _transpose(node: Transpose, style: Style) -> Piece:
    arg = node.arg
    if type(arg) is Pow and arg.exponent == MINUS_ONE:
        return marked(arg.base, "-T", style)
    return marked(arg, "T", style)


def _adjoint(node: Adjoint, style: Style) -> Piece:
    arg = node.arg
    if type(arg) is Pow and arg.exponent == MINUS_ONE:
        return marked(arg.base, "-H", style)
    return marked(arg, "H", style)


def _bars(node: Bars, style: Style) -> Piece:
    return style.bars(write(node.arg, style)), ATOM


def _norm(node: Norm, style: Style) -> Piece:
    return style.norm(write(node.arg, style), node.kind), ATOM


def _sub(node: Sub, style: Style) -> Piece:
    base = node.base
    if type(base) is Name and base.name != "delta":
        text = style.name(base.name)
    elif type(base) is Identity and base.size is None:
        text = style.delta()
    else:
        bare = type(base) is Listed or (type(base) is Call and base.function not in style.special)
        text = write(base, style, ATOM if bare else ATOM + 1)
    return style.component(text, node.indices), ATOM


def _big_sum(node: BigSum, style: Style) -> Piece:
    level = style.levels["sum"]
    return style.big_sum(node.indices, write(node.body, style, level.first)), level.rank


def _equation(node: Equation, style: Style) -> Piece:
    left = style.name(node.name)
    if node.indices:
        left = style.component(left, node.indices)
    return style.equation(left, write(node.body, style)), LOOSE


def _where(node: Where, style: Style) -> Piece:
    parts = [(style.name(n), write(v, style), False) for n, v in node.bindings]
    parts += [(style.name(n), write(v, style, POSTFIX), True) for n, v in node.ranges]
    return style.where(write(node.body, style), parts), LOOSE


def _listed(node: Listed, style: Style) -> Piece:
    return style.listed([[write(x, style) for x in row] for row in node.rows], node.is_matrix), ATOM


def _differential(node: Differential, style: Style) -> Piece:
    return style.differential(write(node.arg, style, ATOM)), ATOM


def _partial(node: Partial, style: Style) -> Piece:
    arg = "" if node.arg == OPERATOR else write(node.arg, style, ATOM)
    return style.partial(arg, write(node.wrt, style, ATOM)), POSTFIX


_HANDLERS: Final[dict[type[Syntax], Callable[[Any, Style], Piece]]] = {
    Num: _num,
    Name: _name,
    Identity: _identity,
    Call: _call,
    Neg: _neg,
    Add: _add,
    Mul: _mul,
    Hadamard: _hadamard,
    HadamardDiv: _hadamard_div,
    HadamardPow: _hadamard_pow,
    Div: _div,
    Pow: _pow,
    Transpose: _transpose,
    Adjoint: _adjoint,
    Bars: _bars,
    Norm: _norm,
    Sub: _sub,
    BigSum: _big_sum,
    Equation: _equation,
    Where: _where,
    Listed: _listed,
    Differential: _differential,
    Partial: _partial,
}
