"""The derivation by differentials, from what the forward mode did: d(A B) = dA B + A dB, node by node.

By a scalar s the changes are derivatives by s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .. import ir
from ..differentiate import tangent_of
from ..errors import LimitError
from ..forms import symbol_form
from ..indices import LETTERS
from ..ir import Node, Number, Power, Sum, Symbol
from ..syntax import Differential, Partial, Syntax
from ..systems import Array
from ..tape import Pushed
from ..traces import dotted, traced
from . import checks
from .components import component
from .rules import rule_of
from .sheet import Sheet, with_components
from .step import Formula, Remark, Step, joined

MAX_EVENTS = 200


@dataclass
class Changes:
    """The changes of the nodes, written as the events come in; `direction` is how the variable changes."""

    sheet: Sheet
    root: Node
    variable: Symbol
    shown: Syntax
    direction: Node
    steps: list[Step] = field(default_factory=list)
    known: dict[Node, Node] = field(default_factory=dict)  # changes, in terms of the changes that are shown
    events: int = 0

    def __post_init__(self) -> None:
        self.known[self.variable] = self.direction

    def add(self, event: Pushed) -> None:
        """One node is treated."""
        self.events += 1
        if self.events > MAX_EVENTS:
            raise LimitError("the derivation is too long to be written out")
        node = event.node
        change = tangent_of(node, self.known)
        if ir.is_zero(change):
            return
        self.sheet.require_short(event.tangent)
        self.known[node] = change
        sign, upright, turned = self.sheet.upright(node)
        if node is not self.root and (_passes(node) or self.sheet.matrix(upright) is None):
            return
        self._show(node, upright, [ir.scale(sign, ir.turn(n) if turned else n) for n in (change, event.tangent)])
        symbol = self.sheet.symbol_for(upright, ())
        self.known[node] = ir.scale(sign, ir.turn(symbol) if turned else symbol)

    def _show(self, node: Node, upright: Node, changes: Sequence[Node]) -> None:
        """The change in terms of the changes that are shown, and then with those inserted."""
        for change in changes:
            self._check(change, upright)
        forms = [self.sheet.matrix(n) for n in changes]
        letters: tuple[str, ...] = ()
        if any(f is None for f in forms):
            letters = tuple(LETTERS[: node.rank])
            forms = [self.sheet.component(n, letters, frozenset()) for n in changes]
        before = Formula(self._change(upright, letters))
        after, whole = (Formula(with_components(f, self._named)) for f in forms if f is not None)
        if after != before:
            varying = [n for n in ir.operands_of(node) if n in self.known]
            self.steps.append(Step(rule_of(node, len(varying)), before, after))
        if whole != after:
            self.steps.append(Step(Remark(("insert",)), after, whole))

    def _named(self, name: str, letters: tuple[str, ...]) -> Syntax | None:
        node = self.sheet.nodes.get(name)
        return None if node is None else self._change(node, letters)

    def _change(self, node: Node, letters: tuple[str, ...] = ()) -> Syntax:
        form = component(self.shown if node is self.root else self.sheet.form(node), letters)
        if self.variable.shape or self.direction is not ir.ONE:
            return Differential(form)
        return Partial(form, symbol_form(self.variable.name).syntax)

    def _check(self, change: Node, node: Node) -> None:
        nodes = self.sheet.nodes

        def sides(point: checks.Point) -> tuple[Array, Array, list[Array]]:
            values = point.changes([node, *nodes.values()])
            if self.direction is ir.ONE:
                values = [v / point.direction for v in values]
            (found,) = point.values([change], dict(zip(nodes, values[1:], strict=True)))
            return found, values[0], values

        checks.compare(self.sheet.points(self.root, self.variable.name), sides)

    # --- the end ---

    def finish(self, result: Node, rules: Sequence[Remark]) -> None:
        """Read the derivative off the differential; else `rules` made that of the whole."""
        if self.direction is ir.ONE or not ir.depends(self.root, self.variable.name) or self.root is self.variable:
            return
        after = self._collected(result)
        if after is None:
            return
        if not self.steps:
            self.steps.append(Step(joined(rules, ", "), Formula(self._change(self.root)), after))
        elif after != self.steps[-1].after:
            rule = Remark(("collect what stands with ", Differential(symbol_form(self.variable.name).syntax)))
            self.steps.append(Step(rule, self.steps[-1].after, after))

    def _collected(self, result: Node) -> Formula | None:
        """tr(G^T dX), g^T dx, or J dx; None where there is no such form."""
        r, v = self.root.rank, self.variable.rank
        outer, by = tuple(range(r)), tuple(range(r, r + v))
        whole = ir.einsum([(result, outer + by), (self.direction, by)], outer)
        self._check(whole, self.root)
        change = Differential(symbol_form(self.variable.name).syntax)
        if (r, v) == (0, 2):
            factor = self.sheet.matrix(ir.turn(result))
            return None if factor is None else Formula(traced(factor, change))
        if (r, v) == (0, 1):
            factor = self.sheet.matrix(result)
            return None if factor is None else Formula(dotted(factor, change))
        form = self.sheet.matrix(whole)
        return None if form is None else Formula(with_components(form, self._named))


def _passes(node: Node) -> bool:
    """Whether the change of a node is better seen in the change of what holds it."""
    match node:
        case Sum(terms):
            return len(terms) == 1
        case Power(_, exponent):
            return isinstance(exponent, Number)
        case _:
            return False
