"""The value of a node and its derivatives along directions, together: dual numbers over any number system.

A dual number has a part for each set of directions: f + f_1 e_1 + f_2 e_2 + f_12 e_1 e_2 with e_k^2 = 0. The rules
are written here, for numbers; they share nothing with `differentiate`, which differentiates expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any, TypeAlias

import numpy as np

from . import ir
from .contraction import alone, held, pair, pairing, plan, spread
from .ir import Basis, Call, Einsum, Extent, Inject, Labels, Map, MatPow, Merge, Node, Number, Power, Sum, Symbol
from .letters import IMAGINARY
from .systems import KINKED, NEAR, Array, Inexact, NoPoint, System

# A dual number: the set of directions as a bit mask -> its part. Part 0 is the value; parts that lack are nought.
Dual: TypeAlias = dict[int, Array]

MAX_ENTRIES = 200_000
MAX_PRODUCTS = 4_000_000  # of entries, in one evaluation
CLOSE = 1e-3


def evaluate(
    roots: Sequence[Node],
    point: Mapping[str, Dual],
    sizes: Mapping[str, int],
    system: System,
    numbers: Mapping[str, Array] | None = None,
) -> list[Dual]:
    """The nodes at a point, where every symbol is a dual number; `numbers` are what sizes are where they stand as
    numbers, if that is not what they are as sizes.

    >>> from .sizes import Size
    >>> from .systems import Floats
    >>> x = ir.symbol("x", (Size.of("n"),))
    >>> square = ir.einsum([(x, (0,)), (x, (0,))], ())
    >>> at = {"x": {0: np.array([1.0, 2.0]), 1: np.array([0.0, 1.0])}}
    >>> (found,) = evaluate([square], at, {"n": 2}, Floats())
    >>> float(found[0]), float(found[1])
    (5.0, 4.0)
    """
    duals = Duals(system, sizes, point, numbers or {})
    memo: dict[Node, Dual] = {}
    with np.errstate(all="ignore"):
        for root in roots:
            for node in ir.topological(root):
                if node not in memo:
                    memo[node] = value = duals.value(node, memo)
                    for part in value.values():
                        system.note(part)
    return [memo[root] for root in roots]


class Duals:
    """Arithmetic of dual numbers over a number system, and the value of each kind of node."""

    def __init__(
        self, system: System, sizes: Mapping[str, int], point: Mapping[str, Dual], numbers: Mapping[str, Array]
    ) -> None:
        self.system = system
        self.numbers = numbers
        self.products = 0
        self.sizes = sizes
        self.point = point

    def value(self, node: Node, memo: Mapping[Node, Dual]) -> Dual:
        s = self.system
        match node:
            case Number(value):
                return self.constant(value)
            case Symbol(name):
                return self.point[name]
            case Extent(name):
                return {0: self.numbers[name]} if name in self.numbers else self.constant(self.sizes[name])
            case Basis() | Merge() | Inject():
                return {0: self._leaf(node)}
            case Einsum(operands, labels, output, extents):
                factors = [(memo[o], ls) for o, ls in zip(operands, labels, strict=True)]
                return self.contract(factors, output, [e.evaluate(self.sizes) for e in extents])
            case Sum(terms):
                return self._sum(node, [(s.number(c), memo[n]) for c, n in terms])
            case Map(function, (arg,)):
                return self.apply(function, memo[arg])
            case Power(base, exponent):
                return self._power(memo[base], exponent, memo[exponent])
            case MatPow(base, exponent):
                return self._matrix_power(memo[base], self._whole(exponent, memo[exponent]))
            case Call("pinv", (arg,)) if arg.is_complex:
                return self._complex_pseudo_inverse(memo[arg])
            case Call(function, args):
                return self._call(function, [memo[a] for a in args])
        raise TypeError(f"a node without a value: {type(node).__name__}")

    # --- arithmetic ---

    def constant(self, value: Fraction | int) -> Dual:
        return {0: np.asarray(self.system.number(value), dtype=self.system.dtype)}

    def scaled(self, c: Fraction | int, x: Dual) -> Dual:
        number = self.system.number(c)
        return {k: self.system.reduce(number * p) for k, p in x.items()}

    def add(self, x: Dual, y: Dual) -> Dual:
        total = {k: self.system.reduce(p + y[k]) if k in y else p for k, p in x.items()}
        return {**y, **total}

    def subtract(self, x: Dual, y: Dual) -> Dual:
        return self.add(x, self.scaled(-1, y))

    def multiply(self, x: Dual, y: Dual) -> Dual:
        return self._bilinear(np.multiply, x, y)

    def matmul(self, x: Dual, y: Dual) -> Dual:
        return self._bilinear(np.dot, x, y)

    def _bilinear(self, f: Callable[[Array, Array], Any], x: Dual, y: Dual) -> Dual:
        """The product rule for every set of directions at once."""
        total: dict[int, Any] = {}
        for j, a in x.items():
            for k, b in y.items():
                if not j & k:
                    product = f(a, b)
                    total[j | k] = total[j | k] + product if j | k in total else product
        return {k: self.system.reduce(p) for k, p in total.items()}

    def turned(self, x: Dual) -> Dual:
        return {k: p.T for k, p in x.items()}

    def trace(self, x: Dual) -> Dual:
        return {k: self.system.reduce(np.trace(p)) for k, p in x.items()}

    def split(self, x: Dual) -> tuple[Dual, Dual, int]:
        """(a, b, e) with x = a + b e for the last direction e, which neither a nor b has."""
        bit = 1 << (max(x).bit_length() - 1)
        return {k: p for k, p in x.items() if not k & bit}, {k ^ bit: p for k, p in x.items() if k & bit}, bit

    def joined(self, low: Dual, high: Dual, bit: int) -> Dual:
        return {**low, **{k | bit: p for k, p in high.items()}}

    def reciprocal(self, x: Dual) -> Dual:
        """1/x has the parts that make the product with x one."""
        return self._inverted(self.system.reciprocal(x[0]), x, self.multiply)

    def inverse(self, x: Dual) -> Dual:
        return self._inverted(self.system.inverse(x[0]), x, self.matmul)

    def _inverted(self, first: Array, x: Dual, times: Callable[[Dual, Dual], Dual]) -> Dual:
        """y - y (x y - 1) starts from the inverse of the value and is right in one direction more at each step."""
        y: Dual = {0: first}
        rest = {k: p for k, p in x.items() if k}
        for _ in range(max(x).bit_length()):
            y = self.subtract({0: first}, times({0: first}, times(rest, y)))
        return y

    def whole_power(self, x: Dual, k: int, one: Dual, times: Callable[[Dual, Dual], Dual]) -> Dual:
        result: Dual | None = None
        while k:
            if k & 1:
                result = x if result is None else times(result, x)
            k >>= 1
            if k:
                x = times(x, x)
        return one if result is None else result

    # --- leaves, sums, powers ---

    def _leaf(self, node: Node) -> Array:
        shape = [e.evaluate(self.sizes) for e in node.shape]
        if isinstance(node, Basis):
            if not 1 <= node.index <= shape[0]:
                raise NoPoint("a unit vector that is longer than its space")
            units: Array = np.zeros(shape[0], dtype=int)
            units[node.index - 1] = 1
        elif isinstance(node, Inject):
            self._small(shape)
            start = sum(s.evaluate(self.sizes) for s in node.parts[: node.place])
            units = np.eye(shape[0], shape[1], -start, dtype=int)
        else:
            self._small(shape)
            units = np.eye(shape[0], dtype=int).reshape(shape)
        return self.system.reduce(units.astype(self.system.dtype))

    def _small(self, shape: Sequence[int]) -> None:
        if prod(shape) > MAX_ENTRIES:
            raise Inexact("too large to check")

    def _sum(self, node: Node, terms: Sequence[tuple[Any, Dual]]) -> Dual:
        if not terms:
            shape = [e.evaluate(self.sizes) for e in node.shape]
            self._small(shape)
            return {0: self.system.reduce(np.zeros(shape, dtype=int).astype(self.system.dtype))}
        total: dict[int, Any] = {}
        for c, x in terms:
            for k, part in x.items():
                total[k] = total[k] + c * part if k in total else c * part
        if self.system.ordered and len(terms) > 1:
            self._look_for_lost(terms)
        return {k: self.system.reduce(p) for k, p in total.items()}

    def _look_for_lost(self, terms: Sequence[tuple[Any, Dual]]) -> None:
        """Tell the system of the smallest term, relative to the largest: rounding may hide it."""
        for k in {k for _, x in terms for k in x}:
            sizes = [abs(c) * np.max(np.abs(x[k]), initial=0) for c, x in terms if k in x]
            sizes = [v for v in sizes if v > 0]
            if len(sizes) > 1:
                self.system.compare(min(sizes), max(sizes))

    def _whole(self, exponent: Node, value: Dual) -> int:
        if isinstance(exponent, Number) and exponent.value.denominator == 1:
            return int(exponent.value)
        if len(value) > 1:
            raise Inexact("a matrix power whose exponent varies")
        if not self.system.ordered:
            self.system.proves_equality = False  # type: ignore[attr-defined]
        return self.system.whole(value[0])

    def _power(self, x: Dual, exponent: Node, y: Dual) -> Dual:
        number = exponent.value if isinstance(exponent, Number) else None
        if number is None and ir.is_whole(exponent):
            number = Fraction(self._whole(exponent, y))
        if number is not None and number.denominator == 2:
            x, number = self.root(x), 2 * number
        if number is not None and number.denominator == 1:
            k = int(number)
            return self.whole_power(self.reciprocal(x) if k < 0 else x, abs(k), self._ones(x), self.multiply)
        return self.general_power(x, y)

    def _ones(self, x: Dual) -> Dual:
        return {0: self.system.reduce(np.ones(x[0].shape, dtype=int).astype(self.system.dtype))}

    def root(self, x: Dual) -> Dual:
        """d sqrt(x) = dx / (2 sqrt(x))."""
        if len(x) == 1:
            return {0: self.system.root(x[0])}
        low, high, bit = self.split(x)
        r = self.root(low)
        return self.joined(r, self.multiply(high, self.reciprocal(self.scaled(2, r))), bit)

    def general_power(self, x: Dual, y: Dual) -> Dual:
        """d x^y = y x^(y-1) dx + x^y log(x) dy."""
        if len(x) == 1 and len(y) == 1:
            return {0: self.system.power(x[0], y[0])}
        both = 1 << (max(max(x), max(y)).bit_length() - 1)
        xl, xh = ({k: p for k, p in x.items() if not k & both}, {k ^ both: p for k, p in x.items() if k & both})
        yl, yh = ({k: p for k, p in y.items() if not k & both}, {k ^ both: p for k, p in y.items() if k & both})
        value = self.general_power(xl, yl)
        change: Dual = {}
        if xh:
            change = self.multiply(self.multiply(yl, self.multiply(value, self.reciprocal(xl))), xh)
        if yh:
            slope = self.multiply(self.multiply(value, self.apply("log", xl)), yh)
            change = self.add(change, slope) if change else slope
        return self.joined(value, change, both)

    def _matrix_power(self, x: Dual, k: int) -> Dual:
        one = {0: self.system.reduce(np.eye(len(x[0]), dtype=int).astype(self.system.dtype))}
        return self.whole_power(self.inverse(x) if k < 0 else x, abs(k), one, self.matmul)

    # --- functions ---

    def apply(self, name: str, x: Dual) -> Dual:
        """f(a + b e) = f(a) + f'(a) b e."""
        if len(x) == 1:
            return {0: np.asarray(self.system.function(name, x[0]), dtype=self.system.dtype)}
        low, high, bit = self.split(x)
        value = self.apply(name, low)
        if self.system.ordered and name in KINKED:
            high = self._off_kinks(low[0], high)
        if name in FLAT:
            return self.joined(value, self.scaled(0, high), bit)
        if name not in SLOPES:
            raise Inexact(f"the derivative of {name} has no rule here")
        return self.joined(value, self.multiply(SLOPES[name](self, low), high), bit)

    def _off_kinks(self, x: Array, high: Dual) -> Dual:
        """A change on a kink is not a number; a nought that stays one is no kink."""
        return {k: np.where((x == 0) & (p != 0), self.system.nan, p) if np.any(x == 0) else p for k, p in high.items()}

    def _call(self, name: str, args: Sequence[Dual]) -> Dual:
        if name not in CALLS:
            raise Inexact(f"{name} has no rule here")
        return CALLS[name](self, *args)

    def _complex_pseudo_inverse(self, x: Dual) -> Dual:
        """It depends on the conjugate of x, which x alone does not tell in a field, nor along a direction."""
        if not self.system.ordered or len(x) > 1:
            raise Inexact("the pseudo-inverse of a complex matrix has a value in numbers only")
        return {0: self.system.pseudo_inverse(x[0])}

    def block_function(self, name: str, x: Dual) -> Dual:
        """f of [[X, E], [0, X]] is [[f(X), df(X)[E]], [0, f(X)]]."""
        n, count = len(x[0]), 1 << max(x).bit_length()
        zero = self.system.reduce(np.zeros((n, n), dtype=int).astype(self.system.dtype))
        rows = [[x.get(c ^ r, zero) if r & c == r else zero for c in range(count)] for r in range(count)]
        found = self.system.matrix_function(name, np.block(rows))
        return {k: found[:n, k * n : (k + 1) * n] for k in range(count)}

    # --- contraction ---

    def contract(self, factors: Sequence[tuple[Dual, Labels]], output: Labels, extents: Sequence[int]) -> Dual:
        """The product of factors on labels, summed over those not in the output."""
        left: list[tuple[Dual, Labels]] = []
        kept = held([ls for _, ls in factors], output)
        for (dual, labels), keep in zip(factors, kept, strict=True):
            if labels != keep:
                dual = {k: self.system.reduce(alone(p, labels, keep)) for k, p in dual.items()}
            left.append((dual, keep))
        for i, j, keep in plan(tuple(ls for _, ls in left), output):
            (a, la), (b, lb) = left[i], left[j]
            self._small([extents[k] for k in keep])
            left = [f for k, f in enumerate(left) if k not in (i, j)]
            self.products += prod(extents[k] for k in {*la, *lb}) * sum(not x & y for x in a for y in b)
            if self.products > MAX_PRODUCTS:
                raise Inexact("too large to check")
            how = pairing(la, lb, keep)
            left.append((self._bilinear(lambda x, y, how=how: pair(x, y, how), a, b), keep))  # type: ignore[misc]
        dual, labels = left[0] if left else (self.constant(1), ())
        if labels == output:
            return dual
        self._small([extents[k] for k in output])
        return {k: spread(p, labels, output, extents) for k, p in dual.items()}


