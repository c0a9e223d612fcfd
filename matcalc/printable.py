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

    def __str__(self) -> str:
        return text(self.syntax)

    def unicode(self) -> str:
        """The text in Unicode mathematics."""
        return unicode(self.syntax)

    def latex(self) -> str:
        """The text in LaTeX, for mathematics mode."""
        return latex(self.syntax)

    def mathml(self) -> str:
        """The text in MathML Core."""
        return mathml(self.syntax)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"
