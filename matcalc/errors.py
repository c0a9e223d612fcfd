"""What went wrong, where, and what to try: the errors a person sees."""

from __future__ import annotations

MAX_MESSAGE = 1_500
MAX_CONTEXT = 72


def printable(text: str) -> str:
    """`text` with characters that are not printable escaped, so that any terminal can show it."""
    return "".join(c if c == "\n" or c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _window(source: str, position: int) -> tuple[str, int]:
    """The part of the line that holds `position`, short enough for a terminal, and the caret's column in it."""
    start = max(source.rfind("\n", 0, position), source.rfind("\r", 0, position)) + 1
    ends = [k for k in (source.find("\n", position), source.find("\r", position)) if k >= 0]
    line, column = source[start : min(ends, default=len(source))], position - start
    if len(line) > MAX_CONTEXT:
        left = max(0, column - MAX_CONTEXT // 2)
        line, column = line[left : left + MAX_CONTEXT], column - left
    line = line.replace("\t", " ")
    return printable(line), len(printable(line[:column]))


class MatcalcError(Exception):
    """Base of all errors of matcalc: `message`, `source` (the input) and `position` (an offset in it, or None).

    >>> print(ParseError("an operand is missing", "A @", 3))
    an operand is missing
      A @
         ^
    """

    def __init__(self, message: str, source: str | None = None, position: int | None = None) -> None:
        super().__init__(message)
        self.message = printable(message)[:MAX_MESSAGE]
        self.source = source
        self.position = position

    def __str__(self) -> str:
        if self.source is None or self.position is None:
            return self.message
        line, column = _window(self.source, min(max(self.position, 0), len(self.source)))
        return f"{self.message}\n  {line}\n  {' ' * column}^"

    def at(self, source: str, position: int | None = None) -> MatcalcError:
        """The same error with the input it speaks of, where it did not know it yet."""
        if self.source is None:
            self.source = source
        if self.position is None:
            self.position = position
        return self


class ParseError(MatcalcError):
    """The text is not in the input language."""


class UnknownSymbolError(MatcalcError):
    """A name that is neither declared nor a function."""


class ShapeError(MatcalcError):
    """The shapes or the indices do not fit."""


class UnsupportedError(MatcalcError):
    """The question is well posed, and this version has no answer to it."""


class LimitError(MatcalcError):
    """The input is larger than what is answered."""


class IdentityError(MatcalcError):
    """An entry of an identity file is malformed or false."""


class InternalError(MatcalcError):
    """An answer that its own verification refutes: a fault of matcalc, to be reported with the input."""
