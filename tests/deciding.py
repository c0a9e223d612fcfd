"""What a law has decided: every comparison counts, and a law that decided too little fails.

A law holds of nothing as well: where no point decides, or everything is refused, it would pass. So each law is given
a tally, says to it what it compared and what was refused, and states in the end how much of either there must be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import matcalc as mc

NOUGHT = 1e-9  # of the size of what a value is made of: below it is rounding
LARGE = 1e9
T = TypeVar("T")


def differ(left: Any, right: Any, size: float = 1.0, tolerance: float = 1e-6) -> bool:
    """Whether two arrays do: in shape, or by more than the tolerance; noughts are as large as what they are made of."""
    a, b = np.asarray(left), np.asarray(right)
    if a.shape != b.shape or not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return True
    largest = float(np.max(np.abs(a), initial=0.0))
    allowed = 10 * NOUGHT * size if largest <= NOUGHT * size else tolerance * largest
    return bool(np.max(np.abs(a - b), initial=0.0) > allowed)


@dataclass
class Tally:
    """The counts of a law: comparisons that a value decided, those that none did, and refusals."""

    decided: int = 0
    undecided: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)

    def compared(self, left: Any, right: Any, size: float = 1.0, tolerance: float = 1e-6, told: str = "") -> None:
        """Two arrays that must be equal, the first of them finite."""
        if not np.all(np.isfinite(left)):
            self.undecided["not finite"] += 1
            return
        assert not differ(left, right, size, tolerance), f"{told}\n{left}\n{right}"
        self.decided += 1

    def everywhere(
        self, points: Iterable[T], left: Callable[[T], Any], right: Callable[[T], Any], size: Callable[[T], float]
    ) -> None:
        """Two functions that must be equal, at the points where the first has a value that is no noise.

        The first gives None where it has no value; `points` may hold pairs of a point and one close by.
        """
        found = 0
        for p in points:
            value = left(p)
            if value is not None and np.all(np.isfinite(value)):
                found += 1
                assert not differ(value, right(p), size(p)), (p, value, right(p))
        if found:
            self.decided += 1
        else:
            self.undecided["no point"] += 1

    def verified(self, verdict: Any) -> None:
        """A verdict on an answer: it never refutes, and counts where it decides."""
        assert not verdict.refuted, str(verdict)
        if verdict.ok:
            self.decided += 1
        else:
            self.undecided["not verified"] += 1

    def refused(self, error: mc.MatcalcError, *messages: str) -> None:
        """A refusal that is meant: it says one of these."""
        said = str(error)
        if "could not be written" in said or (messages and not any(m in said for m in messages)):
            raise error
        self.refusals[f"{type(error).__name__}: {error.message[:60]}"] += 1

    def enough(self, decided: int, undecided: int = 0, refused: int = 0) -> None:
        """At least so many comparisons were decided, and at most so many were not, or were refused."""
        told = f"{self.decided} decided, undecided {dict(self.undecided)}, refused {dict(self.refusals)}"
        assert self.decided >= decided, told
        assert self.undecided.total() <= undecided, told
        assert self.refusals.total() <= refused, told


def law(
    chosen: settings, strategy: st.SearchStrategy[T], decided: int, undecided: int = 0, refused: int = 0
) -> Callable[[Callable[[Tally, T], None]], Callable[[], None]]:
    """Make a test of a law: it holds for what is drawn, and decides at least so much."""

    def made(function: Callable[[Tally, T], None]) -> Callable[[], None]:
        def test() -> None:
            tally = Tally()

            @chosen
            @given(strategy)
            def holds(example: T) -> None:
                function(tally, example)

            holds()
            tally.enough(decided, undecided, refused)

        test.__doc__, test.__name__, test.__qualname__ = function.__doc__, function.__name__, function.__qualname__
        test.__module__ = function.__module__
        return test

    return made
