"""Differentiation of the intermediate representation: reverse mode, and forward mode by a scalar.

An adjoint has the axes of the expression and then those of its node; the seed is a product of deltas. Sums,
products, elementwise functions and powers have one rule each; every other function is differentiated by the
differential in its row, which is linear in dX, by the same rules. By a scalar the tangent of a node has the
node's own axes, and d f(X) is the differential of f in the direction of the tangent of X.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from . import ir
from .errors import LimitError, UnsupportedError
from .functions import FUNCTIONS, Function
from .ir import Call, Einsum, Labels, Map, MatPow, Node, Number, Power, Rational, Shape, Sum, Symbol
from .lifting import lift
from .lower import differential, expand
from .tape import Found, Pulled, Pushed, Record, Started, ignore

MAX_UNROLL = 16
MAX_FACTORS = 3_000
DIRECTION = "differential of the argument"
ARGUMENT = "the argument"
# What a rule gives: an operand and a part of its adjoint.
Part: TypeAlias = tuple[Node, Node]


def derivative(root: Node, variable: Symbol, record: Record = ignore) -> Node:
    """The derivative of every entry by every entry: the axes of `root`, then those of `variable`."""
    if root.rank + variable.rank > ir.MAX_RANK:
        raise LimitError(f"the derivative has more than {ir.MAX_RANK} axes")
    record(Started(root, variable))
    result = _derivative(root, variable, record)
    record(Found(result))
    return result


def _derivative(root: Node, variable: Symbol, record: Record) -> Node:
    if not variable.shape:
        try:
            return push_forward(root, variable, record)
        except UnsupportedError:
            pass  # what is known inside a trace only, the reverse mode sees
    axes = tuple(range(root.rank))
    seed = ir.einsum((), axes + axes, dict(enumerate(root.shape)))
    return pull_back(root, variable, seed, root.shape, record)


class _Effort:
    """How many factors the products of a derivative have, if none is written twice."""

    def __init__(self) -> None:
        self.factors = 0

    def spend(self, terms: int, each: int) -> None:
        self.factors += terms * each
        if self.factors > MAX_FACTORS:
            raise LimitError(
                f"the product rule makes {terms:,} products of {each:,} factors here; the products of a derivative may "
                f"have {MAX_FACTORS:,} factors in all"
            )


@dataclass
class _Adjoints:
    """Adjoints under construction, for an outer shape."""

    outer: Shape
    parts: dict[Node, list[tuple[Rational, Node]]] = field(default_factory=dict)
    effort: _Effort = field(default_factory=lambda: _Effort())

    def total(self, node: Node) -> Node:
        return ir.add(self.parts.pop(node, ()), self.outer + node.shape)

    @property
    def labels(self) -> Labels:
        """Labels of the outer axes; the axes of nodes have labels from 0 on."""
        return tuple(range(-len(self.outer), 0))


def pull_back(root: Node, variable: Symbol, seed: Node, outer: Shape, record: Record = ignore) -> Node:
    """The adjoint of `variable`, where that of `root` is `seed`: its axes are `outer`, then those of the node."""
    order = ir.topological(root)
    relevant: set[Node] = set()
    for node in order:
        if node is variable or any(n in relevant for n in ir.operands_of(node)):
            relevant.add(node)
    adjoints = _Adjoints(outer, {root: [(1, seed)]})
    for node in reversed(order):
        if node not in relevant or node is variable:
            continue
        adjoint = adjoints.total(node)
        if ir.is_zero(adjoint):
            continue
        parts = list(_parts(node, adjoint, adjoints, relevant.__contains__))
        record(Pulled(node, adjoint, parts))
        for operand, part in parts:
            adjoints.parts.setdefault(operand, []).append((1, part))
    return adjoints.total(variable)


def _parts(node: Node, adjoint: Node, adjoints: _Adjoints, relevant: Callable[[Node], bool]) -> Iterator[Part]:
    outer = adjoints.labels
    match node:
        case Sum(terms):
            for c, term in terms:
                if relevant(term):
                    yield term, ir.scale(c, adjoint)
        case Einsum():
            yield from _product_rule(node, adjoint, adjoints, relevant)
        case Map(function, args):
            yield from _chain_rule(function, args, adjoint, outer)
        case Power(base, exponent):
            yield from _power_rule(node, base, exponent, adjoint, outer, relevant)
        case MatPow(base, exponent):
            yield base, _matrix_power_rule(node, base, exponent, adjoint, outer, relevant)
        case Call(function, args):
            yield from _call_rule(node, function, args, adjoint, adjoints, relevant)
        case _:
            raise AssertionError(type(node).__name__)


def _product_rule(node: Einsum, adjoint: Node, adjoints: _Adjoints, relevant: Callable[[Node], bool]) -> Iterator[Part]:
    outer = adjoints.labels
    extents = dict(enumerate(node.extents))
    factors = list(zip(node.operands, node.labels, strict=True))
    first = _first_of_equal(node)
    adjoints.effort.spend(len({first[k] for k, o in enumerate(node.operands) if relevant(o)}), len(factors))
    parts: dict[int, Node] = {}
    for place, (operand, labels) in enumerate(factors):
        if relevant(operand):
            if first[place] not in parts:
                rest = factors[:place] + factors[place + 1 :]
                parts[place] = ir.einsum([(adjoint, outer + node.output), *rest], outer + labels, extents)
            yield operand, parts[first[place]]


def _first_of_equal(node: Einsum) -> list[int]:
    """For each factor the first whose rest is the same: all (A X)^k of a trace have the rest (A X)^(k-1) A."""
    places = list(range(len(node.operands)))
    cycle = _cycle(node)
    if cycle is None:
        return places
    word = [(node.operands[place], forward) for place, forward in cycle]
    period = _period(word)
    for k, (place, _) in enumerate(cycle):
        places[place] = cycle[k % period][0]
    firsts: dict[int, int] = {}
    for place, known in enumerate(places):
        places[place] = firsts.setdefault(known, place)
    return places


def _cycle(node: Einsum) -> list[tuple[int, bool]] | None:
    """The factors of a trace in their order, each with whether it stands upright; None of any other product."""
    if node.output or any(len(set(ls)) != 2 or len(ls) != 2 for ls in node.labels):
        return None
    on: dict[int, list[int]] = {}
    for place, labels in enumerate(node.labels):
        for k in labels:
            on.setdefault(k, []).append(place)
    if any(len(own) != 2 or own[0] == own[1] for own in on.values()):
        return None
    order: list[tuple[int, bool]] = []
    place, label = 0, node.labels[0][0]
    while not order or place != 0:
        forward = node.labels[place][0] == label
        order.append((place, forward or node.operands[place].swap == 1))
        label = node.labels[place][1 if forward else 0]
        place = next(p for p in on[label] if p != place)
    return order if len(order) == len(node.operands) else None


def _period(word: Sequence[object]) -> int:
    """The least shift that takes a cyclic word to itself (Knuth, Morris and Pratt)."""
    border = [0] * len(word)
    k = 0
    for j in range(1, len(word)):
        while k and word[j] != word[k]:
            k = border[k - 1]
        k += word[j] == word[k]
        border[j] = k
    shift = len(word) - border[-1]
    return shift if len(word) % shift == 0 else len(word)


def _chain_rule(function: str, args: tuple[Node, ...], adjoint: Node, outer: Labels) -> Iterator[Part]:
    (arg,) = args
    axes = tuple(range(arg.rank))
    slope = _slope(function, arg)
    yield arg, ir.einsum([(adjoint, outer + axes), (slope, axes)], outer + axes)


def _slope(function: str, arg: Node) -> Node:
    """f' at every entry of the argument: as the row states it, or from the definition."""
    row = FUNCTIONS[function]
    if row.derivative is not None:
        return expand(row, row.derivative, [arg])
    if row.definition is None:
        raise UnsupportedError(f"the derivative of {function}(x) is not known")
    x = ir.symbol(ARGUMENT)
    return lift(push_forward(expand(row, row.definition, [x]), x), {ARGUMENT: arg}, arg.shape)


