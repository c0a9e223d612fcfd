"""The case of 1 by 1 matrices, where everybody can check the answer: d/dv (x - u v)^2 = -2 u (x - u v)."""

from __future__ import annotations

from collections.abc import Mapping

from .. import ir
from ..confirm import agree, folded
from ..declarations import Declaration
from ..differentiate import derivative
from ..draws import Claim
from ..errors import MatcalcError, UnsupportedError
from ..functions import FUNCTIONS
from ..ir import Basis, Call, Einsum, Extent, Inject, Map, MatPow, Merge, Node, Number, Power, Sum, Symbol
from ..judge import judge
from ..lower import Lowered, Written, lower_text, note_sum, unfolded
from ..recognise import Recogniser, matrix_form
from ..syntax import OPERATOR, Mul, Name, Partial, Syntax
from .checks import CONTRADICTION, SEED
from .step import Formula, Remark, Step

LARGEST = 300
KEPT = frozenset({"positive", "integer"})
NOT_ONES = frozenset({"complex", "hermitian", "skew", "orthogonal", "contraction"})


class _Large(Exception):
    """There is no such thing for 1 by 1 matrices."""


def scalar_case(lowered: Lowered, root: Node, result: Node, variable: str) -> Step | None:
    """The derivative for 1 by 1 matrices as a line, where there are matrices or vectors and the case exists."""
    kinds = {d.kind for d in lowered.declarations.values()}
    if kinds <= {"scalar"} or any(d.attributes & NOT_ONES for d in lowered.declarations.values()):
        return None
    if max(ir.written_size(root), ir.written_size(result)) > LARGEST:
        return None
    scalars = _Scalars(lowered)
    try:
        left, right = scalars.of(unfolded(root)), scalars.of(unfolded(result))
        symbol = scalars.symbols[variable]
        found = folded(derivative(left, symbol), scalars.declarations)
        right = folded(right, scalars.declarations)
    except (_Large, MatcalcError):
        return None
    if not agree(found, right, scalars.declarations):
        status = judge(Claim(found, right, scalars.declarations), SEED).status  # float64 alone sees no nought
        if status == "different":
            raise UnsupportedError(CONTRADICTION)
        if status == "undecided":
            return None
    before, after = scalars.form(left, symbol), scalars.form(right, symbol)
    if before is None or after is None or left is symbol or not ir.depends(left, symbol.name):
        return None
    where = "for 1x1 matrices" if kinds & {"matrix", "tensor"} else "in one dimension"
    operator = Partial(OPERATOR, Name(symbol.name))
    return Step(Remark((where,)), Formula(Mul((operator, before))), Formula(after))


class _Scalars:
    """The symbols as scalars, in small letters where that takes no other's name, and the nodes made of them."""

    def __init__(self, lowered: Lowered) -> None:
        self.lowered = lowered
        names = list(lowered.declarations)
        small = [n.lower() for n in names]
        self.symbols: dict[str, Symbol] = {}
        self.declarations: dict[str, Declaration] = {}
        for name, d in lowered.declarations.items():
            short = name.lower() if small.count(name.lower()) == 1 and d.kind != "scalar" else name
            self.symbols[name] = ir.symbol(short, (), d.attributes & KEPT)
            self.declarations[short] = Declaration("scalar", (), d.attributes & KEPT)

    def of(self, root: Node) -> Node:
        """The node with every axis of length one, as a scalar."""
        memo: dict[Node, Node] = {}
        for node in ir.topological(root):
            memo[node] = self._of(node, memo)
        return memo[root]

    def _of(self, node: Node, memo: Mapping[Node, Node]) -> Node:
        match node:
            case Number():
                return node
            case Symbol(name):
                return self.symbols[name]
            case Extent() | Merge():
                return ir.ONE
            case Basis(1):
                return ir.ONE
            case Basis() | Inject():
                raise _Large
            case Einsum(operands):
                return ir.einsum([(memo[o], ()) for o in operands], ())
            case Sum(terms):
                return ir.add([(c, memo[n]) for c, n in terms], ())
            case Power(base, exponent) | MatPow(base, exponent):
                return ir.power(memo[base], memo[exponent])
            case Map(function, args) | Call(function, args):
                return self._function(node, function, [memo[a] for a in args])
        raise TypeError(type(node).__name__)

    def _function(self, node: Node, function: str, args: list[Node]) -> Node:
        row = FUNCTIONS.at(function, [a.rank for a in ir.operands_of(node)])
        formula = row.fields.get("scalar")
        if formula is not None:
            names = [p.name for p in row.parameters]
            body = lower_text(formula, {n: Declaration("scalar") for n in names}, open_names=False).node
            return ir.substitute(body, dict(zip(names, args, strict=True)), {})
        if isinstance(node, Map) or not args:
            return ir.apply(function, args) if args else node
        raise _Large

    def form(self, node: Node, last: Symbol) -> Syntax | None:
        """The scalar as text, the variable last among its factors."""
        written: Written = {}
        for part, terms in self.lowered.written.items():
            try:
                note_sum(written, self.of(part), [self.of(t) for t in terms])
            except _Large:
                continue
        order = {s.name: k for k, s in enumerate(self.symbols.values())} | {last.name: len(self.symbols)}
        return matrix_form(Recogniser(written, order), node)
