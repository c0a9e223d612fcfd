"""What nobody declared: kinds and sizes of symbols, from how they are used.

The likeliest kinds are tried first (capitals are matrices, small letters vectors where something shows it, else
scalars); where they do not fit, a symbol that the misfit involves gets its next kind. What nobody would mean is no
reading: a capital that is no matrix, a small letter that is one, a transposed small letter that is a scalar. Where
only such a one fits, the text is refused, with the declaration that would allow it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from itertools import count as naturals
from typing import TypeAlias

from .declarations import Declaration
from .errors import ShapeError
from .functions import FUNCTIONS
from .shapes import CONSTANTS, NORMS, Conflict, Scope, Type, Typed, closed, is_number
from .sizes import Size
from .syntax import (
    Add,
    Adjoint,
    Call,
    Div,
    Hadamard,
    HadamardDiv,
    HadamardPow,
    Identity,
    Listed,
    Mul,
    Name,
    Neg,
    Norm,
    Pow,
    Slash,
    Sub,
    Syntax,
    Transpose,
    Where,
    walk,
)  # fmt: skip

MAX_READINGS = 400
# Before a transposed letter these are vectors, as in u v^T; the y of y w^T x is a label.
VECTORS = frozenset("uvwx")
SIZE_NAMES = ("n", "m", "k", "p", "q", "r", "s", "t", "u", "v", "w")
Ranks: TypeAlias = tuple[int, ...]


def declared_types(table: Mapping[str, Declaration]) -> dict[str, Type]:
    return {name: Type(d.sizes) for name, d in table.items()}


@dataclass(frozen=True)
class Reading:
    """An expression with its types settled, and what was assumed of names that nobody declared."""

    typed: Typed
    scope: Scope
    assumed: Mapping[str, Declaration]

    def size(self, size: Size) -> Size:
        return self.scope.unifier.resolve(size)


def read_shared(node: Syntax, table: Mapping[str, Declaration]) -> Reading:
    """Type syntax that we made ourselves: every name is declared, and one object may stand in many places."""
    sizes = frozenset(n for d in table.values() for s in d.sizes for n in s.names) - table.keys()
    integers = frozenset(n for n, d in table.items() if "integer" in d.attributes)
    scope = Scope("", declared_types(table), sizes, integers, shared={})
    typed = closed(scope, scope.infer(node))
    _settle_only_size(scope, table, typed)
    return Reading(typed, scope, {})


def read(source: str, node: Syntax, table: Mapping[str, Declaration], sizes: frozenset[str]) -> Reading:
    """Type the expression; kinds that are not declared are the likeliest that fit."""
    known = declared_types(table)
    integers = frozenset(n for n, d in table.items() if "integer" in d.attributes)
    names = _undeclared(node, known, sizes)
    stated = [n for x in walk(node) for n in _size_names(x) if n.name not in known and n.name not in sizes]
    sizes = sizes | {n.name for n in stated}
    names = [n for n in names if n not in sizes]
    exponents = _matrix_exponents(node, names)

    def attempt(choice: Sequence[int]) -> Reading:
        scope = Scope(source, dict(known), sizes, integers | exponents)
        for name, rank in zip(names, choice, strict=True):
            scope.symbols[name] = Type(tuple(scope.unifier.fresh() for _ in range(rank)))
        typed = closed(scope, scope.infer(node))
        _settle_only_size(scope, table, typed)
        assumed = _name_sizes(scope, table, names, typed, exponents)
        _check_sizes(scope, stated, [*table.values(), *assumed.values()])
        return Reading(typed, scope, assumed)

    candidates = _candidates(node, names, known)
    _refuse_without_kind(source, node, names, candidates)
    usual = _by_convention(node, names, candidates) if names else candidates
    found = _first_that_fits(names, usual, attempt)
    if isinstance(found, Reading):
        return found
    if usual != candidates:
        try:
            unusual = _first_that_fits(names, candidates, attempt)
        except ShapeError:
            if found is None:
                raise
            unusual = None
        if isinstance(unusual, Reading):
            raise _against_convention(found, source, node, names, usual, unusual.assumed)
        found = found or unusual
    assert found is not None
    raise ShapeError(found.message, found.source, found.position)


def _first_that_fits(
    names: Sequence[str], candidates: Sequence[Ranks], attempt: Callable[[Sequence[int]], Reading]
) -> Reading | Conflict | None:
    """The likeliest reading that fits, or what is wrong with the likeliest; None where a name has no candidate."""
    if not all(candidates):
        return None
    start = (0,) * len(names)
    heap: list[tuple[int, tuple[int, ...]]] = [(0, start)]
    seen = {start}
    first: Conflict | None = None
    for _ in range(MAX_READINGS):
        if not heap:
            break
        cost, choice = heapq.heappop(heap)
        try:
            return attempt([ranks[k] for ranks, k in zip(candidates, choice, strict=True)])
        except Conflict as conflict:
            first = first or conflict
            involved = {x.name for part in conflict.between for x in walk(part) if isinstance(x, Name)}
            for k, name in enumerate(names):
                if name in involved and choice[k] + 1 < len(candidates[k]):
                    changed = (*choice[:k], choice[k] + 1, *choice[k + 1 :])
                    if changed not in seen:
                        seen.add(changed)
                        heapq.heappush(heap, (cost + 1, changed))
    return first


def _refuse_without_kind(source: str, node: Syntax, names: Sequence[str], candidates: Sequence[Ranks]) -> None:
    """A name that is an exponent here and has an index there, say, is nothing."""
    for name, ranks in zip(names, candidates, strict=True):
        if not ranks:
            raise ShapeError(f"no kind of symbol fits all uses of '{name}'; declare it", source, _place(node, name))


def _place(node: Syntax, name: str) -> int:
    """Where a name stands first: as itself, or as the kind of a norm."""
    return next(
        x.span[0]
        for x in walk(node)
        if (isinstance(x, Name) and x.name == name) or (isinstance(x, Norm) and x.kind == name)
    )


def _by_convention(node: Syntax, names: Sequence[str], candidates: Sequence[Ranks]) -> list[Ranks]:
    """The candidates that the way of writing allows; in index notation the case of a letter says nothing."""
    turned = {x.arg.name for x in walk(node) if isinstance(x, Transpose | Adjoint) and isinstance(x.arg, Name)}
    indexed = {x.base.name for x in walk(node) if isinstance(x, Sub) and isinstance(x.base, Name) and _has_letter(x)}
    counts = {x.name for part in walk(node) for x in _counts(part)}

    def allowed(name: str, rank: int) -> bool:
        if name in indexed:
            return True
        if name[0].isupper():
            return rank == 2 or (rank == 0 and name in counts)
        return rank == 1 if name in turned else rank < 2

    return [tuple(r for r in ranks if allowed(n, r)) for n, ranks in zip(names, candidates, strict=True)]


def _has_letter(node: Sub) -> bool:
    return len(node.indices) > 1 or any(isinstance(k, str) for k in node.indices)


def _counts(node: Syntax) -> Iterator[Name]:
    """A capital that only a number can be: the N of 1/N, what stands below a number."""
    match node:
        case Div(above, Name() as below) if is_number(above):
            yield below
        case Slash(above, (Name() as below, *_)) if is_number(above):
            yield below


def _against_convention(
    trouble: Conflict | None,
    source: str,
    node: Syntax,
    names: Sequence[str],
    usual: Sequence[Ranks],
    assumed: Mapping[str, Declaration],
) -> ShapeError:
    """What is wrong with the text as it is written, and what to declare for the only reading that fits."""
    odd = [n for n, ranks in zip(names, usual, strict=True) if len(assumed[n].sizes) not in ranks]
    what = ", ".join(f"{n}: {assumed[n]}" for n in odd)
    why = f"{trouble.message}; " if trouble is not None else ""
    return ShapeError(
        f"{why}capitals are matrices, small letters vectors or scalars, transposed ones vectors; "
        f"if another reading is meant, declare {what}",
        source,
        _place(node, odd[0]) if trouble is None else trouble.position,
    )


def _settle_only_size(scope: Scope, table: Mapping[str, Declaration], typed: Typed) -> None:
    """Where all that is declared has one size, so has an identity or a delta that nothing else fixes: neither the
    expression nor a symbol, whose size is its own."""
    sizes = {s for d in table.values() for s in d.sizes}
    if len(sizes) == 1:
        (only,) = sizes
        of_symbols = {n for t in scope.symbols.values() for d in t.dims for n in scope.unifier.resolve(d).names}
        stack, seen = [typed], {id(typed)}
        while stack:
            t = stack.pop()
            stack.extend(p for p in t.parts if id(p) not in seen)
            seen.update(map(id, t.parts))
            if isinstance(t.node, Identity | Call):
                for d in t.type.dims:
                    size = scope.unifier.resolve(d)
                    if size.name is not None and size.name[0] == "?" and size.name not in of_symbols:
                        scope.unifier.unify(size, only)


def _check_sizes(scope: Scope, stated: Sequence[Name], declarations: Sequence[Declaration]) -> None:
    """A size that only a constant has, such as the n of ones(n), would have no value."""
    carried = {n for d in declarations for s in d.sizes for n in s.names}
    for name in stated:
        if name.name not in carried:
            raise ShapeError(
                f"nothing tells the size {name.name}: declare a symbol of this size", scope.source, name.span[0]
            )


def _undeclared(node: Syntax, known: Mapping[str, Type], sizes: frozenset[str]) -> list[str]:
    """Names that nobody declared, in the order of the text."""
    bound = {name for x in walk(node) if isinstance(x, Where) for name, _ in x.bindings}
    names: dict[str, None] = {}
    for x in walk(node):
        if isinstance(x, Name) and x.name not in known and x.name not in sizes and x.name not in bound | CONSTANTS:
            names[x.name] = None
        if isinstance(x, Norm) and x.kind[:1].isalpha() and x.kind not in NORMS and x.kind not in known:
            names[x.kind] = None
    return list(names)


def _size_names(node: Syntax) -> Iterator[Name]:
    """Names that can only be sizes: those in `I_n`, `ones(n, m)`, `e(1, n)`, `i = 1..n`."""
    places: tuple[Syntax, ...] = ()
    match node:
        case Identity(size) if size is not None:
            places = (size,)
        case Call("ones" | "zeros" | "merge" | "commutation", args):
            places = args
        case Call("e", (_, size)):
            places = (size,)
        case Where(_, _, ranges):
            places = tuple(v for _, v in ranges)
    for place in places:
        yield from (x for x in walk(place) if isinstance(x, Name))


def _matrix_exponents(node: Syntax, names: Sequence[str]) -> frozenset[str]:
    """Undeclared names in an exponent may be whole numbers, if the base turns out to be a matrix."""
    found = (y.name for x in walk(node) if isinstance(x, Pow) for y in walk(x.exponent) if isinstance(y, Name))
    return frozenset(found) & frozenset(names)


def _candidates(node: Syntax, names: Sequence[str], known: Mapping[str, Type]) -> list[Ranks]:
    """For each name the ranks to try, the likeliest first: capitals are matrices, small letters are vectors
    where something shows it (a transpose, a norm, a matrix in front), else scalars."""
    if not names:
        return []
    indexed: dict[str, int] = {}
    vectors: set[str] = set()
    for x in walk(node):
        match x:
            case Sub(Name(name), indices):
                indexed[name] = len(indices)
            case Transpose(arg) | Norm(arg):
                vectors.update(_exposed(arg))
            case Call(function, args):
                for place, arg in enumerate(args):
                    ranks = {
                        r.parameters[place].kind for r in FUNCTIONS.overloads(function) if place < len(r.parameters)
                    }
                    if ranks & {"vector", "matrix"}:
                        vectors.update(_exposed(arg))
            case Hadamard(factors):
                for f in factors:
                    vectors.update(_exposed(f))
            case HadamardDiv(above, below):
                vectors.update([*_exposed(above), *_exposed(below)])
            case Mul(factors):
                for left, right in pairwise(factors):
                    if _looks_like_matrix(left, known) or _is_row(left):
                        vectors.update(_exposed(right))
                    if _is_row(right) and isinstance(left, Name) and left.name in VECTORS:
                        vectors.add(left.name)
                if isinstance(factors[-1], Transpose) and isinstance(factors[-2], Name):
                    vectors.update(_exposed(factors[-2]))  # x y^T
    options: list[Ranks] = []
    for name in names:
        if name in indexed:
            options.append((indexed[name],))
        elif name[0].isupper():
            options.append((2, 1, 0))
        elif name in vectors:
            options.append((1, 0, 2))
        else:
            options.append((0, 1, 2))
    return options


def _exposed(node: Syntax) -> Iterator[str]:
    """The names whose kind decides that of the expression."""
    match node:
        case Name(name):
            yield name
        case Add(terms) | Hadamard(terms):
            for t in terms:
                yield from _exposed(t)
        case Neg(arg) | HadamardPow(arg) | Div(arg) | HadamardDiv(arg):
            yield from _exposed(arg)
        case Mul(factors):
            yield from _exposed(factors[-1])
        case Call(function, (arg,)) if FUNCTIONS.overloads(function) and FUNCTIONS[function].elementwise:
            yield from _exposed(arg)


def _is_row(node: Syntax) -> bool:
    """Whether a row stands here, or a product that ends with one, as (x x^T) does."""
    match node:
        case Transpose() | Adjoint():
            return True
        case Mul(factors):
            return _is_row(factors[-1])
    return False


def _looks_like_matrix(node: Syntax, known: Mapping[str, Type]) -> bool:
    match node:
        case Name(name):
            return known[name].rank == 2 if name in known else name[0].isupper()
        case Transpose(arg) | Pow(arg) | Neg(arg) | HadamardPow(arg) | HadamardDiv(arg):
            return _looks_like_matrix(arg, known)
        case Add(terms) | Hadamard(terms):
            return any(_looks_like_matrix(t, known) for t in terms)
        case Mul(factors):
            return _looks_like_matrix(factors[-1], known)
        case Identity() | Call("kron"):
            return True
        case Listed(rows):
            return any(_looks_like_matrix(x, known) for row in rows for x in row)
        case Call(function, (arg,)) if FUNCTIONS.overloads(function) and FUNCTIONS[function].elementwise:
            return _looks_like_matrix(arg, known)
        case Call(function):
            return any(r.result.kind == "matrix" for r in FUNCTIONS.overloads(function))
    return False


def _name_sizes(
    scope: Scope, table: Mapping[str, Declaration], names: Sequence[str], typed: Typed, exponents: frozenset[str]
) -> dict[str, Declaration]:
    """Give the sizes that stayed open names that nothing else uses."""
    taken = set(table) | set(names) | scope.sizes | {n for d in table.values() for s in d.sizes for n in s.names}
    fresh = (n for n in chain(SIZE_NAMES, (f"d{k}" for k in naturals(1))) if n not in taken)
    assumed: dict[str, Declaration] = {}
    for name in names:
        dims = []
        for d in scope.symbols[name].dims:
            for variable in sorted(n for n in scope.unifier.resolve(d).names if n[0] == "?"):
                scope.unifier.unify(Size.of(variable), Size.of(next(fresh)))
            dims.append(scope.unifier.resolve(d))
        kind = ("scalar", "vector", "matrix", "tensor")[min(len(dims), 3)]
        attributes = frozenset({"integer"}) if name in exponents and _used_on_matrix(typed, name) else frozenset()
        assumed[name] = Declaration(kind, tuple(dims), attributes)
    return assumed


def _used_on_matrix(typed: Typed, name: str) -> bool:
    stack = [typed]
    while stack:
        t = stack.pop()
        if (
            isinstance(t.node, Pow)
            and t.type.rank == 2
            and any(isinstance(x, Name) and x.name == name for x in walk(t.node.exponent))
        ):
            return True
        stack.extend(t.parts)
    return False
