"""Verdicts on derivatives, by a route that shares nothing with the derivation: differences of the expression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from . import sampling
from .declarations import Declaration
from .evaluate import evaluate
from .ir import Node
from .sampling import Array

MIN_TRIALS = 3
ACCEPT = 1e-6
STEP = 2.0**-7
LEVELS = 5


@dataclass(frozen=True)
class Verification:
    """The verdict: `ok`, by which method, how many trials decided, and the largest relative error."""

    ok: bool
    method: str
    trials: int
    max_error: float

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        if self.ok:
            return f"agrees with differences at {self.trials} points (largest relative error {self.max_error:.0e})"
        if self.trials < MIN_TRIALS:
            return f"not verified: only {self.trials} of the random points could be evaluated"
        return f"does not agree with differences: relative error {self.max_error:.0e}"


def verify(
    root: Node, answer: Node, variables: Sequence[str], declarations: Mapping[str, Declaration], trials: int, seed: int
) -> Verification:
    """Compare directional derivatives of `root` along random directions, one for each variable, with `answer`."""
    rng = np.random.default_rng(seed)
    names = sampling.size_names(declarations)
    least = sampling.least_size(root, answer)
    errors: list[float] = []
    for draw in range(4 * trials):
        if len(errors) == trials:
            break
        sizes = sampling.sizes_for(names, draw, least)
        error = _one_trial(root, answer, variables, declarations, sizes, rng)
        if error is not None:
            errors.append(error)
    worst = max(errors, default=float("nan"))
    ok = len(errors) >= min(MIN_TRIALS, trials) and worst < ACCEPT
    return Verification(ok, "differences", len(errors), worst)


def _one_trial(
    root: Node,
    answer: Node,
    variables: Sequence[str],
    declarations: Mapping[str, Declaration],
    sizes: Mapping[str, int],
    rng: np.random.Generator,
) -> float | None:
    """The relative error at one point, or None where the point decides nothing."""
    with np.errstate(all="ignore"):
        point = sampling.draw(declarations, sizes, rng)
        directions = [np.asarray(rng.uniform(-1.0, 1.0, point[v].shape)) for v in variables]
        try:
            along = np.asarray(evaluate(answer, point, sizes))
            for direction in reversed(directions):
                along = np.tensordot(along, direction, axes=direction.ndim)
            expected = _difference(root, point, list(zip(variables, directions, strict=True)), sizes)
        except np.linalg.LinAlgError:
            return None
    if expected is None or not np.all(np.isfinite(along)):
        return None
    value, uncertainty = expected
    scale = max(float(np.max(np.abs(value), initial=0.0)), float(np.max(np.abs(along), initial=0.0)))
    if scale > 1e12 or uncertainty > 1e-7 * max(scale, 1e-6):
        return None
    return 0.0 if scale < 1e-9 else float(np.max(np.abs(along - value), initial=0.0)) / scale


def _difference(
    root: Node, point: Mapping[str, Array], steps: Sequence[tuple[str, Array]], sizes: Mapping[str, int]
) -> tuple[Array, float] | None:
    """(derivative along the directions, its uncertainty): central differences, extrapolated to step nought."""
    rows: list[list[Array]] = []
    best: tuple[Array, float] | None = None
    for level in range(LEVELS):
        h = STEP * (2.0 if len(steps) > 1 else 1.0) / 2**level
        value = _central(root, dict(point), steps, h, sizes)
        if not np.all(np.isfinite(value)):
            return None
        row = [value]
        for k, above in enumerate(rows[-1] if rows else []):
            row.append(row[-1] + (row[-1] - above) / (4.0 ** (k + 1) - 1))
        if rows:
            spread = float(np.max(np.abs(row[-1] - rows[-1][-1]), initial=0.0))
            if best is None or spread < best[1]:
                best = (row[-1], spread)
        rows.append(row)
    return best


def _central(
    root: Node, point: dict[str, Array], steps: Sequence[tuple[str, Array]], h: float, sizes: Mapping[str, int]
) -> Array:
    if not steps:
        return np.asarray(evaluate(root, point, sizes))
    (name, direction), *rest = steps
    here = point[name]
    high = _central(root, {**point, name: here + h * direction}, rest, h, sizes)
    low = _central(root, {**point, name: here - h * direction}, rest, h, sizes)
    return np.asarray((high - low) / (2 * h))
