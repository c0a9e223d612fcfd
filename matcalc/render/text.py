"""Plain text: the input language itself, so that what is printed parses back to the same tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from ..letters import IMAGINARY
from ..syntax import Call, Name, Neg, Num, Syntax
from .numbers import integer, plain
from .precedence import ATOM, WRITTEN, Piece, Style, marked, write

MARKS = {"T": "^T", "-1": "^-1", "-T": "^-T", "H": "^H", "-H": "^-H", "+": "^+"}
OPERATORS = {".*": " .* ", "./": " ./ ", "/": " / ", "kron": " kron "}
KINDS = frozenset(("inf", "max"))


def pseudo_inverse(style: Style, node: Call) -> Piece:
    """`A^+`."""
    return marked(node.args[0], "+", style) if len(node.args) == 1 else (_plain_call(style, node), ATOM)


def _plain_call(style: Style, node: Call) -> str:
    return style.call(node.function, [write(a, style) for a in node.args])


def _ones_like_vector(style: Style, node: Call) -> Piece:
    return style.call("vector", ["1"]), ATOM


def _ones_like_matrix(style: Style, node: Call) -> Piece:
    return style.call("matrix", ["1"]), ATOM


def reads_as_mark(name: str) -> bool:
    """Whether a name after `^` is taken for a transpose: `A^T`, and `X^TA` too."""
    return name[:1] in ("T", "H")


def stands_bare(node: Syntax) -> bool:
    """Whether `node` is an exponent that needs no brackets."""
    if type(node) is Num:
        return node.value.denominator == 1
    return type(node) is Name and not reads_as_mark(node.name)


def is_short(size: Syntax) -> bool:
    """Whether `size` can stand as the subscript of `I`."""
    if type(size) is Num:
        return size.value.denominator == 1 and size.value < 10
    return type(size) is Name and len(size.name) == 1


def index_text(indices: Sequence[str | int]) -> str:
    """Indices side by side, or in braces with commas where one has more than one character."""
    texts = [i if type(i) is str else integer(int(i)) for i in indices]
    if all(len(t) == 1 for t in texts):
        return "".join(texts)
    return "{" + ",".join(texts) + ("," if len(texts) == 1 else "") + "}"


def apart(operand: str) -> str:
    """The operand of a `d`, after a space where it starts with a word or a bar: `dX`, `d(A x)`, `d tr(A)`."""
    return f" {operand}" if re.match(r"[A-Za-z]{2}|[\d|‖]", operand) else operand


class Text(Style):
    """The joins of the input language in ASCII."""

    minus: ClassVar[str] = "-"
    marks: ClassVar[Mapping[str, str]] = MARKS
    operators: ClassVar[Mapping[str, str]] = OPERATORS
    special: ClassVar[Mapping[str, Callable[[Any, Call], Piece]]] = {
        "pinv": pseudo_inverse,
        "ones_like_vector": _ones_like_vector,
        "ones_like_matrix": _ones_like_matrix,
    }

    def bracket(self, text: str) -> str:
        return f"({text})"

    def number(self, value: Fraction) -> Piece:
        text, slash = plain(value)
        return text, WRITTEN if slash else ATOM

    def name(self, name: str) -> str:
        return name

    def imaginary(self, number: str) -> str:
        return number + IMAGINARY[1:]

    def identity(self, size: Syntax | None) -> str:
        if size is None:
            return "I"
        text = write(size, self)
        return f"I_{text}" if is_short(size) else f"eye({text})"

    def call(self, function: str, args: Sequence[str]) -> str:
        return f"{function}({', '.join(args)})"

    def negative(self, arg: str) -> str:
        return self.minus + arg

    def total(self, terms: Sequence[tuple[bool, str]]) -> str:
        minus = self.minus
        subtracted, first = terms[0]
        texts = [minus + first if subtracted else first]
        for subtracted, term in terms[1:]:
            texts.append(f" {minus} {term}" if subtracted else f" + {term}")
        return "".join(texts)

    def product(self, factors: Sequence[str]) -> str:
        return " ".join(factors)

    def operation(self, operator: str, operands: Sequence[str]) -> str:
        return self.operators[operator].join(operands)

    def mark(self, base: str, mark: str) -> str:
        return base + self.marks[mark]

    def exponent(self, node: Syntax) -> str:
        core = node.arg if type(node) is Neg else node
        text = write(node, self)
        return text if stands_bare(core) else f"({text})"

    def power(self, base: str, exponent: Syntax) -> str:
        return f"{base}^{self.exponent(exponent)}"

    def elementwise_power(self, base: str, exponent: Syntax) -> str:
        return f"{base}.^{self.exponent(exponent)}"

    def bars(self, arg: str) -> str:
        # which bar closes which is a guess for people and parsers alike, so bars within bars get brackets
        return f"|({arg})|" if "|" in arg else f"|{arg}|"

    def norm(self, arg: str, kind: str) -> str:
        body = f"||({arg})||" if "|" in arg else f"||{arg}||"
        if not kind:
            return body
        short = len(kind) == 1 or kind in KINDS or kind.isdigit()
        return f"{body}_{kind}" if short else f"{body}_{{{kind}}}"

    def component(self, base: str, indices: Sequence[str | int]) -> str:
        return f"{base}_{index_text(indices)}"

    def big_sum(self, indices: Sequence[str], body: str) -> str:
        return f"sum_{index_text(indices)} {body}"

    def equation(self, left: str, body: str) -> str:
        return f"{left} = {body}"

    def listed(self, rows: Sequence[Sequence[str]], is_matrix: bool) -> str:
        joined = [", ".join(row) for row in rows]
        if is_matrix and len(rows) == 1:
            return f"[[{joined[0]}]]"
        return f"[{'; '.join(joined)}]"

    def differential(self, arg: str) -> str:
        return f"d{apart(arg)}"

    def partial(self, arg: str, wrt: str) -> str:
        return f"d{apart(arg)}/d{apart(wrt)}"

    def where(self, body: str, parts: Sequence[tuple[str, str, bool]]) -> str:
        if not parts:
            return body
        listed = (f"{name} = 1..{value}" if ranged else f"{name} = {value}" for name, value, ranged in parts)
        return f"{body} where {', '.join(listed)}"


_STYLE = Text()


def text(node: Syntax) -> str:
    """The tree in the input language; parsing it gives the tree back.

    >>> from matcalc.syntax import Mul, Transpose
    >>> x, A = Name("x"), Name("A")
    >>> text(Mul((Num(Fraction(1, 2)), Transpose(x), A, x)))
    '1/2 x^T A x'
    """
    return write(node, _STYLE)
