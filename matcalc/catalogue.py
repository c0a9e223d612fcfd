"""The identity library: `mc.library` iterates, filters, finds, loads and verifies entries."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from . import entries, functions, ir, lower, points, userfunctions, verdicts
from .codegen import is_taken
from .declarations import ATTRIBUTES, KINDS
from .derive import Declare, Expr, parse, variable_names
from .draws import Claim
from .entries import Record
from .errors import IdentityError, LimitError, MatcalcError, UnknownSymbolError, UnsupportedError
from .functions import FUNCTIONS, Function
from .letters import GREEK_NAMES
from .rewrites import rewrite_of, rules
from .shelf import SHELF, Entry, Match, Shelf
from .verdicts import Verdict
from .verify import drawn

FOLDER = "MATCALC_IDENTITIES"
FUNCTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]+")
DERIVATIVE = re.compile(r"d[2-4]?\(.*\)\s*/\s*d")
RESERVED = frozenset(ATTRIBUTES) | frozenset(KINDS) | {"where", "any", "same", "sum_i", "delta", "inf"}


class Library:
    """The functions, rewrites and facts that are known.

    >>> library = Library(SHELF)
    >>> print(library["cookbook-81"].states)
    d(x^T B x)/dx = (B + B^T) x
    >>> [str(m) for m in library.find("z^T Q z", wrt="z")][:1]
    ['cookbook-81: d(x^T B x)/dx = (B + B^T) x  [Matrix Cookbook (81)]  where B is Q, x is z']
    """

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._shelf)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, name: str) -> Entry:
        found = next((e for e in self if e.name == name), None)
        if found is None:
            near = get_close_matches(str(name), [e.name for e in self], 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise UnknownSymbolError(f"there is no entry '{str(name)[:40]}' in the library{hint}")
        return found

    def filter(
        self,
        source: str | None = None,
        tag: str | None = None,
        symbol: str | None = None,
        section: str | None = None,
        kind: str | None = None,
    ) -> tuple[Entry, ...]:
        """The entries whose source contains a text, and that have a tag, declare a symbol, stand in a section."""
        asked = {"source": source, "tag": tag, "symbol": symbol, "section": section, "kind": kind}
        for what, value in asked.items():
            if value is not None and not isinstance(value, str):
                raise UnsupportedError(f"{what} is a text, not of the type {type(value).__name__}")
        return tuple(
            e
            for e in self
            if (source is None or source.lower() in e.source.lower())
            and (tag is None or tag in e.tags)
            and (symbol is None or symbol in e.symbols)
            and (section is None or e.section == section or e.section.startswith(section + "."))
            and (kind is None or e.kind == kind)
        )

    def find(
        self, expr: str | Expr, wrt: str | Sequence[str] | None = None, *, declare: Declare = None, **symbols: str
    ) -> list[Match]:
        """What is known of an expression, or of its derivative by `wrt`, up to renaming and reordering.

        >>> [m.entry.source for m in Library(SHELF).find("tr(U V)")]
        ['Matrix Cookbook (14)']
        """
        names = () if wrt is None else variable_names(wrt)
        return self._shelf.find(parse(expr, declare, **symbols).lowered.node, names)

    def verify(self, chosen: Iterable[Entry] | None = None) -> list[Verdict]:
        """Verify entries again, one after the other: all, or those that are given."""
        entries_of = list(self if chosen is None else chosen)
        if not all(isinstance(e, Entry) for e in entries_of):
            raise UnsupportedError("what is verified are entries of the library")
        return [verdicts.verify(e.record) for e in entries_of]

    def load(self, path: str | os.PathLike[str]) -> tuple[Entry, ...]:
        """Add the entries of a file, or of all files `*.mc` of a folder; every one is verified first.

        A false entry refuses its whole file, with the numbers that refute it; what could not be decided is listed
        as unverified and not used. Errors: IdentityError, which names file, line and column.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise IdentityError(f"a file is named by text or a path, not by the type {type(path).__name__}")
        place = Path(path)
        files = sorted(place.glob("*.mc")) if place.is_dir() else [place]
        return tuple(entry for file in files for entry in self.add(read_file(file)))

    def add(self, records: Sequence[Record]) -> tuple[Entry, ...]:
        """Add records that were read, all or none."""
        taken = {(e.kind, e.name) for e in self._shelf}
        registered: list[str] = []
        found: list[Entry] = []
        try:
            for record in sorted(records, key=lambda r: r.kind != "function"):
                entry = self._admitted(record, registered)
                if (entry.kind, entry.name) in taken:
                    raise record.error(f"there is a {entry.kind} '{entry.name}' already")
                taken.add((entry.kind, entry.name))
                found.append(entry)
        except BaseException:
            for name in registered:
                userfunctions.forget(name)
            raise
        self._shelf.added.extend(found)
        for entry in found:
            _use(entry)
        return tuple(found)

    def _admitted(self, record: Record, registered: list[str]) -> Entry:
        """The record as an entry, if it is not false."""
        if record.kind == "function":
            row = checked(record)
            userfunctions.register(row)
            registered.append(row.name)
        elif record.kind == "rewrite":
            rewrite_of(record)  # it is well formed and shrinks
        verdict = verdicts.verify(record)
        if verdict.verdict == "false":
            raise record.error(f"the {record.kind} '{verdict.name}' is false: {verdict.reason}", "states")
        if verdict.verdict != "verified" and record.kind == "function":
            userfunctions.forget(registered.pop())  # listed, and not used
        return Entry(record, {"undecided": "unverified"}.get(verdict.verdict, verdict.verdict))

    def __repr__(self) -> str:
        return f"Library({', '.join(f'{n} {kind}s' for kind, n in sorted(Counter(e.kind for e in self).items()))})"


