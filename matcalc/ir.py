"""The intermediate representation: Einstein-index form, hash-consed and canonical at birth.

Invariants, which every constructor keeps:

- Nodes are immutable and interned: equal nodes are one object, so equality is `is`.
- Axes are ordered and have sizes. Labels are small integers that live inside one `Einsum`; those of the
  output come first, in the order of the output, then the summed ones in canonical order. A label that
  stands twice in the output is a diagonal; a label of the output that no operand carries is broadcast. So
  the identity is the `Einsum` of nothing with output (0, 0), a vector of ones that with output (0,), and
  Kronecker deltas are contracted by the union of labels: no node stands for either.
- An `Einsum` holds no number, no `Einsum` with axes (but for long products, which stay shared), no two
  operands that could merge into one power, and no summed label without an operand. A scalar factor that is
  itself a contraction is an operand of its own, so that powers of it stay powers.
- A `Sum` is flat, its terms are distinct and in canonical order; turned, it is the sum of the turned terms.
  As an operand it is primitive (its content and sign have moved out) and, where it is a matrix, stands in its
  canonical orientation. Products are never multiplied out over sums.
- A node of two axes knows whether turning them leaves it as it is (`swap` is 1), changes its sign (-1), or
  neither (0). Where it is 1 or -1, the labels of an operand stand in rising order.
- Conjugates stand at the leaves: conj(Z) of a complex Z is a symbol of its own, by the name `conj(Z)`, so that a
  derivative by Z holds it fixed, as Wirtinger's does. That of a Hermitian H is H^T. A node knows whether it
  `is_complex`.

Canonical order is by `digest`, a number that depends on structure alone: the same in every process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from math import gcd, isqrt, lcm
from threading import Lock
from typing import Any, TypeAlias, TypeVar
from weakref import WeakValueDictionary, ref

from .errors import LimitError, UnsupportedError
from .functions import FUNCTIONS
from .labelling import Labelling
from .labelling import Labels as Labels
from .letters import IMAGINARY
from .sizes import Size

Rational: TypeAlias = int | Fraction
Shape: TypeAlias = tuple[Size, ...]

MAX_OPERANDS = 2_000
MAX_INLINE = 16
MAX_BITS = 4_096
MAX_RANK = 8
SYMMETRIC = frozenset({"symmetric", "spd", "diagonal"})

COMPLEX = frozenset({"complex", "hermitian"})
CONJUGATE = "conj(", ")"

_table: WeakValueDictionary[tuple[Any, ...], Node] = WeakValueDictionary()
RECENT = 2_000
_recent: deque[Node] = deque(maxlen=RECENT)  # turned nodes, which only a weak reference of the other holds
_missing = Lock()  # `setdefault` of such a table is several steps, between which another thread may put its node


class Node:
    """Base of all nodes."""

    __slots__ = ("__weakref__", "_key", "_swap", "_turned", "digest", "is_complex", "shape")
    _key: tuple[Any, ...]
    shape: Shape
    digest: int
    is_complex: bool  # whether a complex symbol or the imaginary unit is in it
    _swap: int | None
    _turned: ref[Node] | None

    @property
    def rank(self) -> int:
        return len(self.shape)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy, of this process or another, is the one node of its key there."""
        fields = {name: getattr(self, name) for name in type(self).__match_args__}  # type: ignore[attr-defined]
        return _made, (self._key, self.shape, self.digest, self._swap, self.is_complex, fields)

    @property
    def swap(self) -> int:
        """1 where the node is symmetric in its two axes, -1 where it is skew, else 0."""
        if self._swap is None:
            self._swap = _swap_of(self)
        return self._swap

    def __repr__(self) -> str:
        return f"{type(self).__name__}{tuple(getattr(self, f) for f in self.__match_args__)}"  # type: ignore[attr-defined]


class Number(Node):
    __slots__ = ("value",)
    __match_args__ = ("value",)
    value: Rational


class Symbol(Node):
    """A variable; `attributes` are what was declared of it."""

    __slots__ = ("attributes", "name")
    __match_args__ = ("name", "attributes")
    name: str
    attributes: frozenset[str]


class Extent(Node):
    """The name of a size as a scalar."""

    __slots__ = ("name",)
    __match_args__ = ("name",)
    name: str


class Basis(Node):
    """The unit vector e(k): one at position `index`, counted from 1."""

    __slots__ = ("index",)
    __match_args__ = ("index",)
    index: int


class Merge(Node):
    """The order-3 tensor that merges two axes into one: 1 where a = i p + j, for axes (a, i, j) and j < p."""

    __slots__ = ()
    __match_args__ = ("shape",)


class Inject(Node):
    """The columns of an identity that belong to one part of an axis that is split: it puts a block in its place."""

    __slots__ = ("parts", "place")
    __match_args__ = ("parts", "place")
    parts: Shape
    place: int


class Einsum(Node):
    """The product of operands, summed over all labels that are not in the output."""

    __slots__ = ("extents", "labels", "operands", "output")
    __match_args__ = ("operands", "labels", "output", "extents")
    operands: tuple[Node, ...]
    labels: tuple[Labels, ...]
    output: Labels
    extents: Shape


class Sum(Node):
    """A weighted sum; without terms it is zero."""

    __slots__ = ("terms",)
    __match_args__ = ("terms",)
    terms: tuple[tuple[Rational, Node], ...]


class Map(Node):
    """An elementwise function of arguments that have one shape."""

    __slots__ = ("args", "function")
    __match_args__ = ("function", "args")
    function: str
    args: tuple[Node, ...]


class Power(Node):
    """The elementwise power; the exponent is a scalar node that is not an integer 0 or 1."""

    __slots__ = ("base", "exponent")
    __match_args__ = ("base", "exponent")
    base: Node
    exponent: Node


class MatPow(Node):
    """The matrix power of a square matrix; -1 is the inverse."""

    __slots__ = ("base", "exponent")
    __match_args__ = ("base", "exponent")
    base: Node
    exponent: Node


class Call(Node):
    """A function that is not elementwise, such as a determinant or the matrix exponential."""

    __slots__ = ("args", "function")
    __match_args__ = ("function", "args")
    function: str
    args: tuple[Node, ...]


N = TypeVar("N", bound=Node)


@lru_cache(maxsize=4096)
def _text_digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "backslashreplace"), digest_size=7).digest(), "big")


def _rational_digest(c: Rational) -> tuple[int, int]:
    # hash(-1) == hash(-2) in Python, so signs are folded away first.
    n = c.numerator
    return (2 * n if n >= 0 else -2 * n - 1, c.denominator)


def _intern(
    cls: type[N],
    key: tuple[Any, ...],
    shape: Shape,
    digest: tuple[Any, ...],
    swap: int | None,
    is_complex: bool = False,
    **fields: Any,
) -> N:
    full = (cls, shape, *key)
    found = _table.get(full)
    if found is not None:
        return found  # type: ignore[return-value]
    digested = hash((_text_digest(cls.__name__), *digest))
    return _made(full, shape, digested, swap if len(shape) == 2 else 0, is_complex, fields)  # type: ignore[return-value]


