"""Rational numbers as people write them: `3`, `1/2`, `1e-12`."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

LONGEST_FRACTION = 1_000
LONGEST_INTEGER = 10**15


def _scientific(digits: int, exponent: int) -> tuple[str, int]:
    """`digits` times ten to `exponent`, as a mantissa with one digit before the point and its exponent."""
    while digits % 10 == 0:
        digits, exponent = digits // 10, exponent + 1
    text = str(Decimal(digits)) if abs(digits) < LONGEST_INTEGER else f"{Decimal(digits):f}"
    mantissa = text if len(text) == 1 else f"{text[0]}.{text[1:]}"
    return mantissa, exponent + len(text) - 1


def _decimal_places(denominator: int) -> int | None:
    """How many places after the point make `denominator` divide a power of ten, or None."""
    places, rest = 0, denominator
    while rest % 10 == 0:
        rest, places = rest // 10, places + 1
    factor = 5 if rest % 2 == 0 else 2
    prime = 7 - factor
    while rest % prime == 0:
        rest, places = rest // prime, places + 1
    return places if rest == 1 else None


def scientific(value: Fraction) -> tuple[str, int] | None:
    """Mantissa and exponent of a number that is shorter this way, or None.

    >>> scientific(Fraction(1, 10**12)), scientific(Fraction("1.5e-6")), scientific(Fraction(1, 3))
    (('1', -12), ('1.5', -6), None)
    """
    top, bottom = value.numerator, value.denominator
    if bottom == 1:
        return _scientific(top, 0) if top >= LONGEST_INTEGER and top % 10**6 == 0 else None
    if bottom <= LONGEST_FRACTION:
        return None
    places = _decimal_places(bottom)
    if places is None:
        return None
    mantissa, exponent = _scientific(top * (10**places // bottom), -places)
    fraction_length = len(integer(top)) + 1 + len(integer(bottom))
    return (mantissa, exponent) if len(f"{mantissa}e{exponent}") < fraction_length else None


def integer(value: int) -> str:
    """The digits of an integer of any length (`str` refuses more than 4300)."""
    return str(value) if value < LONGEST_INTEGER else f"{Decimal(value):f}"


def plain(value: Fraction) -> tuple[str, bool]:
    """The number in ASCII, and whether it is written with a slash.

    >>> plain(Fraction(3)), plain(Fraction("0.25")), plain(Fraction("1e-12"))
    (('3', False), ('1/4', True), ('1e-12', False))
    """
    top, bottom = value.numerator, value.denominator
    if bottom == 1 and top < LONGEST_INTEGER:
        return str(top), False
    short = scientific(value)
    if short is not None:
        mantissa, exponent = short
        return f"{mantissa}e{exponent}", False
    return (integer(top), False) if bottom == 1 else (f"{integer(top)}/{integer(bottom)}", True)
