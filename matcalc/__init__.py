"""Matrix calculus: derivatives of matrix expressions, in matrix notation, verified.

>>> import matcalc as mc
>>> print(mc.derive("||X - U V||_F^2", wrt="V"))
-2 U^T (X - U V)
"""

from .catalogue import library
from .check import Check, check, equal
from .derive import Derivative, Expr, derive, parse
from .errors import (
    IdentityError,
    InternalError,
    LimitError,
    MatcalcError,
    ParseError,
    ShapeError,
    UnknownSymbolError,
    UnsupportedError,
)
from .verify import Verification

__version__ = "0.1.0"

__all__ = [
    "Check",
    "Derivative",
    "Expr",
    "IdentityError",
    "InternalError",
    "LimitError",
    "MatcalcError",
    "ParseError",
    "ShapeError",
    "UnknownSymbolError",
    "UnsupportedError",
    "Verification",
    "check",
    "derive",
    "equal",
    "library",
    "parse",
]
