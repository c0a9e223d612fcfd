"""A derivation: lines, each equal to the one before, with the rule that leads to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

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


# What stands left of a line (if it is not the line before), the line, and the remark; a gap has a remark only.
Row: TypeAlias = tuple[str, str, str]


class Derivation(tuple[Step, ...]):
    """The steps in order, and the case of 1 by 1 matrices, `ones`, where there is one.

    Printed, details are folded into the steps that follow them, and the middle of a long derivation is left out;
    `full` prints all.
    """

    ones: Step | None

    def __new__(cls, steps: Iterable[Step], ones: Step | None = None) -> Self:
        self = super().__new__(cls, steps)
        self.ones = ones
        return self

    @property
    def full(self) -> Derivation:
        """The same, printed with every detail."""
        return _Full(self, self.ones)

    def __str__(self) -> str:
        return self._lines(text, str)

    def unicode(self) -> str:
        """The derivation in Unicode mathematics."""
        return self._lines(unicode, Remark.unicode)

    def latex(self) -> str:
        r"""An `align*` with a row for each step."""
        rows = self._rows(latex, Remark.latex)
        if self.ones is not None:
            rows += _rows([self.ones], latex, Remark.latex)
        lines = [
            rf"{left} &= {line} && \text{{{remark}}}".strip() if line else rf"&\;\vdots && \text{{{remark}}}"
            for left, line, remark in rows
        ]
        return "\n".join([r"\begin{align*}", " \\\\\n".join(lines), r"\end{align*}"])

    def _repr_latex_(self) -> str:
        return self.latex()

    def _rows(self, write: Writer, words: Callable[[Remark], str]) -> list[Row]:
        return _shortened(_rows(list(_folded(self)), write, words))

    def _lines(self, write: Writer, words: Callable[[Remark], str]) -> str:
        table = _table(self._rows(write, words))
        s = self.ones
        return table if s is None else f"{table}\n{words(s.rule)}: {write(s.before.syntax)} = {write(s.after.syntax)}"


class _Full(Derivation):
    def _rows(self, write: Writer, words: Callable[[Remark], str]) -> list[Row]:
        return _rows(self, write, words)


def _rows(steps: Sequence[Step], write: Writer, words: Callable[[Remark], str]) -> list[Row]:
    before = [None, *(s.after for s in steps)]
    return [
        ("" if s.before == last else write(s.before.syntax), write(s.after.syntax), words(s.remark))
        for last, s in zip(before, steps, strict=False)
    ]


def _table(rows: Sequence[Row]) -> str:
    width = max((len(line) for _, line, _ in rows if len(line) <= WIDEST), default=0)
    lines: list[str] = []
    for left, line, remark in rows:
        if left:
            lines.append(left)
        if len(line) > WIDEST:
            lines += [f"  = {line}", f"      {remark}"]
        else:
            lines.append(f"  = {line.ljust(width)}    {remark}" if line else f"  {remark}")
    return "\n".join(lines)


def _shortened(rows: list[Row]) -> list[Row]:
    """A long derivation without its middle."""
    half = MOST_LINES // 2
    left_out = len(rows) - 2 * half
    return rows if left_out <= 1 else [*rows[:half], ("", "", f"... {left_out} more steps ..."), *rows[-half:]]


def _folded(steps: Sequence[Step]) -> Iterable[Step]:
    """The steps, each detail joined to the one after it."""
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
    rule, note = joined((s.rule for s in steps), ", "), joined((s.note for s in steps), ", ")
    return Step(rule, steps[0].before, steps[-1].after, note)
