"""MathML Core, for web pages: every join gives one element, and all text is escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from html import escape
from typing import Any, ClassVar, Final

from ..letters import IMAGINARY
from ..syntax import Call, Syntax
from .names import GREEK, clean, split
from .numbers import integer, scientific
from .precedence import (
    ATOM,
    LEVELS,
    LOOSE,
    POSTFIX,
    PRODUCT,
    Level,
    Piece,
    Style,
    operands,
    write,
)
from .scalars import is_scalar
from .text import pseudo_inverse

OPERATORS: Final = {".*": "⊙", "./": "⊘", "kron": "⊗"}
TIMES: Final = "<mo>&#x2062;</mo>"
APPLY: Final = "<mo>&#x2061;</mo>"


def _mi(text: str) -> str:
    return f"<mi>{escape(text)}</mi>"


def _mo(text: str) -> str:
    return f"<mo>{escape(text)}</mo>"


def _mn(text: str) -> str:
    return f"<mn>{escape(text)}</mn>"


def _row(*parts: str) -> str:
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


def _letters(stem: str) -> str:
    return _mi(GREEK.get(stem) or clean(stem))


def _kron(style: Style, node: Call) -> Piece:
    return operands("kron", node.args, style)


def _sqrt(style: Style, node: Call) -> Piece:
    return f"<msqrt>{write(node.args[0], style)}</msqrt>", ATOM


def _abs(style: MathML, node: Call) -> Piece:
    inner = write(node.args[0], style)
    return style.bars(inner) if is_scalar(node.args[0], style.scalars) else style.call("abs", [inner]), ATOM


def _conj(style: Style, node: Call) -> Piece:
    return f"<mover>{write(node.args[0], style)}{_mo('¯')}</mover>", ATOM


def _ones(style: Style, node: Call) -> Piece:
    return _mn("1"), ATOM


UNIT: Final = "<mi>i</mi>"
MARKS: Final = {
    "T": "<mo>⊤</mo>",
    "-1": _row(_mo("−"), _mn("1")),
    "-T": _row(_mo("−"), "<mo>⊤</mo>"),
    "H": "<mi>H</mi>",
    "-H": _row(_mo("−"), "<mi>H</mi>"),
    "+": "<mo>+</mo>",
}


class MathML(Style):
    """The joins of MathML; fractions, radicals and exponents delimit by themselves."""

    def __init__(self, scalars: frozenset[str] = frozenset()) -> None:
        self.scalars = scalars

    levels: ClassVar[Mapping[str, Level]] = {**LEVELS, "/": Level(POSTFIX, LOOSE, LOOSE)}
    special: ClassVar[Mapping[str, Callable[[Any, Call], Piece]]] = {
        "pinv": pseudo_inverse,
        "kron": _kron,
        "sqrt": _sqrt,
        "abs": _abs,
        "conj": _conj,
        "ones_like_vector": _ones,
        "ones_like_matrix": _ones,
    }

    def bracket(self, text: str) -> str:
        return _row(_mo("("), text, _mo(")"))

    def number(self, value: Fraction) -> Piece:
        short = scientific(value)
        if short is not None:
            mantissa, exponent = short
            sign = [_mo("−")] if exponent < 0 else []
            power = f"<msup><mn>10</mn>{_row(*sign, _mn(str(abs(exponent))))}</msup>"
            return (power, POSTFIX) if mantissa == "1" else (_row(_mn(mantissa), _mo("·"), power), PRODUCT)
        top = _mn(integer(value.numerator))
        if value.denominator == 1:
            return top, ATOM
        return f"<mfrac>{top}{_mn(integer(value.denominator))}</mfrac>", POSTFIX

    def name(self, name: str) -> str:
        if name == IMAGINARY:
            return UNIT
        stem, digits = split(name)
        return f"<msub>{_letters(stem)}{_mn(digits)}</msub>" if digits else _letters(stem)

    def imaginary(self, number: str) -> str:
        return number + TIMES + UNIT

    def identity(self, size: Syntax | None) -> str:
        return "<mi>I</mi>" if size is None else f"<msub><mi>I</mi>{write(size, self)}</msub>"

    def call(self, function: str, args: Sequence[str]) -> str:
        listed = _mo(",").join(args)
        return _row(_mi(clean(function)), APPLY, self.bracket(_row(listed) if len(args) == 1 else listed))

    def negative(self, arg: str) -> str:
        return _row(_mo("−"), arg)

    def total(self, terms: Sequence[tuple[bool, str]]) -> str:
        subtracted, first = terms[0]
        texts = [_mo("−"), first] if subtracted else [first]
        for subtracted, term in terms[1:]:
            texts += [_mo("−" if subtracted else "+"), term]
        return _row(*texts)

    def product(self, factors: Sequence[str]) -> str:
        return f"<mrow>{TIMES.join(factors)}</mrow>"

    def operation(self, operator: str, operands: Sequence[str]) -> str:
        if operator == "/":
            return f"<mfrac>{operands[0]}{operands[1]}</mfrac>"
        return f"<mrow>{_mo(OPERATORS[operator]).join(operands)}</mrow>"

    def mark(self, base: str, mark: str) -> str:
        return f"<msup>{base}{MARKS[mark]}</msup>"

    def power(self, base: str, exponent: Syntax) -> str:
        return f"<msup>{base}{write(exponent, self)}</msup>"

    def elementwise_power(self, base: str, exponent: Syntax) -> str:
        return f"<msup>{base}{_row(_mo('∘'), write(exponent, self))}</msup>"

    def bars(self, arg: str) -> str:
        return _row(_mo("|"), arg, _mo("|"))

    def norm(self, arg: str, kind: str) -> str:
        body = _row(_mo("‖"), arg, _mo("‖"))
        if not kind:
            return body
        if kind == "inf":
            label = _mi("∞")
        elif kind == "*":
            label = _mo("*")
        else:
            label = _mn(kind) if kind.isdigit() else self.name(kind)
        return f"<msub>{body}{label}</msub>"

    def _indices(self, indices: Sequence[str | int]) -> str:
        return _row(*(_mn(integer(i)) if isinstance(i, int) else self.name(i) for i in indices))

    def component(self, base: str, indices: Sequence[str | int]) -> str:
        return f"<msub>{base}{self._indices(indices)}</msub>"

    def big_sum(self, indices: Sequence[str], body: str) -> str:
        return _row(f"<msub><mo>∑</mo>{self._indices(indices)}</msub>", body)

    def equation(self, left: str, body: str) -> str:
        return _row(left, _mo("="), body)

    def listed(self, rows: Sequence[Sequence[str]], is_matrix: bool) -> str:
        lines = rows if is_matrix else [[x] for x in rows[0]]
        cells = ("".join(f"<mtd>{x}</mtd>" for x in line) for line in lines)
        table = "".join(f"<mtr>{row}</mtr>" for row in cells)
        return _row(_mo("("), f"<mtable>{table}</mtable>", _mo(")"))

    def differential(self, arg: str) -> str:
        return _row(_mi("d"), arg)

    def partial(self, arg: str, wrt: str) -> str:
        return f"<mfrac>{_row(_mi('∂'), arg)}{_row(_mi('∂'), wrt)}</mfrac>"

    def where(self, body: str, parts: Sequence[tuple[str, str, bool]]) -> str:
        texts = [body]
        for k, (name, value, ranged) in enumerate(parts):
            texts.append(_mo(",") if k else "<mtext>&#xA0;where&#xA0;</mtext>")
            texts += [name, _mo("="), *([_mn("1"), _mo("…")] if ranged else []), value]
        return _row(*texts)


def mathml(node: Syntax, scalars: frozenset[str] = frozenset()) -> str:
    """The tree as a `math` element.

    >>> from matcalc.syntax import Num
    >>> mathml(Num(Fraction(1, 2)))
    '<math xmlns="http://www.w3.org/1998/Math/MathML"><mfrac><mn>1</mn><mn>2</mn></mfrac></math>'
    """
    return f'<math xmlns="http://www.w3.org/1998/Math/MathML">{write(node, MathML(scalars))}</math>'