def _use(entry: Entry) -> None:
    """Let the simplifier use a verified rewrite: the one place where rewrites of users go into force."""
    if entry.kind == "rewrite" and entry.status == "verified":
        rules().add(rewrite_of(entry.record))


def read_file(path: Path) -> tuple[Record, ...]:
    """The records of a file of a user; what is wrong with the file is an IdentityError too."""
    try:
        status = path.stat()
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise IdentityError(f"{path.name} is no file of text")
        if status.st_size > entries.MAX_FILE:
            raise LimitError(f"{path.name}: a file of entries may have {entries.MAX_FILE:,} bytes at most")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise IdentityError(f"{path.name}: the file is not text in UTF-8") from None
    except OSError as error:
        raise IdentityError(f"{path}: {error.strerror or error}") from None
    except ValueError as error:  # a name that no file can have
        raise IdentityError(f"{path}: {error}") from None
    return entries.read(text, path.name)


def load_folder() -> None:
    """Load the user's own folder, if there is one."""
    place = os.environ.get(FOLDER)
    if not place or not os.path.exists(place):
        return
    if not os.path.isdir(place):
        raise IdentityError(f"{FOLDER} names no folder: {place}")
    library.add([record for file in sorted(Path(place).glob("*.mc")) for record in read_file(file)])


# --- functions of users -------------------------------------------------------------------------------


CLAIMS = {
    "transpose": ("commutes", "invariant"),
    "parity": ("odd", "even"),
    "range": ("positive", "nonnegative"),
    "adjoint": ("same",),
    "domain": ("symmetric",),
}


def checked(record: Record) -> Function:
    """The function of a record, if its name is free, its signature complete and its formulas fit it."""
    row = functions.row(record)
    if not FUNCTION_NAME.fullmatch(row.name) or row.name in RESERVED:
        raise record.error(
            f"'{row.name}' cannot name a function: letters and digits, two or more, the first a letter, "
            "and no reserved word"
        )
    if row.name in FUNCTIONS.spellings:
        raise record.error(f"there is a function '{row.name}' already")
    if is_taken(row.name):
        raise record.error(f"'{row.name}' is a name that the programs written by `code()` use; take another")
    for alias in row.aliases:
        if not FUNCTION_NAME.fullmatch(alias) or alias in RESERVED:
            raise record.error(f"'{alias[:40]}' cannot name a function: letters and digits, two or more", "aliases")
    for p in row.parameters:
        if p.kind not in ("any", *functions.KINDS) or (p.kind == "any" and row.result.kind != "same"):
            raise record.error(
                f"the parameter '{p.name}' is a scalar, a vector(n), a matrix(n,m), or 'any' with '-> same'"
            )
    if row.definition is None:
        raise record.error(f"the function '{row.name}' has no definition; write 'definition: ...' below it")
    for key in ("derivative", "differential", "transpose", "parity", "range"):
        if key in record.fields and len(row.parameters) != 1:
            raise record.error(f"a {key} is read of functions of one argument", key)
    for key, words in CLAIMS.items():
        if key in record.fields and record.text(key) not in words:
            raise record.error(f"'{key}' is one of {', '.join(words)}", key)
    spelling = record.text("latex")
    if spelling and not (
        functions.SPELLING.fullmatch(spelling) and (spelling[0] != "\\" or spelling[1:] in GREEK_NAMES)
    ):
        raise record.error("a spelling in LaTeX is a word, or the command of one Greek letter", "latex")
    if row.elementwise and len(row.parameters) != 1:
        raise record.error("a function of 'any' has one parameter")
    _check_definition(row, record)
    return row