# --- elementwise functions: their slopes ----------------------------------------------------------

FLAT = frozenset({"sign", "step", "ismax"})


def _one_plus(c: int, d: Duals, x: Dual) -> Dual:
    """1 + c x^2."""
    return d.add(d._ones(x), d.scaled(c, d.multiply(x, x)))


def _sigmoid_slope(d: Duals, x: Dual) -> Dual:
    s = d.apply("sigmoid", x)
    return d.subtract(s, d.multiply(s, s))


def _erf_slope(d: Duals, x: Dual) -> Dual:
    bell = d.apply("exp", d.scaled(-1, d.multiply(x, x)))
    pi: Dual = {0: np.asarray(d.system.constant("pi"), dtype=d.system.dtype)}
    return d.multiply(d.scaled(2, bell), d.reciprocal(d.root(pi)))


SLOPES: dict[str, Callable[[Duals, Dual], Dual]] = {
    "exp": lambda d, x: d.apply("exp", x),
    "log": lambda d, x: d.reciprocal(x),
    "abs": lambda d, x: d.apply("sign", x),
    "relu": lambda d, x: d.apply("step", x),
    "sin": lambda d, x: d.apply("cos", x),
    "cos": lambda d, x: d.scaled(-1, d.apply("sin", x)),
    "tan": lambda d, x: _one_plus(1, d, d.apply("tan", x)),
    "asin": lambda d, x: d.reciprocal(d.root(_one_plus(-1, d, x))),
    "acos": lambda d, x: d.scaled(-1, d.reciprocal(d.root(_one_plus(-1, d, x)))),
    "atan": lambda d, x: d.reciprocal(_one_plus(1, d, x)),
    "sinh": lambda d, x: d.apply("cosh", x),
    "cosh": lambda d, x: d.apply("sinh", x),
    "tanh": lambda d, x: _one_plus(-1, d, d.apply("tanh", x)),
    "sigmoid": _sigmoid_slope,
    "softplus": lambda d, x: d.apply("sigmoid", x),
    "erf": _erf_slope,
}


