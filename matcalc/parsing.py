"""From text to syntax: `parse` makes the nodes of `matcalc.syntax`.

The grammar is `grammar/expression.lark`. Lexemes become tokens in `matcalc.tokens`, where the declared names
are known; lark's LALR parser arranges them, and `Builder` makes a node at each reduction, so that no tree of
lark's is ever built. Sums and products are flat, so that long texts are not deep.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

from lark import Lark, Transformer, UnexpectedToken
from lark.lexer import Lexer, TerminalDef

from matcalc.errors import LimitError, MatcalcError, ParseError
from matcalc.resources import folder
from matcalc.syntax import (
    ONE,
    Add,
    Adjoint,
    Bars,
    BigSum,
    Call,
    Div,
    Equation,
    Hadamard,
    HadamardDiv,
    HadamardPow,
    Identity,
    Listed,
    Mul,
    Neg,
    Norm,
    Num,
    Pow,
    Slash,
    Span,
    Sub,
    Syntax,
    Transpose,
    Where,
    children,
)
from matcalc.tex import translated
from matcalc.tokens import MAX_DEPTH, OPERAND_ENDS, Lexeme, Reader, Token, Vocabulary, clip

__all__ = ["MAX_LENGTH", "Vocabulary", "parse"]

MAX_LENGTH = 20_000


def parse(text: str, vocabulary: Vocabulary) -> Syntax:
    """The syntax of a text in the input language.

    >>> parse("x^T A x", Vocabulary(frozenset({"x", "A"})))
    Mul(factors=(Transpose(arg=Name(name='x')), Name(name='A'), Name(name='x')))
    """
    if len(text) > MAX_LENGTH:
        message = f"the text has {len(text):,} characters; {MAX_LENGTH:,} is the most that is read"
        raise LimitError(message, text[: MAX_LENGTH + 1], MAX_LENGTH)
    lark, lexer = _machine()
    lexemes = _lexemes(lexer, text)
    if "\\" in text:
        lexemes = translated(text, lexemes, partial(_lexemes, lexer))
    if not lexemes:
        raise ParseError("the text is empty; write an expression such as x^T A x", text, 0)
    tokens = Reader(text, vocabulary, lexemes).read()
    try:
        parsed: Any = lark.parse(tokens, start="text")
    except UnexpectedToken as error:
        offender: Any = error.token
        raise _explain(text, tokens, offender) from None
    except MatcalcError as error:
        raise error.at(text) from None
    node: Syntax = parsed
    if len(tokens) > MAX_DEPTH // 3:
        _check_depth(node, text)
    return node


def _lexemes(lexer: re.Pattern[str], text: str) -> list[Lexeme]:
    return [
        (m.lastgroup, m[0], m.start())
        for m in lexer.finditer(text)
        if m.lastgroup != "BLANK" and m.lastgroup is not None
    ]


class _Fed(Lexer):
    """Lark's lexer interface over tokens that are already made."""

    def __init__(self, conf: Any) -> None:
        pass

    def lex(self, data: Any, parser_state: Any = None) -> Iterator[Any]:
        return iter(data)


@lru_cache(maxsize=1)
def _machine() -> tuple[Lark, re.Pattern[str]]:
    """The parser and the lexer of the grammar file; two threads may build them at once without harm."""
    grammar = (folder("grammar") / "expression.lark").read_text(encoding="utf-8")
    lark = Lark(
        grammar,
        parser="lalr",
        lexer=_Fed,
        start=["text", "lexemes"],
        transformer=Builder(),
        keep_all_tokens=True,
        maybe_placeholders=False,
    )
    return lark, _lexer(lark.terminals)


def _lexer(terminals: Collection[TerminalDef]) -> re.Pattern[str]:
    """All terminals as one pattern, in the order in which lark's own lexer tries them."""

    def rank(terminal: TerminalDef) -> tuple[int, int, int, str]:
        pattern = terminal.pattern
        return (-terminal.priority, -pattern.max_width, -len(pattern.value), terminal.name)

    return re.compile("|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in sorted(terminals, key=rank)))


def _check_depth(node: Syntax, text: str) -> None:
    """Refuse what is nested so deeply that a recursive pass over it could overflow."""
    level = [node]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in children(parent)]
        if not level:
            return
    raise LimitError(f"operations may be nested {MAX_DEPTH} deep at most", text, level[0].span[0])


