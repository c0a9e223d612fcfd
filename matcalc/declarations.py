"""What a symbol is: `matrix(n,n) symmetric` read into a kind, sizes and attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn

from matcalc.errors import LimitError, ParseError, ShapeError
from matcalc.letters import GREEK, latin_names
from matcalc.sizes import Size

# In the order in which they are printed; where the value is true, the matrix must be square.
ATTRIBUTES: dict[str, bool] = {
    "symmetric": True,
    "skew": True,
    "diagonal": True,
    "lower": True,
    "upper": True,
    "orthogonal": True,
    "toeplitz": True,
    "spd": True,
    "hermitian": True,
    "invertible": True,
    "contraction": False,
    "positive": False,
    "integer": False,
    "constant": False,
    "complex": False,
}
REAL = frozenset({"spd", "positive", "integer"})
# What a complex symbol can not be, as it would be real, or as two readings are common: of an orthogonal one Q^T Q = I
# and Q^H Q = I. And what a Hermitian matrix can not be.
CLASHES: dict[str, frozenset[str]] = {
    "complex": REAL | {"orthogonal", "skew"},
    "hermitian": REAL | {"symmetric", "skew", "diagonal", "lower", "upper", "orthogonal", "toeplitz"},
}
MATRICES_ONLY = frozenset(name for name, square in ATTRIBUTES.items() if square) | {"contraction"}
KINDS = ("scalar", "vector", "matrix", "tensor")
MAX_TEXT = 1_000
MAX_AXES = 20

NAME = re.compile(r"(?:__+)?[A-Za-z][A-Za-z0-9]*(?:_+[A-Za-z0-9]+)*_*")
PIECE = re.compile(r"\s*(?:(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>[0-9]+)|(?P<mark>[(),*+])|(?P<other>\S))")


@dataclass(frozen=True)
class Declaration:
    """The kind of a symbol, the sizes of its axes, and its attributes.

    >>> str(Declaration("matrix", (Size.of("n"), Size.of("n")), frozenset({"spd"})))
    'matrix(n,n) spd'
    """

    kind: str
    sizes: tuple[Size, ...] = ()
    attributes: frozenset[str] = frozenset()

    def __str__(self) -> str:
        sizes = f"({','.join(map(str, self.sizes))})" if self.sizes else ""
        return " ".join([self.kind + sizes, *(a for a in ATTRIBUTES if a in self.attributes)])


def read_declarations(table: Mapping[str, str | Declaration]) -> dict[str, Declaration]:
    """All declarations of a table, with Greek letters in the names replaced by their names.

    >>> print(read_declarations({"λ": "scalar positive"})["lambda"])
    scalar positive
    """
    found: dict[str, Declaration] = {}
    for name, given in table.items():
        plain = read_name(name)
        if plain in found:
            raise ParseError(f"'{plain}' is declared twice", name, 0)
        found[plain] = given if isinstance(given, Declaration) else read_declaration(name, given)
    return found


def read_name(name: str) -> str:
    """A name as it is known inside: Greek letters by their names, with or without TeX's backslash.

    >>> read_name("Σ_1"), read_name("\\\\alpha")
    ('Sigma_1', 'alpha')
    """
    if not isinstance(name, str):
        raise ParseError(f"a name is text, not {type(name).__name__}")
    if len(name) > 100:
        raise LimitError("a name may have 100 characters at most", name[:101], 100)
    plain = latin_names(name)
    if plain.startswith("\\") and plain[1:] in GREEK.values():
        plain = plain[1:]
    if not plain:
        raise ParseError("a declared name is empty", name, 0)
    if NAME.fullmatch(plain):
        return plain
    good = NAME.match(name)
    message = "a name is a letter, then letters, digits and underscores"
    raise ParseError(message, name, good.end() if good else 0)


def read_declaration(name: str, text: str) -> Declaration:
    """The declaration of one symbol: a kind, sizes in brackets, attributes.

    >>> read_declaration("A", "matrix(n, 2*n) positive")
    Declaration(kind='matrix', sizes=(n, 2*n), attributes=frozenset({'positive'}))
    """
    read_name(name)
    if not isinstance(text, str):
        message = f"the declaration of '{name}' is text such as 'matrix(n,n)', not {type(text).__name__}"
        raise ParseError(message, name, 0)
    if len(text) > MAX_TEXT:
        message = f"a declaration may have {MAX_TEXT:,} characters at most"
        raise LimitError(message, text[: MAX_TEXT + 1], MAX_TEXT)
    return _DeclarationReader(name, text).read()


class _DeclarationReader:
    """One pass over the pieces of a declaration."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        plain = latin_names(text)
        # Offsets of Greek letters differ; a caret at the start of the piece in the plain text is near enough.
        self.source = text if len(plain) == len(text) else plain
        self.pieces = [
            (m.lastgroup, m[m.lastgroup], m.start(m.lastgroup)) for m in PIECE.finditer(plain) if m.lastgroup
        ]
        self.at = 0

    def read(self) -> Declaration:
        kind, sizes = self.kind(), self.sizes()
        self.check_sizes(kind, sizes)
        return Declaration(kind, tuple(size for size, _ in sizes), self.attributes(kind, sizes))

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        raise ParseError(f"in the declaration of '{self.name}': {message}", self.source, self.place(position))

    def misfit(self, message: str, position: int | None = None) -> NoReturn:
        raise ShapeError(f"in the declaration of '{self.name}': {message}", self.source, self.place(position))

    def place(self, position: int | None = None) -> int:
        """The given position, else that of the next piece."""
        if position is not None:
            return position
        return self.pieces[self.at][2] if self.at < len(self.pieces) else len(self.source.rstrip())

    def peek(self) -> tuple[str | None, str]:
        return self.pieces[self.at][:2] if self.at < len(self.pieces) else (None, "")

    def kind(self) -> str:
        group, word = self.peek()
        if group is None:
            self.fail(f"it is empty; kinds are {', '.join(KINDS)}")
        if word not in KINDS:
            near = get_close_matches(word[:40], KINDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"kinds are {', '.join(KINDS)}"
            self.fail(f"unknown kind '{word[:40]}'; {hint}")
        self.at += 1
        return word

    def sizes(self) -> list[tuple[Size, int]]:
        if self.peek()[1] != "(":
            return []
        opened = self.place()
        self.at += 1
        sizes = []
        while True:
            position = self.place()
            sizes.append((self.size(), position))
            if len(sizes) > MAX_AXES:
                raise LimitError(f"a tensor may have {MAX_AXES} axes at most", self.source, position)
            _, mark = self.peek()
            if mark not in (",", ")"):
                self.fail(f"')' or ',' is missing here; the '(' at column {opened + 1} is not closed")
            self.at += 1
            if mark == ")":
                return sizes

    def size(self) -> Size:
        """A sum of products of names and numbers."""
        position = self.place()
        total = self.product()
        while self.peek()[1] == "+":
            self.at += 1
            total = total + self.product()
        if total.number == 0:
            self.misfit("a size is at least 1", position)
        return total

    def product(self) -> Size:
        total = self.factor()
        while self.peek()[1] == "*":
            self.at += 1
            total = total * self.factor()
        return total

    def factor(self) -> Size:
        group, text = self.peek()
        if group == "word":
            found = Size.of(text)
        elif group == "number":
            if len(text) > 9:
                raise LimitError("a size may have 9 digits at most", self.source, self.place())
            found = Size.of(int(text))
        else:
            self.fail("a size is a name or a number, or products and sums of these, such as n, 3, 2*n, n+1")
        self.at += 1
        return found

    def check_sizes(self, kind: str, sizes: list[tuple[Size, int]]) -> None:
        count = len(sizes)
        given = f"{count} given" if count else "none given"
        place = sizes[-1][1] if sizes else None
        if kind == "scalar" and count:
            self.misfit("a scalar has no size", place)
        if kind == "vector" and count != 1:
            self.misfit(f"a vector has one size, as in vector(n); {given}", place)
        if kind == "matrix" and count != 2:
            self.misfit(f"a matrix has two sizes, as in matrix(n,m); {given}", place)
        if kind == "tensor" and count < 3:
            self.misfit(f"a tensor has three sizes or more, as in tensor(n,m,k); {given}", place)

    def attributes(self, kind: str, sizes: list[tuple[Size, int]]) -> frozenset[str]:
        found = set()
        while self.at < len(self.pieces):
            group, word = self.peek()
            if word == ",":
                self.at += 1
                continue
            if group != "word":
                hint = "attributes such as symmetric follow the sizes"
                self.fail(f"'{word[:40]}' does not belong here; {hint}")
            self.check_attribute(word, kind, sizes)
            found.add(word)
            self.check_clash(found)
            self.at += 1
        return frozenset(found - {"complex"} if "hermitian" in found else found)

    def check_clash(self, found: set[str]) -> None:
        for name, others in CLASHES.items():
            clash = sorted(found & others)
            if name in found and clash:
                self.misfit(f"{name} and {clash[0]} do not go together; declare one of them")

    def check_attribute(self, word: str, kind: str, sizes: list[tuple[Size, int]]) -> None:
        if word not in ATTRIBUTES:
            near = get_close_matches(word[:40], ATTRIBUTES, 2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"attributes are {', '.join(ATTRIBUTES)}"
            self.fail(f"unknown attribute '{word[:40]}'; {hint}")
        if word in MATRICES_ONLY and kind != "matrix":
            self.misfit(f"only a matrix can be {word}")
        if ATTRIBUTES[word] and sizes[0][0] is not sizes[1][0]:
            self.misfit(f"a matrix that is {word} is square, as in matrix(n,n) {word}")