# --- functions that are not elementwise -----------------------------------------------------------


def _constant(name: str) -> Callable[[Duals], Dual]:
    return lambda d: {0: np.asarray(d.system.constant(name), dtype=d.system.dtype)}


def _prod(d: Duals, x: Dual) -> Dual:
    parts = [{k: np.asarray(p[i], dtype=d.system.dtype) for k, p in x.items()} for i in range(len(x[0]))]
    total = parts[0]
    for part in parts[1:]:
        total = d.multiply(total, part)
    return total


def _place_of_largest(d: Duals, x: Dual, parts: Sequence[Array]) -> int:
    """Where the largest entry is; entries that are equal and change alike are one."""
    if not d.system.ordered:
        raise Inexact("max has no meaning in a field")
    flat = list(x[0].ravel())
    place = max(range(len(flat)), key=flat.__getitem__)
    tied = [k for k, v in enumerate(flat) if k != place and abs(v - flat[place]) <= NEAR * abs(flat[place])]
    for part in parts:
        entries = part.ravel()
        if not all(abs(entries[k] - entries[place]) <= NEAR * abs(flat[place]) for k in tied):
            raise NoPoint("a tie of the largest entries")
    return place


def _max(d: Duals, x: Dual) -> Dual:
    place = _place_of_largest(d, x, [p for k, p in x.items() if k])
    return {k: np.asarray(p.ravel()[place], dtype=d.system.dtype) for k, p in x.items()}


