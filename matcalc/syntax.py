"""The abstract syntax of the language: what a person writes and reads.

Every node is immutable and compares by structure; `span` is its place in the text and takes no part in
comparison. Brackets leave no node. The parser makes these nodes, the recogniser makes them, and every
output language is a function of them. What the recogniser makes is a graph: one node may stand in many places, so that
the text may be far longer than the graph.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import blake2b
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
NOWHERE: Span = (0, 0)


class Measured:
    """Room for what is found once for each node: its length, the names in it, and a digest of its structure."""

    __slots__ = ("known_digest", "known_length", "known_names")
    known_length: int
    known_names: frozenset[str]
    known_digest: bytes


@dataclass(frozen=True, slots=True)
class Syntax(Measured):
    """Base of all nodes."""

    span: Span = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Num(Syntax):
    """A rational number that is not negative: `2`, `0.5`, `1/2`, `1e-12`."""

    value: Fraction


@dataclass(frozen=True, slots=True)
class Name(Syntax):
    """A symbol or the name of a size; Greek letters by their names (`alpha`)."""

    name: str


@dataclass(frozen=True, slots=True)
class Identity(Syntax):
    """`I` (size from context) or `I_n`; subscripted it is the Kronecker delta `delta_ij`."""

    size: Syntax | None = None


@dataclass(frozen=True, slots=True)
class Call(Syntax):
    """A function by its canonical name: `tr(A)`, `kron(A, B)`, `ones(n, m)`, `e(1, n)`; `A^+` is `pinv(A)`."""

    function: str
    args: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class Neg(Syntax):
    arg: Syntax


@dataclass(frozen=True, slots=True)
class Add(Syntax):
    """A sum of two or more terms; a difference holds a `Neg`."""

    terms: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class Mul(Syntax):
    """The product of two or more factors: scalars, matrices, vectors, or components that share indices."""

    factors: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class Hadamard(Syntax):
    """The elementwise product of two or more factors, `A .* B`."""

    factors: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class HadamardDiv(Syntax):
    """`A ./ B`."""

    numerator: Syntax
    denominator: Syntax


@dataclass(frozen=True, slots=True)
class HadamardPow(Syntax):
    """`A .^ p`."""

    base: Syntax
    exponent: Syntax


@dataclass(frozen=True, slots=True)
class Div(Syntax):
    """Division by a scalar."""

    numerator: Syntax
    denominator: Syntax


@dataclass(frozen=True, slots=True)
class Slash(Syntax):
    """`a / b c` as written: whether `c` stands below the line is decided by the shapes.

    `factors` are two or more juxtaposed factors after the slash. Never printed.
    """

    numerator: Syntax
    factors: tuple[Syntax, ...]


@dataclass(frozen=True, slots=True)
class Pow(Syntax):
    """A power of a scalar or a square matrix; the inverse is `Pow(A, Neg(Num(1)))`."""

    base: Syntax
    exponent: Syntax


@dataclass(frozen=True, slots=True)
class Transpose(Syntax):
    arg: Syntax


@dataclass(frozen=True, slots=True)
class Adjoint(Syntax):
    """The conjugate transpose, `A^H`."""

    arg: Syntax


@dataclass(frozen=True, slots=True)
class Bars(Syntax):
    """`|A|`: the determinant of a matrix, the absolute value of a scalar, elementwise on a vector."""

    arg: Syntax


@dataclass(frozen=True, slots=True)
class Norm(Syntax):
    """`||A||_kind`; `kind` is "" (Euclid, Frobenius), "F", "*", "inf", "max", a number or a name."""

    arg: Syntax
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Sub(Syntax):
    """Components: `X_ij`, `(X^-1)_ki`, `x_3`; an index is a letter or a number counted from 1."""

    base: Syntax
    indices: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Listed(Syntax):
    """`[a, b]`, a vector by its entries, or `[a, b; c, d]`, a matrix by its rows."""

    rows: tuple[tuple[Syntax, ...], ...]
    is_matrix: bool


@dataclass(frozen=True, slots=True)
class BigSum(Syntax):
    """`sum_ij body`."""

    indices: tuple[str, ...]
    body: Syntax


@dataclass(frozen=True, slots=True)
class Equation(Syntax):
    """`D_ij = body`: sets the order of the axes, and says that these indices are free."""

    name: str
    indices: tuple[str, ...]
    body: Syntax


@dataclass(frozen=True, slots=True)
class Where(Syntax):
    """`body where p = softmax(x), i = 1..n`: names for parts, and ranges of indices."""

    body: Syntax
    bindings: tuple[tuple[str, Syntax], ...] = ()
    ranges: tuple[tuple[str, Syntax], ...] = ()


@dataclass(frozen=True, slots=True)
class Differential(Syntax):
    """`dX`: the change of an expression; derivations hold it, the input does not."""

    arg: Syntax


@dataclass(frozen=True, slots=True)
class Partial(Syntax):
    """`dx_i/dx_k`: the derivative of an expression by a symbol, of one component by another; in derivations only."""

    arg: Syntax
    wrt: Syntax


def children(node: Syntax) -> tuple[Syntax, ...]:
    """The nodes directly below `node`, in the order of the text."""
    match node:
        case Num() | Name():
            return ()
        case Identity(size):
            return () if size is None else (size,)
        case Call(_, args):
            return args
        case Neg(arg) | Transpose(arg) | Adjoint(arg) | Bars(arg) | Norm(arg) | Sub(arg) | Differential(arg):
            return (arg,)
        case Add(parts) | Mul(parts) | Hadamard(parts):
            return parts
        case HadamardDiv(a, b) | HadamardPow(a, b) | Div(a, b) | Pow(a, b) | Partial(a, b):
            return (a, b)
        case Slash(a, factors):
            return (a, *factors)
        case Listed(rows):
            return tuple(x for row in rows for x in row)
        case BigSum(_, body) | Equation(_, _, body):
            return (body,)
        case Where(body, bindings, ranges):
            return (body, *(v for _, v in bindings), *(v for _, v in ranges))
    raise TypeError(type(node).__name__)


def with_children(node: Syntax, parts: tuple[Syntax, ...]) -> Syntax:
    """The node with other nodes below it, in the order of `children`."""
    span = node.span
    match node:
        case Num() | Name():
            return node
        case Identity(size):
            return node if size is None else Identity(parts[0], span=span)
        case Call(function):
            return Call(function, parts, span=span)
        case Neg() | Transpose() | Adjoint() | Bars() | Differential():
            return type(node)(parts[0], span=span)
        case Norm(_, kind):
            return Norm(parts[0], kind, span=span)
        case Sub(_, indices):
            return Sub(parts[0], indices, span=span)
        case Add() | Mul() | Hadamard():
            return type(node)(parts, span=span)
        case HadamardDiv() | HadamardPow() | Div() | Pow() | Partial():
            return type(node)(parts[0], parts[1], span=span)
        case Slash():
            return Slash(parts[0], parts[1:], span=span)
        case Listed(rows, is_matrix):
            entries = iter(parts)
            return Listed(tuple(tuple(next(entries) for _ in row) for row in rows), is_matrix, span=span)
        case BigSum(indices):
            return BigSum(indices, parts[0], span=span)
        case Equation(name, indices):
            return Equation(name, indices, parts[0], span=span)
        case Where(_, bindings, ranges):
            values = parts[1 : 1 + len(bindings)]
            named = tuple((n, v) for (n, _), v in zip(bindings, values, strict=True))
            limits = tuple((k, v) for (k, _), v in zip(ranges, parts[1 + len(bindings) :], strict=True))
            return Where(parts[0], named, limits, span=span)
    raise TypeError(type(node).__name__)


def walk(node: Syntax) -> Iterator[Syntax]:
    """`node` and all below it, parents first, without recursion; a node that stands in several places once."""
    stack = [node]
    seen: set[int] = set()
    while stack:
        top = stack.pop()
        if id(top) not in seen:
            seen.add(id(top))
            yield top
            stack.extend(reversed(children(top)))


def names(node: Syntax) -> frozenset[str]:
    """The names in it."""
    found: frozenset[str] | None = getattr(node, "known_names", None)
    if found is None:
        below = [names(c) for c in children(node)]
        found = (
            frozenset((node.name,)) if isinstance(node, Name) else below[0].union(*below[1:]) if below else frozenset()
        )
        object.__setattr__(node, "known_names", found)
    return found


def last_name(node: Syntax) -> str:
    """The name that stands last in it, or nothing."""
    stack = [node]
    seen: set[int] = set()
    while stack:
        top = stack.pop()
        if isinstance(top, Name):
            return top.name
        if id(top) not in seen:
            seen.add(id(top))
            stack.extend(children(top))
    return ""


OPERATOR = Name("")
"""What stands in a `Partial` that is the operator d/dx alone."""

ONE = Num(Fraction(1))
MINUS_ONE = Neg(ONE)


def digest(node: Syntax) -> bytes:
    """A digest of the structure: the same in every process, and found once for each node."""
    try:
        return node.known_digest
    except AttributeError:
        pass
    parts = children(node)
    leaf = repr(with_children(node, (OPERATOR,) * len(parts)))
    found = blake2b(leaf.encode("utf-8", "backslashreplace") + b"".join(map(digest, parts)), digest_size=16).digest()
    object.__setattr__(node, "known_digest", found)
    return found


def upwards(root: Syntax) -> list[Syntax]:
    """`root` and all below it, each once and after what stands below it; without recursion."""
    order: list[Syntax] = []
    seen = {id(root)}
    stack: list[tuple[Syntax, Iterator[Syntax]]] = [(root, iter(children(root)))]
    while stack:
        node, rest = stack[-1]
        for child in rest:
            if id(child) not in seen:
                seen.add(id(child))
                stack.append((child, iter(children(child))))
                break
        else:
            order.append(node)
            stack.pop()
    return order


def occurrences(node: Syntax) -> Iterator[Syntax]:
    """`node` and all below it in the order of the text: what stands in several places, as often as it stands."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(children(top)))