def _power_rule(
    node: Power, base: Node, exponent: Node, adjoint: Node, outer: Labels, relevant: Callable[[Node], bool]
) -> Iterator[Part]:
    axes = tuple(range(base.rank))
    if relevant(base):
        lower = ir.power(base, ir.add([(1, exponent), (-1, ir.ONE)], ()))
        yield base, ir.einsum([(adjoint, outer + axes), (exponent, ()), (lower, axes)], outer + axes)
    if relevant(exponent):
        slope = ir.hadamard([node, ir.apply("log", [base])], base.shape)
        yield exponent, ir.einsum([(adjoint, outer + axes), (slope, axes)], outer)


def _matrix_power_rule(
    node: MatPow, base: Node, exponent: Node, adjoint: Node, outer: Labels, relevant: Callable[[Node], bool]
) -> Node:
    """d X^k = sum over r of X^r dX X^(k-1-r); for a trace all terms are one."""
    if relevant(exponent):
        raise UnsupportedError("the derivative of a matrix power by its exponent")
    inverse = isinstance(exponent, Number) and exponent.value == -1
    if not inverse and _commutes(node, base, adjoint, relevant):
        lower = ir.matpow(base, ir.add([(1, exponent), (-1, ir.ONE)], ()))
        slope = ir.einsum([(exponent, ()), (lower, (0, 1))], (0, 1))
        return _commuting_part(adjoint, slope, outer)
    sign, powers = _unrolled(exponent)
    terms = []
    for left, right in powers:
        factors = [(adjoint, (*outer, 0, 3)), (ir.matpow(base, left), (0, 1)), (ir.matpow(base, right), (2, 3))]
        terms.append((sign, ir.einsum(factors, (*outer, 1, 2))))
    return ir.add(terms, adjoint.shape)


