r"""LaTeX as lexemes of the input language: `\begin{pmatrix}`, `\mathbf{1}_{n}`, `^{\circ 2}`, `1, \ldots, n`.

What is one command in both is read where names are, in `tokens`; here are those that change what stands around them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from matcalc.errors import ParseError

Lexeme: TypeAlias = tuple[str, str, int]

FILLED: Final = re.compile(r"(\\(?:mathbf|mathbb|boldsymbol|bm)\{([01])\})(?:_\{(.*)\}|_(\w+))?", re.DOTALL)
MATRICES: Final = frozenset({"pmatrix", "bmatrix", "matrix", "smallmatrix"})
DOTS: Final = frozenset({r"\ldots", r"\dots", r"\cdots"})


def translated(text: str, lexemes: Sequence[Lexeme], cut: Callable[[str], list[Lexeme]]) -> list[Lexeme]:
    """The lexemes of a text that holds TeX, as those of the language; `cut` makes lexemes of a piece of text."""
    out: list[Lexeme] = []
    at = 0
    while at < len(lexemes):
        kind, word, start = lexemes[at]
        words = [w for _, w, _ in lexemes[at : at + 4]]
        filled = FILLED.fullmatch(word) if kind == "WORD" else None
        at += 1
        if filled is not None:
            out += _filled(filled, start, cut)
        elif kind == "CARET" and r"\circ" in words[1:3] and words[1] in ("{", r"\circ"):
            out.append(("DOT_CARET", word, start))
            out += [lexeme for lexeme in lexemes[at : at + 2] if lexeme[1] == "{"]
            at += 1 + (words[1] == "{")
        elif kind == "COMMA" and words[1:2] and words[1] in DOTS and words[2:3] == [","]:
            out.append(("DOTS", "..", start))
            at += 2
        elif word == r"\mathrm{i}":  # 1i, or 2i behind a number
            if not out or out[-1][0] != "NUMBER":
                out.append(("NUMBER", "1", start))
            _, number, place = out[-1]
            out.append(("WORD", "i", place + len(number)))
        elif word == r"\text{where}":
            out.append(("WORD", "where", start))
        elif word in (r"\begin", r"\end") and words[1:2] == ["{"] and words[3:4] == ["}"] and words[2] in MATRICES:
            if word == r"\begin":
                _refuse_column(text, lexemes, at + 3, start)
            out.append(("LSQUARE", "[", start) if word == r"\begin" else ("RSQUARE", "]", start))
            at += 3
        else:
            out.append({"CELL": ("COMMA", ",", start), "ROW": ("SEMICOLON", ";", start)}.get(kind, lexemes[at - 1]))
    return out


def _filled(found: re.Match[str], start: int, cut: Callable[[str], list[Lexeme]]) -> list[Lexeme]:
    r"""`\mathbf{1}_{n \times m}` is ones(n, m), and `\mathbf{0}` likewise zeros."""
    group = 3 if found[3] is not None else 4
    if found[group] is None:
        if found[2] == "0":
            return [("NUMBER", "0", start)]
        return [("WORD", "vector", start), ("LPAR", "(", start), ("NUMBER", "1", start), ("RPAR", ")", start)]
    name, place = {"1": "ones", "0": "zeros"}[found[2]], start + found.start(group)
    sizes = [
        ("COMMA", ",", place + k) if word in (r"\times", "×") else (kind, word, place + k)
        for kind, word, k in cut(found[group])
    ]
    return [("WORD", name, start), ("LPAR", "(", start), *sizes, ("RPAR", ")", start + len(found[0]) - 1)]


def _refuse_column(text: str, lexemes: Sequence[Lexeme], at: int, start: int) -> None:
    """A column is a vector of scalars, or blocks below one another: TeX does not tell."""
    depth, kinds = 0, set()
    for kind, word, _ in lexemes[at:]:
        depth += {r"\begin": 1, r"\end": -1}.get(word, 0)
        if depth < 0:
            break
        if depth == 0:
            kinds.add(kind)
    if "ROW" in kinds and "CELL" not in kinds:
        raise ParseError(r"a column between \begin and \end: write [a, b] for a vector, [A; B] for blocks", text, start)
