"""Files of functions, rewrites and facts: text to records, each field with its place in the text.

The grammar is `grammar/identity.lark`. A file is data: formulas stay text here, and nothing that a file says is
run, included or looked up.

To build lark's parser takes longer than all else that `import matcalc` does, so the files that come with the package
are cut by one regular expression instead (`shipped`); tests compare the two on them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NoReturn, TypeAlias

from lark import Lark, Transformer, UnexpectedInput

from .errors import IdentityError, LimitError, MatcalcError
from .resources import folder

MAX_FILE = 1_000_000
MAX_RECORDS = 10_000
MAX_FORMULA = 10_000

ABOUT = ("source", "section", "tags", "note")
FIELDS: dict[str, frozenset[str]] = {
    "function": frozenset(
        [
            *(
                "aliases",
                "derivative",
                "differential",
                "definition",
                "transpose",
                "parity",
                "range",
                "scalar",
                "letter",
                "domain",
                "adjoint",
                "complex",
            ),
            *("latex", *ABOUT),
        ]
    ),
    "rewrite": frozenset(["states", "declare", *ABOUT]),
    "fact": frozenset(["states", "declare", "where", "sizes", "structure", "pending", *ABOUT]),
}
HINTS = {
    "function": "a function starts like 'function f(x: vector(n)) -> scalar'",
    "rewrite": "a rewrite starts like 'rewrite orthogonal-inverse'",
    "fact": "a fact starts like 'fact trace-of-a-product'",
}
TITLES = {
    "function": re.compile(r"\w+\s*\(.*\)\s*->\s*\S.*"),
    "rewrite": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*"),
    "fact": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*"),
}
COMMENTS = re.compile(r"(?<=\n)[ \t]*#[^\n]*")
RECORD = re.compile(
    r"(?m)^(?P<kind>function|rewrite|fact)[ \t]+(?P<title>[^\n]+)|^[ \t]+[a-z]+:[^\n]*(?:\n {5,}[^ #\n][^\n]*)*"
)

ALLOWED = "\n\t"  # of what does not print; all else could tell a terminal to show other text than is there

# A token: where it starts, and its text.
Piece: TypeAlias = tuple[int, str]


@dataclass(frozen=True)
class Source:
    """A text with a name, such as a file's: it words errors about places in it."""

    name: str
    text: str = field(repr=False)

    def where(self, position: int) -> str:
        """The place in words.

        >>> Source("my.mc", "fact a\\n    states: 1 = 1").where(11)
        'my.mc, line 2, column 5'
        """
        line = self.text.count("\n", 0, position) + 1
        column = position - (self.text.rfind("\n", 0, position) + 1) + 1
        return f"{self.name}, line {line}, column {column}"

    def error(self, message: str, position: int) -> IdentityError:
        return IdentityError(f"{self.where(position)}: {message}", self.text, position)


@dataclass(frozen=True)
class Field:
    """A value, and the place where it starts; offsets in the value are offsets in the file from there."""

    key: str
    value: str
    position: int

    def __str__(self) -> str:
        return " ".join(self.value.split())


@dataclass(frozen=True)
class Record:
    """One entry of a file as it is written: its kind, what follows it on its line, and its fields."""

    kind: str
    title: str
    source: Source
    position: int
    fields: Mapping[str, Field]

    def text(self, key: str) -> str:
        """The value of a field on one line, or an empty text."""
        return str(self.fields[key]) if key in self.fields else ""

    def error(self, message: str, key: str = "", offset: int = 0) -> IdentityError:
        """An error about a place in a field, or about the record."""
        start = self.fields[key].position if key in self.fields else self.position
        return self.source.error(message, start + offset)

    def misread(self, error: MatcalcError, key: str, shift: int = 0) -> IdentityError:
        """An error about a formula of this record, as one about its file."""
        offset = 0 if error.position is None else max(0, error.position + shift)
        return self.error(error.message, key, min(offset, len(self.fields[key].value)))


