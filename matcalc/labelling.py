"""The canonical numbering of the labels of a product.

A product is given by the kinds of its operands and their labels; two products that differ only in the order of
operands and the names of summed labels get the same numbering. Labels are coloured by what stands around them
until no colour splits any more; where labels still look alike, each is tried, and the least outcome is taken. Of
labels that a symmetry found on the way takes into one another only one is tried (McKay, Practical graph isomorphism,
1981). A long chain takes time in proportion to its length, but for a logarithm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

Labels: TypeAlias = tuple[int, ...]
MAX_WORK = 100_000  # labels looked at; what still looks alike then is numbered as it comes

Certificate: TypeAlias = list[tuple[int, Labels]]
Numbers: TypeAlias = dict[int, int]
# What stands around a label: for each operand on it the kind, the axis, and the colours of its labels.
Around: TypeAlias = list[tuple[int, int, tuple[int, ...]]]


class _Colours:
    """Colours of the summed labels, and the labels of each colour.

    Only the order of colours counts. Where a colour splits, the largest part keeps the number, so that a label gets a
    new one a logarithmic number of times; every colour keeps free numbers on both sides for the parts that may leave.
    """

    def __init__(self, of: Numbers, classes: dict[int, dict[int, None]]) -> None:
        self.of, self.classes = of, classes

    def copy(self) -> _Colours:
        return _Colours(dict(self.of), {c: dict(members) for c, members in self.classes.items()})

    def split(self, colour: int, parts: list[list[int]], kept: int) -> list[int]:
        """Give the parts new colours in this order, but for the part that keeps its own; the labels that changed."""
        old = self.classes[colour]
        room = _room(len(old))
        changed: list[int] = []
        for edge, side in ((colour - room, parts[:kept]), (colour + room, parts[kept + 1 :])):
            away = 1 if edge < colour else -1
            for part in side[::away]:
                edge += away * _room(len(part))
                self.classes[edge] = dict.fromkeys(part)
                for k in part:
                    self.of[k] = edge
                    del old[k]
                edge += away * (_room(len(part)) + 1)
                changed += part
        return changed

    def tie(self) -> list[int]:
        """The labels of the first colour that several have."""
        several = [c for c, members in self.classes.items() if len(members) > 1]
        return list(self.classes[min(several)]) if several else []


def _room(members: int) -> int:
    """Numbers that a colour keeps free on either side: enough for all ways in which it may split."""
    return members**3


class _Choice:
    """A tie in the search: which of its labels were tried, and which of them symmetries take into one another."""

    def __init__(self, colours: _Colours, tie: list[int]) -> None:
        self.colours = colours
        self.waiting = tie[::-1]
        self.tried: list[int] = []
        self.root = {k: k for k in tie}

    def find(self, k: int) -> int:
        while self.root[k] != k:
            k = self.root[k]
        return k

    def learn(self, symmetry: Mapping[int, int]) -> None:
        for k in self.root:
            a, b = self.find(k), self.find(symmetry[k])
            self.root[max(a, b)] = min(a, b)

    def next(self) -> int | None:
        while self.waiting:
            k = self.waiting.pop()
            if self.find(k) not in {self.find(t) for t in self.tried}:
                self.tried.append(k)
                return k
        return None


class _Leaf:
    """A numbering that the search came to, and by which choices."""

    def __init__(self, numbers: Numbers, certificate: Certificate, sign: int, path: list[int]) -> None:
        self.numbers, self.certificate, self.sign, self.path = numbers, certificate, sign, path


class Labelling:
    """The canonical numbering of the summed labels: colours refined, branching only on ties."""

    def __init__(
        self, kinds: list[int], swaps: list[int], labels: list[Labels], fixed: dict[int, int], summed: list[int]
    ) -> None:
        self.kinds, self.swaps, self.labels = kinds, swaps, labels
        self.fixed, self.summed = fixed, summed
        self.work = 0
        self.on: dict[int, list[tuple[int, int]]] = {k: [] for k in summed}
        for place, own in enumerate(labels):
            for axis, k in enumerate(own):
                if k in self.on:
                    self.on[k].append((place, 0 if swaps[place] else axis))

    def solve(self) -> tuple[int, list[int], dict[int, int]]:
        """(sign, order of the operands, numbers of the labels); the sign is 0 where a symmetry shows it is zero."""
        best = self._search()
        order = sorted(range(len(self.kinds)), key=lambda k: (self.kinds[k], self.labels_of(k, best.numbers)))
        return (0 if self._skew_diagonal() else best.sign), order, best.numbers

    def _skew_diagonal(self) -> bool:
        return any(s < 0 and ls[0] == ls[1] for s, ls in zip(self.swaps, self.labels, strict=True))

    def labels_of(self, k: int, numbering: Mapping[int, int]) -> Labels:
        labels = tuple([numbering[x] for x in self.labels[k]])
        return (labels[1], labels[0]) if self.swaps[k] and labels[0] > labels[1] else labels

    # --- the search ---

    def _search(self) -> _Leaf:
        colours = self._start()
        tie = colours.tie()
        if not tie:
            return self._leaf(colours, [])
        first: _Leaf | None = None
        best: _Leaf | None = None
        choices, path, symmetries = [_Choice(colours, tie)], list[int](), list[dict[int, int]]()
        while choices:
            chosen = choices[-1].next() if self.work < MAX_WORK or best is None else None
            del path[len(choices) - 1 :]
            if chosen is None:
                choices.pop()
                continue
            path.append(chosen)
            colours = self._apart(choices[-1].colours, chosen)
            tie = colours.tie()
            if tie and self.work < MAX_WORK:
                choices.append(self._choice(colours, tie, path, symmetries))
                continue
            leaf = self._leaf(colours, list(path))
            if first is None or best is None:
                first = best = leaf
                continue
            twin = next((known for known in (first, best) if known.certificate == leaf.certificate), None)
            if twin is not None:
                if twin.sign != leaf.sign:
                    best.sign = 0
                    return best
                symmetry = _symmetry(twin, leaf)
                symmetries.append(symmetry)
                common = next(k for k, (a, b) in enumerate(zip(twin.path, path, strict=False)) if a != b)
                del choices[common + 1 :]  # what is below is below the twin too
                for depth, choice in enumerate(choices):
                    if all(symmetry[k] == k for k in path[:depth]):
                        choice.learn(symmetry)
            elif leaf.certificate < best.certificate:
                best = leaf
        assert best is not None
        return best

    def _choice(
        self, colours: _Colours, tie: list[int], path: list[int], symmetries: Iterable[Mapping[int, int]]
    ) -> _Choice:
        choice = _Choice(colours, tie)
        for symmetry in symmetries:
            self.work += len(path)
            if all(symmetry[k] == k for k in path):
                choice.learn(symmetry)
        return choice

    def _leaf(self, colours: _Colours, path: list[int]) -> _Leaf:
        order = sorted(self.summed, key=lambda k: (colours.of[k], k))
        numbers = {**self.fixed, **{k: len(self.fixed) + place for place, k in enumerate(order)}}
        sign = 1
        for swap, labels in zip(self.swaps, self.labels, strict=True):
            if swap < 0 and numbers[labels[0]] > numbers[labels[1]]:
                sign = -sign
        self.work += len(self.kinds)
        return _Leaf(
            numbers, sorted((kind, self.labels_of(k, numbers)) for k, kind in enumerate(self.kinds)), sign, path
        )

    # --- refinement ---

    def _start(self) -> _Colours:
        if not self.summed:
            return _Colours(self.fixed, {})
        colour = len(self.fixed) + _room(len(self.summed))
        colours = _Colours({**self.fixed, **dict.fromkeys(self.summed, colour)}, {colour: dict.fromkeys(self.summed)})
        if len(self.summed) > 1:
            self._refine(colours, {colour: dict.fromkeys(self.summed)})
        return colours

    def _apart(self, colours: _Colours, chosen: int) -> _Colours:
        """The colours refined with this label before the others of its colour."""
        colours = colours.copy()
        self.work += len(self.summed)
        colour = colours.of[chosen]
        changed = colours.split(colour, [[chosen], []], 1)
        self._refine(colours, self._beside(colours, changed))
        return colours

    def _refine(self, colours: _Colours, touched: dict[int, dict[int, None]]) -> None:
        """Split colours by what stands around their labels until none splits; those in `touched` saw a change."""
        while touched:
            # All are looked at before any changes, so that the order of new colours depends on the old ones alone.
            splits = [(c, *self._parts(colours, c, members)) for c, members in touched.items()]
            changed: list[int] = []
            for colour, parts, kept in splits:
                if len(parts) > 1:
                    changed += colours.split(colour, parts, kept)
            touched = self._beside(colours, changed)

    def _parts(self, colours: _Colours, colour: int, touched: Mapping[int, None]) -> tuple[list[list[int]], int]:
        """The labels of a colour by what stands around them, and the place of the largest part, which is not listed
        where it is of labels that saw no change: those look alike."""
        members = colours.classes[colour]
        around = [(self._around(colours.of, k), k) for k in touched]
        around.sort()
        parts: list[tuple[Around, int, list[int]]] = []
        for key, k in around:
            if parts and parts[-1][0] == key:
                parts[-1][2].append(k)
            else:
                parts.append((key, k, [k]))
        left = len(members) - len(touched)
        sizes = [len(part) for _, _, part in parts]
        if left:
            one = next(k for k in members if k not in touched)
            others = [k for k in members if k not in touched] if left <= max(sizes) else []
            key = self._around(colours.of, one)
            place = next((p for p, part in enumerate(parts) if part[0] >= key), len(parts))
            if place < len(parts) and parts[place][0] == key:
                if others:
                    parts[place][2].extend(others)
                sizes[place] += left
            else:
                parts.insert(place, (key, one, others))
                sizes.insert(place, left)
        return [part for _, _, part in parts], sizes.index(max(sizes))

    def _around(self, colours: Mapping[int, int], k: int) -> Around:
        found: Around = []
        for place, axis in self.on[k]:
            around = tuple([colours[x] for x in self.labels[place]])
            if self.swaps[place] and around[0] > around[1]:
                around = (around[1], around[0])
            found.append((self.kinds[place], axis, around))
        self.work += len(found)
        found.sort()
        return found

    def _beside(self, colours: _Colours, changed: Iterable[int]) -> dict[int, dict[int, None]]:
        """The labels that share an operand with one that changed, by colour; a colour of one label cannot split."""
        touched: dict[int, dict[int, None]] = {}
        for k in changed:
            for place, _ in self.on[k]:
                for x in self.labels[place]:
                    if x in self.on and len(colours.classes[colours.of[x]]) > 1:
                        touched.setdefault(colours.of[x], {})[x] = None
        return touched


def _symmetry(a: _Leaf, b: _Leaf) -> dict[int, int]:
    """Where the symmetry that takes one numbering to the other takes each label."""
    at = {number: k for k, number in b.numbers.items()}
    return {k: at[number] for k, number in a.numbers.items()}
