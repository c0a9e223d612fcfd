"""Whether two nodes are equal, or one is at most the other, at random points: sizes that differ, structure as declared.

Only relative errors count. Points where a value is not finite, is nought on both sides, or comes out of far larger
numbers decide nothing, and too few points that decide are no verdict.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, permutations
from random import Random

import numpy as np

from . import draws, ir, probes, sampling
from .declarations import Declaration
from .draws import Claim, Raw
from .errors import LimitError, MatcalcError
from .exact import sides
from .ir import Node
from .judge import PROBED, judge
from .sizes import Size
from .systems import ACCEPT, CANCELLED, NEAR, REFUSE, Array, Inexact, NoPoint, machine_numbers

SHOWN = 0
POINTS = 50
ENOUGH = 5
ASSIGNMENTS = 8
CONDITION = re.compile(r"\s*([A-Za-z_]\w*)\s*(?:(<=|<|>=|>|=)\s*([A-Za-z_]\w*|\d+)(?:\s*\+\s*(\d+))?|(odd|even))\s*$")


@dataclass(frozen=True)
class Condition:
    """A condition on sizes: `k < n`, `n = 3`, `n > m + 1`, `n odd`."""

    name: str
    relation: str
    other: str
    more: int

    def holds(self, sizes: Mapping[str, int]) -> bool:
        n = sizes[self.name]
        if self.relation in ("odd", "even"):
            return n % 2 == (self.relation == "odd")
        limit = (int(self.other) if self.other.isdigit() else sizes[self.other]) + self.more
        return {"<": n < limit, "<=": n <= limit, ">": n > limit, ">=": n >= limit, "=": n == limit}[self.relation]

    @property
    def names(self) -> set[str]:
        return {self.name} | ({self.other} if self.other and not self.other.isdigit() else set())


def conditions(text: str) -> tuple[Condition, ...]:
    """The conditions of a field `sizes`, with commas between them.

    >>> [c.holds({"n": 3, "m": 4}) for c in conditions("n < m, n odd")]
    [True, True]
    """
    found = []
    for part in text.split(",") if text.strip() else ():
        m = CONDITION.match(part)
        if m is None:
            raise MatcalcError(f"'{part.strip()[:40]}' is not a condition on sizes; write 'k < n', 'n = 3' or 'n odd'")
        found.append(Condition(m[1], m[2] or m[5], m[3] or "", int(m[4] or 0)))
    return tuple(found)


def size_choices(names: set[str], wanted: Sequence[Condition], least: int, value: int = 0) -> list[dict[str, int]]:
    """Some assignments of sizes that meet the conditions, different sizes having different values where they may."""
    unknown = {n for c in wanted for n in c.names} - names
    if unknown:
        raise MatcalcError(f"'{min(unknown)}' is not the name of a size")
    found: list[dict[str, int]] = []
    for sizes in _assignments(sorted(names), least):
        if all(c.holds(sizes) for c in wanted) and sizes not in found:
            found.append(sizes)
            if len(found) == ASSIGNMENTS:
                break
    return found


def _assignments(names: list[str], least: int) -> Iterator[dict[str, int]]:
    for k in range(len(sampling.SIZE_VALUES) - 1):
        yield sampling.sizes_for(names, k, least)
    values = (3, 4, 5, 2, 6) if len(names) <= 5 else tuple(range(2, 3 + len(names)))
    for chosen in islice(permutations(values, len(names)), 2_000):
        yield {n: v + least - 2 for n, v in zip(names, chosen, strict=True)}
    for k in range(2, 7):
        yield dict.fromkeys(names, k + least - 2)


@dataclass(frozen=True)
class Comparison:
    """What random points say: `verdict` is `verified`, `false` or `undecided`, and `reason` is why, in words."""

    verdict: str
    reason: str


def compare(claim: Claim, relation: str, seed: int) -> Comparison:
    """Whether `left relation right` holds for the declared symbols; the relation is one of `= -> != < <=`.

    >>> from matcalc.declarations import read_declarations
    >>> table = read_declarations({"A": "matrix(n,n)"})
    >>> A = ir.symbol("A", table["A"].sizes)
    >>> print(compare(Claim(A, ir.turn(A), table), "=", 0).reason)
    at n = 3 (seed 0, point 1) the entry (2,3) of the left side is -1.85168, and of the right side 1.54014
    """
    if relation in ("=", "->"):
        return _equality(claim, seed)
    if relation == "!=":
        return _difference(_points(claim, seed))
    return _inequality(_shown_first(claim, seed), strict=relation == "<")


def _equality(claim: Claim, seed: int) -> Comparison:
    found = judge(claim, seed)
    if found.status == "different":
        bad = next((p for p in _shown_first(claim, seed) if p.error > REFUSE), None)
        return Comparison("false", bad.shown if bad is not None else found.note)
    if found.status == "undecided":
        return Comparison("undecided", found.note)
    if found.method == "exact":
        return Comparison("verified", found.note)
    agrees = f"agrees at {found.trials} points (largest relative error {found.max_error:.0e})"
    return Comparison("verified", agrees)


@dataclass(frozen=True)
class Point:
    """The values of both sides at one point, the size of the numbers they come from, and what the point was."""

    left: Array
    right: Array
    scale: float
    place: str

    @property
    def error(self) -> float:
        return float(np.max(np.abs(self.left - self.right), initial=0.0)) / self.scale

    @property
    def shown(self) -> str:
        """The entries that differ most."""
        gap = np.abs(self.left - self.right)
        entry = np.unravel_index(int(np.argmax(gap)), gap.shape)
        left, right = (sampling.number_text(complex(side[entry])) for side in (self.left, self.right))
        which = f"the entry ({','.join(str(k + 1) for k in entry)}) of " if entry else ""
        return f"at {self.place} {which}the left side is {left}, and {'of ' if entry else ''}the right side {right}"


def _shown_first(claim: Claim, seed: int) -> Iterator[Point]:
    """Points that are the same each time, for messages to tell, and then those of the seed."""
    return chain(_points(claim, SHOWN), _points(claim, seed))


def _points(claim: Claim, seed: int) -> Iterator[Point]:
    """The points that can decide: everyday ones, and beyond them where kinks and scales may hide something."""
    claim = draws.expanded(claim)
    rng = np.random.default_rng(seed)
    start: tuple[Raw, dict[str, int]] | None = None
    for k, sizes in enumerate(islice(draws.assignments(claim, Random(seed)), POINTS)):
        try:
            raw = draws.raw_floats(claim, sizes, rng, k, k * draws.LEVELS // POINTS)
            start = start or (raw, sizes)
            shown = ", ".join(f"{n} = {v}" for n, v in sorted(sizes.items()))
            where = f"{shown} (seed {seed}, point {k + 1})" if shown else f"point {k + 1} of seed {seed}"
            yield _point(claim, raw, sizes, where, NEAR)
        except (LimitError, NoPoint, Inexact, np.linalg.LinAlgError):
            continue
    if start is None:
        return
    raw, sizes = start
    for other in chain(probes.scaled(raw, claim), probes.regions(claim, raw, sizes, rng)):
        values = ", ".join(f"{n} = {_shown(x)}" for n, x in other.symbols.items())
        try:
            yield _point(claim, other, sizes, values, PROBED)
        except (LimitError, NoPoint, Inexact, np.linalg.LinAlgError):
            continue


def _shown(value: Array) -> str:
    return f"{value:.6g}" if value.ndim == 0 and not np.iscomplexobj(value) else np.array2string(value, precision=3)


def _point(claim: Claim, raw: Raw, sizes: Mapping[str, int], where: str, near: float) -> Point:
    system = machine_numbers(claim.is_complex, near)
    left, right = sides(claim, raw, sizes, system)
    scale = max(float(np.max(np.abs(x), initial=0.0)) for x in (left, right))
    if not math.isfinite(scale) or 0.0 < scale <= CANCELLED * system.largest:
        raise NoPoint("a value that rounding hides")
    return Point(left, right, scale or 1.0, where)


def _inequality(points: Iterator[Point], strict: bool) -> Comparison:
    count = 0
    for point in points:
        count += 1
        if np.iscomplexobj(point.left) and np.any(np.abs((point.left - point.right).imag) > ACCEPT * point.scale):
            return Comparison("undecided", "complex numbers are not ordered")
        excess = (point.left - point.right).real
        if np.any(excess > ACCEPT * point.scale) or (strict and np.any(excess == 0)):
            return Comparison("false", point.shown)
    if count < ENOUGH:
        return Comparison("undecided", f"only {count} of {POINTS} random points could be evaluated")
    return Comparison("verified", f"holds at {count} points")


def _difference(points: Iterator[Point]) -> Comparison:
    seen = list(islice(points, ENOUGH))
    if len(seen) < ENOUGH:
        return Comparison("undecided", f"only {len(seen)} of {POINTS} random points could be evaluated")
    if any(p.error > REFUSE for p in seen):
        return Comparison("verified", "the sides differ")
    return Comparison("false", f"the sides agree at {len(seen)} points")


def at_sizes(
    nodes: Sequence[Node], declarations: Mapping[str, Declaration], sizes: Mapping[str, int]
) -> tuple[list[Node], dict[str, Declaration]]:
    """Nodes and declarations with numbers for the names of sizes."""
    numbers = {n: Size.of(v) for n, v in sizes.items()}
    table = {
        n: Declaration(d.kind, tuple(s.substitute(numbers) for s in d.sizes), d.attributes)
        for n, d in declarations.items()
    }
    return [ir.substitute(x, {}, numbers) for x in nodes], table
