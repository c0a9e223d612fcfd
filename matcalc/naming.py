"""Names for the parts that a long expression repeats: `... where T_1 = ...`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .functions import FUNCTIONS
from .length import length
from .syntax import Call, Name, Num, Sub, Syntax, Where, children, walk, with_children

SHORT = 4
LONG = 24
MAX_NAMES = 30


def with_names(root: Syntax, taken: set[str]) -> Syntax:
    """The expression with parts that stand in it more than once named in a `where` list."""
    if isinstance(root, Where):
        return root
    root, bindings = _with_letters(root, taken)
    taken = taken | {name for name, _ in bindings}
    if length(root) < LONG:
        return Where(root, tuple(bindings)) if bindings else root
    names = (f"T_{k}" for k in range(1, MAX_NAMES + 1) if f"T_{k}" not in taken)
    for name in names:
        numbers = Numbering()
        part = numbers.most_repeated([root, *(v for _, v in bindings)])
        if part is None:
            break
        root = numbers.replaced(root, part, Name(name))
        bindings = [(n, numbers.replaced(v, part, Name(name))) for n, v in bindings]
        bindings.append((name, part))
    return Where(root, tuple(bindings)) if bindings else root


def _with_letters(root: Syntax, taken: set[str]) -> tuple[Syntax, list[tuple[str, Syntax]]]:
    """Values that have letters of their own, such as p for a softmax, named where they stand more than once."""
    bindings: list[tuple[str, Syntax]] = []
    calls = Counter(x for x in walk(root) if isinstance(x, Call) and x.function in FUNCTIONS)
    for call, count in calls.items():
        letter = FUNCTIONS[call.function].fields.get("letter", "")
        if count > 1 and letter and letter not in taken and not _has_indices(call):
            taken = taken | {letter}
            numbers = Numbering()
            numbers.number(root)
            root = numbers.replaced(root, call, Name(letter))
            bindings.append((letter, call))
    return root, bindings


def _has_indices(part: Syntax) -> bool:
    """Whether components stand in it: a name for them would hide their indices."""
    return any(isinstance(x, Sub) and any(isinstance(k, str) for k in x.indices) for x in walk(part))


class Numbering:
    """Numbers for parts of syntax: equal parts have equal numbers."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._seen: dict[int, int] = {}
        self._count: Counter[int] = Counter()
        self._parts: dict[int, Syntax] = {}
        self._kept: list[Syntax] = []

    def number(self, node: Syntax) -> int:
        if id(node) not in self._seen:
            below = tuple(self.number(c) for c in children(node))
            leaf = node if not below else with_children(node, tuple(Name("") for _ in below))
            self._seen[id(node)] = self._numbers.setdefault((leaf, below), len(self._numbers))
            self._kept.append(node)
        return self._seen[id(node)]

    def _visit(self, node: Syntax) -> None:
        key = self.number(node)
        self._count[key] += 1
        if self._count[key] == 1:  # what stands in a repeated part counts once
            self._parts[key] = node
            for c in children(node):
                self._visit(c)

    def most_repeated(self, roots: Sequence[Syntax]) -> Syntax | None:
        """The part whose name saves most symbols."""
        for root in roots:
            self._visit(root)
        best, saved = None, 0
        for key, count in self._count.items():
            part = self._parts[key]
            if count < 2 or isinstance(part, Name | Num) or _has_indices(part):
                continue
            cost = length(part)
            gain = (count - 1) * (cost - 1) - 2
            if cost >= SHORT and gain > saved:
                best, saved = part, gain
        return best

    def replaced(self, node: Syntax, part: Syntax, name: Syntax) -> Syntax:
        wanted = self.number(part)
        memo: dict[int, Syntax] = {}

        def walk_down(x: Syntax) -> Syntax:
            key = self.number(x)
            if key == wanted:
                return name
            if key not in memo:
                memo[key] = with_children(x, tuple(walk_down(c) for c in children(x)))
            return memo[key]

        return walk_down(node)
