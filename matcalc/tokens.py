"""From lexemes to tokens: what the grammar cannot know, since it depends on the declared names.

This pass splits `xAy` into names, tells a call from a product, an opening bar from a closing one, a transpose
from a power and an identity matrix from a name. Everything it refuses, it refuses in the user's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, NoReturn, TypeAlias

from matcalc.errors import LimitError, ParseError, UnknownSymbolError
from matcalc.letters import GREEK, GREEK_NAMES, IMAGINARY, VARIANTS, describe, latin_names
from matcalc.syntax import Identity, Name, Num, Sub, Syntax

MAX_DEPTH = 200
MAX_DIGITS = 1_000
MAX_EXPONENT = 400
SHOWN = 8

Lexeme: TypeAlias = tuple[str, str, int]
Index: TypeAlias = str | int
Function: TypeAlias = tuple[str, int, int]

# Functions that make a node of their own, so that no table needs to hold them.
BUILT_IN: dict[str, Function] = {
    "eye": ("eye", 1, 1),
    "norm": ("norm", 1, 1),
    "norm1": ("norm1", 1, 1),
    "norm2": ("norm2", 1, 1),
    "vector": ("vector", 1, 1),
    "matrix": ("matrix", 1, 1),
}


@dataclass(frozen=True)
class Vocabulary:
    """The names that a text may use.

    `functions` holds, for each spelling, the canonical name, the fewest and the most arguments. Where `open`
    is true, names that are not declared may be used too. `constants` are names such as pi that need no declaration.

    >>> Vocabulary(frozenset({"x"})).symbols
    frozenset({'x'})
    """

    symbols: frozenset[str] = frozenset()
    sizes: frozenset[str] = frozenset()
    functions: Mapping[str, Function] = field(default_factory=dict)
    open: bool = True
    constants: frozenset[str] = frozenset()
    complex: bool = False


class Token:
    """A token as lark's parser takes it, with a value of any type."""

    __slots__ = ("end_pos", "start_pos", "type", "value")
    line = column = end_line = end_column = 0

    def __init__(self, kind: str, value: Any, start: int, end: int) -> None:
        self.type = kind
        self.value = value
        self.start_pos = start
        self.end_pos = end


# Tokens after which an operand is complete.
OPERAND_ENDS = frozenset({"OPERAND", "MARK", "RPAR", "RSQUARE", "RBRACE", "BAR_CLOSE", "NORM_CLOSE"})
OPERAND_STARTS = frozenset({"NUMBER", "WORD", "LPAR", "LSQUARE", "ROOT"})
# Open brackets by kind, as the user wrote them: a brace may hold a part of a TeX fraction.
OPENING = {
    **{"call": "(", "fraction": "{", "denominator": "{", "braced": "{", "group": "{"},
    **{"(": "(", "[": "[", "{": "{", "|": "|", "||": "||"},
}
CLOSING = {kind: {"(": ")", "[": "]", "{": "}"}.get(bracket, bracket) for kind, bracket in OPENING.items()}

OPERATORS = {"@": "*", "·": "*", "⋅": "*", "×": "*", "⊙": ".*", "∘": ".*", "⊗": "kron", "⊘": "./"}
COMMAND_OPERATORS = {
    **{"cdot": "*", "times": "*", "odot": ".*", "circ": ".*", "otimes": "kron", "oslash": "./"},
}
COMMAND_BARS = {
    **{"lVert": ("||", "open"), "rVert": ("||", "close"), "Vert": ("||", ""), "vert": ("|", "")},
    **{"lvert": ("|", "open"), "rvert": ("|", "close")},
}
TRANSPOSES = {
    **{"T": "T", "⊤": "T", "\\top": "T", "\\intercal": "T", "H": "H"},
    **{"\\mathsf{H}": "H", "\\mathrm{H}": "H", "\\mathsf{T}": "T", "\\mathrm{T}": "T"},
    **{"†": "+", "\\dagger": "+", "+": "+"},
}
# TeX commands that are functions of what stands in braces.
BRACED = {"sqrt": "sqrt", "overline": "conj", "bar": "conj"}

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿᵏᵐᵀᴴ⁺", "0123456789-nkmTH+")
SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", "0123456789aehijklmnoprstuvx")

INDICES = re.compile(r"[a-z0-9]+")
NORM_KIND = re.compile(r"[A-Za-z]|[0-9]+(?:\.[0-9]+)?|[0-9]+/[0-9]+")
NORM_NAMES = {
    **{"F": "F", "*": "*", "inf": "inf", "∞": "inf", "infty": "inf", "oo": "inf", "max": "max"},
    **{"nuc": "*", "fro": "F", "Fro": "F"},
}
STYLED = re.compile(r"\\[a-z]+\{([^{}]*)\}")
LOWER = re.compile(r"[a-z][a-z0-9]{2,}")


def column(position: int) -> str:
    return f"column {position + 1}"


def clip(text: str, width: int = 24) -> str:
    """`text` as a message quotes it."""
    return text if len(text) <= width else text[: width - 1] + "…"


def names_of(names: Iterable[str]) -> str:
    """A list of names that stays short."""
    listed = sorted(names)
    return ", ".join(map(clip, listed[:SHOWN])) + (", …" if len(listed) > SHOWN else "")


def split_subscripts(word: str) -> tuple[str, str]:
    """The base of a word and its subscripts: `X_ij` -> `X`, `_ij`."""
    at = word.find("_", len(word) - len(word.lstrip("_")))
    return (word, "") if at < 0 else (word[:at], word[at:])


def units_of(base: str) -> list[str]:
    """The letters and digits of a name, Greek letters by their names."""
    return list(base) if base.isascii() else [GREEK.get(c, c) for c in base]