def _check_definition(row: Function, record: Record) -> None:
    ranks = tuple(functions.KINDS.get(p.kind, 0) for p in row.parameters)
    body = _formula(row, record, "definition", ranks)
    wanted = () if row.elementwise else row.result.sizes
    if body.shape != wanted:
        shapes = [f"({', '.join(map(repr, s))})" if s else "a scalar" for s in (body.shape, wanted)]
        raise record.error(f"the definition is {shapes[0]}, and the signature says {shapes[1]}", "definition")
    if row.elementwise:
        try:
            lower.expand(row, record.fields["definition"].value, [ir.symbol(row.parameters[0].name)])
        except MatcalcError as error:  # it has no meaning at every entry of an array
            raise record.misread(error, "definition") from None
    for key in ("derivative", "differential"):
        if key in record.fields:
            _check_slope(row, record, key, ranks, body)


def _formula(row: Function, record: Record, key: str, ranks: tuple[int, ...], direction: str | None = None) -> ir.Node:
    try:
        return lower.template(row, record.fields[key].value, ranks, direction)
    except MatcalcError as error:
        raise record.misread(error, key) from None


def _check_slope(row: Function, record: Record, key: str, ranks: tuple[int, ...], body: ir.Node) -> None:
    """A derivative or a differential that is stated must be that of the definition."""
    (p,) = row.parameters
    d = verdicts.formal(p)
    change = p.name if key == "differential" else None
    stated = _formula(row, record, key, ranks, change)
    if stated.shape != (body.shape if change else body.shape + d.sizes):
        raise record.error(f"the {key} does not have the shape of the function", key)
    left = lower.template(row, record.fields["definition"].value, ranks, folded=False)
    right = lower.template(row, record.fields[key].value, ranks, change, folded=False)
    claim = Claim(left, right, {p.name: d}, (p.name,))
    if change:
        claim = replace(claim, declarations={p.name: d, "d" + p.name: d}, named={"d" + p.name: 0}, differential=True)
    comparison = points.compare(claim, "=", drawn(None))
    if comparison.verdict == "false":
        raise record.error(f"the {key} is not that of the definition: {comparison.reason}", key)


# --- counts -------------------------------------------------------------------------------------------


def counts(chosen: Iterable[Entry]) -> str:
    """A Markdown table of the entries by section and by kind, with those that are pending."""
    rows: dict[str, Counter[str]] = {}
    for e in chosen:
        rows.setdefault(_chapter(e), Counter()).update([_column(e), *(["pending"] if e.status == "pending" else [])])
    columns = ("functions", "rewrites", "derivatives", "identities", "pending")
    lines = ["| section | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    total: Counter[str] = Counter()
    for name in sorted(rows, key=_order):
        total.update(rows[name])
        lines.append(f"| {name} | " + " | ".join(str(rows[name][c] or "") for c in columns) + " |")
    lines.append("| all | " + " | ".join(str(total[c]) for c in columns) + " |")
    return "\n".join(lines)


def _chapter(e: Entry) -> str:
    return f"Matrix Cookbook {e.section}" if e.source.startswith("Matrix Cookbook") else e.source or "the language"


def _order(name: str) -> tuple[bool, list[int], str]:
    return (not name.startswith("Matrix Cookbook"), [int(k) for k in re.findall(r"\d+", name)], name)


def _column(e: Entry) -> str:
    if e.kind != "fact":
        return e.kind + "s"
    return "derivatives" if DERIVATIVE.match(e.states) else "identities"


library = Library(SHELF)
SHELF.loader = load_folder