def _made(
    key: tuple[Any, ...], shape: Shape, digest: int, swap: int | None, is_complex: bool, fields: Mapping[str, Any]
) -> Node:
    """The one node of a key."""
    node: Node = object.__new__(key[0])
    node._key = key
    node.shape = shape
    node.digest = digest
    node._swap = swap
    node._turned = None
    node.is_complex = is_complex
    for name, value in fields.items():
        setattr(node, name, value)
    with _missing:
        return _table.setdefault(key, node)


def unfolded_node(cls: type[N], key: tuple[Any, ...], shape: Shape, is_complex: bool, **fields: Any) -> N:
    """A node as it is, beside the canonical ones: none of the invariants above is kept, and nothing is equal to it
    but what is made in the same way."""
    return _intern(cls, ("unfolded", *key), shape, (0,), 0, is_complex, **fields)


def _any_complex(nodes: Iterable[Node]) -> bool:
    return any(n.is_complex for n in nodes)


def _shape_digest(shape: Shape) -> int:
    return _text_digest(",".join(map(repr, shape)))


# --- leaves ---------------------------------------------------------------------------------------


def magnitude(c: Rational) -> Rational:
    """|c|."""
    return -c if c < 0 else c


def number(value: Rational) -> Number:
    if isinstance(value, Fraction) and value.denominator == 1:
        value = value.numerator
    if value.numerator.bit_length() + value.denominator.bit_length() > MAX_BITS:
        raise LimitError(f"a number in the answer has more than {MAX_BITS} bits")
    return _intern(Number, (value,), (), _rational_digest(value), 0, value=value)


def symbol(name: str, shape: Shape = (), attributes: frozenset[str] = frozenset()) -> Symbol:
    swap = 1 if attributes & SYMMETRIC else -1 if "skew" in attributes else 0
    if len(shape) == 2 and shape[0] is not shape[1]:
        swap = 0
    digest = (_text_digest(name), _shape_digest(shape), _text_digest(",".join(sorted(attributes))))
    is_complex = bool(attributes & COMPLEX)
    return _intern(Symbol, (name, attributes), shape, digest, swap, is_complex, name=name, attributes=attributes)


def basis(index: int, size: Size) -> Basis:
    return _intern(Basis, (index,), (size,), (index, _shape_digest((size,))), 0, index=index)


def merge(outer: Size, inner: Size) -> Merge:
    shape = (outer * inner, outer, inner)
    return _intern(Merge, (), shape, (_shape_digest(shape),), 0)


def inject(parts: Sequence[Size], place: int) -> Node:
    """The matrix that puts part `place` of a split axis among the others; the identity where there is one part."""
    parts = tuple(parts)
    if len(parts) == 1:
        return identity(parts[0])
    total = parts[0]
    for size in parts[1:]:
        total = total + size
    shape = (total, parts[place])
    return _intern(Inject, (parts, place), shape, (_shape_digest(parts), place), 0, parts=parts, place=place)


def commutation(rows: Size, columns: Size) -> Node:
    """The matrix K with vec(X^T) = K vec(X) for a matrix X of these sizes."""
    return einsum([(merge(rows, columns), (0, 2, 3)), (merge(columns, rows), (1, 3, 2))], (0, 1))


def extent(size: Size) -> Node:
    """The size as a scalar."""
    terms = []
    for monomial, c in size.terms:
        names = [_intern(Extent, (n,), (), (_text_digest(n),), 0, name=n) for n in monomial]
        terms.append((c, einsum([(n, ()) for n in names], ())))
    return add(terms, ())


def zero(shape: Shape) -> Sum:
    swap = int(len(shape) == 2 and shape[0] is shape[1])
    return _intern(Sum, ((),), shape, (0, _shape_digest(shape)), swap, terms=())


def ones(shape: Shape) -> Node:
    labels = tuple(range(len(shape)))
    return einsum((), labels, dict(enumerate(shape)))


def identity(size: Size) -> Node:
    return einsum((), (0, 0), {0: size})


ONE = number(1)
MINUS_ONE = number(-1)


def is_zero(node: Node) -> bool:
    return (isinstance(node, Sum) and not node.terms) or (isinstance(node, Number) and node.value == 0)


def is_multiple_of_identity(node: Node) -> bool:
    """Whether it is a scalar times the identity matrix."""
    match node:
        case Einsum(_, labels, (i, j)):
            return i == j and not any(labels)
        case Sum(((_, inner),)):
            return is_multiple_of_identity(inner)
        case _:
            return False


# --- complex numbers ------------------------------------------------------------------------------


def imaginary() -> Node:
    """The imaginary unit."""
    return call(IMAGINARY, [])


def conjugate_name(name: str) -> str:
    """The name of the conjugate of a symbol: `conj(Z)` of Z, and Z of `conj(Z)`."""
    before, after = CONJUGATE
    return name[len(before) : -len(after)] if is_conjugate(name) else f"{before}{name}{after}"


def is_conjugate(name: str) -> bool:
    """Whether it is the name of the conjugate of a symbol."""
    return name.startswith(CONJUGATE[0])


def base_name(name: str) -> str:
    """The name of a symbol that it or its conjugate has."""
    return conjugate_name(name) if is_conjugate(name) else name


def conjugate(root: Node) -> Node:
    """The conjugate, entry by entry: every function here has real values of real arguments, and so commutes with it."""
    if not root.is_complex:
        return root
    memo: dict[Node, Node] = {}
    for node in topological(root):
        memo[node] = _conjugated(node, memo) if node.is_complex else node
    return memo[root]


def _conjugated(node: Node, memo: Mapping[Node, Node]) -> Node:
    match node:
        case Symbol(name, attributes):
            return turn(node) if "hermitian" in attributes else symbol(conjugate_name(name), node.shape, attributes)
        case Call(function, ()) if function == IMAGINARY:
            return scale(-1, node)
        case _:
            return rebuild(node, memo, {})


def is_real(node: Node) -> bool:
    """Whether the node has real values: it is its own conjugate."""
    return not node.is_complex or conjugate(node) is node


def is_hermitian(node: Node) -> bool:
    """Whether the matrix is the transpose of its conjugate."""
    return node.rank == 2 and conjugate(node) is turn(node)


# --- sums -----------------------------------------------------------------------------------------


def scale(c: Rational, node: Node) -> Node:
    """The node times a number."""
    if c == 1:
        return node
    if isinstance(node, Number):
        return number(c * node.value)
    return add([(c, node)], node.shape)


def _flat_terms(terms: Iterable[tuple[Rational, Node]]) -> dict[Node, Rational]:
    total: dict[Node, Rational] = {}
    for c, node in terms:
        if isinstance(node, Sum):
            for d, inner in node.terms:
                total[inner] = total.get(inner, 0) + c * d
        elif isinstance(node, Number):
            total[ONE] = total.get(ONE, 0) + c * node.value
        else:
            total[node] = total.get(node, 0) + c
    return total


