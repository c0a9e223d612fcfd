"""A derivation: lines, each equal to the one before, with the rule that leads to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..printable import Printable
from ..render.latex import latex
from ..render.text import text
from ..render.unicode import unicode
from ..syntax import Syntax

Writer: TypeAlias = Callable[[Syntax], str]
MOST_LINES = 24
WIDEST = 72


@dataclass(frozen=True, repr=False)
class Formula(Printable):
    """One side of a line."""

    syntax: Syntax

    def __repr__(self) -> str:
        return f"Formula({str(self)!r})"


@dataclass(frozen=True, repr=False)
class Remark:
    """Words with formulas among them: what a rule is called, or what it did.

    >>> from matcalc.syntax import Name
    >>> print(Remark(("d", Name("X"), " is constant")))
    dX is constant
    """

    parts: tuple[str | Syntax, ...] = ()

    def written(self, write: Writer) -> str:
        return "".join(p if isinstance(p, str) else write(p) for p in self.parts)

    def __str__(self) -> str:
        return self.written(text)

    def unicode(self) -> str:
        """The remark with its formulas in Unicode."""
        return self.written(unicode)

    def latex(self) -> str:
        """The remark for text mode, its formulas between dollar signs."""
        return "".join(escaped(p) if isinstance(p, str) else f"${latex(p)}$" for p in self.parts)

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __repr__(self) -> str:
        return f"Remark({str(self)!r})"


def joined(remarks: Iterable[Remark], between: str) -> Remark:
    """Remarks one after the other, each once."""
    found: list[str | Syntax] = []
    for remark in dict.fromkeys(r for r in remarks if r):
        found += [between, *remark.parts] if found else remark.parts
    return Remark(tuple(found))


def escaped(words: str) -> str:
    """Words for text mode of LaTeX."""
    return "".join(f"\\{c}" if c in "#$%&_{}" else {"^": r"\^{}", "~": r"\~{}", "\\": "/"}.get(c, c) for c in words)


@dataclass(frozen=True)
class Step:
    """`before = after`, by a rule; `note` says what it did there. A step of `detail` shows in full derivations only."""

    rule: Remark
    before: Formula
    after: Formula
    note: Remark = Remark()
    detail: bool = False

    @property
    def remark(self) -> Remark:
        """The rule and the note."""
        return joined((self.rule, self.note), ": ")

    def __str__(self) -> str:
        return f"{self.before} = {self.after}    [{self.remark}]"

    def unicode(self) -> str:
        """The line in Unicode mathematics."""
        return f"{self.before.unicode()} = {self.after.unicode()}    [{self.remark.unicode()}]"

    def latex(self) -> str:
        r"""The line for a row of `align*`."""
        return rf"{self.before.latex()} &= {self.after.latex()} && \text{{{self.remark.latex()}}}"

    def _repr_latex_(self) -> str:
        return f"\\begin{{align*}}\n{self.latex()}\n\\end{{align*}}"


class Derivation(tuple[Step, ...]):
    """The steps in order, and the case of 1 by 1 matrices, `ones`, where there is one.

    Printed, details are folded into the steps that follow them, and the middle of a long derivation is left out;
    `full()` shows all.
    """

    ones: Step | None

    def __new__(cls, steps: Iterable[Step], ones: Step | None = None) -> Derivation:
        self = super().__new__(cls, steps)
        self.ones = ones
        return self

    def __str__(self) -> str:
        return self._written(text, str)

    def unicode(self) -> str:
        """The derivation in Unicode mathematics."""
        return self._written(unicode, Remark.unicode)

    @property
    def short(self) -> Derivation:
        """The same with each step of detail joined to the one after it."""
        return Derivation(_folded(self), self.ones)

    def full(self) -> str:
        """Every step, as text."""
        return "\n".join([_table(list(_rows(self, text, str))), *self._last(text, str)])

    def _written(self, write: Writer, words: Callable[[Remark], str]) -> str:
        rows = _shortened(list(_rows(self.short, write, words)))
        return "\n".join([_table(rows), *self._last(write, words)])

    def _last(self, write: Writer, words: Callable[[Remark], str]) -> list[str]:
        s = self.ones
        return [] if s is None else [f"{words(s.rule)}: {write(s.before.syntax)} = {write(s.after.syntax)}"]

    def latex(self) -> str:
        r"""An `align*` with a row for each step, details folded."""
        rows: list[str] = []
        left = None
        for step in [*self.short, *([self.ones] if self.ones else [])]:
            shown = "" if left == step.before else step.before.latex() + " "
            rows.append(rf"{shown}&= {step.after.latex()} && \text{{{step.remark.latex()}}}")
            left = step.after
        body = " \\\\\n".join(rows)
        return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"

    def _repr_latex_(self) -> str:
        return self.latex()


# What stands left of a line (if it is not the line before), the line, and the remark.
Row: TypeAlias = tuple[str, str, str]


def _rows(steps: Sequence[Step], write: Writer, words: Callable[[Remark], str]) -> Iterable[Row]:
    left = None
    for step in steps:
        yield "" if left == step.before else write(step.before.syntax), write(step.after.syntax), words(step.remark)
        left = step.after


def _table(rows: Sequence[Row]) -> str:
    width = max((len(line) for _, line, _ in rows if len(line) <= WIDEST), default=0)
    lines: list[str] = []
    for left, line, remark in rows:
        if left:
            lines.append(left)
        lines.append(f"  = {line.ljust(width)}    {remark}".rstrip() if line else f"    {remark}")
    return "\n".join(lines)


def _shortened(rows: list[Row]) -> list[Row]:
    """A long derivation without its middle."""
    if len(rows) <= MOST_LINES:
        return rows
    half = MOST_LINES // 2
    left = len(rows) - 2 * half
    return [*rows[:half], ("", "", f"... {left} more steps ..."), *rows[-half:]]


def _folded(steps: Sequence[Step]) -> Iterable[Step]:
    waiting: list[Step] = []
    for step in steps:
        if waiting and waiting[-1].after != step.before:
            yield _merged(waiting)
            waiting = []
        waiting.append(step)
        if not step.detail:
            yield _merged(waiting)
            waiting = []
    if waiting:
        yield _merged(waiting)


def _merged(steps: Sequence[Step]) -> Step:
    last = steps[-1]
    rule = joined((s.rule for s in steps), ", ")
    return Step(rule, steps[0].before, last.after, joined((s.note for s in steps), ", "))
