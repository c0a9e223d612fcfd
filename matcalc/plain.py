"""Nodes as they are written: the constructors of `ir` without any folding, for the judge.

A verdict compares texts. What it evaluates must not have gone through the algebra that made the answer, so here
nothing is contracted, merged, turned or cancelled: a product stays a product of what stands in it, and a symbol
has no structure. Only numbers among themselves are computed. The functions have the names and the arguments of those
in `ir`, so that lowering works with either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from . import ir
from .functions import FUNCTIONS
from .ir import Call, Einsum, Labels, Map, MatPow, Node, Number, Power, Rational, Shape, Sum, Symbol
from .letters import IMAGINARY
from .sizes import Size

number, extent, basis, merge, topological = ir.number, ir.extent, ir.basis, ir.merge, ir.topological
MAX_FOLDED = 64  # exponents up to which a power of numbers is computed


def symbol(name: str, shape: Shape = (), attributes: frozenset[str] = frozenset()) -> Symbol:
    """A symbol; of its attributes only what kind of number its entries are."""
    return ir.symbol(name, shape, attributes & (ir.COMPLEX | {"integer"}))


def inject(parts: Sequence[Size], place: int) -> Node:
    """The matrix that puts part `place` of a split axis among the others."""
    return ir.inject(parts, place)


def _complex(nodes: Iterable[Node]) -> bool:
    return any(n.is_complex for n in nodes)


def zero(shape: Shape) -> Sum:
    return ir.zero(shape)


def ones(shape: Shape) -> Node:
    labels = tuple(range(len(shape)))
    return _einsum((), (), labels, tuple(shape)) if shape else ir.ONE


def identity(size: Size) -> Node:
    return _einsum((), (), (0, 0), (size,))


def _einsum(operands: tuple[Node, ...], labels: tuple[Labels, ...], output: Labels, extents: Shape) -> Node:
    return ir.unfolded_node(
        Einsum, (operands, labels, output, extents), tuple(extents[k] for k in output), _complex(operands),
        operands=operands, labels=labels, output=output, extents=extents,
    )  # fmt: skip


def einsum(
    factors: Iterable[tuple[Node, Labels]],
    output: Labels,
    extents: Mapping[int, Size] | None = None,
    coefficient: Rational = 1,
) -> Node:
    """The product of nodes on labels, summed over the labels that are not in `output`."""
    factors = list(factors)
    if coefficient != 1:
        factors.insert(0, (number(coefficient), ()))
    if not output and factors and all(isinstance(n, Number) for n, _ in factors):
        total: Rational = 1
        for n, _ in factors:
            total *= n.value  # type: ignore[attr-defined]
        return number(total)
    sizes = dict(extents or {})
    for node, own in factors:
        sizes.update(zip(own, node.shape, strict=True))
    names = {k: place for place, k in enumerate(dict.fromkeys([*output, *(k for _, ls in factors for k in ls)]))}
    return _einsum(
        tuple(n for n, _ in factors),
        tuple(tuple(names[k] for k in ls) for _, ls in factors),
        tuple(names[k] for k in output),
        tuple(sizes[k] for k in names),
    )


def hadamard(factors: Iterable[Node], shape: Shape) -> Node:
    """The elementwise product; scalars multiply every entry."""
    labels = tuple(range(len(shape)))
    return einsum([(f, labels if f.shape else ()) for f in factors], labels, dict(enumerate(shape)))


def chain_product(factors: Sequence[Node]) -> Node:
    """The matrix product."""
    return einsum([(f, (k, k + 1)) for k, f in enumerate(factors)], (0, len(factors)))


def transpose(node: Node, axes: Labels) -> Node:
    """Axis k of the result is axis `axes[k]` of the node."""
    return node if axes == tuple(range(node.rank)) else einsum([(node, tuple(range(node.rank)))], axes)


def turn(node: Node) -> Node:
    """The transposed matrix."""
    return transpose(node, (1, 0))


def scale(c: Rational, node: Node) -> Node:
    """The node times a number."""
    return node if c == 1 else add([(c, node)], node.shape)


def add(terms: Iterable[tuple[Rational, Node]], shape: Shape) -> Node:
    """The weighted sum of nodes of one shape."""
    terms = tuple(terms)
    if all(isinstance(n, Number) for _, n in terms) and not shape:
        return number(sum((c * n.value for c, n in terms), Fraction(0)))  # type: ignore[attr-defined]
    return ir.unfolded_node(Sum, terms, shape, _complex(n for _, n in terms), terms=terms)


def power(base: Node, exponent: Node | Rational) -> Node:
    """The elementwise power."""
    if not isinstance(exponent, Node):
        exponent = number(exponent)
    if exponent is ir.ONE:
        return base
    if isinstance(exponent, Number) and exponent.value.denominator == 1:
        times = int(exponent.value)
        if isinstance(base, Number) and base.value and -MAX_FOLDED <= times <= MAX_FOLDED:
            return number(Fraction(base.value) ** times)
        if (
            isinstance(base, Power)
            and isinstance(base.exponent, Number)
            and times % base.exponent.value.denominator == 0
        ):
            return power(base.base, base.exponent.value * times)  # a root to its own power
    shape = base.shape or exponent.shape
    return ir.unfolded_node(Power, (base, exponent), shape, _complex((base, exponent)), base=base, exponent=exponent)


def matpow(base: Node, exponent: Node | Rational) -> Node:
    """The power of a square matrix with a whole exponent."""
    if not isinstance(exponent, Node):
        exponent = number(exponent)
    return ir.unfolded_node(
        MatPow, (base, exponent), base.shape, _complex((base, exponent)), base=base, exponent=exponent
    )


def apply(function: str, args: Sequence[Node]) -> Node:
    """The elementwise function of arguments of one shape."""
    return ir.unfolded_node(Map, (function, *args), args[0].shape, _complex(args), function=function, args=tuple(args))


def call(function: str, args: Sequence[Node]) -> Node:
    """A function that is not elementwise."""
    row = FUNCTIONS.at(function, [a.rank for a in args])
    shape = row.result_shape([a.shape for a in args])
    is_complex = function == IMAGINARY or _complex(args)
    return ir.unfolded_node(Call, (function, *args), shape, is_complex, function=function, args=tuple(args))


def imaginary() -> Node:
    """The imaginary unit."""
    return call(IMAGINARY, [])


def commutation(rows: Size, columns: Size) -> Node:
    """The matrix K with vec(X^T) = K vec(X) for a matrix X of these sizes."""
    return einsum([(merge(rows, columns), (0, 2, 3)), (merge(columns, rows), (1, 3, 2))], (0, 1))


# --- complex numbers ------------------------------------------------------------------------------


def conjugate(root: Node) -> Node:
    """The conjugate: every function commutes with it, and that of a Hermitian H is H^T."""
    memo: dict[Node, Node] = {}
    for node in topological(root):
        match node:
            case Symbol(name, attributes) if "hermitian" in attributes:
                memo[node] = turn(node)
            case Symbol(name, attributes) if node.is_complex:
                memo[node] = symbol(ir.conjugate_name(name), node.shape, attributes)
            case Call(function, ()) if function == IMAGINARY:
                memo[node] = scale(-1, node)
            case _:
                memo[node] = rebuild(node, memo, {})
    return memo[root]


def is_real(node: Node) -> bool:
    """Whether the node has real values."""
    return not node.is_complex or ir.is_real(folded(node))


def is_hermitian(node: Node) -> bool:
    """Whether the matrix is the transpose of its conjugate."""
    return ir.is_hermitian(folded(node))


def folded(root: Node) -> Node:
    """The same node made by the constructors of `ir`."""
    memo: dict[Node, Node] = {}
    for node in topological(root):
        memo[node] = ir.rebuild(node, memo, {})
    return memo[root]


# --- substitution ---------------------------------------------------------------------------------


def rebuild(node: Node, memo: Mapping[Node, Node], sizes: Mapping[str, Size]) -> Node:
    """The node with its operands replaced as `memo` says, and sizes by sizes; leaves stay."""
    match node:
        case Einsum(operands, labels, output, extents):
            factors = [(memo[o], ls) for o, ls in zip(operands, labels, strict=True)]
            return einsum(factors, output, dict(enumerate(_shape(extents, sizes))))
        case Sum(terms):
            return add([(c, memo[n]) for c, n in terms], _shape(node.shape, sizes))
        case Map(function, args):
            return apply(function, [memo[a] for a in args])
        case Power(base, exponent):
            return power(memo[base], memo[exponent])
        case MatPow(base, exponent):
            return matpow(memo[base], memo[exponent])
        case Call(function, args):
            return call(function, [memo[a] for a in args])
        case _:
            return ir.rebuild(node, memo, sizes)


def _shape(shape: Shape, sizes: Mapping[str, Size]) -> Shape:
    return tuple(s.substitute(sizes) for s in shape)


def substitute(root: Node, symbols: Mapping[str, Node], sizes: Mapping[str, Size]) -> Node:
    """The node with symbols replaced by nodes of their (substituted) shapes, and sizes by sizes."""
    memo: dict[Node, Node] = {}
    for node in topological(root):
        memo[node] = _replaced(node, symbols, sizes) or rebuild(node, memo, sizes)
    return memo[root]


def _replaced(node: Node, symbols: Mapping[str, Node], sizes: Mapping[str, Size]) -> Node | None:
    """What stands for a leaf; None for a node that is made of others."""
    if isinstance(node, Symbol):
        if node.name in symbols:
            return symbols[node.name]
        bar = ir.conjugate_name(node.name)
        if ir.is_conjugate(node.name) and bar in symbols:
            return conjugate(symbols[bar])
    return None if ir.operands_of(node) or isinstance(node, Einsum | Sum) else ir.substitute(node, {}, sizes)