def transpose(node: Node, axes: Labels) -> Node:
    """Axis k of the result is axis `axes[k]` of the node."""
    if axes != (1, 0):
        return _transpose(node, axes)
    turned: Node | None = node._turned() if node._turned is not None else None
    if turned is None:
        turned = _transpose(node, axes)
        # Weak: the turned node is often made of this one, and a cycle of nodes would stay in the table for ever.
        node._turned = ref(turned)
        _recent.append(turned)
    return turned


def _transpose(node: Node, axes: Labels) -> Node:
    if isinstance(node, Sum):
        return add([(c, transpose(n, axes)) for c, n in node.terms], tuple(node.shape[a] for a in axes))
    return einsum([(node, tuple(range(node.rank)))], axes)


def turn(node: Node) -> Node:
    """The transposed matrix."""
    return transpose(node, (1, 0))


def add(terms: Iterable[tuple[Rational, Node]], shape: Shape) -> Node:
    """The weighted sum of nodes of one shape."""
    total = {n: _plain(c) for n, c in _flat_terms(terms).items() if c}
    if not total:
        return zero(shape) if shape else number(0)
    if len(total) > MAX_OPERANDS:
        raise LimitError(f"a sum of more than {MAX_OPERANDS} terms")
    if len(total) == 1:
        ((node, c),) = total.items()
        if c == 1:
            return node
        if node is ONE:
            return number(c)
        return _sum(((c, node),), shape, None)
    ordered = _ordered(total.items())
    return _sum(ordered, shape, None)


def _plain(c: Rational) -> Rational:
    return c.numerator if isinstance(c, Fraction) and c.denominator == 1 else c


def _ordered(terms: Iterable[tuple[Node, Rational]]) -> tuple[tuple[Rational, Node], ...]:
    return tuple((c, n) for n, c in sorted(terms, key=lambda t: t[0].digest))


def _sum(terms: tuple[tuple[Rational, Node], ...], shape: Shape, swap: int | None) -> Sum:
    digest = tuple((*_rational_digest(c), n.digest) for c, n in terms)
    return _intern(Sum, terms, shape, digest, swap, _any_complex([n for _, n in terms]), terms=terms)


def content(node: Sum) -> Rational:
    """The number that, divided out, leaves coprime integers, the first of them positive."""
    values = [c for c, _ in node.terms]
    g = gcd(*(c.numerator for c in values))
    d = lcm(*(c.denominator for c in values))
    return _plain(Fraction(g if values[0] > 0 else -g, d))


def primitive(node: Sum) -> tuple[Rational, Sum]:
    """(content, primitive part) of a sum of two or more terms."""
    c = content(node)
    if c == 1:
        return c, node
    part = tuple((_plain(Fraction(d) / c), n) for d, n in node.terms)
    return c, _sum(part, node.shape, node._swap)


def upright_sum(node: Sum) -> tuple[Rational, Sum, bool]:
    """(content, primitive part in its canonical orientation, whether that is turned) of a sum of several terms."""
    c, part = primitive(node)
    if node.rank != 2 or part.swap:
        return c, part, False
    other = turn(part)
    assert isinstance(other, Sum)
    d, turned = primitive(other)
    return (c * d, turned, True) if turned.digest < part.digest else (c, part, False)


# --- products -------------------------------------------------------------------------------------


class _Network:
    """A product under construction: operands with exponents on labels, and labels that may become one."""

    def __init__(self) -> None:
        self.coefficient: Rational = 1
        self.zero = False
        self.sole = False  # whether there is one factor only
        self.parent: dict[int, int] = {}
        self.extents: dict[int, Size] = {}
        self.summed_out: set[int] = set()  # labels that a contraction has used up
        self.entries: list[tuple[Node, Node, Labels]] = []  # base, exponent, labels

    def label(self, size: Size) -> int:
        fresh = len(self.parent)
        self.parent[fresh] = fresh
        self.extents[fresh] = size
        return fresh

    def find(self, k: int) -> int:
        while self.parent[k] != k:
            self.parent[k] = self.parent[self.parent[k]]
            k = self.parent[k]
        return k

    def union(self, a: int, b: int) -> None:
        a, b = self.find(a), self.find(b)
        if a != b:
            self.parent[max(a, b)] = min(a, b)

    def add(self, node: Node, labels: Labels) -> None:
        """Multiply by a node on labels, opening products and moving numbers out."""
        match node:
            case Number(value):
                self.coefficient *= value
            case Sum(()):
                self.zero = True
            case Sum(((c, inner),)):
                self.coefficient *= c
                self.add(inner, labels)
            case Sum():
                c, part, turned = upright_sum(node)
                self.coefficient *= c
                self.entries.append((part, ONE, labels[::-1] if turned else labels))
            case Einsum() if (node.shape or not node.extents) and (len(node.operands) <= MAX_INLINE or self.sole):
                self._inline(node, labels)
            case Power(Einsum() as base, Number(2 | 3 as times)) if node.shape:
                for _ in range(int(times)):
                    self._inline(base, labels)
            case Power(base, exponent):
                self.entries.append((base, exponent, labels))
            case _:
                self.entries.append((node, ONE, labels))
        if len(self.entries) > MAX_OPERANDS:
            raise LimitError(f"a product of more than {MAX_OPERANDS} factors")

    def _inline(self, node: Einsum, labels: Labels) -> None:
        names: dict[int, int] = {}
        for inner, outer in zip(node.output, labels, strict=True):
            if inner in names:
                self.union(names[inner], outer)
            else:
                names[inner] = outer
        for k, size in enumerate(node.extents):
            if k not in names:
                names[k] = self.label(size)
        for operand, own in zip(node.operands, node.labels, strict=True):
            self.add(operand, tuple(names[k] for k in own))


def einsum(
    factors: Iterable[tuple[Node, Labels]],
    output: Labels,
    extents: Mapping[int, Size] | None = None,
    coefficient: Rational = 1,
) -> Node:
    """The product of nodes on labels, summed over the labels that are not in `output`.

    Labels are any integers; `extents` gives the sizes of those that no factor carries.
    """
    net = _Network()
    net.coefficient = coefficient
    names: dict[int, int] = {}
    factors = list(factors)
    for node, labels in factors:
        for k, size in zip(labels, node.shape, strict=True):
            if k not in names:
                names[k] = net.label(size)
    for k in output:
        if k not in names:
            names[k] = net.label((extents or {})[k])
    net.sole = len(factors) == 1
    for node, labels in factors:
        net.add(node, tuple(names[k] for k in labels))
    return _close(net, tuple(names[k] for k in output))


