"""The names of the rules of differentiation, with the formula of each and the identity that states it."""

from __future__ import annotations

from .. import ir
from ..differentiate import tangent_of
from ..functions import FUNCTIONS, Function
from ..ir import Call as CallNode
from ..ir import Einsum, Map, MatPow, Node, Number, Power, Sum, Symbol
from ..parsing import Vocabulary, parse
from ..recognise import Recogniser, matrix_form
from ..shapes import CONSTANTS
from ..shelf import SHELF
from ..syntax import MINUS_ONE, Call, Differential, Mul, Name, Neg, Norm, Partial, Pow, Syntax, children, with_children
from .sheet import with_components
from .step import Remark

SCALAR, MATRIX = "t", "X"
NORMS = {"normspectral": "2", "normnuclear": "*"}


def rule_of(node: Node, parts: int) -> Remark:
    """What the rule for a node is called; `parts` is how many of its operands vary."""
    match node:
        case Sum():
            return Remark(("linearity",))
        case Einsum(operands):
            alone = len([o for o in operands if o.shape]) <= 1
            return Remark(("product rule" if parts > 1 else "linearity" if alone else "constant factors",))
        case Power(_, exponent):
            return Remark(("power rule" if isinstance(exponent, Number) else "power rule, with a variable exponent",))
        case Map(function, _):
            return Remark(("chain rule, ", *_slope(function)))
        case MatPow(base, exponent) if isinstance(exponent, Number) and exponent.value == -1:
            symbol = ir.symbol(MATRIX, base.shape)
            return Remark((*_inverse(symbol), *_cited(ir.matpow(symbol, -1), symbol)))
        case MatPow():
            return Remark(("derivative of a matrix power",))
        case CallNode(function, args):
            row = FUNCTIONS.at(function, [a.rank for a in args])
            arg = ir.symbol(row.parameters[0].name, args[0].shape, _attributes(args[0]))
            known = _differential(row)
            return Remark((*known, *_cited(ir.call(function, [arg]), arg))) if len(args) == 1 else Remark(tuple(known))
        case _:
            return Remark(("derivative",))


def _with_norms(root: Syntax) -> Syntax:
    """The norms that are functions, between bars."""
    parts = tuple(_with_norms(c) for c in children(root))
    if isinstance(root, Call) and root.function in NORMS:
        return Norm(parts[0], NORMS[root.function])
    return with_children(root, parts)


def _attributes(node: Node) -> frozenset[str]:
    return node.attributes if isinstance(node, Symbol) else frozenset({"symmetric"} if node.swap == 1 else ())


def _cited(node: Node, symbol: Symbol) -> list[str]:
    """Where the derivative of a node is found."""
    source = SHELF.identity_of(node, [symbol.name])
    return [f" [{source}]"] if source else []


def _slope(function: str) -> list[str | Syntax]:
    """`d tanh(t)/dt = ...`."""
    t = ir.symbol(SCALAR)
    slope = matrix_form(Recogniser(), tangent_of(ir.apply(function, [t]), {t: ir.ONE}))
    left = Partial(Call(function, (Name(SCALAR),)), Name(SCALAR))
    return [left, " = ", slope] if slope is not None else [left]


def _inverse(symbol: Symbol) -> list[str | Syntax]:
    """`d(X^-1) = -X^-1 dX X^-1`."""
    X, inverse = Name(symbol.name), Pow(Name(symbol.name), MINUS_ONE)
    return [Differential(inverse), " = ", Neg(Mul((inverse, Differential(X), inverse)))]


def _differential(row: Function) -> list[str | Syntax]:
    """The differential as the row of the function states it."""
    if row.differential is None and row.derivative is None:
        return [f"derivative of {row.name}"]
    names = [p.name for p in row.parameters]
    changes = {f"d{n}": n for n in names}
    sizes = frozenset(n for p in row.parameters for s in p.sizes for n in s.names)
    vocabulary = Vocabulary(frozenset([*names, *changes]), sizes, FUNCTIONS.spellings, False, CONSTANTS)
    formula = row.differential or f"({row.derivative}) d{names[0]}"
    right = with_components(
        parse(formula, vocabulary),
        lambda name, _: Differential(Name(changes[name])) if name in changes else None,
    )
    left = Differential(_with_norms(Call(row.name, tuple(Name(n) for n in names))))
    right = _with_norms(right)
    commuting: list[str | Syntax] = (
        [] if row.differential else [", where it commutes with ", Differential(Name(names[0])), " or is traced"]
    )
    return [left, " = ", right, *commuting]
