"""Pieces of matrix notation under construction: a piece of syntax, its length, and what it is known to be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from .ir import Rational, conjugate_name, is_conjugate
from .length import length
from .render.text import text
from .syntax import (
    Add,
    Adjoint,
    Call,
    Div,
    Hadamard,
    HadamardDiv,
    HadamardPow,
    Identity,
    Mul,
    Name,
    Neg,
    Norm,
    Num,
    Pow,
    Syntax,
    Transpose,
    digest,
    last_name,
    names,
    walk,
)  # fmt: skip

LONG = 200


class Form:
    """A piece of syntax. `norm` is (v, kind) where it is the square of the norm of v; `p_norm` is (v, p) where it
    is the sum of |v|^p. `cost` is its length; `key` is its text, of a long one a digest: equal keys, equal pieces."""

    __slots__ = ("_cost", "_key", "norm", "p_norm", "syntax")

    def __init__(
        self, syntax: Syntax, norm: tuple[Form, str] | None = None, p_norm: tuple[Form, int] | None = None
    ) -> None:
        self.syntax = syntax
        self.norm = norm
        self.p_norm = p_norm
        self._cost: int | None = None
        self._key: str | None = None

    @property
    def cost(self) -> int:
        if self._cost is None:
            self._cost = length(self.syntax)
        return self._cost

    @property
    def key(self) -> str:
        if self._key is None:
            self._key = text(self.syntax) if self.cost <= LONG else f"~{digest(self.syntax).hex()}"
        return self._key

    @property
    def name(self) -> str | None:
        return self.syntax.name if isinstance(self.syntax, Name) else None

    @property
    def first_name(self) -> str:
        """The name that stands first in it."""
        return next((x.name for x in walk(self.syntax) if isinstance(x, Name)), "")

    @property
    def last_name(self) -> str:
        """The name that stands last in it."""
        return last_name(self.syntax)

    @property
    def names(self) -> frozenset[str]:
        """The names in it."""
        return names(self.syntax)

    @property
    def is_barred(self) -> bool:
        """Whether it is written as a conjugate."""
        match self.syntax:
            case Call("conj") | Adjoint():
                return True
        return False

    @property
    def absolute(self) -> Form | None:
        """x where the form is |x|."""
        match self.syntax:
            case Call("abs", (arg,)):
                return Form(arg)
        return None

    @property
    def diagonal_of(self) -> Form | None:
        """A where the form is diag(A)."""
        match self.syntax:
            case Call("diag", (arg,)):
                return Form(arg)
        return None

    @property
    def modulus(self) -> Form | None:
        """|x| where the form is |x|^2, entry by entry."""
        match self.syntax:
            case Pow(Call("abs") as root, Num(value)) | HadamardPow(Call("abs") as root, Num(value)) if value == 2:
                return Form(root)
        return None

    def __repr__(self) -> str:
        return f"Form({self.key})"


def number_form(c: Rational) -> Form:
    node = Num(abs(Fraction(c)))
    return Form(node if c >= 0 else Neg(node))


def name_form(name: str) -> Form:
    return Form(Name(name))


def symbol_form(name: str) -> Form:
    """A symbol, or the conjugate of one."""
    return conjugated(name_form(conjugate_name(name))) if is_conjugate(name) else name_form(name)


def identity_form(size: Form | None) -> Form:
    return Form(Identity(None if size is None else size.syntax))


def call_form(function: str, args: Sequence[Form]) -> Form:
    return Form(Call(function, tuple(a.syntax for a in args)))


def negate(form: Form) -> Form:
    if isinstance(form.syntax, Neg):
        return Form(form.syntax.arg)
    return Form(Neg(form.syntax))


def add_form(terms: Iterable[tuple[bool, Form]]) -> Form:
    """A sum; each term with its sign (True is plus)."""
    parts = tuple(f.syntax if plus else negate(f).syntax for plus, f in terms)
    return Form(parts[0] if len(parts) == 1 else Add(parts))


def product(factors: Iterable[Form], scalars: int = 0) -> Form:
    """A product; products in it are opened, but for the first `scalars` factors: they keep their brackets
    where something follows that they could be taken for."""
    factors = list(factors)
    if len(factors) == 1:
        return factors[0]
    parts: list[Syntax] = []
    for k, f in enumerate(factors):
        if isinstance(f.syntax, Mul) and (k >= scalars or k == len(factors) - 1):
            parts += f.syntax.factors
        else:
            parts.append(f.syntax)
    return Form(Mul(tuple(parts))) if parts else number_form(1)


def divide(numerator: Form, denominator: Form) -> Form:
    return Form(Div(numerator.syntax, denominator.syntax))


def transposed(form: Form) -> Form:
    if isinstance(form.syntax, Transpose):
        return Form(form.syntax.arg)
    return Form(Transpose(form.syntax))


def conjugated(form: Form) -> Form:
    match form.syntax:
        case Call("conj", (arg,)):
            return Form(arg)
        case Adjoint(arg):
            return Form(Transpose(arg))
        case _:
            return call_form("conj", [form])


def adjoint(form: Form) -> Form:
    match form.syntax:
        case Adjoint(arg):
            return Form(arg)
        case _:
            return Form(Adjoint(form.syntax))


def square_of_modulus(form: Form) -> Form:
    """|x|^2 of a scalar."""
    return power_form(call_form("abs", [form]), number_form(2))


def power_form(base: Form, exponent: Form) -> Form:
    return Form(Pow(base.syntax, exponent.syntax))


def norm_form(arg: Form, kind: str) -> Form:
    return Form(Norm(arg.syntax, kind))


def hadamard_power(base: Form, exponent: Form) -> Form:
    if exponent.key == "1":
        return base
    if exponent.key == "1/2" and base.modulus is not None:
        return base.modulus
    return call_form("sqrt", [base]) if exponent.key == "1/2" else Form(HadamardPow(base.syntax, exponent.syntax))


def over(numerator: Form, quotient: Form) -> Form | None:
    """s (1 ./ x) as s ./ x; None where the second factor is no such quotient."""
    match quotient.syntax:
        case HadamardDiv(Num(value), denominator) if value == 1:
            return Form(HadamardDiv(numerator.syntax, denominator))
    return None


def hadamard_form(above: Sequence[Form], below: Sequence[Form]) -> Form:
    """The elementwise product, over another."""
    if not above and len(below) == 1:
        return Form(HadamardDiv(Num(Fraction(1)), below[0].syntax))
    top = (
        above[0].syntax if len(above) == 1 else Hadamard(tuple(f.syntax for f in above)) if above else Num(Fraction(1))
    )
    if not below:
        return Form(top)
    bottom = below[0].syntax if len(below) == 1 else Hadamard(tuple(f.syntax for f in below))
    return Form(HadamardDiv(top, bottom))
