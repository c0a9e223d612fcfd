"""The derivation in index notation, from what the reverse mode did.

The derivative is a sum of terms: a part of an adjoint times the derivative of a node that was not treated yet. Each
rule replaces such a term by others; at the end only derivatives of the variable by itself are left, which are
Kronecker deltas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from .. import ir
from ..errors import LimitError
from ..forms import Form, add_form, symbol_form
from ..indices import LETTERS
from ..ir import Call, Einsum, MatPow, Node, Sum, Symbol
from ..syntax import ONE, Equation, Identity, Num, Partial, Sub, Syntax, Where, walk
from ..systems import Array
from ..tape import Pulled
from ..terms import size_form
from ..traces import flat_product
from . import checks
from .components import Placed, component, elementwise_operands, write
from .rules import rule_of
from .sheet import Sheet, letters_in, with_components
from .step import Formula, Remark, Step, joined

MAX_EVENTS = 200
MAX_TERMS = 60
ZERO = Num(Fraction(0))


@dataclass(frozen=True)
class Term:
    """A part of an adjoint times the derivative of a node: its sign, form and factors; `own` are the node's letters."""

    node: Node
    part: Node
    plus: bool
    form: Form
    factors: Sequence[Placed]
    place: int
    own: tuple[str, ...]


def _letters(count: int, taken: set[str]) -> tuple[str, ...]:
    """Letters for that many axes, none of them taken."""
    free = [k for k in LETTERS if k not in taken]
    if len(free) < count:
        raise LimitError(f"more than {len(LETTERS)} indices in a line of the derivation")
    return tuple(free[:count])


