"""What the README shows is what happens."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

import matcalc as mc
from matcalc.cli import main

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks(language: str) -> list[str]:
    return [body for kind, body in FENCE.findall(README) if kind == language]


def test_python_examples() -> None:
    """All blocks in one session, since the later ones use what the first imports."""
    session = "\n".join(_blocks("python"))
    test = doctest.DocTestParser().get_doctest(session, {}, "README", "README.md", 0)
    failures: list[str] = []
    runner = doctest.DocTestRunner()
    runner.run(test, out=failures.append)
    assert runner.summarize(verbose=False).attempted > 10
    assert not failures, "".join(failures)


def _console_examples() -> list[tuple[str, str]]:
    """(command line, what it prints)"""
    parts = [part for block in _blocks("console") for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part]
    return [(line, output) for line, _, output in (part.partition("\n") for part in parts)]


@pytest.mark.parametrize("line, output", _console_examples(), ids=[line for line, _ in _console_examples()])
def test_console_examples(capsys: pytest.CaptureFixture[str], line: str, output: str) -> None:
    program, *arguments = shlex.split(line)
    assert program == "matcalc"
    main(arguments)
    captured = capsys.readouterr()
    assert captured.out + captured.err == output


DECLARED = {
    **{"A": "matrix(n,n)", "B": "matrix(n,n)", "S": "matrix(n,n) symmetric", "X": "matrix(n,m)"},
    **{"x": "vector(n)", "y": "vector(n)", "a": "scalar", "k": "scalar integer", "alpha": "scalar", "beta": "scalar"},
}


def _spellings() -> list[str]:
    """The code in the second column of the table of the language."""
    section = README.split("## The language")[1].split("\n## ")[0]
    cells = re.findall(r"^\| [^|]+ \| (.*) \|$", section, flags=re.MULTILINE)
    return [code.replace(r"\|", "|") for cell in cells for code in re.findall(r"`([^`]+)`", cell)]


def test_the_table_of_the_language_is_found() -> None:
    assert len(_spellings()) > 100


@pytest.mark.parametrize("spelling", _spellings())
def test_every_spelling_is_read(spelling: str) -> None:
    text = spelling + " + B" if spelling == "I" else spelling
    expression = mc.parse(text, declare=DECLARED)
    assert str(mc.parse(str(expression), declare=DECLARED)) == str(expression)


def test_spellings_in_one_cell_mean_the_same() -> None:
    transposes = ["A^T", "A'", "A.T", "Aᵀ", "A^⊤", "A^{\\top}"]
    inverses = ["A^-1", "A^{-1}", "A⁻¹", "inv(A)"]
    products = ["A B", "AB", "A * B", "A @ B", "A · B", "A \\cdot B"]
    for spellings in (transposes, inverses, products):
        assert len({str(mc.parse(s, declare=DECLARED)) for s in spellings}) == 1


def test_the_test_command_is_marked() -> None:
    """`.ci/run` reads the command from here."""
    assert re.search(r"^<!-- test command -->\n```sh\n.*pytest.*\n```$", README, flags=re.MULTILINE)