def _ismax(d: Duals, x: Dual) -> Dual:
    place = _place_of_largest(d, x, [np.arange(x[0].size)])
    units = np.zeros(x[0].size, dtype=int)
    units[place] = 1
    return {0: d.system.reduce(units.reshape(x[0].shape).astype(d.system.dtype))}


def _exponentials(d: Duals, x: Dual) -> tuple[Dual, Dual, Any]:
    """(exp(x - c), its sum, c) with c the largest entry in float64, else nought."""
    c: Any = np.max(x[0]) if isinstance(d.system.dtype, type) and d.system.dtype is float else 0
    e = d.apply("exp", {**x, 0: x[0] - c} if c else x)
    total = {k: np.asarray(p.sum(), dtype=d.system.dtype) for k, p in e.items()}
    return e, {k: d.system.reduce(p) for k, p in total.items()}, c


def _logsumexp(d: Duals, x: Dual) -> Dual:
    _, total, c = _exponentials(d, x)
    if d.system.ordered and len(x[0]) > 1 and abs(total[0] - 1) < NEAR:
        raise NoPoint("logsumexp is saturated")
    log = d.apply("log", total)
    return {**log, 0: np.asarray(log[0] + c, dtype=d.system.dtype)} if c else log


def _softmax(d: Duals, x: Dual) -> Dual:
    e, total, _ = _exponentials(d, x)
    return d.multiply(e, d.reciprocal(total))


