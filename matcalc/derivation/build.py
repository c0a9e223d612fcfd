"""The steps of a derivation, from the events that the pipeline recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .. import ir
from ..differentiate import directional
from ..draws import Claim
from ..errors import UnsupportedError
from ..forms import symbol_form
from ..functions import FUNCTIONS
from ..ir import Call, Node, Symbol
from ..judge import judge
from ..lower import STRUCTURE, Lowered, without_structure
from ..shelf import SHELF
from ..syntax import Equation, Name, Partial, Syntax, Where
from ..tape import Event, Found, Pulled, Pushed, Rewritten, Started
from .checks import CONTRADICTION, SEED
from .forward import Changes
from .ones import scalar_case
from .reverse import Lines
from .rules import rule_of
from .sheet import Sheet
from .step import Derivation, Formula, Remark, Step

KINDS = ("index", "differential")
NAMES = ("f", "F", "g", "G", *(f"F{k}" for k in range(1, 1000)))


def derivation(lowered: Lowered, wrt: Sequence[str], shown: Syntax, events: Sequence[Event], kind: str) -> Derivation:
    """The derivation of one kind; `shown` is the expression as it was written."""
    builder = _Builder(lowered, wrt, shown, kind)
    steps = builder.run(events)
    return Derivation(steps, builder.ones if len(wrt) == 1 else None)


class _Builder:
    def __init__(self, lowered: Lowered, wrt: Sequence[str], shown: Syntax, kind: str) -> None:
        self.wrt, self.shown, self.kind = wrt, shown, kind
        self.declared = lowered
        self.lowered = _without_structure(lowered, wrt)
        self.steps: list[Step] = []
        self.sheet = Sheet(self.lowered, wrt)
        if lowered.reading.typed.choice == "axes" or isinstance(shown, Equation | Where):
            self.shown = self._name_for(*self.sheet.written(self.lowered.node))
        self.forms: dict[Node, Syntax] = {}  # what was differentiated, as it is shown
        self.ones: Step | None = None
        self.left = Formula(self.shown)  # the derivative that was asked for last

    def run(self, events: Sequence[Event]) -> list[Step]:
        started: Started | None = None
        between: list[Event] = []
        for event in events:
            match event:
                case Started():
                    started, between = event, []
                case Found(result) if started is not None:
                    self._differentiate(started.node, started.variable, result, between)
                    started = None
                case Rewritten() if started is None:
                    self._rewritten(event)
                case _:
                    between.append(event)
        return self.steps

    def _differentiate(self, node: Node, variable: Symbol, result: Node, events: Sequence[Event]) -> None:
        self.sheet = Sheet(self.lowered, self.wrt, node)
        self.shown = self.forms.setdefault(node, self.shown)
        self.steps += self._lines(node, variable, result, events)
        self.left = left = Formula(Partial(self.shown, symbol_form(variable.name).syntax))
        form, in_matrices = self.sheet.written(result)
        source = SHELF.identity_of(node, [variable.name])
        words = "in matrix notation" if in_matrices else "the derivative, its axes in order"
        if not ir.depends(node, variable.name):
            words = f"it does not depend on {variable.name}"
        rule = Remark((words + (f" [{source}]" if source else ""),))
        self.steps.append(Step(rule, left, Formula(form)))
        self.shown = self._name_for(form, in_matrices)
        self.ones = scalar_case(self.lowered, node, result, variable.name)

    def _name_for(self, form: Syntax, in_matrices: bool) -> Syntax:
        """The form, or a name for it where it is in index notation."""
        taken = self.lowered.declarations
        return form if in_matrices else Name(next(n for n in NAMES if n not in taken))

    def _lines(self, node: Node, variable: Symbol, result: Node, events: Sequence[Event]) -> Sequence[Step]:
        pulled = [e for e in events if isinstance(e, Pulled)]
        if self.kind == "index" and pulled:
            lines = Lines(self.sheet, node, variable, self.shown)
            for event in pulled:
                lines.add(event)
            lines.finish(result)
            return lines.steps
        direction: Node = ir.ONE
        if self.kind == "differential":
            direction = self.sheet.symbol_for(variable, ())
            events = self._forwards(node, variable, direction)
        changes = Changes(self.sheet, node, variable, self.shown, direction)
        for push in events:
            if isinstance(push, Pushed):
                changes.add(push)
        changes.finish(result, [rule_of(e.node, len(e.parts)) for e in pulled])
        return changes.steps

    def _forwards(self, node: Node, variable: Symbol, direction: Node) -> Sequence[Event]:
        """What the forward mode does; nothing where a function is known in a trace only."""
        tape: list[Event] = []
        try:
            directional(node, variable, direction, tape.append)
        except UnsupportedError:
            return []
        return tape

    def _rewritten(self, event: Rewritten) -> None:
        """What a rule of the library did to a part, or all rules together to the whole."""
        before, after = (Formula(self._paper(n).form(n)) for n in (event.before, event.after))
        source = next((e.source for e in SHELF if e.name == event.rule), "")
        rule = Remark(((event.rule or "simplified") + (f" [{source}]" if source else ""),))
        if not event.equal:
            self.steps.append(Step(rule, self.left, after))
            return
        if judge(Claim(event.before, event.after, self.declared.declarations), SEED).status == "different":
            raise UnsupportedError(CONTRADICTION)
        self._add(rule, before, after)
        if not event.rule:
            self.shown = self._name_for(*self._paper(event.after).written(event.after))

    def _paper(self, node: Node) -> Sheet:
        """The sheet that knows the symbols of a node: the variables may have their structure, or not."""
        return Sheet(self.declared, self.wrt) if _has_structure(node, self.wrt) else self.sheet

    def _add(self, rule: Remark, before: Formula, after: Formula) -> None:
        known = {(str(s.before), str(s.after)) for s in self.steps}
        if str(before) != str(after) and (str(before), str(after)) not in known:
            self.steps.append(Step(rule, before, after))


def _without_structure(lowered: Lowered, names: Sequence[str]) -> Lowered:
    """The input with the entries of the variables independent, as it is differentiated."""
    lifted = {n: d for n, d in lowered.declarations.items() if n in names and d.attributes & STRUCTURE}
    if not lifted or any(
        isinstance(n, Call) and "domain" in FUNCTIONS[n.function].fields for n in ir.topological(lowered.node)
    ):
        return lowered  # a function of symmetric matrices has no meaning for others
    table = {n: replace(d, attributes=d.attributes - STRUCTURE) for n, d in lifted.items()}
    return replace(lowered, declarations={**lowered.declarations, **table}, node=without_structure(lowered, lifted))


def _has_structure(node: Node, names: Sequence[str]) -> bool:
    """Whether a variable stands in the node as it was declared, with its structure."""
    return any(isinstance(n, Symbol) and n.name in names and n.attributes & STRUCTURE for n in ir.topological(node))