def _close(net: _Network, output: Labels) -> Node:
    shape = tuple(net.extents[k] for k in output)
    if net.zero or net.coefficient == 0:
        return zero(shape) if shape else number(0)
    entries = _absorbed(_contract(net, output))
    output = tuple(net.find(k) for k in output)
    entries += _lonely_extents(net, entries, output)
    scalars, tensors = _components(net, entries, output)
    if net.coefficient == 0:
        return zero(shape) if shape else number(0)
    operands: list[tuple[Node, Labels]] = []
    for base, exponent in scalars.items():
        net.coefficient *= _root_of_number(base, exponent)
        c, operand = _without_number(_power_operand(base, exponent))
        net.coefficient *= c
        if operand is not ONE:
            operands.append((operand, ()))
    operands += [(power(base, e) if e is not ONE else base, labels) for base, e, labels in tensors]
    return _product(net, operands, output, shape)


def _product(net: _Network, operands: list[tuple[Node, Labels]], output: Labels, shape: Shape) -> Node:
    c = _plain(net.coefficient)
    if not operands and not output:
        return number(c)
    if len(operands) == 1 and sorted(operands[0][1]) == sorted(set(output)) and len(set(output)) == len(output):
        ((node, labels),) = operands
        if labels == output:
            return scale(c, node)
        if isinstance(node, Sum):
            return scale(c, transpose(node, tuple(labels.index(k) for k in output)))
    sign, node = _canonical(
        operands, output, {k: net.extents[k] for k in {*output, *(x for _, ls in operands for x in ls)}}
    )
    if sign == 0:
        return zero(shape) if shape else number(0)
    return scale(c * sign, node)


def _root_of_number(base: Node, exponent: Node) -> Rational:
    """The rational part of a number to a rational power: 8^(1/2) is 2 times 2^(1/2)... only whole powers leave."""
    if isinstance(base, Number) and isinstance(exponent, Number):
        whole = exponent.value.numerator // exponent.value.denominator
        if whole:
            return _plain(Fraction(base.value) ** whole)
    return 1


def _power_operand(base: Node, exponent: Node) -> Node:
    if isinstance(base, Number) and isinstance(exponent, Number):
        part = exponent.value - exponent.value.numerator // exponent.value.denominator
        return ONE if part == 0 else _intern_power(base, number(part))
    return power(base, exponent)


def _without_number(node: Node) -> tuple[Rational, Node]:
    """(a number, the node without that factor): of a power of the imaginary unit."""
    match node:
        case Number(value):
            return value, ONE
        case Sum(((c, inner),)):
            return c, inner
        case _:
            return 1, node


def _lonely_extents(
    net: _Network, entries: list[tuple[Node, Node, Labels]], output: Labels
) -> list[tuple[Node, Node, Labels]]:
    """A summed label that nothing carries leaves the factor n: so tr(I) = n."""
    used = {k for _, _, labels in entries for k in labels} | set(output)
    factors: list[tuple[Node, Node, Labels]] = []
    for k in net.parent:
        if net.find(k) == k and k not in used and k not in net.summed_out:
            size = extent(net.extents[k])
            inner = _Network()
            inner.add(size, ())
            net.coefficient *= inner.coefficient
            factors += inner.entries
    return factors


def _merged(net: _Network, entries: Iterable[tuple[Node, Node, Labels]]) -> list[tuple[Node, Node, Labels]]:
    """Equal bases on equal labels as one power."""
    total: dict[tuple[Node, Labels], Node] = {}
    for base, exponent, labels in entries:
        labels = tuple(net.find(k) for k in labels)
        if base.rank == 2 and base.swap:
            sign = 1 if base.swap > 0 else _parity(exponent)
            if labels[0] > labels[1] and sign:
                labels = (labels[1], labels[0])
                net.coefficient *= sign
            elif labels[0] == labels[1] and base.swap < 0 and isinstance(exponent, Number) and exponent.value > 0:
                net.coefficient = 0  # the diagonal of a skew matrix
        key = (base, labels)
        known = total.get(key)
        if known is None or (isinstance(base, Basis) and known is exponent):
            total[key] = exponent  # a unit vector times itself is itself
        else:
            total[key] = add([(1, known), (1, exponent)], ())
    return [(base, e, labels) for (base, labels), e in total.items() if not is_zero(e)]


def _contract(net: _Network, output: Labels) -> list[tuple[Node, Node, Labels]]:
    """Contract adjacent powers of one matrix and merged axes until nothing changes."""
    entries = net.entries
    while True:
        entries = _merged(net, entries)
        if len(entries) < 2 and not any(isinstance(base, Basis | Merge) for base, _, _ in entries):
            return entries
        kept = {net.find(k) for k in output}
        slots: dict[int, list[tuple[int, int]]] = {}
        for place, (_, _, labels) in enumerate(entries):
            for axis, k in enumerate(labels):
                slots.setdefault(k, []).append((place, axis))
        change = next(
            (
                found
                for k, where in slots.items()
                if k not in kept and (found := _contract_label(net, entries, k, where, slots, kept)) is not None
            ),
            None,
        )
        if change is None:
            return entries
        removed, added = change
        entries = [e for place, e in enumerate(entries) if place not in removed] + added


def _absorbed(entries: list[tuple[Node, Node, Labels]]) -> list[tuple[Node, Node, Labels]]:
    """x y (x y)^p as (x y)^(p + 1), entry by entry."""
    for place, (base, exponent, labels) in enumerate(entries):
        if exponent is ONE or not isinstance(base, Einsum) or _has_summed(base):
            continue
        factors = [(o, tuple(labels[base.output.index(k)] for k in ls)) for o, ls in _factors_of(base)]
        rest = [(b, e, ls) for k, (b, e, ls) in enumerate(entries) if k != place]
        whole = [x for x in rest if x[1] is ONE and (x[0], x[2]) in factors]
        if len(whole) == len(factors) > 1:
            more = add([(1, exponent), (1, ONE)], ())
            kept = [x for x in rest if x not in whole]
            return _absorbed([*kept, (base, more, labels)] if not is_zero(more) else kept)
    return entries


def _factors_of(node: Einsum) -> Iterator[tuple[Node, Labels]]:
    return zip(node.operands, node.labels, strict=True)


Change: TypeAlias = tuple[set[int], list[tuple[Node, Node, Labels]]]


def _contract_label(
    net: _Network,
    entries: list[tuple[Node, Node, Labels]],
    k: int,
    where: list[tuple[int, int]],
    slots: Mapping[int, list[tuple[int, int]]],
    kept: set[int],
) -> Change | None:
    if len(where) == 1:
        return _drop_merge(net, entries, where[0], slots, kept)
    if len(where) != 2 or where[0][0] == where[1][0]:
        return None
    (p, a), (q, b) = where
    (left, e, ls), (right, f, rs) = entries[p], entries[q]
    if e is not ONE or f is not ONE:
        return None
    if isinstance(left, Merge) and isinstance(right, Merge) and left is right:
        return _join_merges(net, (p, a, ls), (q, b, rs), slots, kept)
    if isinstance(left, Inject) and isinstance(right, Inject) and a == b == 0 and left.parts == right.parts:
        if left is not right:
            net.coefficient = 0
        net.summed_out.add(k)
        net.union(ls[1], rs[1])
        return {p, q}, []
    if isinstance(left, Basis) and isinstance(right, Basis):
        if left is not right:
            net.coefficient = 0
        net.summed_out.add(k)
        return {p, q}, []
    if left.rank == 2 and right.rank == 2:
        change = _chain(net, (p, a, left, ls), (q, b, right, rs))
        if change is not None:
            net.summed_out.add(k)
        return change
    return None