class Builder(Transformer[Any, Any]):
    """A node for each rule of the grammar; `c` are the children, tokens among them."""

    def where(self, c: list[Any]) -> Syntax:
        clauses = c[2::2]
        bindings = tuple([clause for kind, clause, _ in clauses if kind == "binding"])
        ranges = tuple([clause for kind, clause, _ in clauses if kind == "range"])
        _refuse_twice(clauses)
        return Where(c[0], bindings, ranges, span=(c[0].span[0], _end(clauses[-1][1][1])))

    def binding(self, c: list[Any]) -> tuple[str, tuple[str, Syntax], int]:
        name, indices = c[0].value
        value = self.equation(c) if indices else c[1]
        return "binding", (name, value), c[0].start_pos

    def range(self, c: list[Any]) -> tuple[str, tuple[str, Syntax], int]:
        return "range", (c[0].value, c[1]), c[0].start_pos

    def equation(self, c: list[Any]) -> Syntax:
        name, indices = c[0].value
        return Equation(name, indices, c[1], span=(c[0].start_pos, _end(c[1])))

    def sum(self, c: list[Any]) -> Syntax:
        start = _start(c[0])
        if type(c[0]) is Token:
            del c[0]
        terms: list[Syntax] = [c[0]]
        for k in range(1, len(c), 2):
            sign, term = c[k], c[k + 1]
            if sign.type == "MINUS":
                term = Neg(term, span=(sign.start_pos, term.span[1]))
            terms.append(term)
        if len(terms) == 1:
            return terms[0]
        return Add(tuple(terms), span=(start, terms[-1].span[1]))

    def negative(self, c: list[Any]) -> Syntax:
        return Neg(c[1], span=(c[0].start_pos, c[1].span[1]))

    def chain(self, c: list[Any]) -> Syntax:
        return _folded(c[0])

    def chain_sum(self, c: list[Any]) -> Syntax:
        return _juxtaposed(c[0], c[1])

    def chain_operator_sum(self, c: list[Any]) -> Syntax:
        factors, operator, last = c
        return _folded([*factors, operator, [last]])

    def big_sum(self, c: list[Any]) -> Syntax:
        return BigSum(c[0].value, c[1], span=(c[0].start_pos, c[1].span[1]))

    def factors(self, c: list[Any]) -> list[Any]:
        # A flat list: juxtaposed factors, operator, juxtaposed factors, ...
        if len(c) == 1:
            return [c[0]]
        c[0].extend(c[1:])
        joined: list[Any] = c[0]
        return joined

    def negative_operand(self, c: list[Any]) -> list[Syntax]:
        # The first factor takes the sign, so that `a / -b c` leaves open what stands below the line.
        first, *others = c[1]
        return [Neg(first, span=(c[0].start_pos, first.span[1])), *others]

    def juxtaposed(self, c: list[Any]) -> list[Any]:
        return c

    def power(self, c: list[Any]) -> Syntax:
        make = Pow if c[1].value == "^" else HadamardPow
        return make(c[0], c[2], span=(c[0].span[0], c[2].span[1]))

    def mark(self, c: list[Any]) -> Syntax:
        base, mark = c
        span = (base.span[0], mark.end_pos)
        match mark.value:
            case "T":
                return Transpose(base, span=span)
            case "-T":
                return Transpose(_inverse(base, span), span=span)
            case "+":
                return Call("pinv", (base,), span=span)
            case "H":
                return Adjoint(base, span=span)
            case "-H":
                return Adjoint(_inverse(base, span), span=span)
        return Sub(base, mark.value, span=span)

    def leaf(self, c: list[Any]) -> Syntax:
        node: Syntax = c[0].value
        return node

    def group(self, c: list[Any]) -> Syntax:
        node: Syntax = c[1]
        return replace(node, span=(c[0].start_pos, c[2].end_pos))

    def call(self, c: list[Any]) -> Syntax:
        name, fewest, most, spelling = c[0].value
        args, span = tuple(c[2:-1:2]), (c[0].start_pos, c[-1].end_pos)
        if not fewest <= len(args) <= most:
            wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            plural = "" if wanted == "1" else "s"
            message = f"{spelling} takes {wanted} argument{plural}, not {len(args)}"
            raise ParseError(message, None, span[0])
        return _called(name, args, span)

    def row(self, c: list[Any]) -> tuple[Syntax, ...]:
        return tuple(c[::2])

    def listed(self, c: list[Any]) -> Syntax:
        rows, span = tuple(c[1:-1:2]), (c[0].start_pos, c[-1].end_pos)
        if len(rows) == 1 and all(isinstance(x, Listed) and len(x.rows) == 1 for x in rows[0]):
            rows = tuple(x.rows[0] for x in rows[0] if isinstance(x, Listed))  # [[a, b], [c, d]]
            is_matrix = True
        else:
            is_matrix = len(rows) > 1
        lengths = {len(row) for row in rows}
        if len(lengths) > 1:
            raise ParseError(f"the rows have {' and '.join(map(str, sorted(lengths)))} entries", None, span[0])
        return Listed(rows, is_matrix, span=span)

    def bars(self, c: list[Any]) -> Syntax:
        return Bars(c[1], span=(c[0].start_pos, c[2].end_pos))

    def norm(self, c: list[Any]) -> Syntax:
        return Norm(c[1], c[2].value, span=(c[0].start_pos, c[2].end_pos))


