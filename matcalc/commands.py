"""The commands `matcalc identities` and `matcalc functions`."""

from __future__ import annotations

import argparse
import concurrent.futures  # light: the pool of processes is loaded when it is first asked for
import json
import multiprocessing
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from . import catalogue, entries, userfunctions, verdicts
from .arguments import Parser
from .catalogue import FOLDER, library
from .derive import parse
from .entries import Record
from .errors import IdentityError, UnknownSymbolError
from .functions import FUNCTIONS
from .resources import folder
from .rewrites import rewrite_of
from .shelf import Entry
from .verdicts import Verdict

CHUNK = 8
WIDTH = 30
EXAMPLES = """\
examples:
  matcalc identities list --source Cookbook --section 2.5
  matcalc identities show cookbook-81
  matcalc identities find 'z^T Q z' --wrt z
  matcalc identities verify
  matcalc identities add my_rules.mc
"""
# A file and the place of a record in it: what a worker is sent.
Task: TypeAlias = tuple[str, int]
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
Declarations: TypeAlias = Callable[[Sequence[str]], Mapping[str, str]]


def add_commands(commands: Commands, declarations: Declarations) -> None:
    """Add both commands to the parser of the program."""
    identities = commands.add_parser(
        "identities",
        help="the library of functions, rewrites and known identities",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = identities.add_subparsers(required=True, metavar="ACTION")
    _add_list(parts)
    show = parts.add_parser("show", help="one entry as it is written")
    show.add_argument("name", metavar="NAME")
    show.set_defaults(run=_show)
    _add_find(parts, declarations)
    _add_verify(parts)
    add = parts.add_parser("add", help=f"verify a file and copy it into the folder named by {FOLDER}")
    add.add_argument("file", metavar="FILE")
    add.set_defaults(run=_add)
    listing = commands.add_parser("functions", help="the functions of the language")
    listing.set_defaults(run=_functions)


def _add_list(parts: Commands) -> None:
    listing = parts.add_parser("list", help="the entries, one a line")
    listing.add_argument("--source", metavar="TEXT", help="those whose source contains a text")
    listing.add_argument("--tag", metavar="TAG")
    listing.add_argument("--section", metavar="N", help="a section and those below it")
    listing.add_argument("--kind", choices=("function", "rewrite", "fact"))
    listing.add_argument("--counts", action="store_true", help="a Markdown table of counts instead")
    listing.set_defaults(run=_list)


def _add_find(parts: Commands, declarations: Declarations) -> None:
    find = parts.add_parser("find", help="what is known of an expression, up to names and order")
    find.add_argument("expr", metavar="EXPR")
    find.add_argument("--wrt", metavar="X", action="append", help="of its derivative by X")
    find.add_argument("-d", "--declare", metavar="'A: matrix(n,n)'", action="append", default=[])
    find.set_defaults(run=lambda arguments: _find(arguments, declarations))


def _add_verify(parts: Commands) -> None:
    verify = parts.add_parser("verify", help="derive and compare every entry, of the library or of files")
    verify.add_argument("files", metavar="FILE", nargs="*")
    verify.add_argument("--json", action="store_true", help="for programs")
    verify.add_argument("--jobs", metavar="N", type=int, default=os.cpu_count() or 1)
    verify.set_defaults(run=_verify)


def _list(arguments: argparse.Namespace) -> int:
    chosen = library.filter(
        source=arguments.source, tag=arguments.tag, section=arguments.section, kind=arguments.kind
    )  # fmt: skip
    if arguments.counts:
        print(catalogue.counts(chosen))
        return 0
    for entry in chosen:
        print(_line(entry))
    return 0


def _line(entry: Entry) -> str:
    marks = [entry.source] if entry.source else []
    marks += [entry.status] if entry.status in ("pending", "unverified") else []
    return f"{entry.name}: {entry.states}" + (f"  [{', '.join(marks)}]" if marks else "")


def _show(arguments: argparse.Namespace) -> int:
    found = [e for e in library if e.name == arguments.name]
    if not found:
        raise UnknownSymbolError(f"there is no entry '{arguments.name}'; see: matcalc identities list")
    for entry in found:
        print(f"{entry.kind} {entry.record.title}")
        for key in entry.record.fields:
            print(f"    {key}: {entry.record.text(key)}")
    return 0


def _find(arguments: argparse.Namespace, declarations: Declarations) -> int:
    expression = parse(arguments.expr, None, **declarations(arguments.declare))
    matches = library.find(expression, arguments.wrt)
    for match in matches:
        print(match)
    if not matches:
        print("nothing is known of it", file=sys.stderr)
    return 0 if matches else 1


def _functions(arguments: argparse.Namespace) -> int:
    for name in FUNCTIONS:
        for row in FUNCTIONS.overloads(name):
            parameters = ", ".join(f"{p.name}: {_kind(p.kind, p.sizes)}" for p in row.parameters)
            also = f"  also {', '.join(row.aliases)}" if row.aliases else ""
            meaning = row.definition or row.fields.get("note", "")
            print(f"{name}({parameters}) -> {_kind(row.result.kind, row.result.sizes)}{also}  {meaning}".rstrip())
    return 0


def _kind(kind: str, sizes: Sequence[object]) -> str:
    return f"{kind}({','.join(map(repr, sizes))})" if sizes else kind


# --- verify ---------------------------------------------------------------------------------------------


def _verify(arguments: argparse.Namespace) -> int:
    files = arguments.files or [str(p) for p in sorted(folder("identities").glob("*.mc"))]
    if arguments.files:
        own = [r for file in files for r in catalogue.read_file(Path(file))]
        found = list(_own(own))
    else:
        tasks = [(file, k) for file in files for k in range(len(_records(file)))]
        found = list(_progress(_parallel(tasks, arguments.jobs), len(tasks)))
    if arguments.json:
        print(json.dumps([vars(v) for v in found], ensure_ascii=False, indent=2))
    else:
        for verdict in found:
            print(verdict)
        print(_summary(found))
    return 1 if any(v.verdict == "false" for v in found) else 0


@lru_cache(maxsize=64)
def _records(file: str) -> tuple[Record, ...]:
    path = Path(file)
    return entries.shipped(path.read_text(encoding="utf-8"), path.name)


def verify_task(task: Task) -> Verdict:
    """The verdict on one shipped record, in a worker."""
    file, place = task
    return verdicts.verify(_records(file)[place])


def _verify_tasks(tasks: Sequence[Task]) -> list[Verdict]:
    return [verify_task(task) for task in tasks]


def _parallel(tasks: Sequence[Task], jobs: int) -> Iterator[Verdict]:
    """Verdicts in the order of the tasks."""
    if jobs <= 1:
        yield from map(verify_task, tasks)
        return
    with concurrent.futures.ProcessPoolExecutor(
        jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    ) as pool:
        try:
            waiting = [pool.submit(_verify_tasks, tasks[k : k + CHUNK]) for k in range(0, len(tasks), CHUNK)]
            for future in waiting:
                yield from future.result()
        except KeyboardInterrupt:
            for worker in multiprocessing.active_children():
                worker.terminate()
            raise


def _own(records: Sequence[Record]) -> Iterator[Verdict]:
    """Verdicts on a user's records; its functions are known to its facts while they are verified."""
    registered = []
    try:
        for record in sorted(records, key=lambda r: r.kind != "function"):
            if record.kind == "function":
                row = catalogue.checked(record)
                userfunctions.register(row)
                registered.append(row.name)
            elif record.kind == "rewrite":
                rewrite_of(record)
            yield verdicts.verify(record)
    finally:
        for name in registered:
            userfunctions.forget(name)


def _progress(found: Iterator[Verdict], total: int) -> Iterator[Verdict]:
    """The same verdicts, with a bar on a terminal."""
    shown = sys.stderr.isatty()
    for k, verdict in enumerate(found, 1):
        if shown:
            done = WIDTH * k // total
            sys.stderr.write(f"\r[{'#' * done}{' ' * (WIDTH - done)}] {k}/{total}")
            sys.stderr.flush()
        yield verdict
    if shown:
        sys.stderr.write("\r" + " " * (WIDTH + 20) + "\r")


def _summary(found: Sequence[Verdict]) -> str:
    """Counts by kind and by section."""
    lines = []
    for kind in ("function", "rewrite", "fact"):
        of_kind = [v for v in found if v.kind == kind]
        if of_kind:
            lines.append(f"{kind}s: {_counted(of_kind)}")
        sections = list(dict.fromkeys(v.section for v in of_kind if v.section))
        lines += [f"  section {s}: {_counted([v for v in of_kind if v.section == s])}" for s in sections]
    return "\n".join([*lines, f"all: {_counted(found)}"])


def _counted(found: Sequence[Verdict]) -> str:
    counts = Counter(v.verdict for v in found)
    return ", ".join(f"{counts[w]} {w}" for w in ("verified", "false", "undecided", "pending") if counts[w])


# --- add ------------------------------------------------------------------------------------------------


def _add(arguments: argparse.Namespace) -> int:
    place = os.environ.get(FOLDER)
    if not place:
        raise IdentityError(f"set {FOLDER} to the folder that your files of identities shall be kept in")
    source = Path(arguments.file)
    target = Path(place) / f"{source.stem}.mc"
    if target.exists():
        raise IdentityError(f"{target} is there already")
    added = library.load(source)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise IdentityError(f"{target}: {error.strerror or error}") from None
    for entry in added:
        print(f"{entry.status}  {_line(entry)}")
    return 0
