"""The length of an expression as a reader feels it: how many symbols are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .render.numbers import LONGEST_FRACTION, scientific
from .syntax import (
    MINUS_ONE,
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

BARS = 2
"""An opening and a closing bar."""


def length(node: Syntax) -> int:
    """The number of symbols in the plain text: names, numbers, operators and marks.

    >>> from matcalc.syntax import ONE
    >>> length(Add((Transpose(Name("A")), Mul((ONE, Name("B"))))))
    5
    """
    found: int | None = getattr(node, "known_length", None)
    if found is None:
        found = _COUNTS[type(node)](node)
        object.__setattr__(node, "known_length", found)
    return found


def _num(node: Num) -> int:
    bottom = node.value.denominator
    if bottom == 1 or (bottom > LONGEST_FRACTION and scientific(node.value) is not None):
        return 1
    return 3


def _one(node: Name) -> int:
    return 1


def _identity(node: Identity) -> int:
    return 1 if node.size is None else 1 + length(node.size)


def _call(node: Call) -> int:
    marks = 2 if node.function in ("pinv", "conj") else 1
    return marks + _all(node.args)


def _all(nodes: tuple[Syntax, ...]) -> int:
    total = 0
    for node in nodes:
        total += length(node)
    return total


def _neg(node: Neg) -> int:
    return 1 + length(node.arg)


def _add(node: Add) -> int:
    # a minus is counted by its `Neg`
    signs = sum(type(t) is not Neg for t in node.terms[1:])
    return signs + _all(node.terms)


def _mul(node: Mul) -> int:
    return _all(node.factors)


def _hadamard(node: Hadamard) -> int:
    return len(node.factors) - 1 + _all(node.factors)


def _hadamard_div(node: HadamardDiv) -> int:
    return 2 + length(node.numerator) + length(node.denominator)


def _div(node: Div) -> int:
    return 1 + length(node.numerator) + length(node.denominator)


def _hadamard_pow(node: HadamardPow) -> int:
    if node.exponent == MINUS_ONE:
        return 2 + length(node.base)
    return 2 + length(node.base) + length(node.exponent)


def _pow(node: Pow) -> int:
    if node.exponent == MINUS_ONE:
        return 1 + length(node.base)
    return 1 + length(node.base) + length(node.exponent)


def _transpose(node: Transpose) -> int:
    return 1 + length(node.arg)


def _adjoint(node: Adjoint) -> int:
    return 2 + length(node.arg)


def _bars(node: Bars) -> int:
    return BARS + length(node.arg)


def _norm(node: Norm) -> int:
    return BARS + (node.kind != "") + length(node.arg)


def _sub(node: Sub) -> int:
    return length(node.base) + len(node.indices)


def _big_sum(node: BigSum) -> int:
    return 1 + len(node.indices) + length(node.body)


def _equation(node: Equation) -> int:
    return 1 + len(node.indices) + length(node.body)


def _where(node: Where) -> int:
    bound = sum(1 + length(v) for _, v in node.bindings)
    return length(node.body) + bound + sum(2 + length(v) for _, v in node.ranges)


def _listed(node: Listed) -> int:
    return sum(len(row) + _all(row) for row in node.rows)


def _differential(node: Differential) -> int:
    return 1 + length(node.arg)


def _partial(node: Partial) -> int:
    return 2 + length(node.arg) + length(node.wrt)


_COUNTS: Final[dict[type[Syntax], Callable[[Any], int]]] = {
    Num: _num,
    Name: _one,
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
