"""From typed syntax to Einstein-index form; definitions of functions are expanded on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Protocol, TypeAlias

from . import ir, plain
from .declarations import Declaration
from .errors import ShapeError, UnsupportedError
from .functions import FUNCTIONS, Function
from .inference import Reading, read, read_shared
from .ir import Node
from .lifting import Algebra, lift
from .parsing import Vocabulary, parse
from .shapes import CONSTANTS, Typed
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
    Sub,
    Syntax,
    Transpose,
    Where,
)  # fmt: skip

STRUCTURE = frozenset({"symmetric", "skew", "diagonal", "lower", "upper", "orthogonal", "toeplitz", "spd"})
# What a function is of complex arguments; any other text is a definition for them.
KNOWN_ON_COMPLEX = frozenset({"holomorphic", "branches", "conjugates"})
Written: TypeAlias = dict[Node, tuple[Node, ...]]


class Constructors(Algebra, Protocol):
    """What makes nodes: `ir`, which folds at birth, or `plain`, which does not."""

    def number(self, value: ir.Rational) -> Node: ...
    def symbol(self, name: str, shape: ir.Shape = ..., attributes: frozenset[str] = ...) -> Node: ...
    def extent(self, size: Size) -> Node: ...
    def basis(self, index: int, size: Size) -> Node: ...
    def merge(self, outer: Size, inner: Size) -> Node: ...
    def inject(self, parts: Sequence[Size], place: int) -> Node: ...
    def commutation(self, rows: Size, columns: Size) -> Node: ...
    def zero(self, shape: ir.Shape) -> Node: ...
    def ones(self, shape: ir.Shape) -> Node: ...
    def identity(self, size: Size) -> Node: ...
    def imaginary(self) -> Node: ...
    def transpose(self, node: Node, axes: ir.Labels) -> Node: ...
    def turn(self, node: Node) -> Node: ...
    def matpow(self, base: Node, exponent: Node | ir.Rational) -> Node: ...
    def call(self, function: str, args: Sequence[Node]) -> Node: ...
    def conjugate(self, root: Node) -> Node: ...
    def is_real(self, node: Node) -> bool: ...
    def is_hermitian(self, node: Node) -> bool: ...


@dataclass
class Lowering:
    """The state of one lowering: what symbols are, how sizes resolve, and how sums were written.

    `written` maps a primitive sum to its terms in the order of the text, which add up to it or to its negative;
    a printer that is free to choose follows it.
    """

    symbols: dict[str, Node]
    size: Callable[[Size], Size]
    source: str = ""
    domains: bool = True  # whether the domains of functions are checked
    make: Constructors = ir
    written: Written = field(default_factory=dict)
    done: dict[int, Node] = field(default_factory=dict)

    def lower(self, typed: Typed) -> Node:
        # One typed node may stand in many places of what we wrote ourselves.
        if id(typed) not in self.done:
            self.done[id(typed)] = LOWER[type(typed.node)](self, typed)
        return self.done[id(typed)]

    def note_sum(self, total: Node, terms: list[Node]) -> None:
        """Remember in which order the terms of a sum were written, for those who print canonical nodes."""
        if self.make is ir:
            note_sum(self.written, total, terms)

    def shape(self, typed: Typed) -> tuple[Size, ...]:
        return tuple(self.settled(typed, d) for d in typed.type.dims)

    def settled(self, typed: Typed, d: Size) -> Size:
        size = self.size(d)
        if any(n[0] == "?" for n in size.names):
            raise ShapeError(
                "nothing fixes the size of this: write I_n, ones(n) or e(k,n), or declare a symbol",
                self.source,
                typed.node.span[0],
            )
        return size


def _as_axes(low: Lowering, typed: Typed) -> Node:
    return low.lower(typed.parts[0])


def _num(low: Lowering, typed: Typed) -> Node:
    if typed.choice == "broadcast":
        return low.make.scale(_value(low.lower(typed.parts[0])), low.make.ones(low.shape(typed)))
    return low.make.number(typed.node.value)  # type: ignore[attr-defined]


def _spread(low: Lowering, typed: Typed) -> Node:
    """A component, the same at every value of the indices that it does not have."""
    (part,) = typed.parts
    number = {k: place for place, k in enumerate(typed.type.index)}
    extents = dict(enumerate(low.shape(typed)))
    return low.make.einsum([(low.lower(part), tuple(number[k] for k in part.type.index))], tuple(extents), extents)


def _value(node: Node) -> ir.Rational:
    if isinstance(node, ir.Number):
        return node.value
    raise UnsupportedError("only a rational number may be added to every entry")


def _name(low: Lowering, typed: Typed) -> Node:
    name = typed.node.name  # type: ignore[attr-defined]
    if typed.choice == "size":
        return low.make.extent(Size.of(name))
    if typed.choice == "constant":
        return low.make.call(name, [])
    return low.symbols[name]


def _identity(low: Lowering, typed: Typed) -> Node:
    return low.make.identity(low.shape(typed)[0])


def _neg(low: Lowering, typed: Typed) -> Node:
    return low.make.scale(-1, low.lower(typed.parts[0]))


def _add(low: Lowering, typed: Typed) -> Node:
    terms = [low.lower(p) for p in typed.parts]
    shape = low.shape(typed)
    total = low.make.add([(1, t) for t in terms], shape)
    low.note_sum(total, terms)
    return total


def note_sum(written: Written, total: Node, terms: list[Node]) -> None:
    """Remember in which order the terms of a sum were written."""
    if not isinstance(total, ir.Sum) or len(total.terms) < 2:
        return
    c, part = ir.primitive(total)
    written.setdefault(part, tuple(ir.scale(1 / Fraction(ir.magnitude(c)), t) for t in terms))


def _mul(low: Lowering, typed: Typed) -> Node:
    nodes = [low.lower(p) for p in typed.parts]
    if typed.choice == "indexed":
        return _indexed(low, typed, nodes)
    if typed.choice == "elementwise":
        return low.make.hadamard(nodes, low.shape(typed))
    labels, output = typed.choice
    return low.make.einsum(list(zip(nodes, labels, strict=True)), output)


def _indexed(low: Lowering, typed: Typed, nodes: list[Node]) -> Node:
    letters = sorted({k for p in typed.parts for k in p.type.index})
    number = {k: place for place, k in enumerate(letters)}
    factors = [(n, tuple(number[k] for k in p.type.index)) for n, p in zip(nodes, typed.parts, strict=True)]
    return low.make.einsum(factors, tuple(number[k] for k in typed.type.index))


def _div(low: Lowering, typed: Typed) -> Node:
    numerator, denominator = (low.lower(p) for p in typed.parts)
    inverse = low.make.power(denominator, -1)
    if typed.choice == "indexed":
        return _indexed(low, typed, [numerator, inverse])
    if typed.choice == "elementwise":
        return low.make.hadamard([numerator, inverse], low.shape(typed))
    labels = tuple(range(numerator.rank))
    return low.make.einsum([(numerator, labels), (inverse, ())], labels)


def _pow(low: Lowering, typed: Typed) -> Node:
    base, exponent = (low.lower(p) for p in typed.parts)
    if typed.choice == "indexed":
        if typed.parts[1].type.index:
            raise UnsupportedError("an exponent with a free index", low.source, typed.parts[1].node.span[0])
        return low.make.power(base, exponent)
    if typed.choice == "elementwise":
        return low.make.apply("exp", [low.make.hadamard([exponent, low.make.apply("log", [base])], low.shape(typed))])
    if typed.type.rank == 2 and isinstance(typed.node, Pow):
        return low.make.matpow(base, exponent)
    return low.make.power(base, exponent)


def _transpose(low: Lowering, typed: Typed) -> Node:
    node = low.lower(typed.parts[0])
    return low.make.turn(node) if typed.type.rank == 2 else node


def _sub(low: Lowering, typed: Typed) -> Node:
    if typed.choice == "indexed":
        node = low.lower(typed.parts[0])
        return _indexed(low, typed, [node])
    base = low.lower(typed.parts[0])
    indices = typed.node.indices  # type: ignore[attr-defined]
    fixed = [(low.make.basis(k, base.shape[axis]), (axis,)) for axis, k in enumerate(indices) if isinstance(k, int)]
    if not fixed:
        return base
    labels = tuple(range(base.rank))
    return low.make.einsum([(base, labels), *fixed], tuple(a for a, k in enumerate(indices) if not isinstance(k, int)))


def _big_sum(low: Lowering, typed: Typed) -> Node:
    body = typed.parts[0]
    node = low.lower(body)
    number = {k: place for place, k in enumerate(body.type.index)}
    return low.make.einsum([(node, tuple(range(node.rank)))], tuple(number[k] for k in typed.type.index))


def _blocks(low: Lowering, typed: Typed) -> Node:
    """Each block between the matrices that put it in its place."""
    heights, widths = ([low.settled(typed, s) for s in sizes] for sizes in typed.choice)
    terms = []
    for place, part in enumerate(typed.parts):
        node = low.lower(part)
        if ir.is_zero(node):
            continue
        i, j = divmod(place, len(widths))
        own = {0: (), 1: (3,) if part.type.row else (2,), 2: (2, 3)}[part.type.rank]
        factors = [(node, own), (low.make.inject(heights, i), (0, 2)), (low.make.inject(widths, j), (1, 3))]
        stacked = len(typed.type.dims) == 1
        terms.append(low.make.einsum(factors[:2] if stacked else factors, (0,) if stacked else (0, 1)))
    total = low.make.add([(1, t) for t in terms], low.shape(typed))
    low.note_sum(total, terms)
    return total


def _listed(low: Lowering, typed: Typed) -> Node:
    """The entries times unit vectors."""
    if typed.choice is not None:
        return _blocks(low, typed)
    shape = low.shape(typed)
    axes = tuple(range(len(shape)))
    places = product(*(range(1, (size.number or 0) + 1) for size in shape))
    terms = []
    for place, part in zip(places, typed.parts, strict=True):
        units = [(low.make.basis(k, size), (axis,)) for axis, k, size in zip(axes, place, shape, strict=True)]
        terms.append(low.make.einsum([(low.lower(part), ()), *units], axes))
    total = low.make.add([(1, t) for t in terms], shape)
    low.note_sum(total, terms)
    return total


def _equation(low: Lowering, typed: Typed) -> Node:
    body = typed.parts[0]
    node = low.lower(body)
    if not body.type.index:
        return node
    number = {k: place for place, k in enumerate(body.type.index)}
    return low.make.transpose(node, tuple(number[k] for k in typed.node.indices))  # type: ignore[attr-defined]


def _where(low: Lowering, typed: Typed) -> Node:
    saved, low.symbols = low.symbols, dict(low.symbols)
    for name, part in typed.choice:
        low.symbols[name] = low.lower(part)
    node = low.lower(typed.parts[0])
    low.symbols = saved
    return node


def _call(low: Lowering, typed: Typed) -> Node:
    special = SPECIAL.get(typed.node.function) if isinstance(typed.node, Call) else None
    if special is not None:
        return special(low, typed)
    args = [low.lower(p) for p in typed.parts]
    row = typed.choice
    if low.domains and row.fields.get("domain") == "symmetric" and not (args[0].swap == 1 or args[0].is_complex):
        raise UnsupportedError(
            f"{row.name}(A) is known for symmetric matrices: declare A symmetric", low.source, typed.node.span[0]
        )
    if low.domains and row.fields.get("domain") == "symmetric":
        _require_distinct(row, args[0])
    return apply_function(row, args, low.make)


def _require_distinct(row: Function, arg: Node) -> None:
    """Where all eigenvalues are equal, there is no eigenvector of the largest, and at nought no gradient."""
    if ir.is_zero(arg) or (row.result.sizes and ir.is_multiple_of_identity(arg)):
        what = "a matrix that is nought" if ir.is_zero(arg) else "a multiple of the identity"
        raise UnsupportedError(f"{row.name}(A) of {what}: its eigenvalues are equal, and have no derivative")


def apply_function(row: Function, args: list[Node], make: Constructors = ir) -> Node:
    """The function of nodes: its definition where it has one, else a call; as it is written, without names of users."""
    if any(a.is_complex for a in args):
        return _on_complex(row, args, make)
    if row.definition is not None and (make is plain or not row.named):
        return expand(row, row.definition, args, make)
    return _called(row, args, make)


def _called(row: Function, args: list[Node], make: Constructors) -> Node:
    return make.apply(row.name, args) if row.elementwise else make.call(row.name, args)


def _on_complex(row: Function, args: list[Node], make: Constructors) -> Node:
    """The function of complex arguments, as its row tells; a function that a user defined stands for its definition."""
    if row.definition is not None:
        return expand(row, row.definition, args, make)
    if row.on_complex in KNOWN_ON_COMPLEX:
        return _called(row, args, make)
    if not row.on_complex:
        raise UnsupportedError(f"{row.name} is known for real arguments only, and a complex symbol is in this one")
    kinds = [_complex_kind(a, make) for a in args]
    if all(k == "" or (k == "hermitian" and not row.elementwise) for k in kinds):
        return _called(row, args, make)
    return expand(row, row.on_complex, args, make)


def _complex_kind(node: Node, make: Constructors) -> str:
    """What must be declared of a symbol that stands for the node: `hermitian`, `complex`, or nothing of a real one."""
    if make.is_real(node):
        return ""
    return "hermitian" if make.is_hermitian(node) else "complex"


def _adjoint(low: Lowering, typed: Typed) -> Node:
    node = _conjugated(low, typed)
    return low.make.turn(node) if typed.type.rank == 2 else node


def _conjugated(low: Lowering, typed: Typed) -> Node:
    node = low.lower(typed.parts[0])
    if low.domains and any(
        isinstance(n, ir.Call) and n.function == "eig" and n.args[0].swap != 1 for n in ir.topological(node)
    ):
        message = "the conjugate of eigenvalues that need not be real"
        raise UnsupportedError(message, low.source, typed.node.span[0])
    return low.make.conjugate(node)


def _real_part(low: Lowering, typed: Typed) -> Node:
    node = low.lower(typed.parts[0])
    return low.make.add([(Fraction(1, 2), node), (Fraction(1, 2), _conjugated(low, typed))], node.shape)


def _imaginary_part(low: Lowering, typed: Typed) -> Node:
    node = low.lower(typed.parts[0])
    turned, plain = (low.make.hadamard([low.make.imaginary(), n], node.shape) for n in (_conjugated(low, typed), node))
    return low.make.add([(Fraction(1, 2), turned), (Fraction(-1, 2), plain)], node.shape)


def _constant(low: Lowering, typed: Typed) -> Node:
    shape = low.shape(typed)
    return low.make.zero(shape) if typed.choice == "zeros" else low.make.ones(shape)


def _unit(low: Lowering, typed: Typed) -> Node:
    return low.make.basis(typed.choice, low.shape(typed)[0])


def _vec(low: Lowering, typed: Typed) -> Node:
    """Columns below one another: entry a = j n + i is A_ij."""
    node = low.lower(typed.parts[0])
    if node.rank == 1:
        return node
    rows, columns = (low.settled(typed, d) for d in node.shape)
    return low.make.einsum([(node, (0, 1)), (low.make.merge(columns, rows), (2, 1, 0))], (2,))


def _kron(low: Lowering, typed: Typed) -> Node:
    a, b = (low.lower(p) for p in typed.parts)
    factors: list[tuple[Node, tuple[int, ...]]] = []
    axes = [_two_axes(p, 10 * k) for k, p in enumerate(typed.parts)]
    for node, labels in zip((a, b), axes, strict=True):
        factors.append((node, tuple(x for x in labels if x is not None)))
    output = []
    for side in (0, 1):
        left, right = axes[0][side], axes[1][side]
        if left is not None and right is not None:
            sizes = [
                n.shape[[x for x in ls if x is not None].index(x0)]
                for n, ls, x0 in ((a, axes[0], left), (b, axes[1], right))
            ]
            factors.append((low.make.merge(*sizes), (30 + side, left, right)))
            output.append(30 + side)
        elif left is not None or right is not None:
            output.append(left if left is not None else right)  # type: ignore[arg-type]
    return low.make.einsum(factors, tuple(output))


def _two_axes(part: Typed, first: int) -> tuple[int | None, int | None]:
    """Labels of the rows and the columns; a vector lacks one of them."""
    if part.type.rank == 2:
        return first, first + 1
    if part.type.rank == 1:
        return (None, first) if part.type.row else (first, None)
    return None, None


def _merge(low: Lowering, typed: Typed) -> Node:
    _, outer, inner = low.shape(typed)
    return low.make.merge(outer, inner)


def _commutation(low: Lowering, typed: Typed) -> Node:
    """K with vec(X^T) = K vec(X) for a matrix X of n rows and m columns."""
    n, m = (low.settled(typed, size) for size in typed.choice)
    return low.make.commutation(n, m)


SPECIAL: dict[str, Callable[[Lowering, Typed], Node]] = {
    "conj": _conjugated,
    "re": _real_part,
    "im": _imaginary_part,
    "merge": _merge,
    "commutation": _commutation,
    "ones": _constant,
    "zeros": _constant,
    "ones_like_vector": _constant,
    "ones_like_matrix": _constant,
    "e": _unit,
    "vec": _vec,
    "kron": _kron,
}


def _dispatch(handler: Callable[[Lowering, Typed], Node]) -> Callable[[Lowering, Typed], Node]:
    """Choices that any node may carry come first; what has no value is refused with its place."""

    def lower(low: Lowering, typed: Typed) -> Node:
        if isinstance(typed.choice, str):
            if typed.choice == "axes":
                return _as_axes(low, typed)
            if typed.choice == "broadcast":
                return _num(low, typed)
            if typed.choice == "spread":
                return _spread(low, typed)
        try:
            return handler(low, typed)
        except UnsupportedError as error:
            if error.position is not None or not low.source:
                raise
            raise UnsupportedError(error.message, low.source, typed.node.span[0]) from None

    return lower


LOWER: dict[type, Callable[[Lowering, Typed], Node]] = {
    kind: _dispatch(handler)
    for kind, handler in {
        Num: _num, Name: _name, Identity: _identity, Neg: _neg, Add: _add, Mul: _mul, Hadamard: _mul,
        HadamardDiv: _div, HadamardPow: _pow, Div: _div, Pow: _pow, Transpose: _transpose, Adjoint: _adjoint,
        Bars: _call, Norm: _call, Sub: _sub, BigSum: _big_sum, Equation: _equation, Where: _where, Call: _call,
        Listed: _listed,
    }.items()
}  # fmt: skip


# --- whole expressions ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lowered:
    """An expression in both forms, with all declarations, those assumed among them."""

    source: str
    syntax: Syntax
    reading: Reading
    node: Node
    declarations: Mapping[str, Declaration]
    written: Written

    @property
    def is_row(self) -> bool:
        return self.reading.typed.type.row


def symbol_of(name: str, d: Declaration) -> Node:
    return ir.symbol(name, d.sizes, d.attributes)


def without_structure(lowered: Lowered, names: Iterable[str]) -> Node:
    """The expression with the entries of some matrices independent: what differs from its value on matrices that
    are symmetric, orthogonal and so on is what a derivative by their entries must see."""
    return _with_free(lowered, names).lower(lowered.reading.typed)


def plain_node(lowered: Lowered) -> Node:
    """The expression as it was read, without any folding: what a verdict evaluates."""
    symbols: dict[str, Node] = {n: plain.symbol(n, d.sizes, d.attributes) for n, d in lowered.declarations.items()}
    low = Lowering(symbols, lowered.reading.size, lowered.source, domains=False, make=plain)
    return low.lower(lowered.reading.typed)


def _with_free(lowered: Lowered, names: Iterable[str]) -> Lowering:
    symbols = {n: symbol_of(n, d) for n, d in lowered.declarations.items()}
    for n in names:
        symbols[n] = free_symbol(n, lowered.declarations[n])
    return Lowering(symbols, lowered.reading.size, lowered.source, domains=False)


def as_typed(lowered: Lowered, names: Iterable[str]) -> dict[Node, Syntax]:
    """What the parts of the input are, each with the way it was written; `names` are symbols without structure.

    Under a `where` nothing is told: its names mean nothing elsewhere.
    """
    low = _with_free(lowered, names)
    found: dict[Node, Syntax] = {}
    stack = [lowered.reading.typed]
    while stack:
        typed = stack.pop()
        if isinstance(typed.node, Where):
            continue
        stack += typed.parts
        if not (typed.type.index or typed.type.row or isinstance(typed.choice, str)):
            found[low.lower(typed)] = typed.node  # of several ways the innermost, the shortest
    return found


def free_symbol(name: str, d: Declaration) -> ir.Symbol:
    """The symbol without the attributes that tie its entries to one another."""
    return ir.symbol(name, d.sizes, d.attributes - STRUCTURE)


def lower_syntax(source: str, syntax: Syntax, table: Mapping[str, Declaration], sizes: frozenset[str]) -> Lowered:
    """Type and lower an expression that has been parsed."""
    reading = read(source, syntax, table, sizes)
    declarations = {**table, **reading.assumed}
    low = Lowering({n: symbol_of(n, d) for n, d in declarations.items()}, reading.size, source)
    return Lowered(source, syntax, reading, low.lower(reading.typed), declarations, low.written)


def size_names(table: Mapping[str, Declaration]) -> frozenset[str]:
    return frozenset(n for d in table.values() for s in d.sizes for n in s.names) - table.keys()


def has_complex(table: Mapping[str, Declaration]) -> bool:
    """Whether a symbol is declared complex."""
    return any(d.attributes & ir.COMPLEX for d in table.values())


def lower_shared(syntax: Syntax, table: Mapping[str, Declaration]) -> Lowered:
    """Lower syntax that we made ourselves, in which one object may stand in many places."""
    reading = read_shared(syntax, table)
    low = Lowering({n: symbol_of(n, d) for n, d in table.items()}, reading.size)
    return Lowered("", syntax, reading, low.lower(reading.typed), table, low.written)


def lower_text(source: str, table: Mapping[str, Declaration], open_names: bool) -> Lowered:
    """Parse, type and lower a text; with `open_names` it may use names that are not declared."""
    return lower_parsed(source, table, frozenset(), open_names)


def lower_parsed(source: str, table: Mapping[str, Declaration], known: frozenset[str], open_names: bool) -> Lowered:
    """The same; the names in `known` are inferred where they are not declared, even if others may not be."""
    sizes = size_names(table)
    vocabulary = Vocabulary(
        symbols=frozenset(table) | (known - sizes),
        sizes=sizes,
        functions=FUNCTIONS.spellings,
        open=open_names,
        constants=CONSTANTS,
        complex=has_complex(table),
    )
    return lower_syntax(source, parse(source, vocabulary), table, sizes)


# --- formulas of the library ------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def template(
    row: Function,
    text: str,
    ranks: tuple[int, ...],
    differential: str | None = None,
    complex_as: tuple[str, ...] = (),
    folded: bool = True,
) -> Node:
    """A formula of a row in its formal parameters, of the given ranks; with dX if that is a parameter's name.

    `complex_as` says which of them are complex or Hermitian.
    """
    table: dict[str, Declaration] = {}
    for p, rank, what in zip(row.parameters, ranks, complex_as or ("",) * len(ranks), strict=True):
        sizes = p.sizes if p.kind != "any" else tuple(Size.of(f"d{k}") for k in range(rank))
        kind = ("scalar", "vector", "matrix", "tensor")[min(rank, 3)]
        known = {"symmetric"} if "domain" in row.fields else {what} - {""}
        table[p.name] = Declaration(kind, sizes, frozenset(known))
        if p.name == differential:
            table["d" + p.name] = Declaration(kind, sizes, frozenset())
    lowered = lower_text(text, table, open_names=False)
    if not folded:
        return plain_node(lowered)
    # What stands for a parameter may be a matrix whose entries vary one by one.
    return without_structure(lowered, [p.name for p in row.parameters]) if "domain" in row.fields else lowered.node


def formal(row: Function, args: list[Node]) -> tuple[dict[str, Node], dict[str, Size]]:
    """Parameters and formal sizes of a row, bound to actual arguments."""
    sizes: dict[str, Size] = {}
    for p, a in zip(row.parameters, args, strict=True):
        names = p.sizes if p.kind != "any" else tuple(Size.of(f"d{k}") for k in range(a.rank))
        sizes.update({s.name: d for s, d in zip(names, a.shape, strict=True) if s.name is not None})
    return {p.name: a for p, a in zip(row.parameters, args, strict=True)}, sizes


def expand(row: Function, text: str, args: list[Node], make: Constructors = ir) -> Node:
    """A formula of a row at actual arguments; of an elementwise row, at every entry."""
    what = tuple(_complex_kind(a, make) for a in args)
    folded = make is ir
    if row.elementwise:
        entry = ("complex" if what[0] else "",)
        body = template(row, text, (0,), complex_as=entry, folded=folded)
        return lift(body, {row.parameters[0].name: args[0]}, args[0].shape, make)
    symbols, sizes = formal(row, args)
    ranks = tuple(a.rank for a in args)
    return make.substitute(template(row, text, ranks, complex_as=what, folded=folded), symbols, sizes)


def unfolded(root: Node) -> Node:
    """The node with the functions that a user defined replaced by their definitions."""
    if not FUNCTIONS.has_named:
        return root
    memo: dict[Node, Node] = {}
    for node in ir.topological(root):
        memo[node] = ir.rebuild(node, memo, {}) if any(memo[n] is not n for n in ir.operands_of(node)) else node
        if isinstance(node, ir.Map | ir.Call):
            row = FUNCTIONS[node.function]
            if row.named and row.definition is not None:
                memo[node] = expand(row, row.definition, [memo[a] for a in node.args])
    return memo[root]


def differential(row: Function, place: int, args: list[Node], direction: Node) -> Node:
    """The differential of a row by its argument at `place`, in the given direction."""
    assert row.differential is not None
    name = row.parameters[place].name
    symbols, sizes = formal(row, args)
    symbols["d" + name] = direction
    body = template(row, row.differential, tuple(a.rank for a in args), name)
    return ir.substitute(body, symbols, sizes)
