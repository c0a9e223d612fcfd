"""What has a syntax can be written in every language."""

from __future__ import annotations

from .render.latex import latex
from .render.mathml import mathml
from .render.text import text
from .render.unicode import unicode
from .syntax import Syntax


class Printable:
    """Text, Unicode, LaTeX and MathML of a syntax."""

    syntax: Syntax

    @property
    def _scalars(self) -> frozenset[str]:
        """The names that are known to be scalars."""
        return frozenset()

    def __str__(self) -> str:
        return text(self.syntax)

    def unicode(self) -> str:
        """The text in Unicode mathematics."""
        return unicode(self.syntax)

    def latex(self) -> str:
        """The text in LaTeX, for mathematics mode."""
        return latex(self.syntax, self._scalars)

    def mathml(self) -> str:
        """The text in MathML Core."""
        return mathml(self.syntax, self._scalars)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"
