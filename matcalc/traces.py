"""A gradient in front of its direction: tr(G^T dX) for a matrix, g^T dx for a vector."""

from __future__ import annotations

from collections.abc import Callable

from .syntax import Call, Identity, Mul, Neg, Num, Syntax, Transpose


def traced(factor: Syntax, change: Syntax) -> Syntax:
    """tr(M dX), the sign and the number of M before the trace."""
    return _in_front(factor, lambda f: Call("tr", (_times(f, change),)))


def dotted(factor: Syntax, change: Syntax) -> Syntax:
    """g^T dx, the sign and the number of g in front."""
    return _in_front(factor, lambda f: _times(Transpose(f), change))


def flat_product(*factors: Syntax) -> Syntax:
    """A product without products in it."""
    parts = [p for f in factors for p in (f.factors if isinstance(f, Mul) else (f,))]
    return parts[0] if len(parts) == 1 else Mul(tuple(parts))


def _in_front(factor: Syntax, make: Callable[[Syntax], Syntax]) -> Syntax:
    match factor:
        case Neg(arg):
            return Neg(_in_front(arg, make))
        case Mul((Num() as number, first, *rest)):
            return flat_product(number, make(Mul((first, *rest)) if rest else first))
        case _:
            return make(factor)


def _times(factor: Syntax, change: Syntax) -> Syntax:
    return change if isinstance(factor, Identity) else flat_product(factor, change)