def _det(d: Duals, x: Dual) -> Dual:
    """d det(X) = det(X) tr(X^-1 dX)."""
    if len(x) == 1:
        return {0: d.system.determinant(x[0])}
    low, high, bit = d.split(x)
    try:
        y = d.inverse(low)
    except NoPoint:
        return _det_by_traces(d, x)
    value = _det(d, low)
    return d.joined(value, d.multiply(value, d.trace(d.matmul(y, high))), bit)


def _det_by_traces(d: Duals, x: Dual) -> Dual:
    """The determinant of a matrix that may be singular, by Faddeev and LeVerrier: no division but by numbers."""
    n = len(x[0])
    one = {0: d.system.reduce(np.eye(n, dtype=int).astype(d.system.dtype))}
    m, c = one, d.constant(1)
    for k in range(1, n + 1):
        product = d.matmul(x, m)
        c = d.scaled(Fraction(-1, k), d.trace(product))
        m = d.add(product, d.multiply(c, one))
    return d.scaled((-1) ** n, c)


def _logdet(d: Duals, x: Dual) -> Dual:
    """d log |det X| = tr(X^-1 dX)."""
    if len(x) == 1:
        value = d.system.determinant(x[0])
        size = np.asarray(np.abs(value), dtype=d.system.dtype) if d.system.ordered else value
        return d.apply("log", {0: size})
    low, high, bit = d.split(x)
    return d.joined(_logdet(d, low), d.trace(d.matmul(d.inverse(low), high)), bit)


