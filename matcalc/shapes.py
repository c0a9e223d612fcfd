"""Kinds, shapes and indices: what every part of an expression is, from declarations and from use.

A column and a row are told apart here, because people write them so; below this module they are one axis.
Sizes that nobody declared are variables (their names start with `?`) which are unified from use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NoReturn, TypeAlias

from .errors import MatcalcError, ParseError, ShapeError, UnknownSymbolError, UnsupportedError
from .functions import FUNCTIONS, Function
from .letters import IMAGINARY
from .sizes import Size
from .syntax import (
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
    Name,
    Neg,
    Norm,
    Num,
    Pow,
    Slash,
    Sub,
    Syntax,
    Transpose,
    Where,
    children,
    walk,
    with_children,
)  # fmt: skip

CONSTANTS = frozenset({"pi", IMAGINARY})
NORMS = {"": "norm", "F": "norm", "1": "normone", "inf": "norminf", "max": "normmax", "*": "normnuclear"}


@dataclass(frozen=True, slots=True)
class Type:
    """What an expression is: its axes, whether it is a row, and the letters of its axes in index notation."""

    dims: tuple[Size, ...] = ()
    row: bool = False
    index: tuple[str, ...] = ()

    @property
    def rank(self) -> int:
        return 0 if self.index else len(self.dims)


SCALAR = Type()


@dataclass(slots=True)
class Typed:
    """A node with its type, its typed parts, and what was chosen where the text alone did not tell."""

    node: Syntax
    type: Type
    parts: tuple[Typed, ...] = ()
    choice: Any = None


class Conflict(ShapeError):
    """A shape error that knows between which parts of the expression it arose."""

    def __init__(self, message: str, source: str, at: Syntax, between: Sequence[Syntax]) -> None:
        super().__init__(message, source, at.span[0])
        self.between = tuple(between)


class Unifier:
    """Equations between sizes, with undo."""

    def __init__(self) -> None:
        self.bound: dict[str, Size] = {}
        self.trail: list[str] = []
        self.count = 0

    def fresh(self) -> Size:
        self.count += 1
        return Size.of(f"?{self.count}")

    def resolve(self, size: Size) -> Size:
        while any(n in self.bound for n in size.names):
            size = size.substitute(self.bound)
        return size

    def unify(self, a: Size, b: Size) -> bool:
        if a is b:
            return True
        a, b = self.resolve(a), self.resolve(b)
        if a is b:
            return True
        for left, right in ((b, a), (a, b)):
            name = left.name
            if name is not None and name[0] == "?" and name not in right.names:
                self.bound[name] = right
                self.trail.append(name)
                return True
        return self._unify_products(a, b)

    def _unify_products(self, a: Size, b: Size) -> bool:
        """Two products of as many unknown sizes: of vec(X) and vec(Y), say; factor by factor."""
        match a.terms, b.terms:
            case ((first, 1),), ((second, 1),) if len(first) == len(second) > 1:
                if all(n[0] == "?" for n in (*first, *second)):
                    return all(self.unify(Size.of(x), Size.of(y)) for x, y in zip(first, second, strict=True))
        return False

    def undo(self, mark: int) -> None:
        while len(self.trail) > mark:
            del self.bound[self.trail.pop()]


def show_size(size: Size) -> str:
    return "?" if any(n[0] == "?" for n in size.names) else repr(size)


@dataclass
class Scope:
    """The names of a text: what symbols are, which names are sizes.

    `readings` says how each `Slash` was read. `shared` remembers what was typed, where the syntax was made by us
    and one object stands in many places.
    """

    source: str
    symbols: dict[str, Type]
    sizes: frozenset[str]
    integers: frozenset[str] = frozenset()
    ranges: dict[str, Size] = field(default_factory=dict)
    readings: dict[int, Syntax] = field(default_factory=dict)
    shared: dict[tuple[int, frozenset[str]], Typed] | None = None
    unifier: Unifier = field(default_factory=Unifier)

    # --- errors ---

    def text(self, node: Syntax) -> str:
        a, b = node.span
        text = " ".join(self.source[a:b].split())
        return text if len(text) <= 40 else text[:37] + "..."

    def shape(self, t: Type) -> str:
        dims = [show_size(self.unifier.resolve(d)) for d in t.dims]
        if t.index:
            return "a component with free " + ("index " if len(t.index) == 1 else "indices ") + ", ".join(t.index)
        if not dims:
            return "a scalar"
        if len(dims) == 1:
            return f"1×{dims[0]}" if t.row else f"{dims[0]}×1"
        return "×".join(dims)

    def whose(self, part: Typed) -> str:
        return f"{self.text(part.node)} is {self.shape(part.type)}"

    def clash(self, what: str, at: Syntax, parts: Sequence[Typed], hint: str = "") -> NoReturn:
        known = ", ".join(self.whose(p) for p in parts)
        raise Conflict(f"{what}: {known}{'; ' + hint if hint else ''}", self.source, at, [p.node for p in parts])

    # --- the walk ---

    def infer(self, node: Syntax, held: frozenset[str] = frozenset()) -> Typed:
        """The typed node; `held` are indices that are not summed though they may be repeated."""
        if self.shared is None:
            return HANDLERS[type(node)](self, node, held)
        key = (id(node), held)
        if key not in self.shared:
            self.shared[key] = HANDLERS[type(node)](self, node, held)
        return self.shared[key]

    def same(self, a: Type, b: Type) -> bool:
        if len(a.dims) != len(b.dims) or a.row != b.row or a.index != b.index:
            return False
        return all(self.unifier.unify(x, y) for x, y in zip(a.dims, b.dims, strict=True))


Handler: TypeAlias = Callable[[Scope, Any, frozenset[str]], Typed]


def _num(scope: Scope, node: Num, held: frozenset[str]) -> Typed:
    return Typed(node, SCALAR)


def _name(scope: Scope, node: Name, held: frozenset[str]) -> Typed:
    known = scope.symbols.get(node.name)
    if known is not None:
        return Typed(node, known, choice="symbol")
    if node.name in scope.sizes:
        return Typed(node, SCALAR, choice="size")
    if node.name in CONSTANTS:
        return Typed(node, SCALAR, choice="constant")
    raise UnknownSymbolError(f"unknown name '{node.name}'", scope.source, node.span[0])


def size_of(scope: Scope, node: Syntax) -> Size:
    """The size that an expression such as `n`, `3`, `2 n`, `n + 1` states."""
    match node:
        case Num(value) if value.denominator == 1 and value >= 1:
            return Size.of(int(value))
        case Name(name) if name not in scope.symbols:
            return Size.of(name)
        case Mul(factors):
            total = Size.of(1)
            for f in factors:
                total = total * size_of(scope, f)
            return total
        case Add(terms):
            total = Size.of(0)
            for t in terms:
                total = total + size_of(scope, t)
            return total
    raise ShapeError(f"'{scope.text(node)}' is not a size", scope.source, node.span[0])


def _identity(scope: Scope, node: Identity, held: frozenset[str]) -> Typed:
    size = scope.unifier.fresh() if node.size is None else size_of(scope, node.size)
    return Typed(node, Type((size, size)))


def _neg(scope: Scope, node: Neg, held: frozenset[str]) -> Typed:
    part = scope.infer(node.arg, held)
    return Typed(node, part.type, (part,))


def is_number(node: Syntax) -> bool:
    """A number, or made of numbers alone."""
    return all(isinstance(n, Num | Neg | Div | Mul | Pow | Add) for n in walk(node))


def _add(scope: Scope, node: Add, held: frozenset[str]) -> Typed:
    parts = [scope.infer(t, held) for t in node.terms]
    lead = next((p for p in parts if not is_number(p.node)), parts[0])
    for place, p in enumerate(parts):
        if scope.same(lead.type, p.type):
            continue
        if is_number(p.node) and lead.type.dims:
            parts[place] = _broadcast(scope, p, lead)
            continue
        if _is_component(lead) and _is_component(p) and (set(lead.type.index) ^ set(p.type.index)) <= held:
            continue  # each is a component at given indices: they are spread below
        if lead.type.index != p.type.index and (lead.type.index or p.type.index):
            scope.clash("the free indices differ across the sum", p.node, [lead, p])
        hint = ""
        if {lead.type.rank, p.type.rank} == {0, 1}:
            vector, scalar = (lead, p) if lead.type.rank else (p, lead)
            n = show_size(scope.unifier.resolve(vector.type.dims[0]))
            hint = f"to add it to every entry, write {scope.text(scalar.node)} ones({n})"
        elif {lead.type.rank, p.type.rank} == {0, 2}:
            matrix, scalar = (lead, p) if lead.type.rank else (p, lead)
            hint = _offer(scope, scalar, matrix)
        elif lead.type.rank == p.type.rank == 1 and lead.type.row != p.type.row:
            hint = "one of them wants a transpose"
        scope.clash("the terms of a sum have different shapes", p.node, [lead, p], hint)
    return _spread(scope, node, parts) if any(p.type.index for p in parts) else Typed(node, lead.type, tuple(parts))


def _is_component(part: Typed) -> bool:
    return part.type.rank == 0


def _spread(scope: Scope, node: Add, parts: Sequence[Typed]) -> Typed:
    """Components with different given indices, as in sum_ij (x_i - x_j)^2: each is spread over all of them."""
    ranges: dict[str, Size] = {}
    for p in parts:
        for k, d in zip(p.type.index, p.type.dims, strict=True):
            if k in ranges and not scope.unifier.unify(ranges[k], d):
                n, m = (show_size(scope.unifier.resolve(s)) for s in (ranges[k], d))
                raise Conflict(f"the index {k} runs to {n} and to {m}", scope.source, p.node, [q.node for q in parts])
            ranges.setdefault(k, d)
    letters = tuple(sorted(ranges))
    whole = Type(tuple(ranges[k] for k in letters), index=letters)
    return Typed(
        node, whole, tuple(p if p.type.index == letters else Typed(p.node, whole, (p,), "spread") for p in parts)
    )


def _offer(scope: Scope, scalar: Typed, matrix: Typed) -> str:
    rows, columns = (show_size(scope.unifier.resolve(d)) for d in matrix.type.dims)
    s = scope.text(scalar.node).lstrip("-+ ")
    s = f"({s})" if " " in s else s
    both = f"{s} ones({rows},{columns})"
    return f"write {s} I or {both}" if rows == columns else f"write {both}"


def _broadcast(scope: Scope, part: Typed, lead: Typed) -> Typed:
    """A number added to every entry, where no other reading is common."""
    dims = [scope.unifier.resolve(d) for d in lead.type.dims]
    zero = isinstance(part.node, Num) and part.node.value == 0
    if lead.type.rank == 2 and not zero and (dims[0] is dims[1] or any(d.name and d.name[0] == "?" for d in dims)):
        # Not a Conflict: no other kind of the symbols may be tried to make it fit.
        raise ShapeError(
            f"a number is added to a matrix: {scope.whose(lead)}; {_offer(scope, part, lead)}",
            scope.source,
            part.node.span[0],
        )
    return Typed(part.node, lead.type, (part,), "broadcast")


# --- products ---


def _rows(t: Type) -> Size | None:
    return None if t.rank == 1 and t.row else t.dims[0]


def _columns(t: Type) -> Size | None:
    return t.dims[1] if t.rank == 2 else t.dims[0] if t.row else None


@dataclass(slots=True)
class _Partial:
    """A run of factors already multiplied: the text it spans, its type, the labels of its axes."""

    first: Typed
    last: Typed
    type: Type
    output: tuple[int, ...]


def _mul(scope: Scope, node: Mul, held: frozenset[str]) -> Typed:
    parts = tuple(_factor(scope, f, held) for f in node.factors)
    return _product(scope, node, parts, held)


def _factor(scope: Scope, node: Syntax, held: frozenset[str]) -> Typed:
    """A factor of a product; the components of a symbol keep a repeated index until the product is closed."""
    return _components(scope, node, held) if isinstance(node, Sub) else scope.infer(node, held)


def _product(scope: Scope, node: Syntax, parts: tuple[Typed, ...], held: frozenset[str]) -> Typed:
    if any(p.type.index for p in parts):
        whole = [p for p in parts if p.type.rank]
        components = _indexed_product(scope, node, tuple(p for p in parts if not p.type.rank), held)
        if not whole or components.type.index:
            return _indexed_product(scope, node, parts, held)
        parts = (components, *whole)  # the components make a scalar, as in A_ii x
    stack: list[_Partial] = []
    labels: list[tuple[int, ...]] = []
    alias: dict[int, int] = {}
    count = 0
    for p in parts:
        own = tuple(range(count, count + len(p.type.dims)))
        count += len(own)
        labels.append(own)
        stack.append(_Partial(p, p, p.type, own))
        while len(stack) > 1:
            joined = _combine(scope, stack[-2], stack[-1], alias)
            if joined is None:
                break
            stack[-2:] = [joined]
    if len(stack) > 1:
        left, right = stack[-2].last, stack[-1].first
        hint = ""
        if left.type.rank == right.type.rank == 1 and not left.type.row:
            x, y = scope.text(left.node), scope.text(right.node)
            hint = f"write {x}^T {y}, {x} {y}^T or {x} .* {y}"
        elif left.type.rank == 1 and not left.type.row and right.type.rank == 2:
            hint = f"write {scope.text(left.node)}^T {scope.text(right.node)}"
        scope.clash("these can not be multiplied", right.node, [left, right], hint)
    final = {k: _follow(alias, k) for k in range(count)}
    choice = ([tuple(final[k] for k in own) for own in labels], tuple(final[k] for k in stack[0].output))
    return Typed(node, stack[0].type, parts, choice)


def _follow(alias: Mapping[int, int], k: int) -> int:
    while k in alias:
        k = alias[k]
    return k


def _combine(scope: Scope, left: _Partial, right: _Partial, alias: dict[int, int]) -> _Partial | None:
    a, b = left.type, right.type
    if not a.dims or not b.dims:
        longer = right if not a.dims else left
        return _Partial(left.first, right.last, longer.type, longer.output)
    if a.rank > 2 or b.rank > 2:
        scope.clash(
            "a tensor is multiplied by components only, as in T_ijk x_k", right.first.node, [left.first, right.first]
        )
    inner_left, inner_right = _columns(a), _rows(b)
    if (inner_left is None) != (inner_right is None):
        return None
    if inner_left is not None and inner_right is not None:
        if not scope.unifier.unify(inner_left, inner_right):
            n, m = (show_size(scope.unifier.resolve(d)) for d in (inner_left, inner_right))
            scope.clash(f"the sizes {n} and {m} do not fit in the product", right.first.node, [left.last, right.first])
        alias[right.output[0]] = left.output[-1]
        output = left.output[:-1] + right.output[1:]
    else:
        output = left.output + right.output
    rows, columns = _rows(a), _columns(b)
    dims = tuple(d for d in (rows, columns) if d is not None)
    return _Partial(left.first, right.last, Type(dims, row=rows is None and columns is not None), output)


def _indexed_product(scope: Scope, node: Syntax, parts: tuple[Typed, ...], held: frozenset[str]) -> Typed:
    """Components multiplied: an index that stands twice is summed, unless it is held."""
    ranges: dict[str, Size] = {}
    counts: Counter[str] = Counter()
    for p in parts:
        if p.type.rank:
            scope.clash("components are multiplied by components; give it indices too", p.node, [p])
        for letter, size in zip(p.type.index, p.type.dims, strict=True):
            if letter in ranges and not scope.unifier.unify(ranges[letter], size):
                a, b = (show_size(scope.unifier.resolve(d)) for d in (ranges[letter], size))
                raise Conflict(
                    f"the index {letter} runs to {a} and to {b}", scope.source, p.node, [q.node for q in parts]
                )
            ranges.setdefault(letter, size)
            counts[letter] += 1
    for letter, count in counts.items():
        if count > 2 and letter not in held:
            raise ShapeError(
                f"the index {letter} stands {count} times in a product; write sum_{letter} (...) if it is summed",
                scope.source,
                node.span[0],
            )
    free = tuple(sorted(k for k in ranges if counts[k] == 1 or k in held))
    return Typed(node, Type(tuple(ranges[k] for k in free), index=free), parts, "indexed")


def _components(scope: Scope, node: Sub, held: frozenset[str]) -> Typed:
    base = scope.infer(node.base, held)
    if base.type.index or base.type.rank != len(node.indices):
        n = len(node.indices)
        scope.clash(f"{n} {'index' if n == 1 else 'indices'} on it", node, [base], "one index for each axis")
    letters, dims = [], []
    for k, size in zip(node.indices, base.type.dims, strict=True):
        if isinstance(k, int):
            limit = scope.unifier.resolve(size).number
            if k < 1 or (limit is not None and k > limit):
                raise ShapeError(f"the index {k} is out of range; {scope.whose(base)}", scope.source, node.span[0])
            continue
        if k in scope.ranges and not scope.unifier.unify(scope.ranges[k], size):
            scope.clash(f"the index {k} has another range", node, [base])
        letters.append(k)
        dims.append(size)
    return Typed(node, Type(tuple(dims), index=tuple(letters)), (base,))


def _sub(scope: Scope, node: Sub, held: frozenset[str]) -> Typed:
    part = _components(scope, node, held)
    return _indexed_product(scope, node, (part,), held) if part.type.index else part


def _big_sum(scope: Scope, node: BigSum, held: frozenset[str]) -> Typed:
    for k in node.indices:
        if k in held and node.indices.count(k) > 1:
            raise ShapeError(f"the index {k} is summed twice", scope.source, node.span[0])
    body = scope.infer(node.body, held | set(node.indices))
    missing = [k for k in node.indices if k not in body.type.index]
    if missing or len(set(node.indices)) < len(node.indices):
        k = missing[0] if missing else node.indices[0]
        what = "does not occur in the sum, so its range is unknown" if missing else "is summed twice"
        raise ShapeError(f"the index {k} {what}", scope.source, node.span[0])
    kept = [(k, d) for k, d in zip(body.type.index, body.type.dims, strict=True) if k not in node.indices]
    return Typed(node, Type(tuple(d for _, d in kept), index=tuple(k for k, _ in kept)), (body,))


def _equation(scope: Scope, node: Equation, held: frozenset[str]) -> Typed:
    if node.name in scope.symbols:
        raise ShapeError(
            f"{node.name} is a symbol of the expression; on the left side stands a new name",
            scope.source,
            node.span[0],
        )
    body = scope.infer(node.body, held | set(node.indices))
    if not node.indices and not body.type.index:
        return Typed(node, body.type, (body,))
    if sorted(node.indices) != list(body.type.index):
        have = ", ".join(body.type.index) or "none"
        raise ShapeError(
            f"the left side has the indices {', '.join(node.indices) or 'none'}, the right side {have}",
            scope.source,
            node.span[0],
        )
    ranges = dict(zip(body.type.index, body.type.dims, strict=True))
    return Typed(node, Type(tuple(ranges[k] for k in node.indices)), (body,))


def _where(scope: Scope, node: Where, held: frozenset[str]) -> Typed:
    saved, scope.symbols = scope.symbols, dict(scope.symbols)
    for letter, size in node.ranges:
        scope.ranges[letter] = size_of(scope, size)
    bindings = []
    for name, value in _in_order_of_use(node.bindings):
        part = closed(scope, scope.infer(value))
        scope.symbols[name] = part.type
        bindings.append((name, part))
    body = closed(scope, scope.infer(node.body, held))
    scope.symbols = saved
    return Typed(node, body.type, (body,), bindings)


def _in_order_of_use(bindings: Sequence[tuple[str, Syntax]]) -> Iterator[tuple[str, Syntax]]:
    """Each name after the names that its value uses; a circle is an error."""
    left = dict(bindings)
    uses = {n: {x.name for x in walk(v) if isinstance(x, Name) and x.name in left} for n, v in bindings}
    users: dict[str, list[str]] = {n: [] for n in left}
    for n, used in uses.items():
        for name in used:
            users[name].append(n)
    ready = [n for n, used in uses.items() if not used]
    while ready:
        for n in ready:
            yield n, left.pop(n)
        done, ready = ready, []
        for n in done:
            for user in users[n]:
                uses[user].discard(n)
                if not uses[user]:
                    ready.append(user)
    if left:
        raise ParseError(f"the names {', '.join(sorted(left))} are defined by one another")


def closed(scope: Scope, part: Typed) -> Typed:
    """Free indices become axes, in alphabetical order."""
    if not part.type.index:
        return part
    return Typed(part.node, Type(part.type.dims), (part,), "axes")


# --- elementwise products, quotients, powers ---


def _elementwise(scope: Scope, node: Syntax, parts: tuple[Typed, ...], held: frozenset[str]) -> Typed:
    if any(p.type.index for p in parts):
        return _indexed_product(scope, node, parts, held)
    lead = next((p for p in parts if p.type.dims), parts[0])
    for p in parts:
        if p.type.dims and not scope.same(lead.type, p.type):
            scope.clash("an elementwise product wants equal shapes", p.node, [lead, p])
    return Typed(node, lead.type, parts, "elementwise")


def _hadamard(scope: Scope, node: Hadamard, held: frozenset[str]) -> Typed:
    return _elementwise(scope, node, tuple(_factor(scope, f, held) for f in node.factors), held)


def _hadamard_div(scope: Scope, node: HadamardDiv, held: frozenset[str]) -> Typed:
    parts = (scope.infer(node.numerator, held), scope.infer(node.denominator, held))
    return _elementwise(scope, node, parts, held)


def _hadamard_pow(scope: Scope, node: HadamardPow, held: frozenset[str]) -> Typed:
    base, exponent = scope.infer(node.base, held), scope.infer(node.exponent, held)
    if exponent.type.dims:
        return _elementwise(scope, node, (base, exponent), held)
    return Typed(node, base.type, (base, exponent))


def _div(scope: Scope, node: Div, held: frozenset[str]) -> Typed:
    numerator, denominator = scope.infer(node.numerator, held), scope.infer(node.denominator, held)
    if denominator.type.rank:
        hint = "multiply by its inverse instead, or divide elementwise with ./"
        scope.clash("the divisor is not a scalar", node.denominator, [denominator], hint)
    if numerator.type.index or denominator.type.index:
        return _indexed_product(scope, node, (numerator, denominator), held)
    return Typed(node, numerator.type, (numerator, denominator))


def _slash(scope: Scope, node: Slash, held: frozenset[str]) -> Typed:
    """`a / b c`: of the two readings the one whose shapes fit."""
    span = (node.factors[0].span[0], node.factors[-1].span[1])
    below = Div(node.numerator, Mul(node.factors, span=span), span=node.span)
    quotient = Div(node.numerator, node.factors[0], span=(node.span[0], node.factors[0].span[1]))
    beside = Mul((quotient, *node.factors[1:]), span=node.span)
    fits: list[Syntax] = []
    trouble: MatcalcError | None = None
    mark = len(scope.unifier.trail)
    for reading in (below, beside):
        try:
            scope.infer(reading, held)
            fits.append(reading)
        except ShapeError as error:
            trouble = error
        scope.unifier.undo(mark)
    if len(fits) == 1:
        scope.readings[id(node)] = fits[0]
        return scope.infer(fits[0], held)
    if trouble is not None and not fits:
        raise trouble
    a, b = scope.text(node.numerator), scope.text(node.factors[0])
    rest = scope.source[node.factors[1].span[0] : node.factors[-1].span[1]]
    raise ParseError(
        f"'{scope.text(node)}' can be read in two ways: write {a}/({b} {rest}) or ({a}/{b}) {rest}",
        scope.source,
        node.factors[1].span[0],
    )


def _pow(scope: Scope, node: Pow, held: frozenset[str]) -> Typed:
    base, exponent = scope.infer(node.base, held), scope.infer(node.exponent, held)
    if exponent.type.rank or (exponent.type.index and not base.type.index):
        scope.clash("an exponent must be a scalar", node.exponent, [exponent])
    if exponent.type.index:
        return _indexed_product(scope, node, (base, exponent), held)
    if base.type.rank == 2:
        _check_matrix_power(scope, node, base)
    elif base.type.rank:
        scope.clash("a vector has no powers", node, [base], "the elementwise power is .^")
    return Typed(node, base.type, (base, exponent))


def _check_matrix_power(scope: Scope, node: Pow, base: Typed) -> None:
    if not scope.unifier.unify(*base.type.dims):
        what = "inverse" if node.exponent == Neg(Num(Fraction(1))) else "power"
        hint = "the pseudo-inverse is ^+" if what == "inverse" else "the elementwise power is .^"
        scope.clash(f"only a square matrix has an {what}" if what == "inverse" else "only a square matrix has powers",
                    node.base, [base], hint)  # fmt: skip
    for part in walk(node.exponent):
        if isinstance(part, Name) and part.name not in scope.integers and part.name not in scope.sizes:
            raise ShapeError(
                f"the exponent of a matrix must be a whole number: declare {part.name} as 'scalar integer'",
                scope.source,
                part.span[0],
            )
        if (isinstance(part, Num) and part.value.denominator != 1) or isinstance(part, Div):
            raise ShapeError(
                "the exponent of a matrix must be a whole number; there are sqrtm(A) and the elementwise power .^",
                scope.source,
                part.span[0],
            )


# --- unary ---


def _transpose(scope: Scope, node: Transpose | Adjoint, held: frozenset[str]) -> Typed:
    part = scope.infer(node.arg, held)
    t = part.type
    if isinstance(node.arg, Num):
        raise ShapeError("a number has no transpose; the vector of ones is ones(n)", scope.source, node.span[0])
    if t.index:
        scope.clash("a component has no transpose", node, [part])
    if t.rank > 2:
        scope.clash("a tensor has no transpose; write its indices in another order", node, [part])
    if t.rank == 2:
        return Typed(node, Type((t.dims[1], t.dims[0])), (part,))
    return Typed(node, Type(t.dims, row=not t.row if t.rank else False), (part,))


def _listed(scope: Scope, node: Listed, held: frozenset[str]) -> Typed:
    """A vector or a matrix by its entries, or by blocks that fit."""
    parts = [scope.infer(x, held) for row in node.rows for x in row]
    for part in parts:
        if part.type.index:
            scope.clash("between [ ] stand no components", part.node, [part])
    if any(part.type.rank for part in parts):
        return _blocks(scope, node, parts)
    rows, columns = len(node.rows), len(node.rows[0])
    dims = (Size.of(rows), Size.of(columns)) if node.is_matrix else (Size.of(columns),)
    return Typed(node, Type(dims), tuple(parts))


def _blocks(scope: Scope, node: Listed, parts: Sequence[Typed]) -> Typed:
    """Blocks: those of a row have one height, those of a column one width; 0 is a block of any size."""
    width = len(node.rows[0])
    heights, widths = [scope.unifier.fresh() for _ in node.rows], [scope.unifier.fresh() for _ in range(width)]
    for place, part in enumerate(parts):
        if _is_nought(part):
            continue
        if part.type.rank > 2:
            scope.clash("a block is a matrix, a vector or a scalar", part.node, [part])
        row, column = _extents(part.type)
        i, j = divmod(place, width)
        if not scope.unifier.unify(heights[i], row):
            scope.clash("the blocks of a row have different heights", part.node, list(parts[i * width : place + 1]))
        if not scope.unifier.unify(widths[j], column):
            scope.clash("the blocks of a column have different widths", part.node, list(parts[j : place + 1 : width]))
    stacked = width == 1 and all(p.type.rank < 2 and not p.type.row for p in parts)
    total_rows, total_columns = _total(heights), _total(widths)
    dims = (total_rows,) if stacked else (total_rows, total_columns)
    return Typed(node, Type(dims), tuple(parts), (tuple(heights), tuple(widths)))


def _is_nought(part: Typed) -> bool:
    return isinstance(part.node, Num) and part.node.value == 0


def _extents(t: Type) -> tuple[Size, Size]:
    """Height and width; a vector is a column, or a row where it is turned."""
    one = Size.of(1)
    if t.rank == 2:
        return t.dims[0], t.dims[1]
    if t.rank == 1:
        return (one, t.dims[0]) if t.row else (t.dims[0], one)
    return one, one


def _total(sizes: Sequence[Size]) -> Size:
    total = Size.of(0)
    for size in sizes:
        total = total + size
    return total


def _bars(scope: Scope, node: Bars, held: frozenset[str]) -> Typed:
    part = scope.infer(node.arg, held)
    name = "det" if part.type.rank == 2 else "abs"
    return _apply(scope, node, name, (part,))


def _norm(scope: Scope, node: Norm, held: frozenset[str]) -> Typed:
    part = scope.infer(node.arg, held)
    kind = node.kind
    if kind == "2":
        kind = "" if part.type.rank < 2 else "spectral"
    name = "normspectral" if kind == "spectral" else NORMS.get(kind)
    if part.type.rank == 0 and not part.type.index:
        return _apply(scope, node, "abs", (part,))
    if name is not None:
        return _apply(scope, node, name, (part,))
    if part.type.rank != 1:
        scope.clash(
            f"the norm with the index {kind} is one of vectors",
            node,
            [part],
            "of a matrix there are F, 1, 2, *, inf, max",
        )
    exponent: Syntax = Num(Fraction(kind), span=node.span) if kind[0].isdigit() else Name(kind, span=node.span)
    if isinstance(exponent, Num) and exponent.value == 0:
        raise UnsupportedError(
            "the 0-norm counts entries; it is not a norm and has no derivative", scope.source, node.span[0]
        )
    return _apply(scope, node, "normp", (part, scope.infer(exponent)))


# --- calls ---


def _call(scope: Scope, node: Call, held: frozenset[str]) -> Typed:
    special = SPECIAL.get(node.function)
    if special is not None:
        return special(scope, node)
    return _apply(scope, node, node.function, tuple(scope.infer(a, held) for a in node.args))


def _apply(scope: Scope, node: Syntax, name: str, parts: tuple[Typed, ...]) -> Typed:
    rows = [r for r in FUNCTIONS.overloads(name) if len(r.parameters) == len(parts)]
    if not rows:
        raise ParseError(f"unknown function '{name}'", scope.source, node.span[0])
    row = next((r for r in rows if all(p.accepts(a.type.rank) for p, a in zip(r.parameters, parts, strict=True))), None)
    if row is None or (not row.elementwise and any(p.type.index for p in parts)):
        wants = " or ".join(" and ".join(_kind(p.kind) for p in r.parameters) for r in rows)
        scope.clash(f"{name}(...) takes {wants}", node, parts)
    if row.elementwise:
        return Typed(node, parts[0].type, parts, row)
    formal = {n: scope.unifier.fresh() for p in row.parameters for s in p.sizes for n in s.names}
    for p, a in zip(row.parameters, parts, strict=True):
        for size, actual in zip(p.sizes, a.type.dims, strict=False):
            if not scope.unifier.unify(size.substitute(formal), actual):
                _misfit(scope, node, row, parts)
    return Typed(node, Type(tuple(s.substitute(formal) for s in row.result.sizes)), parts, row)


def _misfit(scope: Scope, node: Syntax, row: Function, parts: Sequence[Typed]) -> NoReturn:
    if len(parts) == 1 and row.parameters[0].kind == "matrix":
        scope.clash(f"{row.name}(...) wants a square matrix", node, parts)
    scope.clash(f"the sizes in {row.name}(...) do not fit", node, parts)


def _kind(kind: str) -> str:
    return {"any": "anything"}.get(kind, f"a {kind}")


def _sizes_of_args(scope: Scope, node: Call) -> tuple[Size, ...]:
    return tuple(size_of(scope, a) for a in node.args)


def _constant(scope: Scope, node: Call) -> Typed:
    """`ones(n)`, `zeros(n, m)`; without arguments, of the size that fits (a vector or a matrix of ones)."""
    return Typed(node, Type(_sizes_of_args(scope, node)), choice=node.function)


def _fitting_ones(scope: Scope, node: Call) -> Typed:
    count = 1 if node.function == "ones_like_vector" else 2
    return Typed(node, Type(tuple(scope.unifier.fresh() for _ in range(count))), choice="ones")


def _unit_vector(scope: Scope, node: Call) -> Typed:
    k = node.args[0]
    if not isinstance(k, Num) or k.value.denominator != 1 or k.value < 1:
        raise UnsupportedError("the place of a unit vector e(k) must be a whole number from 1", scope.source, k.span[0])
    size = size_of(scope, node.args[1]) if len(node.args) == 2 else scope.unifier.fresh()
    limit = size.number
    if limit is not None and k.value > limit:
        raise ShapeError(f"e({k.value}) does not exist in {limit} dimensions", scope.source, k.span[0])
    return Typed(node, Type((size,)), choice=int(k.value))


def _merge(scope: Scope, node: Call) -> Typed:
    outer, inner = _sizes_of_args(scope, node)
    return Typed(node, Type((outer * inner, outer, inner)))


def _commutation(scope: Scope, node: Call) -> Typed:
    n, m = _sizes_of_args(scope, node)
    return Typed(node, Type((n * m, n * m)), choice=(n, m))


def _trace(scope: Scope, node: Call) -> Typed:
    """Of a matrix, or of a product that is a scalar, as in tr(x^T A x); a lone scalar is a slip."""
    parts = tuple(scope.infer(a) for a in node.args)
    if len(parts) == 1 and not parts[0].type.dims and _has_axes(parts[0]):
        return Typed(node, SCALAR, parts, "axes")
    return _apply(scope, node, node.function, parts)


def _has_axes(part: Typed) -> bool:
    """Whether a vector or a matrix stands anywhere in it."""
    stack = [part]
    while stack:
        t = stack.pop()
        if t.type.dims:
            return True
        stack.extend(t.parts)
    return False


def _vec(scope: Scope, node: Call) -> Typed:
    part = scope.infer(node.args[0])
    if part.type.index or part.type.rank not in (1, 2):
        scope.clash("vec(...) takes a matrix", node, [part])
    total = Size.of(1)
    for d in part.type.dims:
        total = total * scope.unifier.resolve(d)
    return Typed(node, Type((total,)), (part,))


def _kron(scope: Scope, node: Call) -> Typed:
    a, b = (scope.infer(x) for x in node.args)
    for p in (a, b):
        if p.type.index or p.type.rank > 2:
            scope.clash("kron(...) takes matrices or vectors", node, [p])
    rows, columns = (_times(scope, _side(side, a), _side(side, b)) for side in (_rows, _columns))
    dims = (rows, columns)
    return Typed(node, Type(tuple(d for d in dims if d is not None), row=rows is None and columns is not None), (a, b))


def _side(side: Callable[[Type], Size | None], part: Typed) -> Size | None:
    return side(part.type) if part.type.dims else None


def _times(scope: Scope, x: Size | None, y: Size | None) -> Size | None:
    if x is None or y is None:
        return x if y is None else y
    return scope.unifier.resolve(x) * scope.unifier.resolve(y)


SPECIAL: dict[str, Callable[[Scope, Call], Typed]] = {
    "ones": _constant,
    "zeros": _constant,
    "ones_like_vector": _fitting_ones,
    "ones_like_matrix": _fitting_ones,
    "e": _unit_vector,
    "merge": _merge,
    "commutation": _commutation,
    "tr": _trace,
    "vec": _vec,
    "kron": _kron,
}

HANDLERS: dict[type, Handler] = {
    Num: _num, Name: _name, Identity: _identity, Neg: _neg, Add: _add, Mul: _mul, Hadamard: _hadamard,
    HadamardDiv: _hadamard_div, HadamardPow: _hadamard_pow, Div: _div, Slash: _slash, Pow: _pow,
    Transpose: _transpose, Adjoint: _transpose, Bars: _bars, Norm: _norm, Sub: _sub, BigSum: _big_sum,
    Equation: _equation, Where: _where, Call: _call, Listed: _listed,
}  # fmt: skip


def with_readings(node: Syntax, scope: Scope) -> Syntax:
    """The syntax with every slash as it was read."""
    if isinstance(node, Slash):
        node = scope.readings[id(node)]
    return with_children(node, tuple(with_readings(c, scope) for c in children(node)))
