"""The executable meaning of the intermediate representation: IR -> NumPy arrays, for verification only.

Written for clarity. It shares nothing with the generated programs but the values of the primitive functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import ir
from .errors import LimitError, MatcalcError, ShapeError, UnknownSymbolError
from .floats import as_float
from .ir import Basis, Call, Einsum, Extent, Inject, Labels, Map, MatPow, Merge, Node, Number, Power, Sum, Symbol
from .numeric import PRIMITIVES
from .sizes import Size

Array: TypeAlias = NDArray[Any]
Value: TypeAlias = Array | float
Factor: TypeAlias = tuple[Array, Labels]

MAX_ENTRIES = 10_000_000


def evaluate(root: Node, symbols: Mapping[str, Value], sizes: Mapping[str, int]) -> Array:
    """The value of a node, where symbols and the names of sizes have these values.

    >>> n = Size.of("n")
    >>> A, x = ir.symbol("A", (n, n)), ir.symbol("x", (n,))
    >>> product = ir.einsum([(A, (0, 1)), (x, (1,))], (0,))
    >>> evaluate(product, {"A": np.array([[1.0, 2.0], [3.0, 4.0]]), "x": np.array([1.0, 1.0])}, {"n": 2}).tolist()
    [3.0, 7.0]
    """
    memo: dict[Node, Array] = {}
    with np.errstate(all="ignore"):
        for node in ir.topological(root):
            shape = _dimensions(node.shape, sizes)
            memo[node] = np.asarray(_value(node, shape, memo, symbols, sizes))
    return memo[root]


def _dimensions(shape: Iterable[Size], sizes: Mapping[str, int]) -> tuple[int, ...]:
    try:
        dimensions = tuple(s.evaluate(sizes) for s in shape)
    except KeyError as error:
        raise MatcalcError(f"the size {error.args[0]} has no value") from None
    _refuse_large(dimensions)
    return dimensions


def _refuse_large(dimensions: Sequence[int]) -> None:
    if prod(dimensions) > MAX_ENTRIES:
        raise LimitError(f"an array of {prod(dimensions):,} entries; {MAX_ENTRIES:,} are the most that is evaluated")


def _value(
    node: Node,
    shape: tuple[int, ...],
    memo: Mapping[Node, Array],
    symbols: Mapping[str, Value],
    sizes: Mapping[str, int],
) -> Any:
    match node:
        case Number(value):
            return as_float(value)
        case Symbol(name):
            return _symbol(name, shape, symbols)
        case Extent(name):
            return float(sizes[name])
        case Basis(index):
            return _basis(index, shape[0])
        case Merge():
            return np.eye(shape[0]).reshape(shape)
        case Inject(parts, place):
            return np.eye(shape[0], shape[1], -sum(s.evaluate(sizes) for s in parts[:place]))
        case Einsum(operands, labels, output, extents):
            factors = [(memo[o], ls) for o, ls in zip(operands, labels, strict=True)]
            return contract(factors, output, [s.evaluate(sizes) for s in extents])
        case Sum(terms):
            return sum((as_float(c) * memo[n] for c, n in terms), np.zeros(shape))
        case Map(function, args) | Call(function, args):
            return _or_nan(PRIMITIVES[function], [memo[a] for a in args], shape)
        case Power(base, exponent):
            return np.power(memo[base], memo[exponent])
        case MatPow(base, exponent):
            return _or_nan(np.linalg.matrix_power, [memo[base], _whole(memo[exponent])], shape)
    raise TypeError(f"a node without a value: {type(node).__name__}")


def _symbol(name: str, shape: tuple[int, ...], symbols: Mapping[str, Value]) -> Array:
    if name not in symbols:
        raise UnknownSymbolError(f"'{name}' has no value")
    value = np.asarray(symbols[name])
    if value.shape != shape:
        raise ShapeError(f"'{name}' has the shape {shape}, and an array of the shape {value.shape} was given")
    return value.astype(float) if value.dtype.kind in "biu" else value


def _basis(index: int, size: int) -> Array:
    if not 1 <= index <= size:
        raise ShapeError(f"e({index}) is not a vector of {size} entries")
    vector = np.zeros(size)
    vector[index - 1] = 1.0
    return vector


def _or_nan(function: Any, args: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """The function's value; nan where the matrix has none, as a singular one has no inverse."""
    try:
        return function(*args)
    except np.linalg.LinAlgError:
        return np.full(shape, np.nan)


def _whole(exponent: Array) -> int:
    value = float(exponent)
    if not value.is_integer():
        raise MatcalcError(f"the exponent of a matrix power is a whole number, and {value} was given")
    return int(value)


# --- contraction ----------------------------------------------------------------------------------


