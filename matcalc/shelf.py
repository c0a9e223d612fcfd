"""The entries that are known, read when somebody first asks, and found by what they state.

A derivation never looks here: the shelf is for those who ask which known identity a result is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from . import entries, matching, statements
from .byvalue import ByValue
from .entries import Record
from .errors import MatcalcError
from .ir import Node
from .matching import match, skeleton
from .places import part_of
from .resources import folder
from .simplify import simplify
from .statements import Statement

SHIPPED = "shipped"


@dataclass(frozen=True, eq=False)
class Entry(ByValue):
    """One entry of the library: a function, a rewrite or a fact.

    `status` is `shipped` (the tests of the package verify it), `verified` (it was when it was loaded), `unverified`
    (it could not be decided, and is not used) or `pending` (it cannot be stated or derived yet).
    """

    record: Record
    status: str

    @property
    def _value(self) -> Hashable:  # type: ignore[override]
        fields = tuple((key, str(field)) for key, field in self.record.fields.items())
        return (self.kind, self.record.title, self.status, fields)

    @property
    def kind(self) -> str:
        return self.record.kind

    @property
    def name(self) -> str:
        return self.record.title.partition("(")[0].strip()

    @property
    def states(self) -> str:
        """The statement, or the definition of a function, as it is written."""
        if self.kind != "function":
            return self.record.text("states")
        formula = next(
            (self.record.text(k) for k in ("definition", "differential", "derivative") if self.record.text(k)), ""
        )
        return f"{self.record.title}" + (f" = {formula}" if self.record.text("definition") else "")

    @property
    def source(self) -> str:
        return self.record.text("source")

    @property
    def section(self) -> str:
        return self.record.text("section")

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self.record.text("tags").split())

    @property
    def note(self) -> str:
        return self.record.text("note")

    @property
    def usable(self) -> bool:
        return self.status in (SHIPPED, "verified")

    @cached_property
    def statement(self) -> Statement | None:
        """What is stated, of a fact or a rewrite."""
        return None if self.kind == "function" else statements.read(self.record)

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The symbols that the entry declares."""
        return () if self.kind == "function" else tuple(statements.declared(self.record))

    def __repr__(self) -> str:
        return f"Entry({self.kind} {self.name}: {self.states})"


@dataclass(frozen=True, eq=False)
class Match(ByValue):
    """An entry that states something of an expression, and what its symbols are there."""

    entry: Entry
    substitution: dict[str, str]

    @property
    def _value(self) -> Hashable:  # type: ignore[override]
        return (self.entry, frozenset(self.substitution.items()))

    def __str__(self) -> str:
        renamed = ", ".join(f"{a} is {b}" for a, b in self.substitution.items() if a != b)
        cited = f"  [{self.entry.source}]" if self.entry.source else ""
        return f"{self.entry.name}: {self.entry.states}{cited}" + (f"  where {renamed}" if renamed else "")


# What a pattern is filed under: a derivative by how many symbols (0: a side of a relation), and the skeleton.
Key = tuple[int, int]


@dataclass
class Shelf:
    """All entries, and an index of what they speak of."""

    added: list[Entry] = field(default_factory=list)
    loader: Callable[[], None] | None = None
    opened: bool = False
    _index: dict[Key, list[tuple[Entry, Node]]] = field(default_factory=dict)
    _filed: dict[bool, int] = field(default_factory=dict)  # how many entries are in the index, derivatives or others

    def open(self) -> None:
        """Load the user's own folder, once; what is wrong with it is told every time."""
        if not self.opened:
            self.opened = True  # to load is to look what is there already
            try:
                if self.loader is not None:
                    self.loader()
            except BaseException:
                self.opened = False
                raise

    def forget(self) -> None:
        """Throw the index away, as after entries were taken off."""
        self._index.clear()
        self._filed.clear()

    @cached_property
    def shipped(self) -> tuple[Entry, ...]:
        found = []
        for path in sorted(folder("identities").glob("*.mc")):
            for record in entries.shipped(path.read_text(encoding="utf-8"), path.name):
                found.append(Entry(record, "pending" if "pending" in record.fields else SHIPPED))
        return tuple(found)

    def __iter__(self) -> Iterator[Entry]:
        self.open()
        yield from self.shipped
        yield from self.added

    def _file(self, derivatives: bool) -> None:
        """Bring the index up to date, for derivatives or for relations."""
        everything = list(self)
        for entry in everything[self._filed.get(derivatives, 0) :]:
            if entry.usable and entry.kind == "fact" and entry.statement and bool(entry.statement.wrt) == derivatives:
                for key, node in _patterns(entry.statement):
                    self._index.setdefault(key, []).append((entry, node))
        self._filed[derivatives] = len(everything)

    def find(self, node: Node, wrt: Sequence[str] = ()) -> list[Match]:
        """The facts about the derivative of a node, or, without `wrt`, about the node: up to renaming of symbols."""
        self._file(bool(wrt))
        root = simplify(node)
        parts = [part_of(name) for name in wrt]
        found = []
        for entry, pattern in self._index.get((len(wrt), skeleton(root)), ()):
            statement = entry.statement
            assert statement is not None
            stated = [part_of(name) for name in statement.wrt] if wrt else []
            if [part for part, _ in stated] != [part for part, _ in parts]:
                continue
            renaming = match(pattern, root, [(a, b) for (_, a), (_, b) in zip(stated, parts, strict=True)])
            if renaming is not None:
                found.append(Match(entry, renaming))
        return list({m.entry.name: m for m in found}.values())

    def identity_of(self, node: Node, wrt: Sequence[str]) -> str | None:
        """The source of the fact that states this derivative, or its name."""
        matches = self.find(node, wrt)
        return (matches[0].entry.source or matches[0].entry.name) if matches else None


def _patterns(statement: Statement) -> Iterator[tuple[Key, Node]]:
    """What may be looked up: the expression of a derivative, or both sides of a relation."""
    if statement.differential:
        return
    try:
        left, right = statement.nodes
    except MatcalcError:
        return
    for node in map(simplify, [left] if statement.wrt or right is None else [left, right]):
        if matching.symbols_of(node):
            yield (len(statement.wrt), skeleton(node)), node


SHELF = Shelf()