def _unrolled(exponent: Node) -> tuple[int, list[tuple[int, int]]]:
    """(sign, pairs (a, b)) with d X^k the signed sum of X^a dX X^b."""
    if not isinstance(exponent, Number):
        raise UnsupportedError(
            "a matrix power with a symbolic exponent is differentiated inside a trace or a determinant only"
        )
    k = int(exponent.value)
    if abs(k) > MAX_UNROLL:
        raise LimitError(f"the derivative of a matrix power with an exponent over {MAX_UNROLL}, other than in a trace")
    return (1, [(r, k - 1 - r) for r in range(k)]) if k > 0 else (-1, [(-r, k - 1 + r) for r in range(1, 1 - k)])


def _commuting_part(adjoint: Node, slope: Node, outer: Labels) -> Node:
    """The adjoint of X for dF(X) = f(X) dX, which holds where dX, or what it is traced with, commutes with X."""
    return ir.einsum([(adjoint, (*outer, 0, 2)), (slope, (0, 1))], (*outer, 1, 2))


def _commutes(node: Node, base: Node, adjoint: Node, relevant: Callable[[Node], bool]) -> bool:
    return _is_scalar_multiple(base, relevant) or _traced_with_function(node, base, adjoint)


def _is_scalar_multiple(base: Node, relevant: Callable[[Node], bool]) -> bool:
    """Whether the matrix is s M, and only the scalar s varies."""
    if isinstance(base, Sum):
        return len(base.terms) == 1 and _is_scalar_multiple(base.terms[0][1], relevant)
    return isinstance(base, Einsum) and not any(
        relevant(o) for o, labels in zip(base.operands, base.labels, strict=True) if labels
    )


def _traced_with_function(node: Node, base: Node, adjoint: Node) -> bool:
    """Whether the adjoint is a scalar times the identity, or times a function of the same matrix, transposed."""
    if isinstance(adjoint, Sum):
        return all(_traced_with_function(node, base, term) for _, term in adjoint.terms)
    if isinstance(adjoint, MatPow | Call | Symbol):
        return adjoint.swap == 1 and _is_function_of(adjoint, node, base)
    if not isinstance(adjoint, Einsum):
        return False
    i, j = adjoint.output[-2:]
    if i in adjoint.output[:-2] or j in adjoint.output[:-2]:
        return False
    on = [(o, ls) for o, ls in zip(adjoint.operands, adjoint.labels, strict=True) if i in ls or j in ls]
    if not on:
        return i == j
    if len(on) != 1:
        product = [(o, ls) for o, ls in zip(adjoint.operands, adjoint.labels, strict=True) if ls]
        # The argument itself, where that is a product, such as A^T A.
        whole = ir.einsum(product, (j, i), dict(enumerate(adjoint.extents)))
        return adjoint.output == (i, j) and i != j and _is_function_of(whole, node, base)
    (operand, labels) = on[0]
    turned = labels == (j, i) or (labels == (i, j) and operand.swap == 1)
    return i != j and turned and _is_function_of(operand, node, base)


