"""Sizes of axes: polynomials with integer coefficients in names, such as `n`, `3`, `n*p`, `n + 1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias
from weakref import WeakValueDictionary

Monomial: TypeAlias = tuple[str, ...]


class Size:
    """A size; equal sizes are one object.

    >>> Size.of("n") * Size.of("p") + Size.of(1)
    n*p+1
    """

    __slots__ = ("__weakref__", "terms")
    terms: tuple[tuple[Monomial, int], ...]
    _table: ClassVar[WeakValueDictionary[tuple[tuple[Monomial, int], ...], Size]] = WeakValueDictionary()

    @classmethod
    def _make(cls, terms: Mapping[Monomial, int]) -> Size:
        key = tuple(sorted((m, c) for m, c in terms.items() if c))
        found = cls._table.get(key)
        if found is None:
            found = object.__new__(cls)
            found.terms = key
            found = cls._table.setdefault(key, found)
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, of this process or another, is the one object of its value there."""
        return Size._make, (dict(self.terms),)

    @classmethod
    def of(cls, value: str | int | Size) -> Size:
        if isinstance(value, Size):
            return value
        return cls._make({(): value} if isinstance(value, int) else {(value,): 1})

    def __add__(self, other: Size) -> Size:
        total = dict(self.terms)
        for monomial, c in other.terms:
            total[monomial] = total.get(monomial, 0) + c
        return self._make(total)

    def __mul__(self, other: Size) -> Size:
        total: dict[Monomial, int] = {}
        for m1, c1 in self.terms:
            for m2, c2 in other.terms:
                monomial = tuple(sorted(m1 + m2))
                total[monomial] = total.get(monomial, 0) + c1 * c2
        return self._make(total)

    @property
    def names(self) -> frozenset[str]:
        return frozenset(n for m, _ in self.terms for n in m)

    @property
    def number(self) -> int | None:
        """The value where no name stands in the size."""
        match self.terms:
            case ():
                return 0
            case (((), c),):
                return c
        return None

    @property
    def name(self) -> str | None:
        """The name where the size is just a name."""
        match self.terms:
            case (((name,), 1),):
                return name
        return None

    def substitute(self, sizes: Mapping[str, Size]) -> Size:
        if not any(n in sizes for m, _ in self.terms for n in m):
            return self
        total = Size.of(0)
        for monomial, c in self.terms:
            product = Size.of(c)
            for n in monomial:
                product = product * sizes.get(n, Size.of(n))
            total = total + product
        return total

    def evaluate(self, values: Mapping[str, int]) -> int:
        total = 0
        for monomial, c in self.terms:
            for n in monomial:
                c *= values[n]
            total += c
        return total

    def __repr__(self) -> str:
        def show(monomial: Monomial, c: int) -> str:
            return "*".join(([] if c == 1 and monomial else [str(c)]) + list(monomial))

        return "+".join(show(m, c) for m, c in reversed(self.terms)).replace("+-", "-") or "0"


ONE = Size.of(1)