def contract(factors: Sequence[Factor], output: Labels, extents: Sequence[int]) -> Array:
    """The product of factors on labels, summed over those not in the output; repeated ones are a diagonal.

    Labels are summed one at a time, the one that leaves the smallest array first.
    """
    distinct = tuple(dict.fromkeys(output))
    left = dict(enumerate(factors))
    on: dict[int, dict[int, None]] = {}  # for each label the factors that have it
    for place, (_, labels) in left.items():
        for k in labels:
            on.setdefault(k, {})[place] = None

    def entries(label: int) -> int:
        return prod(extents[k] for k in {k for place in on[label] for k in left[place][1]})

    sizes = {k: entries(k) for k in sorted(on.keys() - set(distinct))}
    for place in range(len(left), len(left) + len(sizes)):
        k = min(sizes, key=lambda label: (sizes[label], label))
        del sizes[k]
        bucket = [(other, left.pop(other)) for other in on.pop(k)]
        kept = tuple(dict.fromkeys(x for _, (_, labels) in bucket for x in labels if x != k))
        left[place] = _multiplied([f for _, f in bucket], kept, extents)
        for x in kept:
            for other, _ in bucket:
                on[x].pop(other, None)
            on[x][place] = None
        sizes.update((x, entries(x)) for x in kept if x in sizes)
    carried = tuple(k for k in distinct if on.get(k))
    product, _ = _multiplied(sorted(left.values(), key=lambda f: f[0].size), carried, extents)
    return _spread(product, carried, distinct, output, extents)


def _multiplied(factors: Sequence[Factor], kept: Labels, extents: Sequence[int]) -> Factor:
    """The product of factors on the labels `kept`, two at a time; nothing is summed before the last."""
    product, labels = factors[0] if factors else (np.array(1.0), ())
    for k, (array, own) in enumerate(factors[1:], 2):
        together = kept if k == len(factors) else tuple(dict.fromkeys(labels + own))
        product, labels = _pair(product, labels, array, own, together, extents), together
    if labels != kept:
        _refuse_large([extents[k] for k in kept])
        product = _einsum([(product, labels)], kept)
    return product, kept


def _pair(a: Array, on: Labels, b: Array, own: Labels, kept: Labels, extents: Sequence[int]) -> Array:
    _refuse_large([extents[k] for k in kept])
    return _einsum([(a, on), (b, own)], kept)


def _einsum(factors: Sequence[Factor], kept: Labels) -> Array:
    """np.einsum with labels numbered afresh, since it knows 52 only."""
    numbers: dict[int, int] = {}
    arguments: list[Any] = []
    for array, labels in factors:
        arguments += [array, [numbers.setdefault(k, len(numbers)) for k in labels]]
    return np.asarray(np.einsum(*arguments, [numbers[k] for k in kept]))


def _spread(product: Array, carried: Labels, distinct: Labels, output: Labels, extents: Sequence[int]) -> Array:
    """The array on `carried` labels, the same along the others of `distinct`, on the diagonals of `output`."""
    full = [extents[k] for k in distinct]
    aligned = product.reshape([extents[k] if k in carried else 1 for k in distinct])
    values = np.broadcast_to(aligned, full).copy()
    if output == distinct:
        return values
    array = np.zeros([extents[k] for k in output], dtype=values.dtype)
    grid = dict(zip(distinct, np.ogrid[tuple(slice(n) for n in full)], strict=True))
    array[tuple(grid[k] for k in output)] = values
    return array


# --- sizes ----------------------------------------------------------------------------------------


def sizes_from(declarations: Mapping[str, Sequence[Size]], symbols: Mapping[str, Value]) -> dict[str, int]:
    """The sizes that the shapes of arrays tell; those that only products of unknown sizes carry are left out.

    >>> n, p = Size.of("n"), Size.of("p")
    >>> sizes_from({"A": (n, n * p), "x": (n,)}, {"A": np.ones((2, 6)), "x": np.ones(2)})
    {'n': 2, 'p': 3}
    """
    known: dict[str, int] = {}
    equations = [
        (size, extent, name)
        for name, axes in declarations.items()
        if name in symbols
        for size, extent in _axes(name, axes, np.shape(symbols[name]))
    ]
    while True:
        ready = [e for e in equations if len(e[0].names - known.keys()) == 1]
        if not ready:
            break
        size, extent, name = ready[0]
        (unknown,) = size.names - known.keys()
        found = _solve(size, unknown, extent, known)
        if found is None:
            raise _misfit(name, declarations[name], np.shape(symbols[name]), known)
        known[unknown] = found
    for name, axes in declarations.items():
        if name in symbols and not _fits(axes, np.shape(symbols[name]), known):
            raise _misfit(name, axes, np.shape(symbols[name]), known)
    return known


def _axes(name: str, axes: Sequence[Size], shape: tuple[int, ...]) -> list[tuple[Size, int]]:
    if len(axes) != len(shape):
        raise _misfit(name, axes, shape, {})
    return list(zip(axes, shape, strict=True))


def _solve(size: Size, name: str, extent: int, known: Mapping[str, int]) -> int | None:
    """The value of `name` at which the size, which grows with it, is `extent`."""
    low, high = 0, extent
    while low < high:
        middle = (low + high) // 2
        if size.evaluate({**known, name: middle}) < extent:
            low = middle + 1
        else:
            high = middle
    return low if size.evaluate({**known, name: low}) == extent else None


def _fits(axes: Sequence[Size], shape: tuple[int, ...], known: Mapping[str, int]) -> bool:
    return len(axes) == len(shape) and all(
        not s.names <= known.keys() or s.evaluate(known) == extent for s, extent in zip(axes, shape, strict=True)
    )


def _misfit(name: str, axes: Sequence[Size], shape: tuple[int, ...], known: Mapping[str, int]) -> ShapeError:
    declared = f"({', '.join(map(repr, axes))})"
    names = sorted({n for s in axes for n in s.names if n in known})
    where = f", where {', '.join(f'{n} = {known[n]}' for n in names)}" if names else ""
    return ShapeError(f"'{name}' has the shape {declared}{where}, and an array of the shape {shape} was given")