def _pinv(d: Duals, x: Dual) -> Dual:
    """(X^T X)^-1 X^T, or X^T (X X^T)^-1, of a matrix of full rank."""
    x = {k: p for k, p in x.items() if not k or np.any(p)}
    t = d.turned(x)
    tall = x[0].shape[0] >= x[0].shape[1]
    try:
        inverse = d.inverse(d.matmul(t, x) if tall else d.matmul(x, t))
    except NoPoint:
        if len(x) > 1:
            raise
        return {0: d.system.pseudo_inverse(x[0])}
    return d.matmul(inverse, t) if tall else d.matmul(t, inverse)


def _primary(name: str) -> Callable[[Duals, Dual], Dual]:
    return lambda d, x: d.block_function(name, x)


def _gram(d: Duals, x: Dual) -> Dual:
    t = d.turned(x)
    return d.matmul(t, x) if x[0].shape[0] >= x[0].shape[1] else d.matmul(x, t)


def _normnuclear(d: Duals, x: Dual) -> Dual:
    return d.trace(d.block_function("sqrtm", _gram(d, x)))


def _polar(d: Duals, x: Dual) -> Dual:
    inner = d.inverse(d.block_function("sqrtm", _gram(d, x)))
    return d.matmul(x, inner) if x[0].shape[0] >= x[0].shape[1] else d.matmul(inner, x)


def _eigenpair(d: Duals, a: Dual, largest: bool) -> tuple[Dual, Dual]:
    """Newton's steps on A v = l v, v^T v = 1 from the pair of the value: each is right in one direction more."""
    symmetric = d.scaled(Fraction(1, 2), d.add(a, d.turned(a)))
    l0, v0 = d.system.eigen(symmetric[0], largest)
    v: Dual = {0: np.asarray(v0, dtype=d.system.dtype)}
    l: Dual = {0: np.asarray(l0, dtype=d.system.dtype)}  # noqa: E741
    if len(symmetric) == 1:
        return l, v
    n = len(v0)
    bordered = np.zeros((n + 1, n + 1), dtype=d.system.dtype)
    bordered[:n, :n] = symmetric[0] - l0 * np.eye(n, dtype=int)
    bordered[:n, n], bordered[n, :n] = -v0, v0
    inverse = np.asarray(d.system.inverse(bordered))
    for _ in range(max(symmetric).bit_length()):
        residual = d.subtract(d.matmul(symmetric, v), d.multiply(l, v))
        length = d.scaled(Fraction(1, 2), d.matmul(v, v))
        for k in (residual.keys() | length.keys()) - {0}:
            zero = np.zeros(n, dtype=d.system.dtype)
            step = inverse @ np.append(residual.get(k, zero), length.get(k, np.zeros((), dtype=d.system.dtype)))
            v[k] = v.get(k, zero) - step[:n]
            l[k] = np.asarray(l.get(k, np.zeros((), dtype=d.system.dtype)) - step[n], dtype=d.system.dtype)
    return l, v