def read(text: str, name: str) -> tuple[Record, ...]:
    """The records of a file, in the order of the file.

    >>> (record,) = read("fact trace\\n    states: tr(A B) = tr(B A)", "my.mc")
    >>> record.kind, record.title, record.text("states")
    ('fact', 'trace', 'tr(A B) = tr(B A)')
    """
    text = text.replace("\r\n", "\n")
    source = Source(name, text)
    if len(text.encode("utf-8", "replace")) > MAX_FILE:
        raise LimitError(f"{name}: a file of entries may have {MAX_FILE:,} bytes at most")
    hidden = next((k for k, c in enumerate(text) if not (c.isprintable() or c in ALLOWED)), None)
    if hidden is not None:
        raise source.error(f"a character that does not show (U+{ord(text[hidden]):04X})", hidden)
    try:
        tree: Any = _parser().parse(text)
    except UnexpectedInput as error:
        _explain(source, error.pos_in_stream or 0)
    records: Sequence[tuple[Piece, Piece, list[Piece]]] = tree
    if len(records) > MAX_RECORDS:
        position = records[MAX_RECORDS][0][0]
        raise LimitError(f"{source.where(position)}: a file may have {MAX_RECORDS:,} entries at most", text, position)
    return tuple(_record(source, *parts) for parts in records)


def shipped(text: str, name: str) -> tuple[Record, ...]:
    """The same for a file of the package, which is known to be well formed and indented by four spaces."""
    records: list[tuple[Piece, Piece, list[Piece]]] = []
    for m in RECORD.finditer(text):
        if m["kind"]:
            records.append(((m.start(), m["kind"]), (m.start("title"), m["title"]), []))
        else:
            records[-1][2].append((m.start(), m[0]))
    source = Source(name, text)
    return tuple(_record(source, *parts) for parts in records)


class _Builder(Transformer[Any, Any]):
    """Tokens with their places; there is nothing to build."""

    def file(self, records: list[Any]) -> list[Any]:
        return records

    def record(self, parts: list[Any]) -> tuple[Piece, Piece, list[Piece]]:
        kind, title, *fields = [(part.start_pos, str(part)) for part in parts]
        return kind, title, fields

    def field(self, parts: list[Any]) -> Any:
        return parts[0]


@lru_cache(maxsize=1)
def _parser() -> Lark:
    grammar = (folder("grammar") / "identity.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", start="file", transformer=_Builder(), maybe_placeholders=False)


def _explain(source: Source, position: int) -> NoReturn:
    """Word a syntax error: what a line at the margin, or an indented one, should look like."""
    start = source.text.rfind("\n", 0, position) + 1
    line = source.text[start:].partition("\n")[0]
    if not line[:1].isspace():
        word = line.split(None, 1)[0] if line.split() else ""
        if word in HINTS:
            raise source.error(HINTS[word], start)
        near = get_close_matches(word, HINTS, 1)
        hint = f"did you mean '{near[0]}'?" if near else "a line at the margin starts with function, rewrite or fact"
        raise source.error(f"'{word[:40]}' is not a kind of entry; {hint}", start)
    at = start + len(line) - len(line.lstrip())
    if re.match(r"\s+[a-z]+[ \t]*:", line):
        raise source.error("a field stands below the entry that it belongs to", at)
    raise source.error("a field has the form 'key: value'", at)


def _record(source: Source, head: Piece, title: Piece, fields: list[Piece]) -> Record:
    (start, kind), (at, name) = head, _stripped(title)
    if not TITLES[kind].fullmatch(name):
        raise source.error(f"'{name[:40]}' does not name an entry; {HINTS[kind]}", at)
    found: dict[str, Field] = {}
    for piece in fields:
        position, key = _stripped((piece[0], piece[1].partition(":")[0]))
        if key not in FIELDS[kind]:
            near = get_close_matches(key, FIELDS[kind], 1)
            hint = f"did you mean '{near[0]}'?" if near else f"its fields are {', '.join(sorted(FIELDS[kind]))}"
            raise source.error(f"a {kind} has no field '{key}'; {hint}", position)
        if key in found:
            raise source.error(f"the field '{key}' is given twice", position)
        found[key] = _field(source, piece, key)
    record = Record(kind, name, source, start, found)
    if kind != "function" and not record.text("states"):
        raise record.error(f"the {kind} '{name}' states nothing; write 'states: ...' below it")
    return record


def _stripped(piece: Piece) -> Piece:
    start, text = piece
    return start + len(text) - len(text.lstrip()), text.strip()


def _field(source: Source, piece: Piece, key: str) -> Field:
    """The value with comments blanked, so that places in it stay places in the file."""
    start, text = piece
    head, _, raw = text.partition(":")
    lead = len(raw) - len(raw.lstrip())
    position = start + len(head) + 1 + lead
    value = COMMENTS.sub(lambda m: " " * len(m[0]), raw[lead:]).rstrip()
    if len(value) > MAX_FORMULA:
        raise source.error(f"a value may have {MAX_FORMULA:,} characters at most", position)
    return Field(key, value, position)
