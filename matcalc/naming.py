"""Names for the parts that a long expression repeats: `... where T_1 = ...`.

An expression is a graph in which a part may stand in many places. What is short enough to be written out gets the names
that save most, one after the other; what is longer gets a name for every part that stands in more than one place, so
that its text is no longer than its graph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import count

from .errors import LimitError
from .functions import FUNCTIONS
from .length import length
from .render.text import text
from .syntax import Call, Name, Num, Sub, Syntax, Where, children, occurrences, upwards, walk, with_children

SHORT = 4
LONG = 24
MAX_NAMES = 30
LONGEST = 20_000
"""Characters, or symbols, of an expression that is written out."""
MOST = 200_000


def shown(root: Syntax, taken: AbstractSet[str] = frozenset()) -> Syntax:
    """The expression as it is printed: written out, or where that is too long, with names for what it repeats."""
    if is_short(root):
        return root
    return _short_enough(_all_named(root, taken))


def is_short(root: Syntax) -> bool:
    """Whether the expression, written out, is no longer than what is read."""
    symbols = length(root)
    return symbols <= LONGEST and len(text(root)) <= LONGEST


def with_names(root: Syntax, taken: AbstractSet[str]) -> Syntax:
    """The expression with parts that stand in it more than once named in a `where` list."""
    if isinstance(root, Where):
        return shown(root, taken)
    if not is_short(root):
        return _short_enough(_all_named(root, taken))
    plain = root
    root, bindings = _with_letters(root, taken)
    if length(root) < LONG:
        return Where(root, tuple(bindings)) if bindings else root
    free = _free_names(taken | {name for name, _ in bindings})
    for _ in range(MAX_NAMES):
        numbers = Numbering()
        part = numbers.most_repeated([root, *(v for _, v in bindings)])
        if part is None:
            return Where(root, tuple(bindings)) if bindings else root
        name = next(free)
        root = numbers.replaced(root, part, Name(name))
        bindings = [(n, numbers.replaced(v, part, Name(name))) for n, v in bindings]
        bindings.append((name, part))
    some = Where(root, tuple(bindings))
    every = _all_named(plain, taken)
    return every if length(every) < length(some) else some


def _short_enough(named: Syntax) -> Syntax:
    if length(named) > MOST:
        raise LimitError(
            f"the answer has {length(named):,} symbols even with names for what it repeats; {MOST:,} is the most "
            "that is written: use function() or code()"
        )
    return named


def _free_names(taken: AbstractSet[str]) -> Iterator[str]:
    return (name for k in count(1) if (name := f"T_{k}") not in taken)


def _with_letters(root: Syntax, taken: AbstractSet[str]) -> tuple[Syntax, list[tuple[str, Syntax]]]:
    """Values that have letters of their own, such as p for a softmax, named where they stand more than once."""
    bindings: list[tuple[str, Syntax]] = []
    numbers = Numbering()
    calls: dict[int, Syntax] = {}
    times: Counter[int] = Counter()
    for x in occurrences(root):
        if isinstance(x, Call) and x.function in FUNCTIONS and "letter" in FUNCTIONS[x.function].fields:
            times[numbers.number(x)] += 1
            calls.setdefault(numbers.number(x), x)
    for key, call in calls.items():
        assert isinstance(call, Call)
        letter = FUNCTIONS[call.function].fields.get("letter", "")
        if times[key] > 1 and letter and letter not in taken and not numbers.has_indices(call):
            taken = taken | {letter}
            root = numbers.replaced(root, call, Name(letter))
            bindings.append((letter, call))
    return root, bindings


class Numbering:
    """Numbers for parts of syntax: equal parts have equal numbers."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._seen: dict[int, int] = {}
        self._count: Counter[int] = Counter()
        self._parts: dict[int, Syntax] = {}
        self._indexed: set[int] = set()  # parts with components: a name for them would hide their indices
        self._kept: list[Syntax] = []

    def number(self, root: Syntax) -> int:
        if id(root) not in self._seen:
            for node in upwards(root):
                if id(node) not in self._seen:
                    self._enter(node)
        return self._seen[id(root)]

    def _enter(self, node: Syntax) -> None:
        below = tuple([self._seen[id(c)] for c in children(node)])
        leaf = node if not below else with_children(node, (Name(""),) * len(below))
        number = self._numbers.setdefault((leaf, below), len(self._numbers))
        self._seen[id(node)] = number
        self._kept.append(node)
        own = isinstance(node, Sub) and any(isinstance(k, str) for k in node.indices)
        if own or not self._indexed.isdisjoint(below):
            self._indexed.add(number)

    def upwards(self, roots: Sequence[Syntax]) -> list[Syntax]:
        """Of equal parts one, each after what stands below it."""
        order: dict[int, Syntax] = {}
        for root in roots:
            for node in upwards(root):
                order.setdefault(self.number(node), node)
        return list(order.values())

    def with_parts(self, node: Syntax, parts: Mapping[int, Syntax]) -> Syntax:
        """The node with what `parts` has for the numbers of what stands below it."""
        return with_children(node, tuple([parts[self.number(c)] for c in children(node)]))

    def has_indices(self, node: Syntax) -> bool:
        """Whether components stand in it."""
        return self.number(node) in self._indexed

    def _visit(self, root: Syntax) -> None:
        stack = [root]
        while stack:
            node = stack.pop()
            key = self.number(node)
            self._count[key] += 1
            if self._count[key] == 1:  # what stands in a repeated part counts once
                self._parts[key] = node
                stack.extend(reversed(children(node)))

    def repeated(self, roots: Sequence[Syntax]) -> Iterator[tuple[Syntax, int]]:
        """The parts that stand in several places and may have a name, and in how many."""
        for root in roots:
            self._visit(root)
        for key, times in self._count.items():
            part = self._parts[key]
            if times > 1 and not isinstance(part, Name | Num) and key not in self._indexed:
                yield part, times

    def most_repeated(self, roots: Sequence[Syntax]) -> Syntax | None:
        """The part whose name saves most symbols."""
        best, saved = None, 0
        for part, times in self.repeated(roots):
            gain = _gain(times, length(part))
            if gain > saved:
                best, saved = part, gain
        return best

    def replaced(self, root: Syntax, part: Syntax, name: Syntax) -> Syntax:
        wanted = self.number(part)
        self.number(root)
        found: dict[int, Syntax] = {}
        for node in self.upwards([root]):
            key = self.number(node)
            found[key] = name if key == wanted else self.with_parts(node, found)
        return found[self.number(root)]


