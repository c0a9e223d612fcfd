"""The page on extending matcalc does what it shows, and the example file holds what it says."""

from __future__ import annotations

import doctest
import re
import runpy
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import matcalc as mc
from matcalc import catalogue, entries, functions, userfunctions
from matcalc.cli import main
from matcalc.entries import ABOUT, FIELDS
from matcalc.numeric import Array
from matcalc.rewrites import rewrite_of, rules
from matcalc.shelf import SHELF

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
RULES = ROOT / "examples" / "my_rules.mc"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [(language, body) for language, body in FENCE.findall(PAGE)]
FILES = {body.split("\n", 1)[0].removeprefix("# "): body for language, body in BLOCKS if language == "mc"}


@dataclass(frozen=True)
class Command:
    """A command line of the page, and what it prints."""

    line: str
    output: str


COMMANDS = [
    Command(line, output)
    for language, body in BLOCKS
    if language == "console"
    for line, _, output in (part.partition("\n") for part in re.split(r"^\$ ", body, flags=re.MULTILINE) if part)
]


def _take_off() -> None:
    """Take every entry of a user off again."""
    names = {e.name for e in SHELF.added if e.kind == "rewrite"}
    rules()._ready[:] = [r for r in rules()._ready if r.name not in names]
    for entry in SHELF.added:
        if entry.kind == "function":
            userfunctions.forget(entry.name)
    SHELF.added.clear()
    SHELF.forget()


@contextmanager
def apart() -> Iterator[None]:
    """A library without entries of a user, and afterwards the one that was there."""
    before, opened = list(SHELF.added), SHELF.opened
    _take_off()
    SHELF.opened = False
    try:
        yield
    finally:
        _take_off()
        SHELF.opened = opened
        for entry in before:
            if entry.kind == "function":
                userfunctions.register(functions.row(entry.record))
            elif entry.kind == "rewrite" and entry.status == "verified":
                rules().add(rewrite_of(entry.record))
        SHELF.added[:] = before


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with the files of the page, and a library to itself."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(catalogue.FOLDER, raising=False)
    with apart():
        yield tmp_path


# --- the page -----------------------------------------------------------------------------------------


def test_the_files_of_the_page_have_names() -> None:
    assert len(FILES) == sum(language == "mc" for language, _ in BLOCKS)
    assert all(re.fullmatch(r"\w+\.mc", name) for name in FILES)


def test_python_examples(folder: Path) -> None:
    """All blocks in one session, since the later ones use what the first ones load."""
    session = "\n".join(body for language, body in BLOCKS if language == "python")
    test = doctest.DocTestParser().get_doctest(session, {}, "extending", "extending.md", 0)
    failures: list[str] = []
    runner = doctest.DocTestRunner()
    runner.run(test, out=failures.append)
    assert runner.summarize(verbose=False).attempted > 20
    assert not failures, "".join(failures)


