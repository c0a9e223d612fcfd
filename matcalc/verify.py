"""Verdicts on derivatives, by a route that shares nothing with the derivation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .declarations import Declaration
from .draws import Claim
from .exact import Judgement
from .ir import Node
from .judge import judge


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


def verification(found: Judgement, seed: int = 0) -> Verification:
    """A judgement in the words of a verification."""
    note = found.note
    if found.method == "numeric":
        error = f"largest relative error {found.max_error:.0e}, seed {seed}"
        note = {"equal": error, "different": f"it is wrong: relative error {found.max_error:.0e}, seed {seed}"}.get(
            found.status, note
        )
    elif found.status == "different":
        note = f"it is wrong: {found.note}, seed {seed}"
    return Verification(
        found.status == "equal", found.method, found.trials, found.max_error, note, found.status == "different"
    )


def verify(
    root: Node, answer: Node, variables: Sequence[str], declarations: Mapping[str, Declaration], trials: int, seed: int
) -> Verification:
    """Whether `answer` is the derivative of `root`: compared along random directions, one for each variable."""
    return verification(judge(Claim(root, answer, declarations, tuple(variables)), seed, trials), seed)
