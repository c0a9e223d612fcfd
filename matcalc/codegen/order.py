"""The order of a contraction, chosen from nominal sizes: exhaustive for a few factors, greedy for many."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import TypeAlias

from ..sizes import Size

NOMINAL = 100
EXHAUSTIVE = 6
CROWD = 12
# Rough costs of an entry, in multiplications of a matrix product.
WRITE, READ, ELEMENTWISE, GENERAL = 8.0, 4.0, 8.0, 12.0
FACTORISE, INVERT = 0.7, 2.0

Set: TypeAlias = frozenset[int]
Pair: TypeAlias = tuple[int, int]


class Costs:
    """What a contraction of two factors costs; factors of the numbers in `inverses` are not computed yet."""

    def __init__(self, extents: Mapping[int, Size]) -> None:
        names = {n for s in extents.values() for n in s.names}
        nominal = dict.fromkeys(names, NOMINAL)
        self.extents = {k: max(1, s.evaluate(nominal)) for k, s in extents.items()}

    def entries(self, labels: Iterable[int]) -> float:
        total = 1.0
        for k in labels:
            total *= self.extents[k]
        return total

    def pair(self, a: Set, b: Set, out: Set) -> float:
        """The cost of a product of two arrays."""
        together = self.entries(a | b)
        summed = (a & b) - out
        if not summed:
            return ELEMENTWISE * together
        if a & b & out and not (a - b and b - a and len(summed) == 1):
            return GENERAL * together
        return together + READ * (self.entries(a) + self.entries(b)) + WRITE * self.entries(out)

    def solve(self, inverse: Set, other: Set) -> float:
        """The cost of the solution of linear systems."""
        n = math.sqrt(self.entries(inverse))
        return FACTORISE * n * n * n + 2 * n * n * self.entries(other - inverse) + READ * self.entries(inverse | other)

    def invert(self, labels: Set) -> float:
        return INVERT * math.sqrt(self.entries(labels)) ** 3


def solvable(inverse: Set, other: Set, out: Set) -> bool:
    """Whether the contraction of an inverse with the other factor is a linear system with one set of right sides."""
    shared = inverse & other
    return len(inverse) == 2 and len(shared) == 1 and not shared & out and len(other) <= 2


def contraction_order(factors: Sequence[Set], inverses: Set, output: Set, extents: Mapping[int, Size]) -> list[Pair]:
    """Pairs of numbers to contract, in turn; the result of pair k has the number `len(factors) + k`."""
    costs = Costs(extents)
    if len(factors) < 2:
        return []
    if len(factors) <= EXHAUSTIVE:
        return _exhaustive(factors, inverses, output, costs)
    return _greedy(factors, inverses, output, costs)


def _step_cost(costs: Costs, a: Set, b: Set, out: Set, a_inverse: bool, b_inverse: bool) -> float:
    """The cost of a pair, with that of the inverses it needs."""
    best = float("inf")
    if a_inverse and solvable(a, b, out):
        best = costs.solve(a, b) + (costs.invert(b) if b_inverse else 0)
    if b_inverse and solvable(b, a, out):
        best = min(best, costs.solve(b, a) + (costs.invert(a) if a_inverse else 0))
    if best < float("inf"):
        return best
    needed = (costs.invert(a) if a_inverse else 0) + (costs.invert(b) if b_inverse else 0)
    return costs.pair(a, b, out) + needed


def _exhaustive(factors: Sequence[Set], inverses: Set, output: Set, costs: Costs) -> list[Pair]:
    """The cheapest of all trees, by subsets."""
    count = len(factors)
    everything = (1 << count) - 1
    inside = [frozenset[int]()] * (everything + 1)
    for mask in range(1, everything + 1):
        low = (mask & -mask).bit_length() - 1
        inside[mask] = inside[mask & (mask - 1)] | factors[low]
    labels = [inside[m] & (output | inside[everything ^ m]) for m in range(everything + 1)]
    best: list[tuple[float, int]] = [(0.0, 0)] * (everything + 1)
    for mask in range(1, everything + 1):
        if mask & (mask - 1) == 0:
            continue
        best[mask] = min(_splits(mask, labels, inverses, best, costs))
    pairs: list[Pair] = []
    _unfold(everything, best, count, pairs)
    return pairs


def _splits(
    mask: int, labels: Sequence[Set], inverses: Set, best: Sequence[tuple[float, int]], costs: Costs
) -> Iterable[tuple[float, int]]:
    """(cost, one side) of every way to part a subset in two."""
    low = mask & -mask
    part = (mask - 1) & mask
    while part:
        if part & low:
            rest = mask ^ part
            cost = _step_cost(
                costs,
                labels[part],
                labels[rest],
                labels[mask],
                _is_leaf_of(part, inverses),
                _is_leaf_of(rest, inverses),
            )
            yield best[part][0] + best[rest][0] + cost, part
        part = (part - 1) & mask


def _is_leaf_of(mask: int, inverses: Set) -> bool:
    return mask & (mask - 1) == 0 and mask.bit_length() - 1 in inverses


def _unfold(mask: int, best: Sequence[tuple[float, int]], count: int, pairs: list[Pair]) -> int:
    """Write the pairs of a tree in order; the number of its result."""
    if mask & (mask - 1) == 0:
        return mask.bit_length() - 1
    part = best[mask][1]
    left = _unfold(part, best, count, pairs)
    right = _unfold(mask ^ part, best, count, pairs)
    pairs.append((left, right))
    return count + len(pairs) - 1


def _greedy(factors: Sequence[Set], inverses: Set, output: Set, costs: Costs) -> list[Pair]:
    """The cheapest pair first; what shares no label is multiplied last."""
    count = len(factors)
    labels = dict(enumerate(factors))
    carriers: dict[int, list[int]] = {}
    holders = Counter(k for f in factors for k in f)
    heap: list[tuple[float, int, int]] = []

    def outcome(i: int, j: int) -> Set:
        both = labels[i] | labels[j]
        return frozenset(k for k in both if k in output or holders[k] > (k in labels[i]) + (k in labels[j]))

    def push(i: int, j: int) -> None:
        cost = _step_cost(costs, labels[i], labels[j], outcome(i, j), i in inverses, j in inverses)
        heappush(heap, (cost, i, j))

    def enter(i: int) -> None:
        partners: set[int] = set()
        for k in labels[i]:
            carriers[k] = [j for j in carriers.get(k, ()) if j in labels]
            partners.update(carriers[k][-CROWD:])
            carriers[k].append(i)
        for j in sorted(partners):
            push(j, i)

    for i in range(count):
        enter(i)
    pairs: list[Pair] = []
    while len(labels) > 1:
        pair = _next_pair(heap, labels, costs)
        out = outcome(*pair)
        for i in pair:
            holders.subtract(labels[i])
        for i in pair:
            del labels[i]
        fresh = count + len(pairs)
        pairs.append(pair)
        labels[fresh] = out
        holders.update(out)
        enter(fresh)
    return pairs


def _next_pair(heap: list[tuple[float, int, int]], labels: Mapping[int, Set], costs: Costs) -> Pair:
    while heap:
        _, i, j = heappop(heap)
        if i in labels and j in labels:
            return i, j
    smallest = sorted(labels, key=lambda k: (costs.entries(labels[k]), k))
    return smallest[0], smallest[1]
