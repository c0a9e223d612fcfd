"""Names of symbols: Greek letters, and the digits at the end that people write as a subscript."""

from __future__ import annotations

from typing import Final

from .. import letters

_CAPITALS: Final = frozenset("ΓΔΘΛΞΠΣΥΦΨΩ")
_DIGITS: Final = "0123456789"

GREEK: Final[dict[str, str]] = {
    name: letter
    for letter, name in reversed(letters.GREEK.items())
    if (name.islower() or letter in _CAPITALS) and name != "omicron"
}
"""The letters that do not look like Latin ones, by name; each is also a command of LaTeX."""


def split(name: str) -> tuple[str, str]:
    """The stem of a name and the digits at its end.

    >>> split("x12"), split("lambda"), split("7")
    (('x', '12'), ('lambda', ''), ('7', ''))
    """
    stem = name.rstrip(_DIGITS)
    digits = name[len(stem) :]
    if digits and len(stem) > 1:
        stem = stem.removesuffix("_")
    return (stem, digits) if stem else (name, "")


def clean(name: str) -> str:
    """The letters, digits and underscores of a name, since a name may come from a stranger."""
    return "".join(c for c in name if c.isalnum() or c == "_") or "?"