def _is_function_of(operand: Node, node: Node, base: Node) -> bool:
    """Whether the matrix commutes with `base` because it is a function of it."""
    if isinstance(operand, MatPow):
        operand = operand.base
    if operand is base or operand is node:
        return True
    return isinstance(operand, Call) and operand.args == (base,) and FUNCTIONS[operand.function].derivative is not None


def _call_rule(
    node: Call,
    function: str,
    args: tuple[Node, ...],
    adjoint: Node,
    adjoints: _Adjoints,
    relevant: Callable[[Node], bool],
) -> Iterator[Part]:
    row = FUNCTIONS.at(function, [a.rank for a in args])
    for place, arg in enumerate(args):
        if not relevant(arg):
            continue
        _require_holomorphic(row, arg)
        if row.self_adjoint:
            if adjoints.outer:
                raise UnsupportedError(f"the derivative of {function}(X) is known where the expression is a scalar")
            yield arg, ir.call(function, [adjoint])
        elif row.differential is not None:
            direction = ir.symbol(DIRECTION, arg.shape)
            change = _change(row, place, args, direction)
            yield arg, pull_back(change, direction, adjoint, adjoints.outer)
        elif row.definition is not None:
            variable = ir.symbol(ARGUMENT, arg.shape)
            body = expand(row, row.definition, [*args[:place], variable, *args[place + 1 :]])
            yield arg, ir.substitute(pull_back(body, variable, adjoint, adjoints.outer), {ARGUMENT: arg}, {})
        elif row.derivative is not None:
            if not _commutes(node, arg, adjoint, relevant):
                raise UnsupportedError(
                    f"the derivative of {function}(X) is known in a trace, alone or with what commutes with X, "
                    "and by s where X is s A with A constant"
                )
            yield arg, _commuting_part(adjoint, expand(row, row.derivative, [arg]), adjoints.labels)
        else:
            raise UnsupportedError(f"the derivative of {function}(X) is not known")


def _change(row: Function, place: int, args: tuple[Node, ...], direction: Node) -> Node:
    """The differential; not by the inverse of a column times a row, which has none."""
    change, arg = differential(row, place, list(args), direction), args[place]
    if ir.is_outer(arg) and arg.shape[0].number != 1 and any(map(_is_inverse_of_outer, ir.topological(change))):
        raise UnsupportedError(
            f"{row.name}(...) of a column times a row: such a matrix is singular if it has more than one row "
            "(its determinant is nought), and the derivative goes by its inverse"
        )
    return change


def require_inverses(root: Node) -> None:
    """Refuse the inverse of a column times a row, which is singular: an expression with it has no value anywhere."""
    for node in ir.topological(root):
        if _is_inverse_of_outer(node) and node.shape[0].number != 1:
            raise UnsupportedError(
                "the inverse of a column times a row: such a matrix is singular if it has more than one row"
            )


def _is_inverse_of_outer(node: Node) -> bool:
    return (
        isinstance(node, MatPow)
        and isinstance(node.exponent, Number)
        and node.exponent.value < 0
        and ir.is_outer(node.base)
    )


def _require_holomorphic(row: Function, arg: Node) -> None:
    if arg.is_complex and row.on_complex == "conjugates":
        raise UnsupportedError(f"{row.name}(X) of a complex X depends on conj(X) too; its derivatives are not known")


def push_forward(root: Node, variable: Symbol, record: Record = ignore) -> Node:
    """The derivative of a node by a scalar."""
    return directional(root, variable, ir.ONE, record)


