"""What has a syntax can be written in every language: with names for repeated parts where it is too long without."""

from __future__ import annotations

from collections.abc import Set

from .naming import shown
from .render.latex import latex
from .render.mathml import mathml
from .render.text import text
from .render.unicode import unicode
from .syntax import Syntax


class Printable:
    """Text, Unicode, LaTeX and MathML of a syntax."""

    syntax: Syntax

    @property
    def taken(self) -> Set[str]:
        """Names that no part may be given."""
        return frozenset()

    @property
    def _shown(self) -> Syntax:
        return shown(self.syntax, self.taken)

    def _text(self, syntax: Syntax) -> str:
        """Another form of the same value."""
        return text(shown(syntax, self.taken))

    @property
    def _scalars(self) -> frozenset[str]:
        """The names that are known to be scalars."""
        return frozenset()

    def __str__(self) -> str:
        return text(self._shown)

    def unicode(self) -> str:
        """The text in Unicode mathematics."""
        return unicode(self._shown)

    def latex(self) -> str:
        """The text in LaTeX, for mathematics mode."""
        return latex(self._shown, self._scalars)

    def mathml(self) -> str:
        """The text in MathML Core."""
        return mathml(self._shown, self._scalars)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"