def test_console_examples(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command with a library of its own, as in a process of its own; the folder of the user stays."""
    (folder / "identities").mkdir()
    monkeypatch.setenv(catalogue.FOLDER, str(folder / "identities"))
    assert len(COMMANDS) > 10
    for command in COMMANDS:
        program, *arguments = shlex.split(command.line)
        assert program == "matcalc"
        with apart():
            main(arguments)
        captured = capsys.readouterr()
        assert captured.out + captured.err == command.output, command.line


REFUSED = [name for name in FILES if name not in ("first.mc", "huber.mc", "outergram.mc", "nowhere.mc")]


@pytest.mark.parametrize("name", REFUSED)
def test_refused_files_leave_nothing_behind(folder: Path, name: str) -> None:
    with pytest.raises(mc.IdentityError) as caught:
        mc.library.load(name)
    assert re.match(rf"{name}, line \d+, column \d+: ", caught.value.message)
    assert "\n" not in caught.value.message
    assert SHELF.added == []


@pytest.mark.parametrize("name", [name for name in FILES if name not in REFUSED])
def test_the_other_files_are_loaded(folder: Path, name: str) -> None:
    wanted = "unverified" if name == "nowhere.mc" else "verified"
    assert {e.status for e in mc.library.load(name)} == {wanted}


def test_the_table_has_every_field() -> None:
    section = PAGE.split("## The fields")[1].split("\n## ")[0]
    kind = ""
    found: dict[str, set[str]] = {}
    for first, names in re.findall(r"^\| (\w*) ?\| ((?:`\w+` ?)+)\|", section, flags=re.MULTILINE):
        kind = first or kind
        found.setdefault(kind, set()).update(re.findall(r"`(\w+)`", names))
    assert found == {k: set(fields - set(ABOUT)) for k, fields in FIELDS.items()}
    assert all(f"`{name}`" in section.split("\n|")[0] for name in ABOUT)


def test_the_bounds_are_those_of_the_page() -> None:
    for bound, unit in (
        (entries.MAX_FILE, "bytes"), (entries.MAX_RECORDS, "entries"), (entries.MAX_FORMULA, "characters")
    ):  # fmt: skip
        assert f"{bound:,} {unit}" in PAGE


# --- the example file ---------------------------------------------------------------------------------

SYMMETRIC = {"S": "matrix(n,n) symmetric"}
RESIDUAL = "(X w - y)"
# Expression, symbol, declarations, the answer by hand, and the function whose name stands in the answer.
DERIVATIVES = [
    ("swish(a)^2", "a", {}, "2 swish(a) (sigmoid(a) + swish(a) sigmoid(-a))", "swish"),
    ("sum(swish(A x))", "x", {}, "A^T (sigmoid(A x) + swish(A x) .* sigmoid(-A x))", ""),
    ("exp(huber(a))", "a", {}, "exp(huber(a)) (a step(1 - abs(a)) + sign(a) step(abs(a) - 1))", "huber"),
    (
        *("sum(huber(X w - y))", "w", {}),
        f"X^T ({RESIDUAL} .* step(1 - abs{RESIDUAL}) + sign{RESIDUAL} .* step(abs{RESIDUAL} - 1))",
        "",
    ),
    ("tr(gram(X) B)", "X", {}, "X (B + B^T)", ""),
    ("logdet(gram(X))", "X", {}, "2 X gram(X)^-1", "gram"),
    ("mahalanobis(x, m, S)", "x", SYMMETRIC, "2 S^-1 (x - m)", ""),
    ("mahalanobis(x, m, S)", "m", {}, "-(S^-1 + S^-T) (x - m)", ""),
    ("mahalanobis(x, m, S)", "S", {}, "-S^-T (x - m) (x - m)^T S^-T", ""),
    ("mahalanobis(x, m, S)^2", "x", SYMMETRIC, "4 mahalanobis(x, m, S) S^-1 (x - m)", "mahalanobis"),
    ("sum(eig(X^T X).^2)", "X", {}, "4 X X^T X", ""),
    ("a (cosh(b) + sinh(b))", "a", {}, "exp(b)", ""),
]
STEP = 1e-5
MINE = ("swish", "huber", "gram", "mahalanobis")


@pytest.fixture(scope="module")
def my_rules() -> Iterator[tuple[str, ...]]:
    """The statuses of the entries of the example file, which are loaded meanwhile."""
    with apart():
        SHELF.opened = True
        yield tuple(e.status for e in mc.library.load(RULES))


def test_the_example_file_is_verified(my_rules: tuple[str, ...]) -> None:
    assert set(my_rules) == {"verified"}
    assert {e.kind for e in SHELF.added} == {"function", "rewrite", "fact"}
    assert {e.name for e in SHELF.added} >= set(MINE)


def test_a_fact_of_the_example_file_is_cited(my_rules: tuple[str, ...]) -> None:
    d = mc.derive("mahalanobis(y, c, V)", "y", V="matrix(n,n) symmetric")
    assert d.identity == "lecture notes (3.7)"
    assert "trace-of-gram" in {m.entry.name for m in mc.library.find("tr(gram(Z))")}


@pytest.mark.parametrize(
    "expr, wrt, symbols, by_hand, name", DERIVATIVES, ids=[f"{e} by {w}" for e, w, *_ in DERIVATIVES]
)
def test_derivatives_with_the_example_file(
    my_rules: tuple[str, ...], expr: str, wrt: str, symbols: dict[str, str], by_hand: str, name: str
) -> None:
    """In text, LaTeX and NumPy the same as by hand, and as by differences."""
    d = mc.derive(expr, wrt, **symbols)
    assert d.verify()
    named = {f for f in MINE if f"{f}(" in str(d)}
    assert named == ({name} if name else set())
    assert {f for f in MINE if rf"\operatorname{{{f}}}" in d.latex()} == named
    values = _values(d)
    wanted = _slope(mc.parse(expr, d.declarations), values, wrt)
    program: dict[str, Any] = {}
    exec(d.code(), program)
    arguments = {n: values[n] for n in signature(program["f"]).parameters}
    for found in (
        d.function()(**values),
        program["f"](**arguments),
        mc.parse(str(d), d.declarations).function()(**values),
        mc.parse(by_hand, d.declarations).function()(**values),
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)


def _values(d: mc.Derivative) -> dict[str, Array]:
    """A random array for each symbol, with the structure that is declared; different sizes have different values."""
    rng = np.random.default_rng(1)
    values, sizes = {}, {"n": 3, "m": 2}
    for name, declaration in d.declarations.items():
        names = re.findall(r"\w+", declaration.partition("(")[2].partition(")")[0])
        value = rng.normal(size=[sizes.setdefault(s, 2 + len(sizes)) for s in names])
        values[name] = value + value.T if "symmetric" in declaration else value
    return values


def _slope(expr: mc.Expr, values: dict[str, Array], wrt: str) -> Array:
    """The gradient by central differences, entry by entry."""
    f, x = expr.function(), values[wrt]
    slope = np.empty(np.shape(x))
    for place in np.ndindex(np.shape(x)):
        there = np.zeros(np.shape(x))
        there[place] = STEP
        ahead, back = (f(**{**values, wrt: x + sign * there}) for sign in (1, -1))
        slope[place] = (ahead - back) / (2 * STEP)
    return slope


def test_the_derivations_are_what_is_printed() -> None:
    module = runpy.run_path(str(ROOT / "docs" / "derivations.py"))
    assert module["PAGE"].read_text(encoding="utf-8") == module["page"](), "run python docs/derivations.py"
