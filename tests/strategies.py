"""Random expressions of the language with their shapes, and what they mean in plain NumPy.

Every expression is built together with its value, by a route that shares nothing with the package: no type
inference, no lowering, no indices. What builds them takes a `Pick`, which chooses one of several, so that
hypothesis shrinks what fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeAlias, TypeVar

import numpy as np
from hypothesis import strategies as st

from matcalc.declarations import read_declarations
from matcalc.render.text import text
from matcalc.sampling import draw as draw_symbols
from matcalc.sampling import sizes_for
from matcalc.syntax import (
    Add,
    Bars,
    BigSum,
    Call,
    Div,
    Equation,
    Hadamard,
    HadamardDiv,
    HadamardPow,
    Identity,
    Mul,
    Name,
    Neg,
    Norm,
    Num,
    Pow,
    Sub,
    Syntax,
    Transpose,
    walk,
)

Array: TypeAlias = np.ndarray[Any, Any]
Kind: TypeAlias = tuple[str, ...]  # the names of the sizes of the axes
T = TypeVar("T")
Pick: TypeAlias = Callable[[Sequence[T]], T]

SIZES = ("n", "m", "k")
DECLARED: dict[str, str] = {
    **{"a": "scalar", "b": "scalar", "c": "scalar positive"},
    **{"x": "vector(n)", "y": "vector(n)", "z": "vector(n) positive"},
    **{"u": "vector(m)", "v": "vector(m)", "w": "vector(k)"},
    **{"A": "matrix(n,n)", "B": "matrix(n,n)", "C": "matrix(n,m)", "F": "matrix(n,m) positive", "D": "matrix(m,n)"},
    **{"M": "matrix(m,m)", "G": "matrix(m,k)", "N": "matrix(n,k)", "Z": "matrix(k,k)"},
    **{"S": "matrix(n,n) symmetric", "R": "matrix(n,n) symmetric", "P": "matrix(n,n) spd", "K": "matrix(n,n) skew"},
    **{"W": "matrix(n,n) diagonal", "Q": "matrix(n,n) orthogonal", "L": "matrix(n,n) lower"},
    **{"O": "matrix(m,m) symmetric", "J": "matrix(m,m) skew"},
}
PLAIN = tuple(n for n, d in DECLARED.items() if d.endswith(")") or d == "scalar")
STRUCTURED = ("S", "P", "K", "W", "Q", "L", "O", "J")
TABLE = read_declarations(DECLARED)
SYMBOLS: dict[Kind, tuple[str, ...]] = {}
for _name, _declaration in TABLE.items():
    _kind = tuple(str(s.name) for s in _declaration.sizes)
    SYMBOLS[_kind] = (*SYMBOLS.get(_kind, ()), _name)


@dataclass(frozen=True)
class Point:
    """Values of all symbols and sizes."""

    symbols: Mapping[str, Array]
    sizes: Mapping[str, int]


@dataclass(frozen=True, repr=False)
class Made:
    """An expression, the kind of its value, and the value itself at a point."""

    syntax: Syntax
    kind: Kind
    value: Callable[[Point], Any]

    def __repr__(self) -> str:
        return text(self.syntax)

    @property
    def names(self) -> list[str]:
        """The symbols in it, each once, in the order of the text."""
        found = (x.name for x in walk(self.syntax) if isinstance(x, Name) and x.name in DECLARED)
        return list(dict.fromkeys(found))


def point(seed: int, declared: Mapping[str, str] = DECLARED) -> Point:
    """A random point; sizes differ between seeds, and from one another."""
    table = read_declarations(declared)
    sizes = sizes_for({n for d in table.values() for s in d.sizes for n in s.names}, seed, 3)
    return Point(draw_symbols(table, sizes, np.random.default_rng(seed)), sizes)


# --- functions in NumPy -----------------------------------------------------------------------------


def _softmax(x: Array) -> Array:
    return np.exp(x) / np.sum(np.exp(x))


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def _expm(a: Array) -> Array:
    values, vectors = np.linalg.eig(a)
    return np.real(vectors @ np.diag(np.exp(values)) @ np.linalg.inv(vectors))


def _sqrtm(a: Array) -> Array:
    values, vectors = np.linalg.eigh(a)
    return vectors @ np.diag(np.sqrt(values)) @ vectors.T


ELEMENTWISE: dict[str, Callable[[Array], Array]] = {
    **{"exp": np.exp, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "abs": np.abs, "log": np.log, "sqrt": np.sqrt},
    **{"sigmoid": _sigmoid, "softplus": lambda x: np.log(1 + np.exp(x)), "atan": np.arctan, "cosh": np.cosh},
    **{"relu": lambda x: np.maximum(x, 0), "sign": np.sign, "tan": np.tan, "sinh": np.sinh},
}
OF_VECTOR: dict[str, Callable[[Array], Any]] = {
    **{"sum": np.sum, "mean": np.mean, "logsumexp": lambda x: np.log(np.sum(np.exp(x))), "max": np.max},
    **{"min": np.min, "prod": np.prod},
}
OF_MATRIX: dict[str, Callable[[Array], Any]] = {
    **{"sum": np.sum, "mean": np.mean, "logsumexp": lambda x: np.log(np.sum(np.exp(x))), "max": np.max},
}
OF_SQUARE: dict[str, Callable[[Array], Any]] = {
    **{"tr": np.trace, "det": np.linalg.det, "logdet": lambda x: np.log(np.abs(np.linalg.det(x)))},
}
VECTOR_NORMS: dict[str, Callable[[Array], Any]] = {
    "": np.linalg.norm,
    "1": lambda x: np.sum(np.abs(x)),
    "3": lambda x: np.sum(np.abs(x) ** 3) ** (1 / 3),
    "inf": lambda x: np.max(np.abs(x)),
}
MATRIX_NORMS: dict[str, Callable[[Array], Any]] = {
    "F": np.linalg.norm,
    "": np.linalg.norm,
    "1": lambda x: np.linalg.norm(x, 1),
    "2": lambda x: np.linalg.norm(x, 2),
    "*": lambda x: np.linalg.norm(x, "nuc"),
}


# --- building ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Builder:
    """Makes expressions of a kind; `smooth` leaves out functions with kinks."""

    pick: Callable[[Sequence[Any]], Any]
    smooth: bool = True

    def any(self, depth: int) -> Made:
        return self.make(self.pick(((), (), ("n",), ("m",), ("n", "n"), ("n", "m"))), depth)

    def make(self, kind: Kind, depth: int) -> Made:
        if depth <= 0:
            return self.leaf(kind)
        forms = (_SCALARS, _VECTORS, _SQUARES if len(set(kind)) == 1 else _MATRICES)[len(kind)]
        return self.pick(forms)(self, kind, depth - 1)

    def leaf(self, kind: Kind) -> Made:
        names = SYMBOLS.get(kind, ())
        options = [named(n) for n in names]
        if len(kind) == 2:
            options += [transposed(named(n)) for n in SYMBOLS.get(kind[::-1], ())]
        return self.pick(options)

    def number(self) -> Made:
        return number(self.pick((Fraction(2), Fraction(1), Fraction(3), Fraction(1, 2), Fraction(1, 3))))


def named(name: str) -> Made:
    return Made(Name(name), tuple(str(s.name) for s in TABLE[name].sizes), lambda p: p.symbols[name])


def number(value: Fraction) -> Made:
    return Made(Num(value), (), lambda p: float(value))


def transposed(made: Made) -> Made:
    return Made(Transpose(made.syntax), made.kind[::-1], lambda p: np.transpose(made.value(p)))


def _unary(kind: Kind, wrap: Callable[[Syntax], Syntax], function: Callable[[Any], Any], part: Made) -> Made:
    return Made(wrap(part.syntax), kind, lambda p: function(part.value(p)))


def _call(name: str, kind: Kind, function: Callable[[Any], Any], part: Made) -> Made:
    return _unary(kind, lambda s: Call(name, (s,)), function, part)


def _leaf(b: Builder, kind: Kind, depth: int) -> Made:
    return b.leaf(kind)


def _negative(b: Builder, kind: Kind, depth: int) -> Made:
    return _unary(kind, Neg, np.negative, b.make(kind, depth))


def _sum(b: Builder, kind: Kind, depth: int) -> Made:
    parts = [b.make(kind, depth - b.pick((0, 1))) for _ in range(b.pick((2, 2, 3)))]
    signs = [b.pick((1, 1, -1)) for _ in parts]
    terms = tuple(p.syntax if s > 0 else Neg(p.syntax) for p, s in zip(parts, signs, strict=True))
    return Made(Add(terms), kind, lambda p: sum(s * q.value(p) for q, s in zip(parts, signs, strict=True)))


def _scaled(b: Builder, kind: Kind, depth: int) -> Made:
    scalar = b.pick((b.number, lambda: b.make((), depth)))()
    part = b.make(kind, depth)
    factors = (scalar, part) if isinstance(scalar.syntax, Num) or b.pick((True, False)) else (part, scalar)
    return Made(Mul(tuple(f.syntax for f in factors)), kind, lambda p: scalar.value(p) * part.value(p))


def _divided(b: Builder, kind: Kind, depth: int) -> Made:
    top, bottom = b.make(kind, depth), b.pick((b.number, lambda: b.make((), depth)))()
    return Made(Div(top.syntax, bottom.syntax), kind, lambda p: top.value(p) / bottom.value(p))


def _elementwise(b: Builder, kind: Kind, depth: int) -> Made:
    kinked = ("abs", "relu", "sign", "log", "sqrt", "tan")
    name = b.pick([n for n in ELEMENTWISE if not (b.smooth and n in kinked)])
    return _call(name, kind, ELEMENTWISE[name], b.make(kind, depth))


def _hadamard(b: Builder, kind: Kind, depth: int) -> Made:
    parts = [b.make(kind, depth - b.pick((0, 1))) for _ in range(b.pick((2, 2, 3)))]
    return Made(Hadamard(tuple(p.syntax for p in parts)), kind, lambda p: _times([q.value(p) for q in parts]))


def _times(values: Sequence[Any]) -> Any:
    product = values[0]
    for v in values[1:]:
        product = product * v
    return product


def _hadamard_division(b: Builder, kind: Kind, depth: int) -> Made:
    top, bottom = b.make(kind, depth), b.make(kind, depth)
    return Made(HadamardDiv(top.syntax, bottom.syntax), kind, lambda p: top.value(p) / bottom.value(p))


def _hadamard_power(b: Builder, kind: Kind, depth: int) -> Made:
    base, exponent = b.make(kind, depth), b.pick((2, 3, -1, -2))
    return _unary(kind, lambda s: HadamardPow(s, _integer(exponent)), lambda v: v**exponent, base)


def _integer(value: int) -> Syntax:
    return Num(Fraction(value)) if value >= 0 else Neg(Num(Fraction(-value)))


def _power(b: Builder, kind: Kind, depth: int) -> Made:
    exponent = b.pick((2, 3, -1, -2))
    return _unary((), lambda s: Pow(s, _integer(exponent)), lambda v: v**exponent, b.make((), depth))


def _root(b: Builder, kind: Kind, depth: int) -> Made:
    """A power that is not whole, of what is positive."""
    part = b.make((), depth)
    exponent = b.pick((Fraction(1, 2), Fraction(3, 2), Fraction(1, 3)))
    sign = b.pick((1, -1))
    base = Add((Num(Fraction(1)), Pow(part.syntax, Num(Fraction(2)))))
    power = Num(exponent) if sign > 0 else Neg(Num(exponent))
    return Made(Pow(base, power), (), lambda p: (1 + part.value(p) ** 2) ** (sign * float(exponent)))


def _scalar_exponent(b: Builder, kind: Kind, depth: int) -> Made:
    part = b.make((), depth)
    return Made(Pow(Name("c"), part.syntax), (), lambda p: p.symbols["c"] ** part.value(p))


def _size(b: Builder, kind: Kind, depth: int) -> Made:
    name = b.pick(SIZES)
    return Made(Name(name), (), lambda p: float(p.sizes[name]))


def _inner(b: Builder, kind: Kind, depth: int) -> Made:
    size = b.pick(SIZES)
    left, right = b.make((size,), depth), b.make((size,), depth - 1)
    return Made(Mul((Transpose(left.syntax), right.syntax)), (), lambda p: left.value(p) @ right.value(p))


def _form(b: Builder, kind: Kind, depth: int) -> Made:
    rows, columns = b.pick(SIZES), b.pick(SIZES)
    x, m, y = b.leaf((rows,)), b.make((rows, columns), depth), b.leaf((columns,))
    return Made(Mul((Transpose(x.syntax), m.syntax, y.syntax)), (), lambda p: x.value(p) @ m.value(p) @ y.value(p))


def _quadratic(b: Builder, kind: Kind, depth: int) -> Made:
    size = b.pick(SIZES)
    x, m = b.make((size,), depth), b.make((size, size), depth - 1)
    return Made(Mul((Transpose(x.syntax), m.syntax, x.syntax)), (), lambda p: x.value(p) @ m.value(p) @ x.value(p))


def _of_vector(b: Builder, kind: Kind, depth: int) -> Made:
    name = b.pick([n for n in OF_VECTOR if not (b.smooth and n in ("max", "min"))])
    return _call(name, (), OF_VECTOR[name], b.make((b.pick(SIZES),), depth))


def _of_matrix(b: Builder, kind: Kind, depth: int) -> Made:
    name = b.pick([n for n in OF_MATRIX if not (b.smooth and n == "max")])
    return _call(name, (), OF_MATRIX[name], b.make((b.pick(SIZES), b.pick(SIZES)), depth))


def _of_square(b: Builder, kind: Kind, depth: int) -> Made:
    name, size = b.pick(("tr", *OF_SQUARE)), b.pick(SIZES)
    return _call(name, (), OF_SQUARE[name], b.make((size, size), depth))


def _trace_of_product(b: Builder, kind: Kind, depth: int) -> Made:
    """A ring of two to four matrices, with sizes that go round."""
    sizes = [b.pick(SIZES) for _ in range(b.pick((2, 3, 4)))]
    parts = [b.make((r, c), depth - 1) for r, c in zip(sizes, sizes[1:] + sizes[:1], strict=True)]
    product = Mul(tuple(q.syntax for q in parts))
    return Made(Call("tr", (product,)), (), lambda p: np.trace(_chain([q.value(p) for q in parts])))


def _chain(values: Sequence[Array]) -> Array:
    product = values[0]
    for v in values[1:]:
        product = product @ v
    return product


def _norm(b: Builder, kind: Kind, depth: int) -> Made:
    rank = b.pick((1, 2))
    norms = (VECTOR_NORMS, MATRIX_NORMS)[rank - 1]
    index = b.pick([n for n in norms if not (b.smooth and n in ("1", "inf"))])
    part = b.make(tuple(b.pick(SIZES) for _ in range(rank)), depth)
    return _unary((), lambda s: Norm(s, index), norms[index], part)


def _squared_norm(b: Builder, kind: Kind, depth: int) -> Made:
    part = b.make(tuple(b.pick(SIZES) for _ in range(b.pick((1, 2)))), depth)
    return _unary((), lambda s: Pow(Norm(s), Num(Fraction(2))), lambda v: np.sum(v * v), part)


def _bars(b: Builder, kind: Kind, depth: int) -> Made:
    if b.smooth:
        size = b.pick(SIZES)
        return _unary((), Bars, np.linalg.det, b.make((size, size), depth))
    return _unary((), Bars, np.abs, b.make((), depth))


def _dot(b: Builder, kind: Kind, depth: int) -> Made:
    of = b.pick((("n",), ("m",), ("n", "m"), ("n", "n")))
    left, right = b.make(of, depth), b.make(of, depth - 1)
    return Made(Call("dot", (left.syntax, right.syntax)), (), lambda p: np.sum(left.value(p) * right.value(p)))


def _vec_form(b: Builder, kind: Kind, depth: int) -> Made:
    """vec(X)^T kron(B, A) vec(Y), with columns below one another."""
    r, c, s, t = (b.pick(SIZES) for _ in range(4))
    left, right = b.make((r, c), depth - 1), b.make((s, t), depth - 1)
    outer, inner = b.make((c, t), depth - 1), b.make((r, s), depth - 1)
    syntax = Mul((
        Transpose(Call("vec", (left.syntax,))),
        Call("kron", (outer.syntax, inner.syntax)),
        Call("vec", (right.syntax,)),
    ))  # fmt: skip
    return Made(
        syntax,
        (),
        lambda p: left.value(p).T.ravel() @ np.kron(outer.value(p), inner.value(p)) @ right.value(p).T.ravel(),
    )


def _product_vector(b: Builder, kind: Kind, depth: int) -> Made:
    size = b.pick(SIZES)
    m, x = b.make((kind[0], size), depth), b.make((size,), depth - 1)
    return Made(Mul((m.syntax, x.syntax)), kind, lambda p: m.value(p) @ x.value(p))


def _softmax_of(b: Builder, kind: Kind, depth: int) -> Made:
    return _call("softmax", kind, _softmax, b.make(kind, depth))


def _diagonal_of(b: Builder, kind: Kind, depth: int) -> Made:
    return _call("diag", kind, np.diag, b.make(kind * 2, depth))


def _row_sums(b: Builder, kind: Kind, depth: int) -> Made:
    if b.pick((True, False)):
        return _call("rowsum", kind, lambda v: v.sum(axis=1), b.make((kind[0], b.pick(SIZES)), depth))
    return _call("colsum", kind, lambda v: v.sum(axis=0), b.make((b.pick(SIZES), kind[0]), depth))


def _unit_vector(b: Builder, kind: Kind, depth: int) -> Made:
    if b.pick((True, False)):
        return Made(Call("ones", (Name(kind[0]),)), kind, lambda p: np.ones(p.sizes[kind[0]]))
    place = b.pick((1, 2))
    unit = Call("e", (Num(Fraction(place)), Name(kind[0])))
    return Made(unit, kind, lambda p: np.eye(p.sizes[kind[0]])[place - 1])


def _row_product(b: Builder, kind: Kind, depth: int) -> Made:
    """(x^T A)^T"""
    size = b.pick(SIZES)
    x, m = b.make((size,), depth - 1), b.make((size, kind[0]), depth)
    product = Transpose(Mul((Transpose(x.syntax), m.syntax)))
    return Made(product, kind, lambda p: x.value(p) @ m.value(p))


def _column(b: Builder, kind: Kind, depth: int) -> Made:
    """A product with a row in the middle, x y^T z."""
    size = b.pick(SIZES)
    x, y, z = b.make(kind, depth - 1), b.make((size,), depth - 1), b.leaf((size,))
    product = Mul((x.syntax, Transpose(y.syntax), z.syntax))
    return Made(product, kind, lambda p: x.value(p) * (y.value(p) @ z.value(p)))


def _transposed(b: Builder, kind: Kind, depth: int) -> Made:
    return transposed(b.make(kind[::-1], depth))


def _product(b: Builder, kind: Kind, depth: int) -> Made:
    sizes = [kind[0], *(b.pick(SIZES) for _ in range(b.pick((1, 1, 2)))), kind[1]]
    parts = [b.make((r, c), depth - 1 if i else depth) for i, (r, c) in enumerate(pairwise(sizes))]
    return Made(Mul(tuple(q.syntax for q in parts)), kind, lambda p: _chain([q.value(p) for q in parts]))


def _outer(b: Builder, kind: Kind, depth: int) -> Made:
    x, y = b.make(kind[:1], depth), b.make(kind[1:], depth - 1)
    syntax = b.pick((Mul((x.syntax, Transpose(y.syntax))), Call("outer", (x.syntax, y.syntax))))
    return Made(syntax, kind, lambda p: np.outer(x.value(p), y.value(p)))


def _ones_matrix(b: Builder, kind: Kind, depth: int) -> Made:
    ones = Call("ones", (Name(kind[0]), Name(kind[1])))
    return Made(ones, kind, lambda p: np.ones((p.sizes[kind[0]], p.sizes[kind[1]])))


def _pinv(b: Builder, kind: Kind, depth: int) -> Made:
    return _call("pinv", kind, np.linalg.pinv, b.leaf(kind[::-1]))


def _identity(b: Builder, kind: Kind, depth: int) -> Made:
    return Made(Identity(Name(kind[0])), kind, lambda p: np.eye(p.sizes[kind[0]]))


def _diagonal(b: Builder, kind: Kind, depth: int) -> Made:
    return _call("diag", kind, np.diag, b.make(kind[:1], depth))


def _diagonal_matrix(b: Builder, kind: Kind, depth: int) -> Made:
    """diag(diag(A))"""
    return _call("diag", kind, np.diag, _diagonal_of(b, kind[:1], depth))


def _inverse(b: Builder, kind: Kind, depth: int) -> Made:
    return _unary(kind, lambda s: Pow(s, _integer(-1)), np.linalg.inv, b.make(kind, depth))


def _inverse_transpose(b: Builder, kind: Kind, depth: int) -> Made:
    return transposed(_inverse(b, kind, depth))


def _matrix_power(b: Builder, kind: Kind, depth: int) -> Made:
    exponent = b.pick((2, 3, -2))
    part = b.make(kind, depth)
    return _unary(kind, lambda s: Pow(s, _integer(exponent)), lambda v: np.linalg.matrix_power(v, exponent), part)


def _adjugate(b: Builder, kind: Kind, depth: int) -> Made:
    return _call("adj", kind, lambda v: np.linalg.det(v) * np.linalg.inv(v), b.leaf(kind))


def _gram(b: Builder, kind: Kind, depth: int) -> Made:
    """X^T X + I, which has an inverse."""
    part = b.make((b.pick(SIZES), kind[1]), depth)
    syntax = Add((Mul((Transpose(part.syntax), part.syntax)), Identity()))
    return Made(syntax, kind, lambda p: part.value(p).T @ part.value(p) + np.eye(p.sizes[kind[0]]))


# --- index notation ---------------------------------------------------------------------------------

LETTERS = {"n": "ijr", "m": "pq", "k": "st"}


@dataclass(frozen=True)
class Component:
    """A factor of a product in index notation: its letters, and its array."""

    syntax: Syntax
    letters: str
    value: Callable[[Point], Any]


def _component(b: Builder, letters: str, depth: int) -> Component:
    kind = tuple(next(s for s, own in LETTERS.items() if k in own) for k in letters)
    if len(kind) == 2 and letters[0] != letters[1] and kind[0] == kind[1] and b.pick((False, False, False, True)):
        return Component(Sub(Identity(), tuple(letters)), letters, lambda p: np.eye(p.sizes[kind[0]]))
    made = b.leaf(kind) if b.pick((True, True, False)) else b.make(kind, depth - 1)
    if b.pick((True, True, True, False)):
        return Component(Sub(made.syntax, tuple(letters)), letters, made.value)
    name = b.pick(("exp", "sin", "tanh"))
    return Component(
        Call(name, (Sub(made.syntax, tuple(letters)),)), letters, lambda p: ELEMENTWISE[name](made.value(p))
    )


def _components(b: Builder, free: str, depth: int) -> tuple[Syntax, Callable[[Point], Any]]:
    """A product of components with these free letters, summed over all others, and its value."""
    pool = [*free, *b.pick((("i", "j"), ("i",), ("i", "j", "p"), ("i", "p"), ("s", "p", "i")))]
    groups = list(free) if b.pick((True, False)) else ([free] if 0 < len(free) < 3 else list(free))
    for _ in range(b.pick((1, 2, 3, 4))):
        groups.append("".join(b.pick(pool) for _ in range(b.pick((1, 2)))))
    parts = [_component(b, g, depth) for g in groups]
    return _summed(parts, free)


def _summed(parts: Sequence[Component], free: str) -> tuple[Syntax, Callable[[Point], Any]]:
    letters = "".join(q.letters for q in parts)
    summed = [k for k in dict.fromkeys(letters) if k not in free]
    explicit = tuple(k for k in summed if letters.count(k) != 2 or _traced_twice(parts, k))
    body = Mul(tuple(q.syntax for q in parts)) if len(parts) > 1 else parts[0].syntax
    syntax = BigSum(explicit, body) if explicit else body
    rule = ",".join(q.letters for q in parts) + "->" + free
    return syntax, lambda p: np.einsum(rule, *(q.value(p) for q in parts), optimize="greedy")


def _traced_twice(parts: Sequence[Component], k: str) -> bool:
    """A letter twice under a function would be summed inside the function: say that the sum is outside."""
    return any(isinstance(q.syntax, Call) and q.letters.count(k) == 2 for q in parts)


def _index_scalar(b: Builder, kind: Kind, depth: int) -> Made:
    syntax, value = _components(b, "", depth)
    return Made(syntax, (), value)


def equation(b: Builder, depth: int) -> Made:
    """D_ij = ..., a whole text: the sum of one or two products with the same free letters."""
    free = b.pick(("i", "ij", "ji", "p", "ip", "pi", "ijp", "sp"))
    made = [_components(b, free, depth) for _ in range(b.pick((1, 1, 2)))]
    body = made[0][0] if len(made) == 1 else Add(tuple(s for s, _ in made))
    kind = tuple(next(s for s, own in LETTERS.items() if k in own) for k in free)
    return Made(Equation("Y", tuple(free), body), kind, lambda p: sum(value(p) for _, value in made))


Form: TypeAlias = Callable[[Builder, Kind, int], Made]
_COMMON: tuple[Form, ...] = (_leaf, _sum, _sum, _scaled, _scaled, _negative, _divided, _elementwise)
_ARRAYS: tuple[Form, ...] = (*_COMMON, _hadamard, _hadamard_division, _hadamard_power)
_SCALARS: tuple[Form, ...] = (
    *_COMMON, _power, _power, _root, _scalar_exponent, _size, _inner, _inner, _form, _form, _quadratic, _quadratic,
    _of_vector, _of_matrix, _of_square, _of_square, _trace_of_product, _trace_of_product, _norm, _squared_norm,
    _squared_norm, _bars, _dot, _vec_form, _index_scalar, _index_scalar,
)  # fmt: skip
_VECTORS: tuple[Form, ...] = (
    *_ARRAYS, _product_vector, _product_vector, _product_vector, _softmax_of, _diagonal_of, _row_sums, _unit_vector,
    _row_product, _column,
)  # fmt: skip
_MATRICES: tuple[Form, ...] = (
    *_ARRAYS, _transposed, _transposed, _product, _product, _product, _outer, _outer, _ones_matrix, _pinv,
)  # fmt: skip
_SQUARES: tuple[Form, ...] = (
    *_MATRICES, _identity, _diagonal, _diagonal_matrix, _inverse, _inverse, _inverse_transpose, _matrix_power,
    _adjugate, _gram,
)  # fmt: skip


# --- strategies -------------------------------------------------------------------------------------


def _picker(draw: Callable[..., Any]) -> Callable[[Sequence[Any]], Any]:
    return lambda options: draw(st.sampled_from(options))


@st.composite
def expressions(draw: Callable[..., Any], depth: int = 3, smooth: bool = True) -> Made:
    """Well-shaped expressions of every kind."""
    return Builder(_picker(draw), smooth).any(draw(st.integers(1, depth)))


@st.composite
def expressions_of(draw: Callable[..., Any], kind: Kind, depth: int = 3, smooth: bool = True) -> Made:
    """Well-shaped expressions of one kind."""
    return Builder(_picker(draw), smooth).make(kind, draw(st.integers(1, depth)))


@st.composite
def equations(draw: Callable[..., Any], depth: int = 2) -> Made:
    """Expressions with up to three axes in index notation."""
    return equation(Builder(_picker(draw)), depth)
