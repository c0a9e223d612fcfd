"""The functions of the language, as the rows of `identities/functions.mc` state them.

Formulas stay text here; they are read when a function is first met.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from . import entries
from .entries import Record
from .errors import IdentityError
from .resources import folder
from .sizes import Size

# A spelling in LaTeX is a word or one Greek letter: a stranger's file cannot bring commands of its own.
SPELLING = re.compile(r"\\?[A-Za-z]+")
KINDS = {"scalar": 0, "vector": 1, "matrix": 2}
HEADER = re.compile(r"(\w+)\s*\((.*)\)\s*->\s*(.+?)\s*$")
PARAMETER = re.compile(r"(\w+)\s*:\s*(\w+)\s*(?:\(([^()]*)\))?\s*(?:,|$)\s*")


@dataclass(frozen=True)
class Parameter:
    """A parameter, or the result: a kind (`any` is every shape, `same` is that of the argument) and its sizes."""

    name: str
    kind: str
    sizes: tuple[Size, ...] = ()

    def accepts(self, rank: int) -> bool:
        return self.kind == "any" or KINDS[self.kind] == rank


@dataclass(frozen=True, eq=False)
class Function:
    """One row: a signature and what is known of the function."""

    name: str
    parameters: tuple[Parameter, ...]
    result: Parameter
    fields: Mapping[str, str] = field(default_factory=dict)
    named: bool = False  # whether it stands under its name although it has a definition

    @cached_property
    def aliases(self) -> tuple[str, ...]:
        return tuple(self.fields.get("aliases", "").split())

    @property
    def elementwise(self) -> bool:
        return self.result.kind == "same"

    @property
    def definition(self) -> str | None:
        return self.fields.get("definition")

    @property
    def derivative(self) -> str | None:
        """f' as an expression: of an elementwise function of a scalar, or of a primary function of a matrix."""
        return self.fields.get("derivative")

    @property
    def differential(self) -> str | None:
        return self.fields.get("differential")

    @property
    def self_adjoint(self) -> bool:
        """Whether the function is linear with tr(F(A)^T B) = tr(A^T F(B))."""
        return self.fields.get("adjoint") == "same"

    @property
    def transpose(self) -> str:
        """`commutes`: F(X^T) = F(X)^T; `invariant`: F(X^T) = F(X); else empty."""
        return self.fields.get("transpose", "")

    @cached_property
    def parity(self) -> int:
        """-1 for an odd function, 1 for an even one, else 0."""
        return {"odd": -1, "even": 1}.get(self.fields.get("parity", ""), 0)

    @property
    def not_negative(self) -> bool:
        return "range" in self.fields

    @property
    def on_complex(self) -> str:
        """What it is of complex arguments: `holomorphic`, `branches`, `conjugates`, a definition, or empty."""
        return self.fields.get("complex", "")

    def result_shape(self, shapes: Sequence[tuple[Size, ...]]) -> tuple[Size, ...]:
        """The shape of the value for arguments of these shapes."""
        if self.result.kind == "same":
            return shapes[0]
        sizes = {
            formal.name: actual
            for parameter, shape in zip(self.parameters, shapes, strict=True)
            for formal, actual in zip(parameter.sizes, shape, strict=False)
            if formal.name is not None
        }
        return tuple(s.substitute(sizes) for s in self.result.sizes)


def _size(text: str) -> Size:
    """A product of names and whole numbers."""
    total = Size.of(1)
    for part in text.split("*"):
        part = part.strip()
        total = total * Size.of(int(part) if part.isdigit() else part)
    return total


def _parameters(text: str) -> tuple[Parameter, ...]:
    return tuple(
        Parameter(m[1], m[2], tuple(_size(s) for s in m[3].split(",")) if m[3] else ())
        for m in PARAMETER.finditer(text)
    )


def row(record: Record) -> Function:
    """The function that a record states.

    >>> (record,) = entries.read("function gram(A: matrix(n,m)) -> matrix(m,m)\\n    definition: A^T A", "my.mc")
    >>> row(record).name, row(record).definition
    ('gram', 'A^T A')
    """
    header = HEADER.match(record.title)
    assert header is not None
    parameters = _parameters(header[2])
    results = _parameters(f"result: {header[3]}")
    if sum(len(m[0]) for m in PARAMETER.finditer(header[2])) != len(header[2]) or len(results) != 1:
        raise record.error(f"the signature '{record.title[:60]}' is not understood; {entries.HINTS['function']}")
    fields = {key: str(value) for key, value in record.fields.items()}
    return Function(header[1], parameters, results[0], fields)


def read(text: str, source: str) -> list[Function]:
    """The functions of a file."""
    return [row(record) for record in entries.read(text, source) if record.kind == "function"]


class Functions(Mapping[str, Function]):
    """All functions by canonical name; `overloads` where a name has several signatures."""

    def __init__(self, rows: Sequence[Function]) -> None:
        self._rows: dict[str, list[Function]] = {}
        self._named = 0
        self.spellings: dict[str, tuple[str, int, int]] = {}
        for each in rows:
            self._rows.setdefault(each.name, []).append(each)
        for name in self._rows:
            self._spell(name)

    def _spell(self, name: str) -> None:
        group = self._rows[name]
        counts = [len(r.parameters) for r in group]
        for spelling in (name, *(a for r in group for a in r.aliases)):
            self.spellings[spelling] = (name, min(counts), max(counts))

    def add(self, new: Function) -> None:
        """Make a function known by its name and its aliases, from now on and everywhere."""
        taken = next((s for s in (new.name, *new.aliases) if s in self.spellings), None)
        if taken is not None:
            raise IdentityError(f"there is a function '{taken}' already")
        self._rows[new.name] = [new]
        self._named += new.named
        self._spell(new.name)

    def remove(self, name: str) -> None:
        """Forget a function that was added."""
        (old,) = self._rows.pop(name)
        self._named -= old.named
        for spelling in (name, *old.aliases):
            del self.spellings[spelling]

    def __getitem__(self, name: str) -> Function:
        return self._rows[name][0]

    @property
    def has_named(self) -> bool:
        """Whether a user's file has added functions."""
        return self._named > 0

    def at(self, name: str, ranks: Sequence[int]) -> Function:
        """The signature that takes arguments of these ranks."""
        for row in self._rows[name]:
            if len(row.parameters) == len(ranks) and all(
                p.accepts(r) for p, r in zip(row.parameters, ranks, strict=True)
            ):
                return row
        return self._rows[name][0]

    def overloads(self, name: str) -> Sequence[Function]:
        return self._rows.get(name, ())

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _load() -> Functions:
    path = folder("identities") / "functions.mc"
    return Functions([row(r) for r in entries.shipped(path.read_text(encoding="utf-8"), path.name)])


FUNCTIONS = _load()