@dataclass
class Lines:
    """The lines of one derivative, written as the events come in."""

    sheet: Sheet
    root: Node
    variable: Symbol
    shown: Syntax
    terms: list[Term] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    events: int = 0

    def __post_init__(self) -> None:
        bound = letters_in(self.shown)
        self.outer = _letters(self.root.rank, bound)
        in_components, used = self._in_components()
        self.by = _letters(self.variable.rank, used)
        self.reserved = frozenset(self.by)
        given = component(self.shown, self.outer)
        has_letters = any(isinstance(x, Sub) for x in walk(in_components))
        if has_letters and in_components not in (given, self.shown):
            self.sheet.require(self._read(in_components, self.outer, self.root.shape), self.root)
            self.steps.append(Step(Remark(("in index notation",)), Formula(given), Formula(in_components)))
        axes = tuple(range(self.root.rank))
        seed = ir.einsum((), axes + axes, dict(enumerate(self.root.shape)))
        self.terms = [self._term(self.root, seed, [(self.root, self.outer)], 0)]

    def _in_components(self) -> tuple[Syntax, set[str]]:
        """(the expression in components, its letters)."""
        terms = self.root.terms if isinstance(self.root, Sum) else ((1, self.root),)
        used = set(self.outer) | letters_in(self.shown)
        forms = []
        for c, node in terms:
            plus, form, factors = write(self.sheet.recogniser, ir.scale(c, node), self.outer, frozenset())
            forms.append((plus, form))
            used |= {k for _, letters in factors for k in letters}
        forms.sort(key=lambda f: not f[0])
        return add_form(forms).syntax, used

    # --- terms ---

    def _term(self, node: Node, part: Node, earlier: Sequence[Placed], at: int) -> Term:
        self.sheet.require_short(part)
        sign, upright, turned = self.sheet.upright(node)
        symbol = self.sheet.symbol_for(upright, self.variable.shape)
        for k, (known, letters) in enumerate(earlier):
            if known is node and upright is not node:
                earlier = [*earlier[: k + 1], (upright, letters[::-1] if turned else letters), *earlier[k + 1 :]]
                at += at > k
                break
        r, own, v = self.root.rank, node.rank, self.variable.rank
        outer = tuple(range(r))
        axes = tuple(range(r, r + own))
        by = tuple(range(r + own, r + own + v))
        product = ir.einsum([(part, outer + axes), (symbol, (axes[::-1] if turned else axes) + by)], outer + by)
        product = ir.scale(sign, product)
        letters = self.outer + self.by
        plus, form, factors = write(
            self.sheet.recogniser, product, letters, self.reserved, earlier, at, self.sheet.nodes
        )
        self._require(plus, form, product)
        place = next(k for k, (n, _) in enumerate(factors) if n is symbol)
        return Term(node, part, plus, form, factors, place, factors[place][1][:own])

    def _require(self, plus: bool, form: Form, node: Node) -> None:
        """Refuse a component of the derivative that does not read back."""
        signed = add_form([(plus, form)]).syntax
        self.sheet.require(self._read(signed, self.outer + self.by, node.shape), node)

    def _read(self, form: Syntax, letters: tuple[str, ...], shape: ir.Shape) -> Syntax:
        """The form as it is read: with its axes in order, and their ranges."""
        if not letters:
            return form
        ranges = tuple((k, size_form(s).syntax) for k, s in zip(letters, shape, strict=True))
        name = "Z" + "q" * max(map(len, self.sheet.lowered.declarations), default=1)  # longer than any that is taken
        return Where(Equation(name, letters, form), (), ranges)

    def _line(self, terms: Sequence[Term]) -> Formula:
        if not terms:
            return Formula(ZERO)
        return Formula(with_components(self._raw(terms), self._partial))

    def _raw(self, terms: Sequence[Term]) -> Syntax:
        return add_form([(t.plus, t.form) for t in terms]).syntax

    def _partial(self, name: str, letters: tuple[str, ...]) -> Syntax | None:
        """What the component of a symbol for a derivative is written as."""
        node = self.sheet.nodes.get(name)
        if node is None:
            return None
        own = letters[: node.rank]
        is_root = node is self.root
        shown = component(self.shown, own) if is_root else self.sheet.component(node, own, self.reserved)
        return Partial(shown, component(symbol_form(self.variable.name).syntax, letters[node.rank :]))

    def _delta(self, name: str, letters: tuple[str, ...]) -> Syntax | None:
        half = self.variable.rank
        return deltas(letters[:half], letters[half:]) if name in self.sheet.nodes else None

    # --- rules ---

    def add(self, event: Pulled) -> None:
        """One node is treated."""
        self.events += 1
        mine = [t for t in self.terms if t.node is event.node]
        if self.events > MAX_EVENTS or len(self.terms) + len(event.parts) > MAX_TERMS:
            raise LimitError("the derivation is too long to be written out; steps='differential' is shorter")
        if not mine:
            return
        if len(mine) > 1:
            self._collect(event.node, event.adjoint, mine)
        (term,) = [t for t in self.terms if t.node is event.node]
        earlier = self._opened(term)
        new = [self._term(n, part, earlier, term.place) for n, part in _told_apart(event)]
        if isinstance(event.node, Sum):
            new.sort(key=lambda t: not t.plus)
        linear = len(event.parts) <= 1 and isinstance(event.node, Einsum | Sum)
        self._step(rule_of(event.node, len(event.parts)), term, new, detail=linear)

    def _collect(self, node: Node, adjoint: Node, mine: Sequence[Term]) -> None:
        first = mine[0]
        one = self._term(node, adjoint, first.factors, first.place)
        others = [t for t in self.terms if t not in mine[1:]]
        before = self._line(self.terms)
        self.terms = [one if t is first else t for t in others]
        self._record(Step(Remark(("collect",)), before, self._line(self.terms)))

    def _opened(self, term: Term) -> list[Placed]:
        """The factors of the term, with those of the node in the place of its derivative."""
        _, upright, turned = self.sheet.upright(term.node)
        own = term.own[::-1] if turned else term.own
        inside: list[Placed] = [(n, own) for n in elementwise_operands(term.node)]
        if isinstance(upright, Einsum):
            taken = self.reserved | {k for _, letters in term.factors for k in letters}
            _, _, inside = write(self.sheet.recogniser, upright, term.own, taken)
        return [*term.factors[: term.place], *inside, *term.factors[term.place + 1 :]]

    def _step(self, rule: Remark, old: Term, new: Sequence[Term], detail: bool) -> None:
        before = self._line(self.terms)
        k = self.terms.index(old)
        self.terms = [*self.terms[:k], *new, *self.terms[k + 1 :]]
        self._record(Step(rule, before, self._line(self.terms), detail=detail))

    def _record(self, step: Step) -> None:
        if step.before != step.after:
            self.steps.append(step)
        self._check()

    def _check(self) -> None:
        """Compare the line with the derivative of the expression, at numbers."""

        def sides(point: checks.Point) -> tuple[Array, Array, list[Array]]:
            parts = point.values([t.part for t in self.terms], {})
            wanted, *changes = point.changes([self.root, *(t.node for t in self.terms)])
            return checks.total(map(checks.along, parts, changes)), wanted, [*parts, *changes]

        checks.compare(self.sheet.points(self.root, self.variable.name), sides)

    # --- the end ---

    def finish(self, result: Node) -> None:
        """Contract the deltas, and write the result in matrix notation."""
        if self.terms and self.variable.rank:
            self._deltas()
            self._contract()
            self._products()
        elif self.terms:
            before = self._line(self.terms)
            after = Formula(component(self.sheet.form(result), self.outer))
            rule = Remark(("the derivative of ", symbol_form(self.variable.name).syntax, " is 1"))
            self.steps.append(Step(rule, before, after))

    def _deltas(self) -> None:
        variable, own = symbol_form(self.variable.name).syntax, self.terms[0].own
        after = Formula(with_components(self._raw(self.terms), self._delta))
        shape = self.root.shape + self.variable.shape
        total = ir.add([(1, t.part) for t in self.terms], shape)
        self.sheet.require(self._read(after.syntax, self.outer + self.by, shape), total)
        rule = Remark((Partial(Sub(variable, own), Sub(variable, self.by)), " = ", deltas(own, self.by)))
        self.steps.append(Step(rule, self._line(self.terms), after))

    def _contract(self) -> None:
        """Each delta renames a summed letter to the letter of the variable, or stays."""
        letters = self.outer + self.by
        before = self.steps[-1].after
        notes: list[Remark] = []
        written: list[tuple[bool, Form]] = []
        for t in self.terms:
            renamed: dict[str, str] = {}
            for a, b in zip(t.own, self.by, strict=True):
                if a not in renamed and a not in letters:
                    renamed[a] = b
                    notes.append(Remark((deltas((a,), (b,)), f" renames {a} to {b}")))
            earlier = [(n, tuple(renamed.get(k, k) for k in own)) for n, own in t.factors]
            plus, form, _ = write(self.sheet.recogniser, t.part, letters, frozenset(), earlier, t.place)
            self._require(plus, form, t.part)
            written.append((plus, form))
        after = Formula(add_form(written).syntax)
        if notes:
            self.steps.append(Step(Remark(("contract the deltas",)), before, after, joined(notes, ", ")))
        else:
            self.steps[-1] = replace(self.steps[-1], after=after, note=Remark(("whose indices stay",)))

    def _products(self) -> None:
        """The terms as components of matrices."""
        letters = self.outer + self.by
        before = self.steps[-1].after
        forms = [self.sheet.matrix(t.part) if len(letters) <= 2 else None for t in self.terms]
        known = [f for f in forms if f is not None]
        if len(known) < len(forms):
            return
        after = Formula(add_form([(True, Form(component(f, letters))) for f in known]).syntax)
        if after != before:
            self.steps.append(Step(Remark(("as matrix products",)), before, after))


