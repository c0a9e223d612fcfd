"""A derivative as what it does to a direction: the differential dF = A dX B, the operator H[dX], the core of a tensor.

None of them builds the tensor: directions are contracted before anything else, and a core leaves its deltas out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from typing import Any

import numpy as np

from . import ir
from .codegen import compile_numpy, require_small
from .codegen.helpers import embed
from .declarations import Declaration
from .errors import ShapeError
from .evaluate import sizes_from
from .expanding import multiplied_out
from .indices import LETTERS as INDICES
from .ir import Einsum, Node
from .lower import Lowered, unfolded
from .sampling import Array
from .simplify import simplify
from .syntax import Equation, Name, Syntax, Where
from .traces import dotted, traced
from .writing import written

NAMES = (("f", "g", "h"), ("y", "z", "v"), ("F", "G", "H"))
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def direction_of(name: str, declarations: Mapping[str, Declaration]) -> tuple[str, Declaration]:
    """The name and the declaration of a change of a symbol: dX of X."""
    d = declarations[name]
    direction = f"d{name}"
    while direction in declarations:
        direction += "_"
    return direction, Declaration(d.kind, d.sizes, d.attributes & ir.COMPLEX)


def contracted(node: Node, rank: int, wrt: Sequence[str], declarations: Mapping[str, Declaration]) -> Node:
    """The derivative with its last `len(wrt)` variables contracted with directions; `rank` axes stay in front."""
    named = [direction_of(name, declarations) for name in wrt]
    return _along(node, rank, [ir.symbol(name, d.sizes, d.attributes) for name, d in named])


def _along(node: Node, rank: int, directions: Sequence[Node]) -> Node:
    """The axes after the first `rank` contracted with those of the directions."""
    labels = tuple(range(node.rank))
    factors: list[tuple[Node, tuple[int, ...]]] = []
    at = rank
    for direction in directions:
        factors.append((direction, labels[at : at + direction.rank]))
        at += direction.rank
    terms = multiplied_out(node) if node.rank > 2 else [(1, node)]
    shape = tuple(node.shape[k] for k in range(rank))
    return ir.add([(c, ir.einsum([(n, labels), *factors], labels[:rank])) for c, n in terms], shape)


def with_directions(lowered: Lowered, wrt: Sequence[str]) -> Lowered:
    """The input with the directions declared."""
    table = dict(lowered.declarations)
    for name in wrt:
        direction, d = direction_of(name, lowered.declarations)
        table[direction] = d
    return replace(lowered, declarations=table)


def differential_form(lowered: Lowered, node: Node, wrt: Sequence[str]) -> Syntax:
    """`dF = A dX B`; for several variables the differential of that order, `d2f = ...`."""
    rank = lowered.node.rank
    order = "d" if len(wrt) == 1 else f"d{len(wrt)}"
    gradient = _gradient_form(lowered, node, wrt) if rank == 0 and len(wrt) == 1 and node.rank else None
    if gradient is not None:
        return _equation(lowered, order, gradient, True)
    whole = contracted(node, rank, wrt, lowered.declarations)
    return _equation(lowered, order, *written(with_directions(lowered, wrt), whole, wrt))


def complex_differential(lowered: Lowered, derivatives: Sequence[Node], variable: ir.Symbol) -> Syntax:
    """`df = 2 re(z^H dz)`: of the derivatives by a complex symbol and by its conjugate."""
    direction, d = direction_of(variable.name, lowered.declarations)
    change = ir.symbol(direction, d.sizes, d.attributes)
    pairs = zip(derivatives, (change, ir.conjugate(change)), strict=True)
    root = lowered.node
    total = simplify(ir.add([(1, _along(node, root.rank, [c])) for node, c in pairs], root.shape))
    return _equation(lowered, "d", *written(with_directions(lowered, [variable.name]), total, [variable.name]))


def _equation(lowered: Lowered, order: str, body: Syntax, in_matrices: bool) -> Syntax:
    """The body with a name on its left that nothing else has, and with its free indices."""
    names = NAMES[min(lowered.node.rank, 2)]
    taken = lowered.declarations.keys()
    candidates = chain(names, (f"{names[0]}{k}" for k in count(1)))
    free = next(n for n in candidates if not {n, order + n} & taken)
    return _named(order + free, () if in_matrices else tuple(INDICES[: lowered.node.rank]), body)


def _gradient_form(lowered: Lowered, node: Node, wrt: Sequence[str]) -> Syntax | None:
    """tr(G^T dX) or g^T dx, where the gradient has a matrix form."""
    change = Name(direction_of(wrt[0], lowered.declarations)[0])
    form, in_matrices = written(lowered, ir.turn(node) if node.rank == 2 else node, wrt)
    if not in_matrices:
        return None
    return traced(form, change) if node.rank == 2 else dotted(form, change)


def _named(name: str, letters: tuple[str, ...], body: Syntax) -> Syntax:
    match body:
        case Where(inner, bindings, ranges):
            return Where(_named(name, letters, inner), bindings, ranges)
        case Equation(_, indices, inner):
            return Equation(name, indices, inner)
        case _:
            return Equation(name, letters, body)


# --- programs -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CorePart:
    """One term of a compressed tensor: an array on some of the indices, and deltas that join others to them.

    `indices` has a letter for each axis of the tensor; `axes` are those of the array. A letter that stands twice in
    `indices` is a Kronecker delta, one that is in `indices` alone is free: the tensor is the same along it.
    """

    array: Array
    axes: str
    indices: str


@dataclass(frozen=True)
class Core:
    """A tensor as the sum of its parts, of the given shape.

    >>> part = CorePart(np.array([[1.0, 2.0], [3.0, 4.0]]), "ac", "abcb")
    >>> Core((part,), (2, 3, 2, 3)).dense().shape
    (2, 3, 2, 3)
    """

    parts: tuple[CorePart, ...]
    shape: tuple[int, ...]

    @property
    def entries(self) -> int:
        """How many numbers are stored."""
        return sum(p.array.size for p in self.parts)

    @property
    def _dtype(self) -> Any:
        return np.result_type(float, *(p.array for p in self.parts))

    def dense(self) -> Array:
        """The tensor itself."""
        require_small(self.shape)
        total = np.zeros(self.shape, dtype=self._dtype)
        for p in self.parts:
            distinct = "".join(dict.fromkeys(p.indices))
            sizes = dict(zip(p.indices, self.shape, strict=True))
            spread = [np.ones(sizes[k]) for k in distinct if k not in p.axes]
            alone = [k for k in distinct if k not in p.axes]
            block = np.einsum(",".join([p.axes, *alone]) + "->" + distinct, p.array, *spread)
            total += _embedded(block, distinct, p.indices, self.shape)
        return total

    def apply(self, direction: Array) -> Array:
        """The contraction of the last axes with a direction, without the tensor."""
        direction = np.asarray(direction)
        rank = len(self.shape) - direction.ndim
        if direction.dtype.kind not in "biufc" or rank < 0 or direction.shape != self.shape[rank:]:
            raise ShapeError(f"the direction is an array of numbers whose shape ends {self.shape}")
        total = np.zeros(self.shape[:rank], dtype=np.result_type(self._dtype, direction))
        for p in self.parts:
            out, inner = p.indices[:rank], p.indices[rank:]
            distinct = "".join(dict.fromkeys(out))
            free = [k for k in distinct if k not in p.axes and k not in inner]
            sizes = dict(zip(p.indices, self.shape, strict=True))
            ones = [np.ones(sizes[k]) for k in free]
            block = np.einsum(
                ",".join([p.axes, inner, *free]) + "->" + distinct, p.array, direction, *ones, optimize=True
            )
            total += _embedded(block, distinct, out, self.shape[:rank])
        return total


def _embedded(block: Array, distinct: str, indices: str, shape: tuple[int, ...]) -> Array:
    """The block on the diagonals that repeated indices are, nought elsewhere."""
    return block if distinct == indices else embed(block, shape, f"{indices}->{distinct}")


def core_function(node: Node, declarations: Mapping[str, Declaration]) -> Callable[..., Core]:
    """A function of one array a symbol that returns the tensor as a core."""
    compiled = [_core_term(c, n) for c, n in multiplied_out(unfolded(node))]
    sizes = {n: d.sizes for n, d in declarations.items()}
    programs = [(compile_numpy(core, sizes), axes, indices) for core, axes, indices in compiled]

    def core(**symbols: Array) -> Core:
        parts = tuple(CorePart(np.asarray(f(**symbols)), axes, indices) for f, axes, indices in programs)
        known = sizes_from(sizes, {n: np.asarray(v) for n, v in symbols.items()})
        return Core(parts, tuple(s.evaluate(known) for s in node.shape))

    return core


def _core_term(c: ir.Rational, node: Node) -> tuple[Node, str, str]:
    """(the array, its letters, a letter for each axis of the term)."""
    if not isinstance(node, Einsum):
        letters = LETTERS[: node.rank]
        return ir.scale(c, node), letters, letters
    carried = {k for labels in node.labels for k in labels}
    axes = tuple(k for k in dict.fromkeys(node.output) if k in carried)
    items = list(zip(node.operands, node.labels, strict=True))
    array = ir.scale(c, ir.einsum(items, axes, dict(enumerate(node.extents))))
    return array, "".join(LETTERS[k] for k in axes), "".join(LETTERS[k] for k in node.output)
