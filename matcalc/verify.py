"""Verdicts on derivatives, by a route that shares nothing with the derivation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random, SystemRandom

from .draws import Claim
from .errors import UnsupportedError
from .exact import Judgement
from .judge import TRIALS as TRIALS
from .judge import judge
from .systems import ACCEPT

SEEDS = 10**9
SOURCE: Random = SystemRandom()


@dataclass(frozen=True)
class Verification:
    """The verdict: `ok`, by which method, how many trials decided, and the largest relative error.

    `refuted` is whether the answer is known to be wrong; `note` is the bound of a proof, or the reason.

    >>> print(Verification(True, "numeric", 8, 2e-16))
    agrees numerically at 8 points
    """

    ok: bool
    method: str
    trials: int
    max_error: float
    note: str = ""
    refuted: bool = False

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        if self.ok and self.method == "exact":
            return f"verified ({self.note})"
        if self.ok:
            return f"agrees numerically at {self.trials} points" + (f" ({self.note})" if self.note else "")
        return f"not verified ({self.note or f'relative error {self.max_error:.0e}'})"


def drawn(seed: int | None) -> int:
    """The seed, drawn where none is given, so that nobody knows the points beforehand."""
    if seed is None:
        return SOURCE.randrange(SEEDS)
    if not isinstance(seed, int):
        raise UnsupportedError(f"a seed is a whole number, not of the type {type(seed).__name__}")
    return seed


def verification(found: Judgement, seed: int) -> Verification:
    """A judgement in the words of a verification."""
    note = found.note
    if found.status == "different":
        seen = found.method == "numeric" and ACCEPT < found.max_error < math.inf
        note = f"it is wrong: {f'relative error {found.max_error:.0e}' if seen else found.note}, seed {seed}"
    elif found.status == "equal" and found.method == "numeric":
        parts = [f"largest relative error {found.max_error:.0e}", found.note, f"seed {seed}"]
        note = ", ".join(p for p in parts if p)
    elif found.status == "equal":
        note = f"{note}, seed {seed}"
    return Verification(
        found.status == "equal", found.method, found.trials, found.max_error, note, found.status == "different"
    )


def verify(claim: Claim, trials: int = TRIALS, seed: int | None = None) -> Verification:
    """The verdict on a claim, in words."""
    seed = drawn(seed)
    return verification(judge(claim, seed, trials), seed)
