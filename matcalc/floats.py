"""The nearest float of an exact number."""

from __future__ import annotations

import math
from fractions import Fraction


def as_float(value: Fraction | int) -> float:
    """The nearest float; of what is larger than all floats, infinity.

    >>> as_float(Fraction(1, 4)), as_float(-(10**400))
    (0.25, -inf)
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