class Reader:
    """One pass over the lexemes of a text."""

    def __init__(self, text: str, vocabulary: Vocabulary, lexemes: list[Lexeme]) -> None:
        self.text = text
        self.lexemes = lexemes
        self.at = 0
        self.out: list[Token] = []
        self.stack: list[tuple[str, int]] = []
        self.symbols = vocabulary.symbols | vocabulary.constants
        self.constants = vocabulary.constants
        self.sizes = vocabulary.sizes
        self.functions = vocabulary.functions
        self.open = vocabulary.open
        self.complex = vocabulary.complex
        self.left: dict[int, str] = {}
        self.after_where = False
        self.forced = ""
        self.longest = 0

    def read(self) -> list[Token]:
        if "=" in self.text:
            self.find_left_sides()
        lexemes = self.lexemes
        while self.at < len(lexemes):
            kind, text, start = lexemes[self.at]
            self.at += 1
            HANDLERS[kind](self, text, start)
        if self.stack:
            self.unclosed()
        return self.out

    # Helpers

    def fail(self, message: str, position: int) -> NoReturn:
        raise ParseError(message, self.text, position)

    def push(self, kind: str, value: Any, start: int, end: int) -> None:
        self.out.append(Token(kind, value, start, end))

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.lexemes[at][0] if at < len(self.lexemes) else "END"

    def peek_text(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.lexemes[at][1] if at < len(self.lexemes) else ""

    def end_of(self, at: int) -> int:
        _, text, start = self.lexemes[at]
        return start + len(text)

    def previous(self) -> str:
        return self.out[-1].type if self.out else ""

    def ends_operand(self) -> bool:
        return bool(self.out) and self.out[-1].type in OPERAND_ENDS

    def known(self, name: str) -> bool:
        return name in self.symbols or name in self.sizes

    def is_factor(self, name: str) -> bool:
        """Whether a part of a word may be `name`: a known name, or the identity matrix."""
        return name in self.symbols or name in self.sizes or name == "I"

    def function(self, name: str) -> Function | None:
        return self.functions.get(name) or BUILT_IN.get(name)

    def unread(self, kind: str, text: str, start: int) -> None:
        """Put a part of a lexeme back, to be read next."""
        self.at -= 1
        self.lexemes[self.at] = (kind, text, start)

    # Left sides: `D_ij = ...` at the start, `p = ...` and `i = 1..n` after `where`

    def find_left_sides(self) -> None:
        bound: set[str] = set()
        self.find_left_side(0, bound)
        depth, after = 0, False
        for at, (kind, text, _) in enumerate(self.lexemes):
            if kind in ("LPAR", "LSQUARE", "LBRACE"):
                depth += 1
            elif kind in ("RPAR", "RSQUARE", "RBRACE"):
                depth -= 1
            elif depth:
                continue
            elif (kind == "COMMA") if after else (text == "where" and "where" not in self.symbols):
                after = True
                self.find_left_side(at + 1, bound)
        self.symbols = self.symbols | bound

    def find_left_side(self, at: int, bound: set[str]) -> None:
        kinds = [kind for kind, _, _ in self.lexemes[at : at + 5]]
        if kinds[:1] != ["WORD"]:
            return
        length = 2 if kinds[1:2] == ["EQUALS"] else 3 if kinds[1:3] == ["SUBSCRIPT", "EQUALS"] else 0
        if length == 0:
            return
        if at and kinds[length : length + 2] == ["NUMBER", "DOTS"]:
            self.left[at] = "RANGE"
            return
        self.left[at] = "LEFT"
        if at:
            bound.add(self.left_name(at)[0])

    def left_name(self, at: int) -> tuple[str, tuple[Index, ...]]:
        """The name and the indices on the left of an equals sign."""
        _, word, start = self.lexemes[at]
        following = self.lexemes[at + 1]
        subscript = following[1] if following[0] == "SUBSCRIPT" else ""
        word = self.plain_word(word)
        whole = latin_names(word)
        if not subscript and self.known(whole):
            return whole, ()
        base, subscripts = split_subscripts(word)
        subscripts += self.plain_subscript(subscript)
        number = "".join(c for c in subscripts[1:] if c not in "{}, ")
        if at and number.isascii() and number.isdigit():
            return f"{latin_names(base)}_{number}", ()  # `where T_1 = ...` names a part
        return latin_names(base), self.indices(subscripts, start + len(base)) if subscripts else ()

    def left_side(self, word: str, start: int) -> None:
        at = self.at - 1
        while self.lexemes[self.at][0] != "EQUALS":
            self.at += 1
        self.at += 1
        if self.left[at] == "RANGE":
            self.range_start(word, start)
            return
        name, indices = self.left_name(at)
        letters = [i for i in indices if isinstance(i, str)]
        if len(letters) != len(indices):
            self.fail("the indices on the left of '=' are letters, such as D_ij = …", start)
        if len(set(letters)) != len(letters):
            self.fail("an index stands twice on the left of '='; each axis needs a letter of its own", start)
        self.push("LEFT", (name, tuple(letters)), start, self.end_of(self.at - 1))

    def range_start(self, word: str, start: int) -> None:
        if not (len(word) == 1 and "a" <= word <= "z"):
            self.fail(f"'{clip(word)}' is not an index; an index is one small letter, as in i = 1..n", start)
        if self.peek_text() != "1":
            self.fail("a range starts at 1, as in i = 1..n", self.lexemes[self.at][2])
        self.at += 2
        self.push("RANGE", word, start, self.end_of(self.at - 1))

    # Numbers

    def number(self, text: str, start: int) -> None:
        end = start + len(text)
        if text == "1" and self.imaginary(Fraction(1), start, end):
            return
        if self.out and self.out[-1].type == "OPERAND" and isinstance(self.out[-1].value, Num):
            if self.out[-1].end_pos == start:
                self.fail("a number has one decimal point at most", start)
            self.fail("two numbers stand side by side; write * between them for a product", start)
        value = self.value(text, start)
        while self.peek_text() == "/" and self.peek(1) == "NUMBER" and self.fraction_may_start():
            denominator = self.value(self.peek_text(1), self.lexemes[self.at + 1][2])
            if denominator == 0:
                self.fail("division by zero", self.lexemes[self.at + 1][2])
            value, end = value / denominator, self.end_of(self.at + 1)
            self.at += 2
        if not self.imaginary(value, start, end):
            self.push("OPERAND", Num(value, span=(start, end)), start, end)

    def imaginary(self, value: Fraction, start: int, end: int) -> bool:
        """`1i`, `2i`, `0.5j`: a number with the imaginary unit right behind it, where one is known."""
        _, text, place = self.lexemes[self.at] if self.at < len(self.lexemes) else ("", "", -1)
        if IMAGINARY not in self.constants or place != end or text not in ("i", "j") or self.known(text):
            return False
        if self.open and not self.complex and value != 1:
            return False
        if value.denominator != 1 and "/" in self.text[start:end]:
            self.fail(f"write ({self.text[start:end]}) 1i, or a bracket around the denominator", start)
        self.at += 1
        if value != 1:
            self.push("OPERAND", Num(value, span=(start, end)), start, end)
        self.push("OPERAND", Name(IMAGINARY, span=(start, place + 1)), start, place + 1)
        return True

    def fraction_may_start(self) -> bool:
        """Whether `1/2` here is the number: not in `x^1/2`, `a/1/2` and `1/2^2`."""
        if self.peek(2) in ("CARET", "SUPERSCRIPT", "DOT_CARET", "PRIME"):
            return False
        k = len(self.out) - 1
        while k >= 0 and self.out[k].type == "MINUS":
            k -= 1
        if k < 0:
            return True
        before = self.out[k]
        return before.type != "POWER" and not (before.type == "OPERATOR" and before.value in ("/", "./"))

    def value(self, text: str, start: int) -> Fraction:
        if len(text) < 16 and text.isdigit():
            return Fraction(int(text))
        mantissa, _, exponent = text.lower().partition("e")
        if len(mantissa) > MAX_DIGITS:
            raise LimitError(f"a number may have {MAX_DIGITS:,} digits at most", self.text, start)
        if exponent and (len(exponent) > 6 or abs(int(exponent)) > MAX_EXPONENT):
            message = f"the exponent of a number may be {MAX_EXPONENT} at most; write 10^k for larger powers"
            raise LimitError(message, self.text, start)
        return Fraction(text)

    # Names

    def word(self, word: str, start: int) -> None:
        if self.left and self.at - 1 in self.left:
            self.left_side(word, start)
        elif word in self.symbols or word in self.sizes:
            end = start + len(word)
            self.push("OPERAND", Name(word, span=(start, end)), start, end)
        elif word == "where":
            self.where(start)
        elif word[0] == "\\" and self.command(word, start):
            pass
        else:
            self.name(word, start)

    def where(self, start: int) -> None:
        if self.stack or not self.out:
            self.fail("'where' stands at the end, outside all brackets: p^T x where p = softmax(x)", start)
        if self.at not in self.left:
            self.fail("after 'where' stands a list such as p = softmax(x), i = 1..n", start)
        if self.after_where:
            self.fail("'where' stands once, at the end; separate its parts by commas", start)
        self.after_where = True
        self.push("WHERE", None, start, start + 5)

    def plain_word(self, word: str) -> str:
        r"""The word without TeX's dress: `\mathbf{x}_i` -> `x_i`, `\varphi` -> `phi`."""
        if word[0] != "\\":
            return word
        styled = STYLED.match(word)
        if styled:
            return styled[1] + word[styled.end() :]
        base, subscripts = split_subscripts(word)
        return VARIANTS.get(base[1:], base[1:]) + subscripts

    def name(self, word: str, start: int) -> None:
        """A word that is not declared as it stands."""
        plain = self.plain_word(word) if word[0] == "\\" else word
        end = start + len(word)
        if self.peek() == "SUBSCRIPT" and self.peek_text()[0] != "_":
            plain += self.plain_subscript(self.peek_text())
            end = self.end_of(self.at)
            self.at += 1
        whole = latin_names(plain)
        if whole is not word and self.known(whole):
            self.push("OPERAND", Name(whole, span=(start, end)), start, end)
            return
        base, subscripts = split_subscripts(plain)
        if len(plain) != len(word):
            # Within a command or after Unicode subscripts offsets do not match: use the start for all parts.
            self.resolve(base, subscripts, start, end, exact=False)
        else:
            self.resolve(base, subscripts, start, end, exact=True)

    def resolve(self, base: str, subscripts: str, start: int, end: int, exact: bool) -> None:
        if subscripts:
            if self.special(base, subscripts, start, end):
                return
            if self.declared_with_subscript(base, subscripts, start, exact):
                return
        elif self.call(base, start, end):
            return
        middle = start + len(base) if exact else end
        if base.startswith("_"):
            self.unknown(base + subscripts, start)
        self.symbols_of(base, start, middle, exact, subscripts)
        if subscripts:
            self.push("MARK", self.indices(subscripts, middle if exact else start), middle, end)

    def declared_with_subscript(self, base: str, subscripts: str, start: int, exact: bool) -> bool:
        """`w_1_i` with `w_1` declared, and `Aw_1` likewise: the rest is read again."""
        plain = latin_names(base + subscripts)
        cuts = [k for k, c in enumerate(plain) if c == "_" and k > len(base)][::-1]
        if plain.isascii() and exact and base.isascii():
            for cut in cuts:
                if self.known(plain[:cut]):
                    end = start + cut
                    self.push("OPERAND", Name(plain[:cut], span=(start, end)), start, end)
                    self.push("MARK", self.indices(plain[cut:], end), end, start + len(plain))
                    return True
            for k in range(1, len(base)):
                if self.known(plain[k:]):
                    self.symbols_of(base[:k], start, start + k, True, "")
                    end = start + len(plain)
                    self.push("OPERAND", Name(plain[k:], span=(start + k, end)), start + k, end)
                    return True
        return False

    def special(self, base: str, subscripts: str, start: int, end: int) -> bool:
        """`sum_i`, `delta_ij` and `I_n`, where these names are not declared."""
        if base in ("sum", "Σ", "∑") and not self.known(latin_names(base)):
            self.push("SUM", self.sum_indices(subscripts, start + len(base)), start, end)
            return True
        if base in ("delta", "δ") and not self.known("delta") and subscripts.count("_") == 1:
            indices = self.indices(subscripts, start + len(base))
            if len(indices) == 2:
                self.identity(None, indices, start, end)
                return True
        if base == "e" and not self.open and not self.known("e") and subscripts[1:].strip("{}").isdecimal():
            self.unit_vector(subscripts[1:].strip("{}"), start, end)
            return True
        if base == "I" and not self.known("I"):
            self.sized_identity(subscripts, start, end)
            return True
        return False

    def unit_vector(self, index: str, start: int, end: int) -> None:
        """`e_2`, as LaTeX writes e(2)."""
        function = self.function("e")
        if function is None:
            self.unknown("e", start)
        self.push("FUNCTION", (*function, "e"), start, start + 1)
        self.push("LPAR", None, start, start + 1)
        self.push("OPERAND", Num(self.value(index, start), span=(start, end)), start, end)
        self.push("RPAR", None, end, end)

    def identity(self, size: Syntax | None, indices: tuple[Index, ...], start: int, end: int) -> None:
        node: Syntax = Identity(size, span=(start, end))
        if indices:
            node = Sub(node, indices, span=(start, end))
        self.push("OPERAND", node, start, end)

    def sized_identity(self, subscripts: str, start: int, end: int) -> None:
        content = latin_names(subscripts[1:].strip("{}").strip())
        place = (start + 2, end)
        if content.isdigit():
            if int(content[:9]) == 0:
                self.fail("a size is at least 1", start)
            self.identity(Num(self.value(content, start), span=place), (), start, end)
        elif content in self.sizes or (self.open and len(content) == 1 and content.isalpha()):
            self.identity(Name(content, span=place), (), start, end)
        elif len(content.replace(",", "").replace(" ", "")) == 2:
            self.identity(None, self.indices(subscripts, start + 1), start, end)
        else:
            sizes = f"; sizes are {names_of(self.sizes)}" if self.sizes else ""
            message = f"'{clip(content)}' is not the name of a size{sizes}; for other sizes write eye(…)"
            raise UnknownSymbolError(message, self.text, start + 2)

    def sum_indices(self, subscripts: str, position: int) -> tuple[str, ...]:
        if subscripts.strip("_") == "":
            self.fail("an index is missing after sum_; write sum_i x_i", position)
        if "=" in subscripts:
            self.fail("write the range at the end: sum_i x_i where i = 1..n", position)
        letters = [i for i in self.indices(subscripts, position) if isinstance(i, str)]
        if len(letters) != len(subscripts.strip("_{}").replace(",", "").replace(" ", "")):
            self.fail("the index of a sum is a letter", position)
        if len(set(letters)) != len(letters):
            self.fail("an index is summed twice", position)
        return tuple(letters)

    def call(self, base: str, start: int, end: int) -> bool:
        """`tr(`, an undeclared `I`, or a function that lacks its bracket."""
        function = self.function(base)
        if self.peek() == "LPAR":
            if function is not None:
                self.push("FUNCTION", (*function, base), start, end)
                return True
            self.check_not_a_function(base, start)
        if base in ("I", "eye"):
            self.identity(None, (), start, end)
            return True
        if base in ("sum", "∑") and self.peek() in ("SUBSCRIPT", "CARET") and self.peek_text() != "^":
            self.sum_indices(self.peek_text(), start)
        if base == "∑":
            self.fail("an index is missing after the sum; write sum_i x_i", end)
        if function is not None and len(base) > 1:
            plain = self.peek() == "WORD" and self.function(self.peek_text()) is None
            follower = self.peek_text() if plain else "…"
            self.fail(f"'{base}' is a function and needs a bracket: write {base}({clip(follower)})", start)
        return False

    def check_not_a_function(self, base: str, start: int) -> None:
        """Refuse `sofmax(x)`, which would otherwise be read as s o f m a x times x."""
        if len(base) < 2 or base in GREEK_NAMES or not base.isascii() or self.splits(base):
            return
        names = [*self.functions, *BUILT_IN]
        near = get_close_matches(base[:40].lower(), names, 3, 0.7 if len(base) > 2 else 0.99)
        glued = next((base[k:] for k in range(1, len(base) - 1) if base[k:] in self.functions), None)
        if glued and self.splits(base[: -len(glued)]):
            near = [f"{base[: -len(glued)]} {glued}", *near]
        if near or LOWER.fullmatch(base):
            hint = f"did you mean {' or '.join(near)}?"
            if not near:
                hint = f"for a product write {' '.join(base[:6])} (…)"
            raise UnknownSymbolError(f"unknown function '{clip(base)}'; {hint}", self.text, start)

    def splits(self, base: str) -> bool:
        units = units_of(base)
        return self.cut(units) is not None

    def symbols_of(self, base: str, start: int, end: int, exact: bool, subscripts: str) -> None:
        """The symbols of which a word is made, as factors of a product."""
        units = units_of(base)
        if latin_names(base) in GREEK_NAMES and self.open:
            pieces = [(0, len(units))]
        else:
            pieces = self.cut(units) or self.letters(units, base + subscripts, start, end)
        for i, j in pieces:
            place, name = (start + i, start + j) if exact else (start, end), "".join(units[i:j])
            node = Identity(span=place) if name == "I" and not self.known("I") else Name(name, span=place)
            self.push("OPERAND", node, *place)

    def longest_name(self) -> int:
        if not self.longest:
            self.longest = max(map(len, (*self.symbols, *self.sizes)), default=1)
        return self.longest

    def cut(self, units: list[str]) -> list[tuple[int, int]] | None:
        """The word as declared names, longest first, or None."""
        count, longest = len(units), self.longest_name()
        following: list[int] = [0] * count + [count]
        for i in range(count - 1, -1, -1):
            for j in range(min(count, i + longest), i, -1):
                if following[j] and self.is_factor("".join(units[i:j])):
                    following[i] = j
                    break
        if not count or not following[0]:
            return None
        pieces, i = [], 0
        while i < count:
            pieces.append((i, following[i]))
            i = following[i]
        return pieces

    def letters(self, units: list[str], word: str, start: int, end: int) -> list[tuple[int, int]]:
        """The word as declared names and single letters with the digits that follow them."""
        count, longest = len(units), self.longest_name()
        pieces, i = [], 0
        while i < count:
            ends = (j for j in range(min(count, i + longest), i, -1) if self.ends_name(units, i, j))
            j = next(ends, 0)
            if not j:
                if not self.open:
                    self.unknown_part(units, word, i, start)
                j = i + 1
                while j < count and units[j].isdigit():
                    j += 1
            pieces.append((i, j))
            i = j
        return pieces

    def ends_name(self, units: list[str], i: int, j: int) -> bool:
        """Whether a declared name stands from i to j and is not cut off before a digit."""
        return not (j < len(units) and units[j].isdigit()) and self.is_factor("".join(units[i:j]))

    def unknown_part(self, units: list[str], word: str, at: int, start: int) -> NoReturn:
        """Name the part of a word that is not declared; all of it where no part is known."""
        if latin_names(split_subscripts(word)[0]) in GREEK_NAMES:
            self.unknown(word, start)
        rest = units[at:]
        letter = 1
        while letter < len(rest) and rest[letter].isdigit():
            letter += 1
        if letter < len(rest) and self.cut(rest[letter:]) is not None:
            rest = rest[:letter]
        if at == 0 and len(rest) == len(units):
            self.unknown(word, start)
        exact = len(units) == len(split_subscripts(word)[0])
        self.unknown("".join(rest), start + at if exact else start)

    def unknown(self, name: str, start: int) -> NoReturn:
        declared = sorted((self.symbols - self.constants) | self.sizes)
        plain = latin_names(name)
        names = [*declared, *(f for f in self.functions if len(f) > 1)]
        near = get_close_matches(plain[:40], names, 3, 0.7) if len(plain) > 1 else []
        near = near or [n for n in declared if n.lower() == plain.lower()]
        shown = clip(name) if name == plain else f"{clip(name)} ({clip(plain)})"
        listed = names_of((self.symbols - self.constants) or self.sizes)
        hint = f"did you mean {' or '.join(map(clip, near))}?" if near else f"declared are {listed}"
        if not declared and not near:
            hint = "nothing is declared"
        raise UnknownSymbolError(f"unknown name '{shown}'; {hint}", self.text, start)

    # TeX

    def command(self, word: str, start: int) -> bool:
        """A TeX command that is not a name; False leaves it to be read as a name."""
        if "{" in word and STYLED.match(word):
            return False
        base, subscripts = split_subscripts(word)
        name, end = base[1:], start + len(base)
        if subscripts and (name in COMMAND_BARS or name in COMMAND_OPERATORS or name in ("left", "right")):
            self.unread("SUBSCRIPT", subscripts, end)
        if name in COMMAND_BARS:
            bar, self.forced = COMMAND_BARS[name]
            self.read_bars(len(bar), start, end)
        elif name in COMMAND_OPERATORS:
            self.push("OPERATOR", COMMAND_OPERATORS[name], start, end)
        elif name in ("left", "right"):
            if self.peek() == "BARS":
                self.forced = "open" if name == "left" else "close"
        elif name in ("frac", "tfrac", "dfrac"):
            self.fraction(start, end)
        elif name in BRACED and self.peek() == "LBRACE":
            self.braced(BRACED[name], start, end)
        elif self.is_name(name):
            return False
        else:
            self.fail(f"unknown command '{clip(base)}'", start)
        return True

    def is_name(self, name: str) -> bool:
        greek = VARIANTS.get(name, name) in GREEK_NAMES
        return greek or name == "sum" or self.known(name) or self.function(name) is not None

    def fraction(self, start: int, end: int) -> None:
        r"""`\frac{a}{b}` is ((a) / (b)), and a number where both are numbers."""
        kinds = [kind for kind, _, _ in self.lexemes[self.at : self.at + 6]]
        if kinds == ["LBRACE", "NUMBER", "RBRACE"] * 2:
            numerator, denominator = (self.value(self.peek_text(k), start) for k in (1, 4))
            if denominator == 0:
                self.fail("division by zero", start)
            self.at += 6
            place = (start, self.end_of(self.at - 1))
            self.push("OPERAND", Num(numerator / denominator, span=place), *place)
            return
        self.push("LPAR", None, start, end)
        self.open_brace("fraction", start)

    def braced(self, name: str, start: int, end: int) -> None:
        function = self.function(name)
        if function is None:
            self.fail(f"unknown command '{self.text[start:end]}'", start)
        self.push("FUNCTION", (*function, name), start, end)
        self.open_brace("braced", start)

    def open_brace(self, kind: str, start: int) -> None:
        if self.peek() != "LBRACE":
            self.fail("a '{' is missing after this command", start)
        position = self.lexemes[self.at][2]
        self.at += 1
        self.push("LPAR", None, position, position + 1)
        self.enter(kind, position)

    # Subscripts

    def indices(self, subscripts: str, position: int) -> tuple[Index, ...]:
        """The indices of `_ij`, `_{i,j}` or `_12`."""
        if subscripts.rstrip("_") == "" or subscripts.endswith("_"):
            self.fail("an index is missing after '_'", position)
        if subscripts.count("_") > 1:
            self.fail("a double subscript; write X_ij for a component of X", position)
        content = subscripts[1:]
        if content[0] == "{":
            content = content[1:-1]
        parts = content.split(",") if "," in content else list("".join(content.split()))
        parts = [p.strip() for p in parts]
        if not parts or "" in parts:
            self.fail("an index is missing in the subscript", position)
        if len(parts) > 50:
            raise LimitError("a subscript may have 50 indices at most", self.text, position)
        return tuple([self.index(p, position) for p in parts])

    @staticmethod
    def plain_subscript(text: str) -> str:
        """`ᵢⱼ` as `_ij`."""
        return "_" + text.translate(SUBSCRIPTS) if text and text[0] != "_" else text

    def index(self, part: str, position: int) -> Index:
        if len(part) == 1 and "a" <= part <= "z":
            return part
        if part.isascii() and part.isdigit() and len(part) < 10:
            if int(part) == 0:
                self.fail("an index counts from 1", position)
            return int(part)
        message = f"'{clip(part)}' is not an index; an index is a small letter or a number"
        if part in ("+", "-"):
            message += "; shifted indices, as in x_{i+j}, are not supported"
        raise ParseError(message, self.text, position)

    def subscript(self, text: str, start: int) -> None:
        end = start + len(text)
        text = self.plain_subscript(text)
        previous = self.previous()
        if previous == "NORM_CLOSE" and not self.out[-1].value:
            self.out[-1].value = self.norm_kind(text, start)
            self.out[-1].end_pos = end
            return
        if previous not in OPERAND_ENDS:
            self.fail("a subscript stands after a name or a bracket", start)
        if previous == "MARK" and isinstance(self.out[-1].value, tuple):
            self.fail("a double subscript; write X_ij for a component of X", start)
        self.push("MARK", self.indices(text, start), start, end)

    def norm_kind(self, text: str, start: int) -> str:
        content = text[1:].strip("{}").strip().lstrip("\\")
        if content in NORM_NAMES:
            return NORM_NAMES[content]
        if content == "" or content[0] in "-−":
            reason = "the kind of the norm is missing after '_'"
            if content or self.peek() == "MINUS":
                reason = "a norm's kind is not negative"
            self.fail(f"{reason}; kinds are 1, 2, p, F, *, inf, max", start)
        if NORM_KIND.fullmatch(content) and len(content) < 20 and not content.endswith("/0"):
            if content.isalpha() and not self.open and not self.known(content):
                self.unknown(content, start + 1)
            return content
        name = latin_names(content)
        if self.known(name) and name != IMAGINARY:
            return name
        message = f"unknown norm '{clip(content)}'; kinds are 1, 2, p, F, *, inf, max"
        raise ParseError(message, self.text, start)

    # Powers and transposes

    def caret(self, _: str, start: int) -> None:
        self.need_base("^", start)
        if self.transpose(start):
            return
        if self.peek() == "OPERATOR" and self.peek_text() == "*":
            self.fail("write ^H for the conjugate transpose", start)
        self.push("POWER", "^", start, start + 1)

    def dot_caret(self, _: str, start: int) -> None:
        self.need_base(".^", start)
        self.push("POWER", ".^", start, start + 2)

    def need_base(self, operator: str, start: int) -> None:
        if not self.ends_operand():
            self.fail(f"an operand is missing before '{operator}'", start)

    def transpose(self, start: int) -> bool:
        """`^T`, `^-T`, `^H`, `^-H`, `^+` and their kin, bare or in braces."""
        braced = self.peek() == "LBRACE"
        at = self.at + braced
        minus = at < len(self.lexemes) and self.lexemes[at][0] == "MINUS"
        at += minus
        if at >= len(self.lexemes):
            return False
        kind, text, place = self.lexemes[at]
        mark, rest = self.split_mark(kind, text)
        if not mark or (minus and mark not in ("T", "H")):
            return False
        if braced and (rest or at + 1 >= len(self.lexemes) or self.lexemes[at + 1][0] != "RBRACE"):
            return False
        if mark == "+" and not braced and at + 1 < len(self.lexemes) and self.lexemes[at + 1] == (
            "NUMBER", self.lexemes[at + 1][1], place + 1,
        ):  # fmt: skip
            self.fail("^+ is the pseudo-inverse; for a power write ^2, without a plus", place)
        end = self.end_of(at + braced) - len(rest)
        self.push("MARK", ("-" if minus else "") + mark if mark != "+" else "+", start, end)
        self.at = at + 1 + braced
        if rest:
            self.unread("SUBSCRIPT" if rest[0] == "_" else "WORD", rest, end)
        return True

    def split_mark(self, kind: str, text: str) -> tuple[str, str]:
        """The mark that an exponent begins with, and the letters after it: `TAX` -> `T`, `AX`."""
        if kind in ("SIGN", "PLUS"):
            return TRANSPOSES[text], ""
        if kind != "WORD":
            return "", ""
        base, subscripts = split_subscripts(text)
        if base in TRANSPOSES:
            return TRANSPOSES[base], subscripts
        if text[0] not in "TH" or text[1:2].isdigit():
            return "", ""
        if self.known(latin_names(text)) or self.known(latin_names(base)) or base in GREEK_NAMES:
            return "", ""
        return text[0], text[1:]

    def prime(self, text: str, start: int) -> None:
        if not self.ends_operand():
            self.fail(f"an operand is missing before '{text}'", start)
        self.push("MARK", "T", start, start + len(text))

    def superscript(self, text: str, start: int) -> None:
        self.need_base(text[0], start)
        plain, end = text.translate(SUPERSCRIPTS), start + len(text)
        if plain.lstrip("-") in ("T", "H", "+"):
            self.push("MARK", plain, start, end)
            return
        self.push("POWER", "^", start, start)
        if plain[0] == "-":
            self.push("MINUS", None, start, start + 1)
            plain, start = plain[1:], start + 1
        if plain.isdigit():
            self.push("OPERAND", Num(self.value(plain, start), span=(start, end)), start, end)
        elif self.open or self.known(plain):
            self.push("OPERAND", Name(plain, span=(start, end)), start, end)
        else:
            self.unknown(plain, start)

    def root(self, text: str, start: int) -> None:
        """`√2`, `√x`, `√x_1`, `√(x + y)`: of one number, name or bracket."""
        function = self.function("sqrt")
        if function is None:
            self.fail(f"unexpected character {describe(text)}", start)
        self.push("FUNCTION", (*function, "sqrt"), start, start + 1)
        if self.peek() == "LPAR":
            return
        kind, content, place = self.lexemes[self.at] if self.at < len(self.lexemes) else ("END", "", start)
        if kind not in ("NUMBER", "WORD"):
            self.fail("after the root stands a number, a name or a bracket: √2, √x, √(x + y)", place)
        self.push("LPAR", None, place, place)
        self.at += 1
        before = len(self.out)
        if kind == "NUMBER":
            end = place + len(content)
            self.push("OPERAND", Num(self.value(content, place), span=(place, end)), place, end)
        else:
            self.word(content, place)
        if [t.type for t in self.out[before:]] not in (["OPERAND"], ["OPERAND", "MARK"]):
            self.fail("what the root is of stands in brackets: √(x y)", start)
        if self.peek() in ("CARET", "SUPERSCRIPT", "DOT_CARET", "PRIME", "SUBSCRIPT"):
            self.fail("write √(x^2) or (√x)^2", self.lexemes[self.at][2])
        self.push("RPAR", None, self.out[-1].end_pos, self.out[-1].end_pos)

    def sign(self, text: str, start: int) -> None:
        self.fail(f"'{text}' stands after ^ only: write A^{text}", start)

    # Operators, brackets

    def operator(self, text: str, start: int) -> None:
        self.push("OPERATOR", OPERATORS.get(text, text), start, start + len(text))

    def plus(self, text: str, start: int) -> None:
        self.push("PLUS", None, start, start + 1)

    def minus(self, text: str, start: int) -> None:
        self.push("MINUS", None, start, start + 1)

    def enter(self, kind: str, start: int) -> None:
        if len(self.stack) >= MAX_DEPTH:
            raise LimitError(f"brackets may be nested {MAX_DEPTH} deep at most", self.text, start)
        self.stack.append((kind, start))

    def left_bracket(self, _: str, start: int) -> None:
        self.enter("call" if self.previous() == "FUNCTION" else "(", start)
        self.push("LPAR", None, start, start + 1)

    def right_bracket(self, _: str, start: int) -> None:
        if not self.stack:
            self.fail("a closing ')' without an opening '('", start)
        if self.stack[-1][0] not in ("(", "call"):
            self.mismatch(")", start)
        self.stack.pop()
        self.push("RPAR", None, start, start + 1)

    def left_square(self, _: str, start: int) -> None:
        self.enter("[", start)
        self.push("LSQUARE", None, start, start + 1)

    def right_square(self, _: str, start: int) -> None:
        if not self.stack:
            self.fail("a closing ']' without an opening '['", start)
        if self.stack[-1][0] != "[":
            self.mismatch("]", start)
        self.stack.pop()
        self.push("RSQUARE", None, start, start + 1)

    def semicolon(self, _: str, start: int) -> None:
        if not self.stack or self.stack[-1][0] != "[":
            self.fail("a semicolon stands between the rows of a matrix only: [a, b; c, d]", start)
        self.push("SEMICOLON", None, start, start + 1)

    def left_brace(self, _: str, start: int) -> None:
        if self.previous() != "POWER" and "\\" in self.text:
            self.enter("group", start)  # TeX's braces are brackets that do not show
            self.push("LPAR", None, start, start + 1)
            return
        if self.previous() != "POWER":
            self.fail("braces stand after ^ and _ only; use ( )", start)
        self.enter("{", start)
        self.push("LBRACE", None, start, start + 1)

    def right_brace(self, _: str, start: int) -> None:
        if not self.stack:
            self.fail("a closing '}' without an opening '{'", start)
        kind = self.stack[-1][0]
        if CLOSING[kind] != "}":
            self.mismatch("}", start)
        self.stack.pop()
        self.push("RBRACE" if kind == "{" else "RPAR", None, start, start + 1)
        if kind == "fraction":
            self.push("OPERATOR", "/", start, start + 1)
            self.open_brace("denominator", start)
        elif kind == "denominator":
            self.push("RPAR", None, start, start + 1)

    def mismatch(self, closing: str, start: int) -> NoReturn:
        kind, opened = self.stack[-1]
        message = f"'{closing}' closes nothing: the '{OPENING[kind]}' at {column(opened)} is still open"
        self.fail(f"{message}; a '{CLOSING[kind]}' is missing before it", start)

    def unclosed(self) -> NoReturn:
        kind, opened = self.stack[-1]
        end = len(self.text.rstrip())
        if kind in ("|", "||"):
            self.ambiguous_bars(f"the '{kind}' at {column(opened)} is not closed", opened)
        problem = f"the '{OPENING[kind]}' at {column(opened)} is not closed"
        self.fail(f"a '{CLOSING[kind]}' is missing: {problem}", end)

    def comma(self, _: str, start: int) -> None:
        if self.stack and self.stack[-1][0] not in ("call", "["):
            self.fail("a comma stands between the arguments of a function only", start)
        if not self.stack and not self.after_where:
            self.fail("a comma stands between the arguments of a function only", start)
        if not self.stack and self.at not in self.left:
            self.fail("after the comma in a 'where' list stands name = expression, or i = 1..n", start)
        self.push("COMMA", None, start, start + 1)

    def equals(self, _: str, start: int) -> None:
        self.fail("'=' stands after a name at the start or after 'where': D_ij = …, p = …", start)

    def dots(self, _: str, start: int) -> None:
        self.fail("dots stand in a range only: … where i = 1..n", start)

    def other(self, text: str, start: int) -> None:
        self.fail(f"unexpected character {describe(text[0])}", start)

    # Bars

    def bars(self, text: str, start: int) -> None:
        """Which bars open and which close: see `close_bars`."""
        self.read_bars(2 if text[0] in "‖\\" else len(text), start, start + len(text))

    def read_bars(self, count: int, start: int, end: int) -> None:
        forced, self.forced = self.forced, ""
        inner = self.stack[-1][0] if self.stack else ""
        if forced == "open" or (not forced and not self.ends_operand()):
            if count > 2:
                self.ambiguous_bars("these bars have several readings", start)
            self.open_bar("|" * count, start, end)
        elif inner in ("|", "||"):
            self.close_bars(inner, count, start, end)
        elif forced == "close":
            self.fail("bars are closed here that were not opened", start)
        elif count > 2:
            self.ambiguous_bars("these bars have several readings", start)
        else:
            self.open_bar("|" * count, start, end)

    def close_bars(self, inner: str, count: int, start: int, end: int) -> None:
        """Bars after an operand, within bars: `|A||B|` closes and opens, `| ||x|||` closes twice."""
        rest = count - len(inner)
        middle = end if rest == 0 else start + len(inner)
        self.close_bar(inner, count, start, middle)
        if rest == 0:
            return
        outer = self.stack[-1][0] if self.stack else ""
        follows = self.peek() in OPERAND_STARTS
        if follows and rest <= 2 and outer not in ("|", "||"):
            self.open_bar("|" * rest, middle, end)
        elif not follows and self.peek() != "MINUS" and outer == "|" * rest:
            self.close_bar(outer, rest, middle, end)
        else:
            self.ambiguous_bars("these bars have several readings, or none", start)

    def open_bar(self, bar: str, start: int, end: int) -> None:
        self.enter(bar, start)
        self.push("BAR_OPEN" if bar == "|" else "NORM_OPEN", None, start, end)

    def close_bar(self, bar: str, count: int, start: int, end: int) -> None:
        if count < len(bar):
            opened = column(self.stack[-1][1])
            self.ambiguous_bars(f"a single | within the || of {opened} has several readings", start)
        self.stack.pop()
        self.push("BAR_CLOSE" if bar == "|" else "NORM_CLOSE", "", start, end)

    def ambiguous_bars(self, problem: str, start: int) -> NoReturn:
        self.fail(f"{problem}; write abs(…) or det(…) for |…| and norm(…) for ||…||", start)


HANDLERS: dict[str, Callable[[Reader, str, int], None]] = {
    "NUMBER": Reader.number,
    "WORD": Reader.word,
    "SUBSCRIPT": Reader.subscript,
    "SUPERSCRIPT": Reader.superscript,
    "SIGN": Reader.sign,
    "ROOT": Reader.root,
    "CARET": Reader.caret,
    "DOT_CARET": Reader.dot_caret,
    "PRIME": Reader.prime,
    "OPERATOR": Reader.operator,
    "PLUS": Reader.plus,
    "MINUS": Reader.minus,
    "LPAR": Reader.left_bracket,
    "RPAR": Reader.right_bracket,
    "LSQUARE": Reader.left_square,
    "RSQUARE": Reader.right_square,
    "SEMICOLON": Reader.semicolon,
    "LBRACE": Reader.left_brace,
    "RBRACE": Reader.right_brace,
    "BARS": Reader.bars,
    "COMMA": Reader.comma,
    "EQUALS": Reader.equals,
    "DOTS": Reader.dots,
    "OTHER": Reader.other,
    "ROW": Reader.other,
    "CELL": Reader.other,
}