def _drop_merge(
    net: _Network,
    entries: list[tuple[Node, Node, Labels]],
    slot: tuple[int, int],
    slots: Mapping[int, list[tuple[int, int]]],
    kept: set[int],
) -> Change | None:
    """The merged axis summed with nothing on it, or both parts so: the other side is summed, or broadcast."""
    place, axis = slot
    node, e, labels = entries[place]
    if not isinstance(node, Merge | Basis) or e is not ONE:
        return None
    if isinstance(node, Basis) or axis == 0:
        net.summed_out.add(labels[0])
        return {place}, []
    if all(len(slots[k]) == 1 and k not in kept for k in labels[1:]):
        net.summed_out.update(labels[1:])
        return {place}, []
    return None


def _join_merges(
    net: _Network,
    left: tuple[int, int, Labels],
    right: tuple[int, int, Labels],
    slots: Mapping[int, list[tuple[int, int]]],
    kept: set[int],
) -> Change | None:
    (p, a, ls), (q, b, rs) = left, right
    if a == b == 0:
        net.summed_out.add(ls[0])
        net.union(ls[1], rs[1])
        net.union(ls[2], rs[2])
        return {p, q}, []
    if ls[1:] == rs[1:] and all(len(slots[k]) == 2 and k not in kept for k in ls[1:]):
        net.summed_out.update(ls[1:])
        net.union(ls[0], rs[0])
        return {p, q}, []
    return None


def _matrix_power(node: Node) -> tuple[Node, Node]:
    return (node.base, node.exponent) if isinstance(node, MatPow) else (node, ONE)


def _chain(net: _Network, left: tuple[int, int, Node, Labels], right: tuple[int, int, Node, Labels]) -> Change | None:
    """Two powers of one square matrix that share a summed label are one power; Q^T Q is the identity."""
    (p, a, ln, ls), (q, b, rn, rs) = left, right
    (base, e), (other, f) = _matrix_power(ln), _matrix_power(rn)
    if base is not other or base.shape[0] is not base.shape[1]:
        return None
    outer = (ls[1 - a], rs[1 - b])
    if a == b:
        if isinstance(base, Symbol) and "orthogonal" in base.attributes and e is f is ONE:
            net.union(*outer)
            return {p, q}, []
        turned = e if a == 0 else f  # L^T R turns the left one, L R^T the right one
        sign = 1 if base.swap > 0 else _parity(turned) if base.swap else 0
        if sign == 0:
            return None
        net.coefficient *= sign
    elif a == 0:
        outer = (outer[1], outer[0])
    total = add([(1, e), (1, f)], ())
    if is_zero(total):
        net.union(*outer)
        return {p, q}, []
    product = base if total is ONE else _intern_matpow(base, total)
    return {p, q}, [(product, ONE, outer)]


def _components(
    net: _Network, entries: list[tuple[Node, Node, Labels]], output: Labels
) -> tuple[dict[Node, Node], list[tuple[Node, Node, Labels]]]:
    """Scalar factors (base -> exponent), a contraction that reaches no axis of the output among them; the rest."""
    scalars: dict[Node, Node] = {}
    tensors: list[tuple[Node, Node, Labels]] = []
    for base, e, labels in entries:
        if labels:
            tensors.append((base, e, labels))
        else:
            _multiply_in(scalars, base, e)
    groups: dict[int, list[tuple[Node, Node, Labels]]] = {}
    if tensors:
        root = {k: k for _, _, labels in tensors for k in labels} | dict.fromkeys(output, -1) | {-1: -1}

        def find(k: int) -> int:
            while root[k] != k:
                k = root[k]
            return k

        for _, _, labels in tensors:
            for k in labels[1:]:
                a, b = find(labels[0]), find(k)
                root[max(a, b)] = min(a, b)
        for entry in tensors:
            groups.setdefault(find(entry[2][0]), []).append(entry)
    for anchor, members in groups.items():
        if anchor == -1:
            continue
        operands = [(power(base, e) if e is not ONE else base, labels) for base, e, labels in members]
        sign, node = _canonical(operands, (), {k: net.extents[k] for _, _, ls in members for k in ls})
        net.coefficient *= sign
        _multiply_in(scalars, *((node.base, node.exponent) if isinstance(node, Power) else (node, ONE)))
    return scalars, groups.get(-1, [])


def _multiply_in(scalars: dict[Node, Node], base: Node, exponent: Node) -> None:
    known = scalars.get(base)
    total = exponent if known is None else add([(1, known), (1, exponent)], ())
    if is_zero(total):
        del scalars[base]
    else:
        scalars[base] = total


# --- canonical labels -----------------------------------------------------------------------------


def _canonical(operands: list[tuple[Node, Labels]], output: Labels, extents: Mapping[int, Size]) -> tuple[int, Node]:
    """(sign, the interned einsum); sign is -1 where skew operands were turned, 0 where that shows it is zero."""
    fixed: dict[int, int] = {}
    for k in output:
        fixed.setdefault(k, len(fixed))
    summed = sorted(extents.keys() - fixed.keys())
    rank_of = {n: r for r, n in enumerate(sorted({n for n, _ in operands}, key=lambda n: n.digest))}
    kinds = [rank_of[n] for n, _ in operands]
    swaps = [n.swap if len(ls) == 2 else 0 for n, ls in operands]
    problem = Labelling(kinds, swaps, [ls for _, ls in operands], fixed, summed)
    sign, order, numbering = problem.solve()
    labels = tuple(problem.labels_of(k, numbering) for k in order)
    nodes = tuple(operands[k][0] for k in order)
    new_output = tuple(numbering[k] for k in output)
    if len(nodes) == 1 and labels[0] == new_output and len(set(new_output)) == len(new_output):
        return sign, nodes[0]
    sizes = tuple(extents[k] for k in sorted(numbering, key=numbering.__getitem__))
    shape = tuple(extents[k] for k in output)
    digest = (tuple(n.digest for n in nodes), labels, new_output, _shape_digest(sizes))
    node = _intern(
        Einsum, (nodes, labels, new_output, sizes), shape, digest, None, _any_complex(nodes),
        operands=nodes, labels=labels, output=new_output, extents=sizes,
    )  # fmt: skip
    return sign, node


# --- functions and powers -------------------------------------------------------------------------


def _upright(node: Node) -> tuple[Node, bool]:
    """(the node or its transpose, whichever is canonical; whether it was turned)."""
    if node.rank != 2:
        return node, False
    turned = turn(node)
    return (turned, True) if _upright_key(turned) < _upright_key(node) else (node, False)


