"""One term of a line in components, with the letters that its factors had in the line before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from .. import ir
from ..errors import LimitError, UnsupportedError
from ..forms import Form, negate, power_form
from ..indices import LETTERS, EinsteinWriter, is_ones
from ..ir import Einsum, Labels, Map, Node, Number, Power, Sum, Symbol, topological
from ..recognise import Recogniser
from ..render.text import text
from ..syntax import Add, BigSum, Div, Identity, Mul, Name, Neg, Num, Sub, Syntax, Transpose, walk
from ..terms import Link, NoMatrixForm, Term

# A factor and the letters of its axes.
Placed: TypeAlias = tuple[Node, tuple[str, ...]]
UNORDERED = (2, 0, "")
PROBE = ("p", "q")
NEVER_IMPLICIT = 3


@dataclass
class ComponentWriter(EinsteinWriter):
    """Writes x_i A_ij x_j: products in components, what stands in them in matrix notation.

    `earlier` are the factors of the line before: they keep their letters and their order. `partials` are the names
    that stand for derivatives of nodes, each with its node; `reserved` are the letters that are taken.
    """

    reserved: frozenset[str] = frozenset()
    earlier: Sequence[Placed] = ()
    partials: Mapping[str, Node] = field(default_factory=dict)
    at: int = 0  # where among the earlier factors those that are new stand
    noted: list[Placed] = field(default_factory=list)
    busy: set[str] = field(default_factory=set)
    fixed: set[str] = field(default_factory=set)  # sums that stay as the input wrote them

    def letter(self) -> str:
        taken = self.busy | self.reserved | {k for _, letters in self.earlier for k in letters}
        for k in LETTERS:
            if k not in taken:
                self.busy.add(k)
                return k
        raise LimitError(f"more than {len(LETTERS)} indices in a line of the derivation")

    def term(self, node: Node, letters: tuple[str, ...]) -> Term:
        match node:
            case Sum(((c, inner),)):
                return self.scaled(inner, letters, c)
            case Einsum():
                return self._product(node, letters)
            case _:
                return self.factor(node, letters)

    def factor(self, node: Node, letters: tuple[str, ...]) -> Term:
        self._note(node, letters)
        if isinstance(node, Einsum) and (letters or self._is_open(node)):
            return self.term(node, letters)
        if not letters:
            return self._scalar(node)
        sign, form = self._signed_atom(node, letters)
        return Term(sign, (), (Link(form),))

    def _signed_atom(self, node: Node, letters: tuple[str, ...]) -> tuple[int, Form]:
        """(sign, form) of a component: of -X^T it is (-1, X_ji)."""
        if isinstance(node, Power):
            sign, base = self._signed_atom(node.base, letters)
            whole = isinstance(node.exponent, Number) and node.exponent.value.denominator == 1
            even = isinstance(node.exponent, Number) and node.exponent.value % 2 == 0
            form = power_form(base if sign > 0 or whole else negate(base), self.recogniser.form(node.exponent))
            return (-1 if sign < 0 and whole and not even else 1), form
        if not isinstance(node, Sum) or node.rank > 2 or _has_ones(node):
            return 1, self._atom(node, letters)
        try:
            sign, whole_form = self.recogniser.signed(node)
        except NoMatrixForm:
            return self.signed(node, letters)
        shown = component(whole_form.syntax, letters)
        if isinstance(shown, Neg):
            sign, shown = -sign, shown.arg
        turned = ir.turn(node) if node.rank == 2 else node
        if isinstance(shown, Sub) and (self.recogniser.was_written(node) or self.recogniser.was_written(turned)):
            self.fixed.add(text(shown.base))
        return sign, Form(shown)

    def _is_open(self, node: Node) -> bool:
        """Whether a derivative stands in it, so that its indices must show."""
        return any(isinstance(n, Symbol) and n.name in self.partials for n in topological(node))

    def _note(self, node: Node, letters: tuple[str, ...]) -> None:
        self.noted.append((node, letters))
        for part in elementwise_operands(node):
            self.noted.append((part, letters))

    def _component(self, node: Node, letters: tuple[str, ...]) -> Form:
        if not letters or node.rank > 2 or _has_ones(node):
            return super()._component(node, letters)
        try:
            sign, form = self._signed_atom(node, letters)
        except NoMatrixForm:
            return super()._component(node, letters)
        return form if sign > 0 else negate(form)

    def counts(self, factor: Syntax) -> Counter[str]:
        """As everywhere; but a letter that a derivative holds twice is not summed by that: a sum has to say so."""
        match factor:
            case Sub(Name(name), indices) if name in self.partials:
                own = Counter(str(k) for k in indices)
                return Counter({k: times if times == 1 else NEVER_IMPLICIT for k, times in own.items()})
            case _:
                return super().counts(factor)

    # --- order and letters ---

    def _in_order(self, node: Einsum) -> list[tuple[Node, Labels]]:
        """Along the labels that the operands share; a scalar starts with a vector, as x^T A x does."""
        left = list(zip(node.operands, node.labels, strict=True))
        reached = list(node.output)
        ordered: list[tuple[Node, Labels]] = []

        def key(item: tuple[Node, Labels]) -> tuple[int, int, tuple[int, int, str]]:
            inner = [reached.index(k) for k in item[1] if k in reached and k not in node.output]
            if inner:
                return 0, -max(inner), UNORDERED
            ends = [reached.index(k) for k in item[1] if k in reached]
            return (1, min(ends), UNORDERED) if ends else (2, len(item[1]), self._rank(item[0]))

        while left:
            item = min(left, key=key)
            left.remove(item)
            ordered.append(item)
            reached += [k for k in item[1] if k not in reached]
        return ordered

    def _rank(self, node: Node) -> tuple[int, int, str]:
        try:
            return self.recogniser.rank_of(self.recogniser.form(node))
        except NoMatrixForm:
            return UNORDERED

    def _operands(self, node: Einsum, names: dict[int, str]) -> Iterator[Placed]:
        items = self._in_order(node)
        places = self._kept(items, names)
        order = sorted(range(len(items)), key=lambda k: (places.get(k, self.at), self._is_partial(items[k][0]), k))
        for k in order:
            operand, labels = items[k]
            for label in reversed(labels) if self._shows_turned(operand) else labels:
                if label not in names:
                    names[label] = self.letter()
            yield operand, tuple(names[label] for label in labels)

    def _shows_turned(self, node: Node) -> bool:
        """Whether the component of a matrix is written as one of its transpose."""
        if node.rank != 2:
            return False
        _, form = self._signed_atom(node, PROBE)
        shown = [x.indices for x in walk(form.syntax) if isinstance(x, Sub)]
        return PROBE[::-1] in shown and PROBE not in shown

    def _is_partial(self, node: Node) -> bool:
        return isinstance(node, Symbol) and node.name in self.partials

    def _kept(self, items: Sequence[tuple[Node, Labels]], names: dict[int, str]) -> dict[int, int]:
        """Where the factors stood in the line before; their labels take the letters from there."""
        found: dict[int, int] = {}
        for place, (known, letters) in sorted(enumerate(self.earlier), key=lambda e: -len(e[1][1])):
            for k, (operand, labels) in sorted(enumerate(items), key=lambda e: self._is_partial(e[1][0])):
                own = self._known_as(operand, known, labels)
                if k not in found and own is not None and self._take(own, letters, names):
                    found[k] = place
                    break
        return found

    def _known_as(self, operand: Node, known: Node, labels: Labels) -> Labels | None:
        """The labels that the known factor has where it, or its derivative, is the operand."""
        if operand is known:
            return labels
        if isinstance(operand, Symbol) and self.partials.get(operand.name) is known:
            return labels[: known.rank]
        return None

    def _take(self, labels: Labels, letters: Sequence[str], names: dict[int, str]) -> bool:
        """Name the labels, if that contradicts no name that is given."""
        wanted = dict(names)
        for label, letter in zip(labels, letters, strict=True):
            if label in wanted and wanted[label] != letter:
                return False
            if label not in wanted and (letter in wanted.values() or letter in self.reserved or letter in self.busy):
                return False
            wanted[label] = letter
        self.busy |= {k for label, k in wanted.items() if label not in names}
        names.update(wanted)
        return True


def _has_ones(node: Node) -> bool:
    """Whether a matrix of ones is a term."""
    return isinstance(node, Sum) and any(is_ones(n) for _, n in node.terms)


def component(form: Syntax, letters: tuple[str, ...]) -> Syntax:
    """The component of a matrix or a vector: -2 X_ij of -2 X, and X_ji of X^T; a scalar has none."""
    match form:
        case _ if not letters:
            return form
        case Neg(arg):
            return Neg(component(arg, letters))
        case Mul((Num() as number, second, *rest)):
            return Mul((number, component(Mul((second, *rest)) if rest else second, letters)))
        case Div(above, below):
            return Div(component(above, letters), below)
        case Transpose(arg) if len(letters) == 2:
            return Sub(arg, letters[::-1])
        case Identity():
            return Sub(Identity(None), letters)
        case _:
            return Sub(form, letters)


def elementwise_operands(node: Node) -> tuple[Node, ...]:
    """The operands that are combined entry by entry."""
    match node:
        case Sum(terms):
            return tuple(n for _, n in terms if n.shape == node.shape)
        case Map(_, args):
            return args
        case Power(base):
            return (base,)
        case _:
            return ()


def write(
    recogniser: Recogniser,
    node: Node,
    letters: tuple[str, ...],
    reserved: frozenset[str],
    earlier: Sequence[Placed] = (),
    at: int = 0,
    partials: Mapping[str, Node] | None = None,
) -> tuple[bool, Form, list[Placed]]:
    """(whether it is added, form, factors) of a component of the node."""
    recogniser.prepare(node)
    writer = ComponentWriter(
        recogniser, reserved=reserved | frozenset(letters), earlier=earlier, partials=partials or {}, at=at
    )
    try:
        term = writer.term(node, letters)
    except NoMatrixForm:
        raise UnsupportedError("a line of the derivation holds a function that has no notation") from None
    form = term.form()
    if term.coefficient >= 0:
        return True, form, writer.noted
    flipped = _negated_within(form.syntax, writer.fixed)
    return flipped is not None, form if flipped is None else Form(flipped), writer.noted


def _negated_within(root: Syntax, fixed: set[str]) -> Syntax | None:
    """The negative of a product, where a difference in it can be turned round: (1 - t) for (t - 1)."""
    match root:
        case Add(terms) if any(isinstance(t, Neg) for t in terms):
            turned = [t.arg if isinstance(t, Neg) else Neg(t) for t in terms]
            return Add(tuple(sorted(turned, key=lambda t: isinstance(t, Neg))))
        case BigSum(indices, body):
            inner = _negated_within(body, fixed)
            return None if inner is None else BigSum(indices, inner)
        case Sub(Add() as base, indices) if text(base) not in fixed:
            inner = _negated_within(base, fixed)
            return None if inner is None else Sub(inner, indices)
        case Mul(factors):
            for k, f in enumerate(factors):
                inner = _negated_within(f, fixed)
                if inner is not None:
                    return Mul((*factors[:k], inner, *factors[k + 1 :]))
    return None