def _eig(d: Duals, a: Dual) -> Dual:
    """All eigenvalues, where they are real and simple: Newton's steps on A v = l v with one component of v fixed."""
    if d.system.dtype is not float:
        raise Inexact("all eigenvalues at once are found in float64 only")
    values = np.asarray(d.system.matrix_function("eig", a[0]))
    if len(a) == 1:
        return {0: values}
    if len(values) > 1 and np.min(np.diff(values)) < CLOSE * np.max(np.abs(values)):
        raise NoPoint("a repeated eigenvalue")
    n = len(values)
    found = {k: np.zeros(n) for k in range(1 << max(a).bit_length())}
    for place, value in enumerate(values):
        root, v = {0: np.asarray(value)}, {0: np.linalg.svd(a[0] - value * np.eye(n))[2][-1]}
        bordered = np.zeros((n + 1, n + 1))
        bordered[:n, :n] = a[0] - value * np.eye(n)
        bordered[:n, n], bordered[n, :n] = -v[0], v[0]
        inverse = np.linalg.inv(bordered)
        for _ in range(max(a).bit_length()):
            residual = d.subtract(d.matmul(a, v), d.multiply(root, v))
            for k in residual.keys() - {0}:
                step = inverse @ np.append(residual[k], v[0] @ v.get(k, np.zeros(n)))
                v[k] = v.get(k, np.zeros(n)) - step[:n]
                root[k] = np.asarray(root.get(k, np.zeros(())) - step[n])
        for k, part in root.items():
            found[k][place] = part
    return found


def _toeplitz(d: Duals, x: Dual) -> Dual:
    n = len(x[0])
    place = np.subtract.outer(np.arange(n), np.arange(n)) + n - 1
    sums = {k: np.array([np.trace(p, -j) for j in range(1 - n, n)], dtype=d.system.dtype) for k, p in x.items()}
    return {k: d.system.reduce(p[place]) for k, p in sums.items()}


def _linear(f: Callable[[Array], Array]) -> Callable[[Duals, Dual], Dual]:
    return lambda d, x: {k: f(p) for k, p in x.items()}


CALLS: dict[str, Callable[..., Dual]] = {
    "pi": _constant("pi"),
    IMAGINARY: _constant(IMAGINARY),
    "prod": _prod,
    "max": _max,
    "ismax": _ismax,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "det": _det,
    "logdet": _logdet,
    "pinv": _pinv,
    "polar": _polar,
    "normnuclear": _normnuclear,
    "normspectral": lambda d, x: d.root(_eigenpair(d, _gram(d, x), True)[0]),
    "eigmax": lambda d, x: _eigenpair(d, x, True)[0],
    "eigmin": lambda d, x: _eigenpair(d, x, False)[0],
    "eigvecmax": lambda d, x: _eigenpair(d, x, True)[1],
    "eigvecmin": lambda d, x: _eigenpair(d, x, False)[1],
    "eig": _eig,
    "tril": _linear(np.tril),
    "triu": _linear(np.triu),
    "toeplitz": _toeplitz,
    **{name: _primary(name) for name in ("expm", "logm", "sqrtm", "sinm", "cosm")},
}
