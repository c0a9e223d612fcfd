"""Whether two nodes are equal, or one is at most the other, at random points: sizes that differ, structure as declared.

Only relative errors count. Points where a value is not finite, is nought on both sides, or comes out of far larger
numbers decide nothing, and too few points that decide are no verdict.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, permutations

import numpy as np

from . import ir, sampling
from .declarations import Declaration
from .errors import LimitError, MatcalcError
from .evaluate import evaluate
from .floats import as_float
from .ir import Node, Sum
from .lower import has_complex
from .sampling import Array
from .sizes import Size
from .systems import NoPoint

SEED = 0
POINTS = 50
ENOUGH = 5
INEQUALITY_POINTS = 40
ACCEPT = 1e-9
REFUSE = 1e-4
LARGEST = 1e9
ASSIGNMENTS = 4
MAX_ENTRIES = 200_000
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


def compare(
    left: Node,
    right: Node,
    relation: str,
    declarations: Mapping[str, Declaration],
    wanted: Sequence[Condition] = (),
) -> Comparison:
    """Whether `left relation right` holds for the declared symbols.

    >>> from matcalc.declarations import read_declarations
    >>> table = read_declarations({"A": "matrix(n,n)"})
    >>> A = ir.symbol("A", table["A"].sizes)
    >>> print(compare(A, ir.turn(A), "=", table).reason)
    at n = 3 (seed 0, point 1) the entry (2,3) of the left side is -1.85168, and of the right side 1.54014
    """
    if left is right and relation != "!=":
        return Comparison("verified", "both sides have one canonical form")
    names = sampling.size_names(declarations) | {n for x in (left, right) for s in x.shape for n in s.names}
    choices = size_choices(names, wanted, sampling.least_size(left, right))
    if not choices:
        return Comparison("undecided", "no small sizes meet the conditions")
    rng = np.random.default_rng(SEED)
    decide = {"=": _equality, "->": _equality, "<=": _inequality, "!=": _difference}[relation]
    return decide(_points(left, right, declarations, choices, rng))


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


def _points(
    left: Node,
    right: Node,
    declarations: Mapping[str, Declaration],
    choices: Sequence[Mapping[str, int]],
    rng: np.random.Generator,
) -> Iterator[Point]:
    """The points that can decide."""
    may_be_complex = has_complex(declarations)
    for k in range(POINTS):
        sizes = choices[k % len(choices)]
        try:
            with np.errstate(all="ignore"):
                symbols = sampling.draw(declarations, sizes, rng)
                a, b = (np.asarray(evaluate(x, symbols, sizes)) for x in (left, right))
                intermediate = _intermediate(left, ir.is_zero(right), symbols, sizes)
        except (LimitError, NoPoint, np.linalg.LinAlgError):
            continue
        if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
            continue
        if not may_be_complex and not (np.isrealobj(a) and np.isrealobj(b)):
            continue
        scale = max(float(np.max(np.abs(x), initial=0.0)) for x in (a, b))
        if ir.is_zero(right):
            scale = max(scale, intermediate)
        if not 1e-100 < scale < LARGEST or not intermediate < LARGEST:
            continue
        shown = ", ".join(f"{n} = {v}" for n, v in sorted(sizes.items()))
        yield Point(a, b, scale, f"{shown} (seed {SEED}, point {k + 1})" if shown else f"point {k + 1} of seed {SEED}")


def _intermediate(node: Node, deep: bool, symbols: Mapping[str, Array], sizes: Mapping[str, int]) -> float:
    """The largest number among what the node is made of: against it a value of nought is nought."""
    if isinstance(node, Sum) and not deep:
        parts = [(abs(as_float(c)), n) for c, n in node.terms]
    else:
        parts = [(1.0, n) for n in (ir.topological(node)[:-1] if deep else ir.operands_of(node))]
    values = [c * float(np.max(np.abs(evaluate(n, symbols, sizes)), initial=0.0)) for c, n in parts]
    return max(values, default=1.0)


def _equality(points: Iterator[Point]) -> Comparison:
    good: list[Point] = []
    bad: list[Point] = []
    unclear = 0
    for point in points:
        if point.error < ACCEPT:
            good.append(point)
        elif point.error > REFUSE:
            bad.append(point)
        else:
            unclear += 1
        if len(bad) == 2:
            return Comparison("false", bad[0].shown)
        if len(good) == ENOUGH:
            break
    if bad or unclear > len(good):
        return Comparison("undecided", f"{len(good)} points agree and {len(bad) + unclear} do not clearly")
    if len(good) < ENOUGH:
        return Comparison("undecided", f"only {len(good)} of {POINTS} random points could be evaluated")
    worst = max(p.error for p in good)
    return Comparison("verified", f"agrees at {len(good)} points (largest relative error {worst:.0e})")


def _inequality(points: Iterator[Point]) -> Comparison:
    count = 0
    for point in islice(points, INEQUALITY_POINTS):
        count += 1
        if np.iscomplexobj(point.left) and np.any(np.abs((point.left - point.right).imag) > ACCEPT * point.scale):
            return Comparison("undecided", "complex numbers are not ordered")
        if np.any((point.left - point.right).real > ACCEPT * point.scale):
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