def _upright_key(node: Node) -> tuple[int, int, bool]:
    """Operands that stand alone come before their transposes; of sums only the primitive part counts, so that the
    choice does not depend on their sign, but for -D, which is D^T of a skew D."""
    negative = isinstance(node, Sum) and len(node.terms) == 1
    if isinstance(node, Sum) and node.terms:
        node = primitive(node)[1] if len(node.terms) > 1 else node.terms[0][1]
    return (isinstance(node, Einsum), node.digest, negative)


def apply(function: str, args: Sequence[Node]) -> Node:
    """The elementwise function of arguments of one shape."""
    row = FUNCTIONS[function]
    first, turned = _upright(args[0])
    if turned:
        return turn(apply(function, [turn(a) for a in args]))
    if function == "abs" and not_negative(first):
        return first
    if len(args) == 1 and isinstance(first, Sum) and row.parity and _leading_sign(first) < 0:
        return scale(row.parity, apply(function, [scale(-1, first)]))
    swap = 1 if all(a.swap == 1 for a in args) else row.parity if first.swap == -1 and len(args) == 1 else 0
    return _intern(
        Map, (function, *args), first.shape, (_text_digest(function), *(a.digest for a in args)), swap,
        _any_complex(args),
        function=function, args=tuple(args),
    )  # fmt: skip


def _leading_sign(node: Sum) -> int:
    return 1 if not node.terms or node.terms[0][0] > 0 else -1


def _parity(exponent: Node) -> int:
    """The sign of (-1)^exponent, 0 where it is not known."""
    if isinstance(exponent, Number) and exponent.value.denominator == 1:
        return -1 if exponent.value % 2 else 1
    return 0


def _intern_power(base: Node, exponent: Node) -> Power:
    swap = base.swap if base.swap >= 0 else _parity(exponent)
    return _intern(
        Power, (base, exponent), base.shape, (base.digest, exponent.digest), swap, _any_complex((base, exponent)),
        base=base, exponent=exponent,
    )  # fmt: skip


def is_whole(exponent: Node) -> bool:
    """Whether the scalar is known to be a whole number."""
    if isinstance(exponent, Number):
        return exponent.value.denominator == 1
    return isinstance(exponent, Symbol) and "integer" in exponent.attributes


def power(base: Node, exponent: Node | Rational) -> Node:
    """The elementwise power."""
    if not isinstance(exponent, Node):
        exponent = number(exponent)
    if is_zero(exponent):
        return ones(base.shape)
    if exponent is ONE:
        return base
    whole = is_whole(exponent)
    match base:
        case Number(value):
            return _number_power(value, exponent)
        case Sum(()):
            if isinstance(exponent, Number) and exponent.value > 0:
                return base
            raise UnsupportedError("division by zero: a denominator or a negative power vanishes identically")
        case Sum(((c, inner),)) if (whole and isinstance(exponent, Number)) or c > 0:
            return _scaled_power(c, inner, exponent)
        case Sum() if len(base.terms) > 1:
            c, part = primitive(base)
            if c < 0 and not (whole and isinstance(exponent, Number)):
                c, part = -c, _sum(tuple((-d, n) for d, n in part.terms), part.shape, part.swap)
            if c != 1:
                return _scaled_power(c, part, exponent)
            if whole and part is not base:
                return power(part, exponent)
        case Basis() if isinstance(exponent, Number) and exponent.value > 0:
            return base
        case Basis() | Merge() | Inject() | Einsum((), (), (0, 0)) if (
            isinstance(exponent, Number) and exponent.value < 0
        ):
            raise UnsupportedError("division by zero: a denominator or a negative power has entries that are nought")
        case Call(function, ()) if function == IMAGINARY and isinstance(exponent, Number) and whole:
            return _imaginary_power(int(exponent.value))
        case Power(inner, first):
            return _power_of_power(base, inner, first, exponent)
        case Map("exp", (arg,)) if whole or not arg.is_complex:
            return apply("exp", [einsum([(arg, tuple(range(arg.rank))), (exponent, ())], tuple(range(arg.rank)))])
        case Map("abs", (arg,)) if isinstance(exponent, Number) and exponent.value % 2 == 0:
            return power(arg, exponent)
        case Einsum() if not _has_summed(base) and (
            len(set(base.output)) == len(base.output) or (isinstance(exponent, Number) and exponent.value > 0)
        ):
            split = _power_of_product(base, exponent, whole)
            if split is not None:
                return split
        case _:
            pass
    upright, turned = _upright(base)
    return turn(power(upright, exponent)) if turned else _intern_power(base, exponent)


def _imaginary_power(times: int) -> Node:
    return scale(-1 if times % 4 > 1 else 1, imaginary() if times % 2 else ONE)


def _has_summed(node: Einsum) -> bool:
    return len(set(node.output)) < len(node.extents)


def _scaled_power(c: Rational, inner: Node, exponent: Node) -> Node:
    labels = tuple(range(inner.rank))
    return einsum([(_number_power(c, exponent), ()), (power(inner, exponent), labels)], labels)


def _number_power(value: Rational, exponent: Node) -> Node:
    if value == 1:
        return ONE
    if not isinstance(exponent, Number):
        return _intern_power(number(value), exponent)
    p = exponent.value
    if value == 0:
        if p > 0:
            return number(0)
        raise UnsupportedError("division by zero: nought to a negative power")
    bits = value.numerator.bit_length() + value.denominator.bit_length()
    if magnitude(p) * bits > MAX_BITS:
        raise LimitError(f"a number to the power {p} has more than {MAX_BITS} bits")
    if p.denominator == 1:
        return number(Fraction(value) ** p.numerator)
    if value < 0:
        return _intern_power(number(value), exponent)
    if p.denominator == 2:
        n, d = isqrt(value.numerator), isqrt(value.denominator)
        if n * n == value.numerator and d * d == value.denominator:
            return number(Fraction(n, d) ** p.numerator)
    whole = p.numerator // p.denominator
    rest = _intern_power(number(value), number(p - whole))
    return scale(_plain(Fraction(value) ** whole), rest)


def _power_of_power(node: Power, inner: Node, first: Node, exponent: Node) -> Node:
    """(b^p)^q is b^(p q) for whole q, and for any q where b is not negative; (b^2)^(1/2) is |b|.

    The principal value of a complex b^p has an angle of at most pi where |p| is at most 1, and no other.
    """
    product = einsum([(first, ()), (exponent, ())], ())
    fractional = isinstance(first, Number) and first.value.denominator != 1
    if inner.is_complex:
        fractional = fractional and isinstance(first, Number) and magnitude(first.value) < 1
    if is_whole(exponent) or fractional or not_negative(inner):
        return power(inner, product)
    if isinstance(first, Number) and first.value % 2 == 0 and is_real(inner):
        return power(apply("abs", [inner]), product)
    return _intern_power(node, exponent)


