"""The canonical numbering of the labels of a product.

A product is given by the kinds of its operands and their labels; two products that differ only in the order of
operands and the names of summed labels get the same numbering. Labels are coloured by what stands around them
until no colour splits any more; where labels still look alike, each is tried, and the least outcome is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Labels: TypeAlias = tuple[int, ...]
MAX_BRANCHES = 500

Certificate: TypeAlias = list[tuple[int, Labels]]


class Labelling:
    """The canonical numbering of the summed labels: colours refined, branching only on ties."""

    def __init__(
        self, kinds: list[int], swaps: list[int], labels: list[Labels], fixed: dict[int, int], summed: list[int]
    ) -> None:
        self.kinds, self.swaps, self.labels = kinds, swaps, labels
        self.fixed, self.summed = fixed, summed
        self.branches = 0

    def solve(self) -> tuple[int, list[int], dict[int, int]]:
        colours = dict(self.fixed)
        first = len(self.fixed)
        colours.update(dict.fromkeys(self.summed, first))
        best: tuple[Certificate, int, dict[int, int]] | None = None
        vanishes = False
        stack = [colours]
        while stack:
            colours = self._refine(stack.pop())
            tie = self._tie(colours)
            if tie and self.branches < MAX_BRANCHES:
                self.branches += len(tie)
                # Colours above the tie move up by one, so that the chosen label stands alone below its class.
                stack += [
                    {k: c + (c > colours[chosen] or (c == colours[chosen] and k != chosen)) for k, c in colours.items()}
                    for chosen in tie
                ]
                continue
            numbering = self._number(colours)
            certificate, sign = self._certificate(numbering)
            if best is None or certificate < best[0]:
                best, vanishes = (certificate, sign, numbering), False
            elif certificate == best[0] and sign != best[1]:
                vanishes = True
        assert best is not None
        _, sign, numbering = best
        order = sorted(range(len(self.kinds)), key=lambda k: (self.kinds[k], self.labels_of(k, numbering)))
        return (0 if vanishes or self._skew_diagonal() else sign), order, numbering

    def _skew_diagonal(self) -> bool:
        return any(s < 0 and ls[0] == ls[1] for s, ls in zip(self.swaps, self.labels, strict=True))

    def labels_of(self, k: int, numbering: Mapping[int, int]) -> Labels:
        labels = tuple(numbering[x] for x in self.labels[k])
        return (labels[1], labels[0]) if self.swaps[k] and labels[0] > labels[1] else labels

    def _refine(self, colours: dict[int, int]) -> dict[int, int]:
        if not self.summed:
            return colours
        classes = len(set(colours.values()))
        while True:
            seen: dict[int, list[tuple[int, int, tuple[int, ...]]]] = {k: [] for k in self.summed}
            for kind, swap, labels in zip(self.kinds, self.swaps, self.labels, strict=True):
                around = tuple(colours[k] for k in labels)
                if swap and around[0] > around[1]:
                    around = (around[1], around[0])
                for axis, k in enumerate(labels):
                    if k in seen:
                        seen[k].append((kind, 0 if swap else axis, around))
            keys = {k: (colours[k], sorted(seen[k])) for k in self.summed}
            ranks = _dense_ranks(keys, len(self.fixed))
            colours = {**self.fixed, **ranks}
            count = len(set(colours.values()))
            if count == classes:
                return colours
            classes = count

    def _tie(self, colours: dict[int, int]) -> list[int]:
        groups: dict[int, list[int]] = {}
        for k in self.summed:
            groups.setdefault(colours[k], []).append(k)
        for c in sorted(groups):
            if len(groups[c]) > 1:
                return groups[c]
        return []

    def _number(self, colours: dict[int, int]) -> dict[int, int]:
        order = sorted(self.summed, key=lambda k: (colours[k], k))
        return {**self.fixed, **{k: len(self.fixed) + place for place, k in enumerate(order)}}

    def _certificate(self, numbering: dict[int, int]) -> tuple[Certificate, int]:
        sign = 1
        for swap, labels in zip(self.swaps, self.labels, strict=True):
            if swap < 0 and numbering[labels[0]] > numbering[labels[1]]:
                sign = -sign
        return sorted((kind, self.labels_of(k, numbering)) for k, kind in enumerate(self.kinds)), sign


def _dense_ranks(keys: Mapping[int, Any], first: int) -> dict[int, int]:
    ranks: dict[int, int] = {}
    previous: Any = None
    rank = first - 1
    for k in sorted(keys, key=keys.__getitem__):
        if keys[k] != previous:
            rank += 1
            previous = keys[k]
        ranks[k] = rank
    return ranks
