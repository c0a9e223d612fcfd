"""What is surely a scalar: bars around anything else could be read as a determinant or a norm."""

from __future__ import annotations

from ..functions import FUNCTIONS
from ..syntax import (
    Add,
    Adjoint,
    Bars,
    BigSum,
    Call,
    Div,
    Hadamard,
    HadamardDiv,
    HadamardPow,
    Mul,
    Name,
    Neg,
    Norm,
    Num,
    Pow,
    Sub,
    Syntax,
    Transpose,
    children,
)  # fmt: skip


def is_scalar(node: Syntax, scalars: frozenset[str]) -> bool:
    """Whether the tree is a scalar, where these names are.

    >>> a, A = Name("a"), Name("A")
    >>> is_scalar(Mul((a, Call("tr", (A,)))), frozenset({"a"})), is_scalar(Mul((a, A)), frozenset({"a"}))
    (True, False)
    """
    match node:
        case Num() | Norm() | Sub() | BigSum():
            return True
        case Name(name):
            return name in scalars
        case Bars(arg):
            return is_scalar(arg, scalars)
        case Call(function, args):
            rows = FUNCTIONS.overloads(function)
            if rows and all(row.result.kind == "scalar" for row in rows):
                return True
            return bool(rows) and all(row.elementwise for row in rows) and all(is_scalar(a, scalars) for a in args)
        case (
            Neg() | Transpose() | Adjoint() | Add() | Mul() | Hadamard() | HadamardDiv() | HadamardPow() | Div() | Pow()
        ):
            return all(is_scalar(part, scalars) for part in children(node))
        case _:
            return False