def _power_of_product(base: Einsum, exponent: Node, whole: bool) -> Node | None:
    """The power of each factor, where that is allowed: all of them for a whole exponent, else those not negative."""
    inside: list[tuple[Node, Labels]] = []
    outside: list[tuple[Node, Labels]] = []
    for operand, labels in zip(base.operands, base.labels, strict=True):
        if whole or not_negative(operand):
            outside.append((power(operand, exponent), labels))
        else:
            inside.append((operand, labels))
    sizes = dict(enumerate(base.extents))
    if not outside:
        return base if not inside else None
    if inside:
        if base.shape:
            return None
        outside.append((power(einsum(inside, ()), exponent), ()))
    return einsum(outside, base.output, sizes)


def positive(node: Node) -> bool:
    """Whether every entry is greater than nought, as far as structure and declarations tell."""
    if node.is_complex:
        return False
    match node:
        case Number(value):
            return value > 0
        case Symbol(_, attributes):
            return "positive" in attributes
        case Extent():
            return True
        case Power(base):
            return positive(base)
        case Map(function) | Call(function):
            return FUNCTIONS[function].fields.get("range") == "positive"
        case Einsum(operands, _, output):
            return len(set(output)) == len(output) and all(positive(o) for o in operands)
        case Sum(terms):
            return all(c > 0 and not_negative(n) for c, n in terms) and any(positive(n) for _, n in terms)
        case _:
            return False


def not_negative(node: Node) -> bool:
    """Whether every entry is real and none is negative, as far as structure and declarations tell."""
    if node.is_complex:
        return _is_square_of_moduli(node)
    match node:
        case Number(value):
            return value >= 0
        case Symbol(_, attributes):
            return "positive" in attributes
        case Extent() | Basis() | Merge() | Inject():
            return True
        case Power(base, Number(value)):
            return value.denominator % 2 == 0 or value.numerator % 2 == 0 or not_negative(base)
        case Map(function):
            return FUNCTIONS[function].not_negative
        case Einsum(operands):
            return all(not_negative(o) for o in operands)
        case Sum(terms):
            return all(c > 0 and not_negative(n) for c, n in terms)
        case Call(function, (Symbol(_, attributes),)):
            return FUNCTIONS[function].not_negative or (function == "det" and "spd" in attributes)
        case Call(function):
            return FUNCTIONS[function].not_negative
        case _:
            return False


def _is_square_of_moduli(node: Node) -> bool:
    """Whether the node is a product of numbers with their own conjugates, summed or not: z^H z, z .* conj(z)."""
    if not isinstance(node, Einsum) or len(set(node.output)) < len(node.output):
        return False
    left = list(zip(node.operands, node.labels, strict=True))
    while left:
        operand, labels = left.pop()
        if not_negative(operand):
            continue
        other = (conjugate(operand), labels)
        if other not in left:
            return False
        left.remove(other)
    return True


def _intern_matpow(base: Node, exponent: Node) -> Node:
    swap = base.swap if base.swap >= 0 else _parity(exponent)
    return _intern(
        MatPow, (base, exponent), base.shape, (base.digest, exponent.digest), swap, _any_complex((base, exponent)),
        base=base, exponent=exponent,
    )  # fmt: skip


def matpow(base: Node, exponent: Node | Rational) -> Node:
    """The power of a square matrix with a whole exponent."""
    if not isinstance(exponent, Node):
        exponent = number(exponent)
    if is_zero(exponent):
        return identity(base.shape[0])
    if exponent is ONE:
        return base
    negative = isinstance(exponent, Number) and exponent.value < 0
    match base:
        case MatPow(inner, first):
            return matpow(inner, einsum([(first, ()), (exponent, ())], ()))
        case Sum(()):
            if negative:
                raise UnsupportedError("the inverse of a matrix that is zero")
            return base
        case Sum(((c, inner),)) if isinstance(exponent, Number):
            return einsum([(_number_power(c, exponent), ()), (matpow(inner, exponent), (0, 1))], (0, 1))
        case Sum() if len(base.terms) > 1 and isinstance(exponent, Number):
            c, part = primitive(base)
            if c != 1:
                return einsum([(_number_power(c, exponent), ()), (matpow(part, exponent), (0, 1))], (0, 1))
        case Symbol(_, attributes) if "orthogonal" in attributes and negative:
            return matpow(turn(base), scale(-1, exponent))
        case Einsum():
            found = _product_power(base, exponent)
            if found is not None:
                return found
        case _:
            pass
    upright, turned = _upright(base)
    return turn(matpow(upright, exponent)) if turned else _intern_matpow(base, exponent)


def _product_power(base: Einsum, exponent: Node) -> Node | None:
    """Powers that distribute: of scalar factors, of the identity, of Kronecker products, inverses of square chains."""
    scalars = [o for o, ls in zip(base.operands, base.labels, strict=True) if not ls]
    rest = [(o, ls) for o, ls in zip(base.operands, base.labels, strict=True) if ls]
    if scalars and isinstance(exponent, Number):
        outer = power(einsum([(s, ()) for s in scalars], ()), exponent)
        inner = einsum(rest, base.output, dict(enumerate(base.extents)))
        return einsum([(outer, ()), (matpow(inner, exponent), (0, 1))], (0, 1))
    if not rest and base.output == (0, 0):
        return base
    if not isinstance(exponent, Number):
        return None
    parts = kronecker_parts(base)
    if parts is not None:
        left, right = (matpow(p, exponent) for p in parts)
        return kronecker(left, right)
    if base.output == (0, 0) and len(rest) == 1 and rest[0][1] == (0,):
        return einsum([(power(rest[0][0], exponent), (0,))], (0, 0))
    if exponent.value < 0:
        factors = square_chain(base)
        if factors is not None:
            product = chain_product([matpow(f, -1) for f in reversed(factors)])
            return matpow(product, -exponent.value) if exponent.value != -1 else product
    if exponent.value in (2, 3):
        return chain_product([base] * int(exponent.value))
    return None


def chain_product(factors: Sequence[Node]) -> Node:
    """The matrix product."""
    return einsum([(f, (k, k + 1)) for k, f in enumerate(factors)], (0, len(factors)))


def square_chain(node: Einsum) -> list[Node] | None:
    """The factors of a product of two or more square matrices, in order; None for any other shape of product."""
    if len(node.operands) < 2 or any(len(ls) != 2 for ls in node.labels) or node.output != (0, 1):
        return None
    left = list(zip(node.operands, node.labels, strict=True))
    chain: list[Node] = []
    at = 0
    while left:
        here = [item for item in left if at in item[1]]
        if len(here) != 1 or here[0][0].shape[0] is not here[0][0].shape[1] or here[0][1][0] == here[0][1][1]:
            return None
        operand, labels = here[0]
        left.remove(here[0])
        chain.append(operand if labels[0] == at else turn(operand))
        at = labels[1] if labels[0] == at else labels[0]
    return chain if at == 1 else None


