"""Expressions like a given one: what a person may have meant to write.

A change is a verdict, a reason in words, and the changed expression; likelier changes come first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from typing import TypeAlias

from .render.text import text
from .syntax import (
    ONE,
    Add,
    Adjoint,
    Call,
    Div,
    Hadamard,
    Identity,
    Mul,
    Name,
    Neg,
    Num,
    Pow,
    Syntax,
    Transpose,
    children,
    with_children,
)  # fmt: skip

Path: TypeAlias = tuple[int, ...]
Change: TypeAlias = tuple[str, str, Syntax]  # verdict, reason, the changed expression

FACTORS = (Fraction(2), Fraction(1, 2), Fraction(3), Fraction(1, 3), Fraction(4), Fraction(1, 4))


def places_of(node: Syntax, path: Path = ()) -> Iterator[tuple[Path, Syntax]]:
    """Every node with its path from the root: which child at each step."""
    yield path, node
    for k, child in enumerate(children(node)):
        yield from places_of(child, (*path, k))


def _at(root: Syntax, path: Path) -> Syntax:
    for k in path:
        root = children(root)[k]
    return root


def _changed(root: Syntax, path: Path, new: Syntax) -> Syntax:
    """The tree with another node at a place; sums within sums and products within products are made flat."""
    if not path:
        return new
    parts = list(children(root))
    parts[path[0]] = _changed(parts[path[0]], path[1:], new)
    if isinstance(root, Mul | Add):
        kind = type(root)
        flat = [x for p in parts for x in (p.factors if isinstance(p, Mul) and kind is Mul else _terms(p, kind))]
        return kind(tuple(flat))
    return with_children(root, tuple(parts))


def _terms(node: Syntax, kind: type) -> tuple[Syntax, ...]:
    return node.terms if kind is Add and isinstance(node, Add) else (node,)


def plain_changes(root: Syntax) -> Iterator[Change]:
    """Transposes of one symbol, the order of factors, transposes of brackets, signs."""
    places = list(places_of(root))
    yield from _needless_transposes(root, places)
    yield from _transposes(root, places, (Name, Pow, Call))
    yield from _orders(root, places)
    yield from _transposes(root, places, (Add, Mul, Identity, Hadamard))
    yield from _transposed_pairs(root, places)
    yield from _signs(root, places)


def _needless_transposes(root: Syntax, places: Sequence[tuple[Path, Syntax]]) -> Iterator[Change]:
    for path, node in places:
        if isinstance(node, Transpose):
            reason = f"a factor is transposed that should not be: {text(node)} should be {text(node.arg)}"
            yield "transposed", reason, _changed(root, path, node.arg)


def _transposes(root: Syntax, places: Sequence[tuple[Path, Syntax]], kinds: tuple[type, ...]) -> Iterator[Change]:
    for path, node in places:
        if isinstance(node, kinds) and not (path and isinstance(_at(root, path[:-1]), Transpose)):
            turned = Transpose(node)
            reason = f"a factor should be transposed: {text(node)} should be {text(turned)}"
            yield "transposed", reason, _changed(root, path, turned)


def conjugations(root: Syntax) -> Iterator[Change]:
    """Conjugates that are wrong, too many or missing."""
    places = list(places_of(root))
    for path, node in places:
        if isinstance(node, Transpose | Adjoint):
            other = Adjoint(node.arg) if isinstance(node, Transpose) else Transpose(node.arg)
            reason = f"a conjugate is wrong: {text(node)} should be {text(other)}"
            yield "wrong", reason, _changed(root, path, other)
        elif isinstance(node, Call) and node.function == "conj":
            (arg,) = node.args
            yield "wrong", f"a conjugate is too many: {text(node)} should be {text(arg)}", _changed(root, path, arg)
    for path, node in places:
        inside = path and isinstance(_at(root, path[:-1]), Transpose | Adjoint)
        if isinstance(node, Name | Call | Add | Mul) and not inside:
            barred = Call("conj", (node,))
            reason = f"a conjugate is missing: {text(node)} should be {text(barred)}"
            yield "wrong", reason, _changed(root, path, barred)


def _transposed_pairs(root: Syntax, places: Sequence[tuple[Path, Syntax]]) -> Iterator[Change]:
    for path, node in places:
        if isinstance(node, Mul) and len(node.factors) > 2:
            for k in range(len(node.factors) - 1):
                pair = Mul(node.factors[k : k + 2])
                reason = f"a factor should be transposed: {text(pair)} should be {text(Transpose(pair))}"
                new = Mul((*node.factors[:k], Transpose(pair), *node.factors[k + 2 :]))
                yield "transposed", reason, _changed(root, path, new)


def _signs(root: Syntax, places: Sequence[tuple[Path, Syntax]]) -> Iterator[Change]:
    for path, node in places:
        if isinstance(node, Neg):
            reason = f"a sign is wrong: {text(node)} should be {text(node.arg)}"
            yield "wrong sign", reason, _changed(root, path, node.arg)
        elif path and isinstance(_at(root, path[:-1]), Add | Mul | Call | Hadamard | Pow):
            reason = f"a sign is wrong: {text(node)} should be {text(Neg(node))}"
            yield "wrong sign", reason, _changed(root, path, Neg(node))


def _orders(root: Syntax, places: Sequence[tuple[Path, Syntax]]) -> Iterator[Change]:
    for path, node in places:
        if not isinstance(node, Mul):
            continue
        for k in range(len(node.factors) - 1):
            a, b = node.factors[k : k + 2]
            swapped = (*node.factors[:k], b, a, *node.factors[k + 2 :])
            reason = f"the order of factors is wrong: {text(Mul((a, b)))} should be {text(Mul((b, a)))}"
            yield "wrong order of factors", reason, _changed(root, path, Mul(swapped))
        for i, j in combinations(range(len(node.factors)), 2):
            if j > i + 1:
                other = list(node.factors)
                other[i], other[j] = other[j], other[i]
                reason = (
                    f"the order of factors is wrong: {text(node.factors[i])} and {text(node.factors[j])} change places"
                )
                yield "wrong order of factors", reason, _changed(root, path, Mul(tuple(other)))


def other_changes(root: Syntax, right: Syntax | None) -> Iterator[Change]:
    """Terms and factors too many, numbers, inverses, and what stands in the right answer only."""
    places = list(places_of(root))
    yield from _surplus(root, places)
    yield from _lost_terms(root, places, right)
    yield from _numbers(root, places)
    yield from _inverses(root, places)
    yield from _lost_factors(root, places, right)


def _surplus(root: Syntax, places: Sequence[tuple[Path, Syntax]]) -> Iterator[Change]:
    for path, node in places:
        if isinstance(node, Add):
            for k, term in enumerate(node.terms):
                rest = node.terms[:k] + node.terms[k + 1 :]
                reason = f"a term is too many: {text(term)}"
                yield "wrong", reason, _changed(root, path, rest[0] if len(rest) == 1 else Add(rest))
    for path, node in places:
        if isinstance(node, Mul | Hadamard):
            for k, factor in enumerate(node.factors):
                rest = node.factors[:k] + node.factors[k + 1 :]
                reason = f"a factor is too many: {text(factor)}"
                new = rest[0] if len(rest) == 1 else type(node)(rest)
                yield "wrong factor", reason, _changed(root, path, new)
        if isinstance(node, Div):
            reason = f"a denominator is too many: {text(node.denominator)}"
            yield "wrong factor", reason, _changed(root, path, node.numerator)


def _lost_terms(root: Syntax, places: Sequence[tuple[Path, Syntax]], right: Syntax | None) -> Iterator[Change]:
    """The sums of the right answer, put where a part of them stands."""
    sums = [n for _, n in places_of(right)] if right is not None else []
    for total in (n for n in sums if isinstance(n, Add)):
        for k, term in enumerate(total.terms):
            rest = total.terms[:k] + total.terms[k + 1 :]
            part = rest[0] if len(rest) == 1 else Add(rest)
            for path, node in places:
                for sign in (False, True):
                    if node == (Neg(part) if sign else part):
                        yield "missing term", f"a term is missing: {text(term)}", _changed(root, path, total)


def _numbers(root: Syntax, places: Sequence[tuple[Path, Syntax]]) -> Iterator[Change]:
    for path, node in places:
        if isinstance(node, Num):
            for value in dict.fromkeys((node.value + 1, node.value - 1, 2 * node.value, node.value / 2, Fraction(1))):
                if value >= 0 and value != node.value:
                    reason = f"a number is wrong: {text(node)} should be {value}"
                    yield "wrong factor", reason, _changed(root, path, Num(value))
    for path, node in places:
        inside = path and isinstance(_at(root, path[:-1]), Add)
        if inside or not path or (path and isinstance(_at(root, path[:-1]), Call | Pow | Transpose)):
            for value in FACTORS:
                term = node.arg if isinstance(node, Neg) else node
                scaled = Mul((Num(value), *(term.factors if isinstance(term, Mul) else (term,))))
                new = Neg(scaled) if isinstance(node, Neg) else scaled
                yield (
                    "wrong factor",
                    f"a factor is wrong: {text(node)} should be {text(new)}",
                    _changed(root, path, new),
                )


def _inverses(root: Syntax, places: Sequence[tuple[Path, Syntax]]) -> Iterator[Change]:
    minus_one = Neg(ONE)
    for path, node in places:
        if isinstance(node, Pow):
            bare = node.base
            yield "wrong", f"an exponent is wrong: {text(node)} should be {text(bare)}", _changed(root, path, bare)
            if isinstance(node.exponent, Neg):
                new = Pow(bare, node.exponent.arg)
                yield "wrong", f"an exponent is wrong: {text(node)} should be {text(new)}", _changed(root, path, new)
        elif isinstance(node, Name | Add | Mul | Call):
            new = Pow(node, minus_one)
            yield "wrong", f"an inverse is missing: {text(node)} should be {text(new)}", _changed(root, path, new)


def _lost_factors(root: Syntax, places: Sequence[tuple[Path, Syntax]], right: Syntax | None) -> Iterator[Change]:
    """A factor of the right answer, put in anywhere."""
    if right is None:
        return
    known = [n for _, n in places_of(right) if isinstance(n, Name | Transpose | Pow | Call | Add)]
    for factor in dict.fromkeys(known):
        for path, node in places:
            if isinstance(node, Num) or (path and isinstance(_at(root, path[:-1]), Mul)):
                continue
            factors = node.factors if isinstance(node, Mul) else (node,)
            for k in range(len(factors) + 1):
                new = Mul((*factors[:k], factor, *factors[k:]))
                yield "wrong factor", f"a factor is missing: {text(factor)}", _changed(root, path, new)
