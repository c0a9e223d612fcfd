"""LaTeX, for the mathematics of any engine: only commands that LaTeX, KaTeX and MathJax all have."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Final

from ..functions import FUNCTIONS, SPELLING
from ..letters import IMAGINARY
from ..syntax import Call, Name, Neg, Num, Syntax
from .names import GREEK, clean, split
from .numbers import integer, plain, scientific
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
from .text import pseudo_inverse, reads_as_mark

MARKS: Final = {
    "T": r"^{\top}",
    "-1": "^{-1}",
    "-T": r"^{-\top}",
    "H": r"^{\mathsf{H}}",
    "-H": r"^{-\mathsf{H}}",
    "+": "^{+}",
}
UNIT: Final = r"\mathrm{i}"
OPERATORS: Final = {".*": r" \odot ", "./": r" \oslash ", "kron": r" \otimes "}
COMMANDS: Final = re.compile("exp|log|(?:arc)?(?:sin|cos|tan)|(?:sin|cos|tan)h|det|max|min").fullmatch
KINDS: Final = {"": "", "F": "F", "*": "*", "inf": r"\infty", "max": r"\max"}


def _letters(stem: str) -> str:
    if stem in GREEK:
        return f"\\{stem}"
    text = clean(stem).replace("_", r"\_")
    return text if len(text) == 1 else rf"\mathrm{{{text}}}"


def _index(index: str | int) -> str:
    if type(index) is int:
        return integer(index)
    text = str(index)
    return text if len(text) == 1 and text.isalnum() else _letters(text)


def _kron(style: Style, node: Call) -> Piece:
    return operands("kron", node.args, style)


def _sqrt(style: Style, node: Call) -> Piece:
    return rf"\sqrt{{{write(node.args[0], style)}}}", ATOM


def _abs(style: Latex, node: Call) -> Piece:
    inner = write(node.args[0], style)
    return style.bars(inner) if is_scalar(node.args[0], style.scalars) else style.call("abs", [inner]), ATOM


def _conj(style: Style, node: Call) -> Piece:
    return rf"\overline{{{write(node.args[0], style)}}}", ATOM


def _filled(letter: str) -> Callable[[Style, Call], Piece]:
    def piece(style: Style, node: Call) -> Piece:
        sizes = r" \times ".join(write(a, style) for a in node.args)
        return f"{letter}_{{{sizes}}}", ATOM

    return piece


def _ones(style: Style, node: Call) -> Piece:
    return r"\mathbf{1}", ATOM


def _unit(style: Style, node: Call) -> Piece:
    return f"e_{{{write(node.args[0], style)}}}", ATOM


class Latex(Style):
    """The joins of LaTeX; fractions, radicals and exponents delimit by themselves."""

    def __init__(self, scalars: frozenset[str] = frozenset()) -> None:
        self.scalars = scalars

    levels: ClassVar[Mapping[str, Level]] = {**LEVELS, "/": Level(POSTFIX, LOOSE, LOOSE)}
    special: ClassVar[Mapping[str, Callable[[Any, Call], Piece]]] = {
        "pinv": pseudo_inverse,
        "kron": _kron,
        "sqrt": _sqrt,
        "abs": _abs,
        "conj": _conj,
        "ones": _filled(r"\mathbf{1}"),
        "ones_like_vector": _ones,
        "ones_like_matrix": _ones,
        "zeros": _filled(r"\mathbf{0}"),
        "e": _unit,
    }

    def bracket(self, text: str) -> str:
        tall = r"\frac" in text or r"\sum" in text
        return rf"\left({text}\right)" if tall else f"({text})"

    def number(self, value: Fraction) -> Piece:
        short = scientific(value)
        if short is not None:
            mantissa, exponent = short
            power = f"10^{{{exponent}}}"
            return (power, POSTFIX) if mantissa == "1" else (rf"{mantissa} \cdot {power}", PRODUCT)
        if value.denominator == 1:
            return integer(value.numerator), ATOM
        return rf"\frac{{{integer(value.numerator)}}}{{{integer(value.denominator)}}}", POSTFIX

    def name(self, name: str) -> str:
        if len(name) == 1 and name.isalnum():
            return name
        if name == IMAGINARY:
            return UNIT
        stem, digits = split(name)
        return f"{_letters(stem)}_{{{digits}}}" if digits else _letters(stem)

    def imaginary(self, number: str) -> str:
        return f"{number} {UNIT}"

    def identity(self, size: Syntax | None) -> str:
        return "I" if size is None else f"I_{{{write(size, self)}}}"

    def call(self, function: str, args: Sequence[str]) -> str:
        spelling = FUNCTIONS[function].fields.get("latex", "") if function in FUNCTIONS else ""
        if SPELLING.fullmatch(spelling):
            command = spelling if spelling[0] == "\\" else rf"\operatorname{{{spelling}}}"
        elif COMMANDS(function):
            command = f"\\{function}"
        else:
            command = rf"\operatorname{{{clean(function)}}}".replace("_", r"\_")
        return command + self.bracket(", ".join(args))

    def negative(self, arg: str) -> str:
        return f"-{arg}"

    def total(self, terms: Sequence[tuple[bool, str]]) -> str:
        subtracted, first = terms[0]
        texts = [f"-{first}" if subtracted else first]
        texts += [f" - {term}" if subtracted else f" + {term}" for subtracted, term in terms[1:]]
        return "".join(texts)

    def product(self, factors: Sequence[str]) -> str:
        return " ".join(factors)

    def operation(self, operator: str, operands: Sequence[str]) -> str:
        if operator == "/":
            return rf"\frac{{{operands[0]}}}{{{operands[1]}}}"
        return OPERATORS[operator].join(operands)

    def mark(self, base: str, mark: str) -> str:
        return base + MARKS[mark]

    def exponent(self, node: Syntax) -> str:
        sign, core = ("-", node.arg) if type(node) is Neg else ("", node)
        if type(core) is Num:
            text, slash = plain(core.value)
            return sign + text if slash else write(node, self)
        text = write(node, self)
        return self.bracket(text) if type(core) is Name and reads_as_mark(core.name) else text

    def power(self, base: str, exponent: Syntax) -> str:
        return f"{base}^{{{self.exponent(exponent)}}}"

    def elementwise_power(self, base: str, exponent: Syntax) -> str:
        return rf"{base}^{{\circ {self.exponent(exponent)}}}"

    def bars(self, arg: str) -> str:
        return rf"\lvert {arg}\rvert"

    def norm(self, arg: str, kind: str) -> str:
        if not kind:
            return rf"\lVert {arg}\rVert"
        text = KINDS.get(kind) or (kind if kind.isdigit() else self.name(kind))
        return rf"\lVert {arg}\rVert_{{{text}}}"

    def component(self, base: str, indices: Sequence[str | int]) -> str:
        texts = [_index(i) for i in indices]
        joined = ("" if all(len(t) == 1 for t in texts) else ", ").join(texts)
        # two subscripts on one letter are an error in LaTeX
        return f"{{{base}}}_{{{joined}}}" if "_{" in base and base[-1] == "}" else f"{base}_{{{joined}}}"

    def big_sum(self, indices: Sequence[str], body: str) -> str:
        return rf"\sum_{{{', '.join(_index(i) for i in indices)}}} {body}"

    def equation(self, left: str, body: str) -> str:
        return f"{left} = {body}"

    def listed(self, rows: Sequence[Sequence[str]], is_matrix: bool) -> str:
        lines = [" & ".join(row) for row in rows] if is_matrix else list(rows[0])
        body = r" \\ ".join(lines)
        return rf"\begin{{pmatrix}} {body} \end{{pmatrix}}"

    def differential(self, arg: str) -> str:
        return rf"\mathrm{{d}}{arg}"

    def partial(self, arg: str, wrt: str) -> str:
        return rf"\frac{{\partial {arg}}}{{\partial {wrt}}}"

    def where(self, body: str, parts: Sequence[tuple[str, str, bool]]) -> str:
        if not parts:
            return body
        listed = (rf"{n} = 1, \ldots, {v}" if ranged else f"{n} = {v}" for n, v, ranged in parts)
        return rf"{body} \quad \text{{where}} \quad {', '.join(listed)}"


def latex(node: Syntax, scalars: frozenset[str] = frozenset()) -> str:
    r"""The tree in LaTeX, without the dollar signs; `scalars` are names that are known to be scalars.

    >>> from matcalc.syntax import Mul, Transpose
    >>> x, A = Name("x"), Name("alpha")
    >>> print(latex(Mul((Num(Fraction(1, 2)), A, Transpose(x), x))))
    \frac{1}{2} \alpha x^{\top} x
    """
    return write(node, Latex(scalars))