def is_outer(node: Node) -> bool:
    """Whether the matrix is a column times a row: no factor ties its two axes together."""
    if not isinstance(node, Einsum) or node.rank != 2 or node.output[0] == node.output[1]:
        return isinstance(node, Sum) and len(node.terms) == 1 and is_outer(node.terms[0][1])
    reached, before = {node.output[0]}, 0
    while len(reached) > before:
        before = len(reached)
        reached.update(*(ls for ls in node.labels if reached & set(ls)))
    return node.output[1] not in reached


def kronecker(left: Node, right: Node) -> Node:
    """The Kronecker product of two matrices."""
    rows, columns = merge(left.shape[0], right.shape[0]), merge(left.shape[1], right.shape[1])
    return einsum([(left, (0, 1)), (right, (2, 3)), (rows, (4, 0, 2)), (columns, (5, 1, 3))], (4, 5))


def kronecker_parts(node: Einsum) -> tuple[Node, Node] | None:
    """(A, B) where the node is the Kronecker product of square matrices A and B."""
    merges = [(o, ls) for o, ls in zip(node.operands, node.labels, strict=True) if isinstance(o, Merge)]
    rows = [ls for _, ls in merges if ls[0] == node.output[0]]
    columns = [ls for _, ls in merges if ls[0] == node.output[-1]]
    if (
        node.output != (0, 1)
        or len(merges) != 2
        or len(rows) != 1
        or len(columns) != 1
        or merges[0][0] is not merges[1][0]
    ):
        return None
    left_ends, right_ends = {rows[0][1], columns[0][1]}, {rows[0][2], columns[0][2]}
    sides: tuple[list[tuple[Node, Labels]], list[tuple[Node, Labels]]] = ([], [])
    reached = set(left_ends)
    rest = [(o, ls) for o, ls in zip(node.operands, node.labels, strict=True) if not isinstance(o, Merge) and ls]
    grown = True
    while grown:
        grown = False
        for item in rest:
            if item not in sides[0] and reached & set(item[1]):
                sides[0].append(item)
                reached |= set(item[1])
                grown = True
    sides[1].extend(item for item in rest if item not in sides[0])
    if reached & right_ends or len(rest) != len([o for o in node.operands if not isinstance(o, Merge)]):
        return None
    sizes = dict(enumerate(node.extents))
    return (
        einsum(sides[0], (rows[0][1], columns[0][1]), sizes),
        einsum(sides[1], (rows[0][2], columns[0][2]), sizes),
    )


def call(function: str, args: Sequence[Node]) -> Node:
    """A function that is not elementwise; transposes of a matrix argument move out where the function lets them."""
    row = FUNCTIONS.at(function, [a.rank for a in args])
    arg = args[0] if args else ONE
    if arg.rank == 2 and row.transpose and len(args) == 1:
        upright, turned = _upright(arg)
        if turned:
            inner = call(function, [upright])
            return turn(inner) if row.transpose == "commutes" and inner.rank == 2 else inner
    shape = row.result_shape([a.shape for a in args])
    swap = 1 if row.transpose == "commutes" and arg.rank == 2 and arg.swap == 1 else 0
    return _intern(
        Call, (function, *args), shape, (_text_digest(function), *(a.digest for a in args)), swap,
        function == IMAGINARY or _any_complex(args),
        function=function, args=tuple(args),
    )  # fmt: skip


def _swap_of(node: Node) -> int:
    if node.rank != 2 or node.shape[0] is not node.shape[1]:
        return 0
    turned = turn(node)
    if turned is node:
        return 1
    return -1 if turned is scale(-1, node) else 0


# --- traversal ------------------------------------------------------------------------------------


def operands_of(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Einsum(operands):
            return operands
        case Sum(terms):
            return tuple(n for _, n in terms)
        case Map(_, args) | Call(_, args):
            return args
        case Power(base, exponent) | MatPow(base, exponent):
            return (base, exponent)
        case _:
            return ()


def topological(root: Node) -> list[Node]:
    """All nodes below and with `root`, each after the nodes it is made of; without recursion."""
    order: list[Node] = []
    done: set[Node] = set()
    stack: list[tuple[Node, Iterator[Node]]] = [(root, iter(operands_of(root)))]
    done.add(root)
    while stack:
        node, rest = stack[-1]
        for child in rest:
            if child not in done:
                done.add(child)
                stack.append((child, iter(operands_of(child))))
                break
        else:
            order.append(node)
            stack.pop()
    return order


def written_size(root: Node) -> int:
    """How many nodes there are if every shared one is written out in each place."""
    size: dict[Node, int] = {}
    for node in topological(root):
        size[node] = 1 + sum(size[n] for n in operands_of(node))
    return size[root]


def depends(root: Node, name: str) -> bool:
    """Whether the symbol stands anywhere in the node: found by walking."""
    return any(isinstance(n, Symbol) and n.name == name for n in topological(root))


def substitute(root: Node, symbols: Mapping[str, Node], sizes: Mapping[str, Size]) -> Node:
    """The node with symbols replaced by nodes of their (substituted) shapes, and sizes by sizes."""
    memo: dict[Node, Node] = {}
    for node in topological(root):
        memo[node] = _substituted(node, memo, symbols, sizes)
    return memo[root]


def _substituted(node: Node, memo: Mapping[Node, Node], symbols: Mapping[str, Node], sizes: Mapping[str, Size]) -> Node:
    match node:
        case Symbol(name, attributes):
            given = _given(name, symbols)
            return given if given is not None else symbol(name, _shape(node.shape, sizes), attributes)
        case Extent(name):
            return extent(sizes[name]) if name in sizes else node
        case Basis(index):
            return basis(index, node.shape[0].substitute(sizes))
        case Merge():
            return merge(node.shape[1].substitute(sizes), node.shape[2].substitute(sizes))
        case Inject(parts, place):
            return inject(_shape(parts, sizes), place)
        case _:
            return rebuild(node, memo, sizes)


def _given(name: str, symbols: Mapping[str, Node]) -> Node | None:
    """What stands for a symbol; for its conjugate, the conjugate of that."""
    if name in symbols or not is_conjugate(name):
        return symbols.get(name)
    found = symbols.get(conjugate_name(name))
    return None if found is None else conjugate(found)


def rebuild(node: Node, memo: Mapping[Node, Node], sizes: Mapping[str, Size]) -> Node:
    """The node with its operands replaced as `memo` says, and sizes by sizes; leaves stay."""
    match node:
        case Number() | Symbol() | Extent() | Basis() | Merge() | Inject():
            return node
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
    raise TypeError(type(node).__name__)


def _shape(shape: Shape, sizes: Mapping[str, Size]) -> Shape:
    return tuple(s.substitute(sizes) for s in shape)


def hadamard(factors: Iterable[Node], shape: Shape) -> Node:
    """The elementwise product; scalars multiply every entry."""
    labels = tuple(range(len(shape)))
    return einsum([(f, labels if f.shape else ()) for f in factors], labels, dict(enumerate(shape)))