def directional(root: Node, variable: Symbol, direction: Node, record: Record = ignore) -> Node:
    """The derivative of a node as its variable moves in a direction."""
    tangents: dict[Node, Node] = {}
    effort = _Effort()
    for node in ir.topological(root):
        if node is variable:
            tangents[node] = direction
        elif any(n in tangents for n in ir.operands_of(node)):
            if isinstance(node, Einsum):
                effort.spend(sum(o in tangents for o in node.operands), len(node.operands))
            tangent = tangent_of(node, tangents)
            record(Pushed(node, tangent))
            if not ir.is_zero(tangent):
                tangents[node] = tangent
    return tangents.get(root, ir.zero(root.shape) if root.shape else ir.number(0))


def tangent_of(node: Node, tangents: dict[Node, Node]) -> Node:
    """The change of a node, from the changes of its operands; an operand that is not in `tangents` has none."""
    match node:
        case Sum(terms):
            return ir.add([(c, tangents[n]) for c, n in terms if n in tangents], node.shape)
        case Einsum():
            return _product_tangent(node, tangents)
        case Map(function, (arg,)):
            return ir.hadamard([_slope(function, arg), tangents[arg]], node.shape)
        case Power(base, exponent):
            return _power_tangent(node, base, exponent, tangents)
        case MatPow(base, exponent):
            return _matrix_power_tangent(node, base, exponent, tangents)
        case Call(function, args):
            return ir.add(
                [(1, _call_tangent(function, args, k, tangents)) for k, a in enumerate(args) if a in tangents],
                node.shape,
            )
    raise AssertionError(type(node).__name__)


def _product_tangent(node: Einsum, tangents: dict[Node, Node]) -> Node:
    factors = list(zip(node.operands, node.labels, strict=True))
    extents = dict(enumerate(node.extents))
    terms = []
    for k, (operand, labels) in enumerate(factors):
        if operand in tangents:
            changed = [*factors[:k], (tangents[operand], labels), *factors[k + 1 :]]
            terms.append((1, ir.einsum(changed, node.output, extents)))
    return ir.add(terms, node.shape)


def _power_tangent(node: Power, base: Node, exponent: Node, tangents: dict[Node, Node]) -> Node:
    terms = []
    if base in tangents:
        lower = ir.power(base, ir.add([(1, exponent), (-1, ir.ONE)], ()))
        terms.append((1, ir.hadamard([exponent, lower, tangents[base]], node.shape)))
    if exponent in tangents:
        terms.append((1, ir.hadamard([node, ir.apply("log", [base]), tangents[exponent]], node.shape)))
    return ir.add(terms, node.shape)


def _matrix_power_tangent(node: MatPow, base: Node, exponent: Node, tangents: dict[Node, Node]) -> Node:
    if exponent in tangents:
        raise UnsupportedError("the derivative of a matrix power by its exponent")
    if _is_scalar_multiple(base, tangents.__contains__):
        lower = ir.matpow(base, ir.add([(1, exponent), (-1, ir.ONE)], ()))
        return ir.einsum([(exponent, ()), (lower, (0, 1)), (tangents[base], (1, 2))], (0, 2))
    sign, powers = _unrolled(exponent)
    terms = [(sign, ir.chain_product([ir.matpow(base, a), tangents[base], ir.matpow(base, b)])) for a, b in powers]
    return ir.add(terms, node.shape)


def _call_tangent(function: str, args: tuple[Node, ...], place: int, tangents: dict[Node, Node]) -> Node:
    row, arg = FUNCTIONS.at(function, [a.rank for a in args]), args[place]
    _require_holomorphic(row, arg)
    if row.differential is not None:
        return _change(row, place, args, tangents[arg])
    if row.definition is not None:
        variable = ir.symbol(ARGUMENT, arg.shape)
        body = expand(row, row.definition, [*args[:place], variable, *args[place + 1 :]])
        return ir.substitute(directional(body, variable, tangents[arg]), {ARGUMENT: arg}, {})
    if row.derivative is not None and _is_scalar_multiple(arg, tangents.__contains__):
        return ir.chain_product([expand(row, row.derivative, [arg]), tangents[arg]])
    raise UnsupportedError(f"the derivative of {function}(X) is not known")