def _told_apart(event: Pulled) -> list[tuple[Node, Node]]:
    """The parts that are not nought: each term of a sum that a rule gives by itself, equal ones together."""
    parts: list[tuple[Node, Node]] = []
    for node, part in event.parts:
        several = isinstance(part, Sum) and isinstance(event.node, MatPow | Call)
        terms = [ir.scale(c, n) for c, n in part.terms] if several and isinstance(part, Sum) else [part]
        for term in terms:
            if not ir.is_zero(term):
                parts.append((node, term))
    joined_parts: list[tuple[Node, Node]] = []
    for node, part in parts:
        same = next((k for k, (n, p) in enumerate(joined_parts) if n is node and _alike(p, part)), None)
        if same is None:
            joined_parts.append((node, part))
        else:
            joined_parts[same] = (node, ir.add([(1, joined_parts[same][1]), (1, part)], part.shape))
    return joined_parts


def _alike(a: Node, b: Node) -> bool:
    """Whether one is a number times the other."""
    total = ir.add([(2, a), (1, b)], a.shape)
    return not isinstance(total, Sum) or len(total.terms) == (len(a.terms) if isinstance(a, Sum) else 1)


def deltas(first: Sequence[str], second: Sequence[str]) -> Syntax:
    """The product of Kronecker deltas; 1 of no indices."""
    pairs = [Sub(Identity(None), (a, b)) for a, b in zip(first, second, strict=True)]
    return flat_product(*pairs) if pairs else ONE
