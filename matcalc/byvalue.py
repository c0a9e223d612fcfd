"""Objects that are equal, and hash alike, where their values do."""

from __future__ import annotations

from collections.abc import Hashable


class ByValue:
    """Equal to another of its class where `_value` is.

    >>> class Point(ByValue):
    ...     def __init__(self, x: int) -> None:
    ...         self._value = (x,)
    >>> Point(1) == Point(1), Point(1) == Point(2), len({Point(1), Point(1)})
    (True, False, 1)
    """

    _value: Hashable

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._value == self._value

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._value))