def _start(item: Any) -> int:
    start: int = item.start_pos if type(item) is Token else item.span[0]
    return start


def _end(node: Syntax) -> int:
    return node.span[1]


def _refuse_twice(clauses: list[tuple[str, tuple[str, Syntax], int]]) -> None:
    seen: set[str] = set()
    for _, (name, _), position in clauses:
        if name in seen:
            raise ParseError(f"'{clip(name)}' is given twice after 'where'", None, position)
        seen.add(name)


def _inverse(base: Syntax, span: Span) -> Syntax:
    return Pow(base, Neg(Num(ONE.value, span=span), span=span), span=span)


def _called(name: str, args: tuple[Syntax, ...], span: Span) -> Syntax:
    """A call, or the node that stands for some functions."""
    match name:
        case "inv" if len(args) == 1:
            return _inverse(args[0], span)
        case "eye":
            return Identity(args[0], span=span)
        case "norm" | "norm2":
            return Norm(args[0], "", span=span)
        case "norm1":
            return Norm(args[0], "1", span=span)
        case "vector" | "matrix":
            if args[0] != ONE:
                message = f"{name}(1) is a {name} of ones; other numbers are written before it"
                raise ParseError(message, None, span[0])
            return Call(f"ones_like_{name}", (), span=span)
    return Call(name, args, span=span)


def _product(factors: list[Syntax]) -> Syntax:
    if len(factors) == 1:
        return factors[0]
    return Mul(tuple(factors), span=(factors[0].span[0], factors[-1].span[1]))


def _folded(items: list[Any]) -> Syntax:
    """Juxtaposed factors with operators between them, from left to right; runs of one operator are flat."""
    parts: list[Syntax] = list(items[0])
    run = "*"
    for k in range(1, len(items), 2):
        operator, operand = items[k].value, items[k + 1]
        if operator == "*" and run == "*":
            parts.extend(operand)
        elif operator == run:
            parts.append(_product(operand))
        elif operator == "*":
            parts, run = [_closed(run, parts), *operand], "*"
        elif operator == ".*":
            parts, run = [_closed(run, parts), _product(operand)], ".*"
        else:
            parts, run = [_divided(operator, _closed(run, parts), operand)], "*"
    return _closed(run, parts)


def _closed(run: str, parts: list[Syntax]) -> Syntax:
    if run == "*" or len(parts) == 1:
        return _product(parts)
    return Hadamard(tuple(parts), span=(parts[0].span[0], parts[-1].span[1]))