def _gain(times: int, cost: int) -> int:
    """How many symbols a name saves; none where the part is short."""
    return (times - 1) * (cost - 1) - 2 if cost >= SHORT else 0


def _all_named(root: Syntax, taken: AbstractSet[str]) -> Syntax:
    """The expression with a name for every part that stands in several places, those that hold others first."""
    body, old, ranges = (root.body, root.bindings, root.ranges) if isinstance(root, Where) else (root, (), ())
    roots = [body, *(v for _, v in old)]
    taken = {*taken, *(x.name for r in roots for x in walk(r) if isinstance(x, Name)), *(n for n, _ in old)}
    numbers = Numbering()
    times = {numbers.number(part): k for part, k in numbers.repeated(roots)}
    order = numbers.upwards(roots)
    # With any name for what is below it, a part is as short as it will be.
    named: set[int] = set()
    short: dict[int, Syntax] = {}
    for node in order:
        key = numbers.number(node)
        short[key] = numbers.with_parts(node, short)
        if _gain(times.get(key, 1), length(short[key])) > 0:
            named.add(key)
            short[key] = Name("T")
    free = _free_names(taken)
    met = dict.fromkeys(numbers.number(x) for r in roots for x in walk(r))
    names = {key: Name(next(free)) for key in met if key in named}
    inside: dict[int, Syntax] = {}  # what stands for a part within another
    values: dict[int, Syntax] = {}
    for node in order:
        key = numbers.number(node)
        values[key] = numbers.with_parts(node, inside)
        inside[key] = names.get(key, values[key])
    whole, *rest = (inside[numbers.number(r)] for r in roots)
    bindings = [(n, v) for (n, _), v in zip(old, rest, strict=True)]
    bindings += [(name.name, values[key]) for key, name in names.items()]
    return Where(whole, tuple(bindings), ranges) if bindings or ranges else whole
