"""The functions of the language, as the rows of `identities/functions.mc` state them.

Formulas stay text here; `rules` reads them when a function is first met.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .errors import IdentityError
from .resources import folder
from .sizes import Size

KINDS = {"scalar": 0, "vector": 1, "matrix": 2}
HEADER = re.compile(r"function\s+(\w+)\s*\((.*)\)\s*->\s*(.+?)\s*$")
PARAMETER = re.compile(r"(\w+)\s*:\s*(\w+)\s*(?:\(([^()]*)\))?\s*(?:,|$)\s*")
FIELDS = frozenset(
    [
        "aliases",
        "derivative",
        "differential",
        "definition",
        "transpose",
        "parity",
        "range",
        "domain",
        "latex",
        "unicode",
        "numpy",
        "note",
    ]
)


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


def read(text: str, source: str) -> list[Function]:
    """The rows of a file: a header at the margin, its fields below it, indented."""
    rows: list[Function] = []
    fields: dict[str, str] = {}
    for count, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        if line[0].isspace():
            key, colon, value = stripped.partition(":")
            if not colon or key not in FIELDS:
                raise IdentityError(f"{source}, line {count}: '{key}' is not a field of a function")
            fields[key] = value.strip()
            continue
        header = HEADER.match(line)
        if header is None:
            raise IdentityError(f"{source}, line {count}: a row starts like 'function f(x: vector(n)) -> scalar'")
        fields = {}
        (result,) = _parameters(f"result: {header[3]}")
        rows.append(Function(header[1], _parameters(header[2]), result, fields))
    return rows


class Functions(Mapping[str, Function]):
    """All functions by canonical name; `overloads` where a name has several signatures."""

    def __init__(self, rows: Sequence[Function]) -> None:
        self._rows: dict[str, list[Function]] = {}
        for row in rows:
            self._rows.setdefault(row.name, []).append(row)
        self.spellings: dict[str, tuple[str, int, int]] = {}
        for name, group in self._rows.items():
            counts = [len(r.parameters) for r in group]
            for spelling in (name, *(a for r in group for a in r.aliases)):
                self.spellings[spelling] = (name, min(counts), max(counts))

    def __getitem__(self, name: str) -> Function:
        return self._rows[name][0]

    def overloads(self, name: str) -> Sequence[Function]:
        return self._rows.get(name, ())

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _load() -> Functions:
    path = folder("identities") / "functions.mc"
    return Functions(read(path.read_text(encoding="utf-8"), path.name))


FUNCTIONS = _load()
