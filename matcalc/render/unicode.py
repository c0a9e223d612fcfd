"""Unicode text: `xᵀ A x`, `‖X − U V‖²`; nearly all of it is the input language too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from ..letters import IMAGINARY
from ..syntax import Call, Name, Neg, Num, Syntax
from .names import GREEK, split
from .precedence import ATOM, POSTFIX, Piece, Style, operands, write
from .text import Text, apart, index_text, is_short

SUBSCRIPTS = dict(zip("0123456789aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def subscript(text: str) -> str:
    """`text` in subscript letters, or after an underscore where one of them does not exist."""
    return "".join(SUBSCRIPTS[c] for c in text) if SUBSCRIPTS.keys() >= set(text) else f"_{text}"


def integer_exponent(node: Syntax) -> str | None:
    """The ASCII digits of an exponent that is an integer, or None."""
    sign, core = ("-", node.arg) if type(node) is Neg else ("", node)
    if type(core) is not Num or core.value.denominator != 1 or core.value >= 10**9:
        return None
    return sign + str(core.value.numerator)


def _kron(style: Style, node: Call) -> Piece:
    return operands("kron", node.args, style)


def _sqrt(style: Style, node: Call) -> Piece:
    floor = ATOM if isinstance(node.args[0], (Name, Num)) else ATOM + 1
    return f"√{write(node.args[0], style, floor)}", POSTFIX


class Unicode(Text):
    """Text, with the letters that Unicode has for it."""

    minus: ClassVar[str] = "−"
    marks: ClassVar[Mapping[str, str]] = {"T": "ᵀ", "-1": "⁻¹", "-T": "⁻ᵀ", "H": "ᴴ", "-H": "⁻ᴴ", "+": "⁺"}
    operators: ClassVar[Mapping[str, str]] = {".*": " ⊙ ", "./": " ⊘ ", "/": " / ", "kron": " ⊗ "}
    special: ClassVar[Mapping[str, Callable[[Any, Call], Piece]]] = {
        **Text.special,
        "kron": _kron,
        "sqrt": _sqrt,
    }

    def name(self, name: str) -> str:
        if len(name) == 1 or name == IMAGINARY:
            return name
        stem, digits = split(name)
        return GREEK.get(stem, stem) + digits

    def identity(self, size: Syntax | None) -> str:
        if size is None or not is_short(size):
            return super().identity(size)
        return "I" + subscript(write(size, self))

    def power(self, base: str, exponent: Syntax) -> str:
        digits = integer_exponent(exponent)
        if digits is None:
            return super().power(base, exponent)
        return base + digits.translate(SUPERSCRIPTS)

    def bars(self, arg: str) -> str:
        return f"|({arg})|" if "|" in arg or "‖" in arg else f"|{arg}|"

    def norm(self, arg: str, kind: str) -> str:
        body = f"‖({arg})‖" if "|" in arg or "‖" in arg else f"‖{arg}‖"
        if kind == "inf":
            return f"{body}_∞"
        if len(kind) <= 1 or kind.isdigit():
            return body + (subscript(kind) if kind else "")
        return f"{body}_{kind}" if kind == "max" else f"{body}_{{{kind}}}"

    def component(self, base: str, indices: Sequence[str | int]) -> str:
        return base + subscript(index_text(indices))

    def big_sum(self, indices: Sequence[str], body: str) -> str:
        # the sign for sums, not the letter: a covariance is often called Sigma and has components
        return f"∑{subscript(index_text(indices))} {body}"

    def partial(self, arg: str, wrt: str) -> str:
        return f"∂{apart(arg)}/∂{apart(wrt)}"


_STYLE = Unicode()


def unicode(node: Syntax) -> str:
    """The tree in Unicode letters.

    >>> from fractions import Fraction
    >>> from matcalc.syntax import Mul, Transpose
    >>> x, A = Name("x"), Name("alpha")
    >>> unicode(Mul((Num(Fraction(1, 2)), A, Transpose(x), x)))
    '1/2 α xᵀ x'
    """
    return write(node, _STYLE)