def _divided(operator: str, left: Syntax, right: list[Syntax]) -> Syntax:
    span = (left.span[0], right[-1].span[1])
    if operator == "/":
        if len(right) == 1:
            return Div(left, right[0], span=span)
        return Slash(left, tuple(right), span=span)
    if operator == "./":
        return HadamardDiv(left, _product(right), span=span)
    return Call("kron", (left, _product(right)), span=span)


def _juxtaposed(factors: list[Any], last: Syntax) -> Syntax:
    """`1/m sum_i ...`: the product so far, times the big sum."""
    return _folded([*factors, _TIMES, [last]])


_TIMES = Token("OPERATOR", "*", 0, 0)

_SIGNS = {"PLUS": "+", "MINUS": "-", "COMMA": ",", "LPAR": "(", "RPAR": ")", "LBRACE": "{", "RBRACE": "}"}


def _shown(token: Any, text: str) -> str:
    """A token as the user wrote it."""
    return clip(text[token.start_pos : token.end_pos]) or _SIGNS.get(token.type, "")


def _explain(text: str, tokens: list[Token], offender: Any) -> ParseError:
    """Word a syntax error: what is wrong at `offender`, given the token before it."""
    ended = offender.type == "$END"
    at = len(tokens) if ended else next(k for k, t in enumerate(tokens) if t is offender)
    before = tokens[at - 1] if at else None
    position = len(text.rstrip()) if ended else offender.start_pos
    return ParseError(_reason(text, tokens, at, before, offender), text, position)


def _reason(text: str, tokens: list[Token], at: int, before: Token | None, offender: Any) -> str:
    shown = "" if offender.type == "$END" else _shown(offender, text)
    if before is None:
        return f"an operand is missing before '{shown}'"
    after = _shown(before, text)
    if before.type in OPERAND_ENDS:
        if offender.type == "POWER":
            return _chained(text, tokens, at)
        if offender.type in ("LEFT", "RANGE"):
            return "'=' stands after a name at the start or after 'where'"
        return f"'{shown}' does not fit after '{after}'"
    if offender.type == "SUM":
        return f"a big sum after '{after}' needs brackets: (sum_i …)"
    if before.type == "LPAR" and offender.type == "RPAR":
        return "there is nothing between the brackets"
    if before.type in ("BAR_OPEN", "NORM_OPEN") and offender.type in ("BAR_CLOSE", "NORM_CLOSE"):
        return "there is nothing between the bars"
    if before.type == "LBRACE" and offender.type == "RBRACE":
        return "there is nothing between the braces"
    if before.type == "COMMA":
        return "an argument is missing after ','"
    if before.type == "LPAR" and offender.type == "COMMA":
        return "an argument is missing before ','"
    if offender.type in ("OPERATOR", "PLUS") and before.type in ("LPAR", "LBRACE", "BAR_OPEN", "NORM_OPEN"):
        return f"an operand is missing before '{shown}'"
    if shown == after == "*" and before.end_pos == offender.start_pos:
        return "** is not in the language; write ^ for a power"
    between = f", before '{shown}'" if shown else ""
    return f"an operand is missing after '{after}'{between}"


def _chained(text: str, tokens: list[Token], at: int) -> str:
    """`a^2^3` with both readings offered, in the user's own letters where they are short."""
    first = max(k for k in range(at) if tokens[k].type == "POWER")
    sign = _shown(tokens[at], text) or "^"
    base, inner = tokens[first - 1], text[tokens[first].end_pos : tokens[at].start_pos].strip()
    outer = tokens[at + 1] if at + 1 < len(tokens) else None
    plain = first + 2 == at and base.type == "OPERAND" and outer is not None and outer.type == "OPERAND"
    a, b, c = (_shown(base, text), inner, _shown(outer, text)) if plain else ("a", "b", "c")
    b, c = clip(b, 12), clip(c, 12)
    return f"a chain of powers has two readings; write ({a}{sign}{b}){sign}{c} or {a}{sign}({b}{sign}{c})"
