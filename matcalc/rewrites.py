"""Rewrites `lhs -> rhs` of the intermediate representation, as the files in `identities/` state them.

The left side is matched up to the order of factors and terms: a product matches within a larger product, a sum
within a larger sum and up to a common number, a factor within a power of it. A formula whose variables are `any`
is one about entries and matches at every shape. The right side must be smaller than the left, whatever the
variables stand for, so that rewriting ends.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from . import ir
from .declarations import Declaration, read_declaration
from .entries import Record, shipped
from .errors import IdentityError, MatcalcError
from .functions import FUNCTIONS
from .ir import ONE, Call, Einsum, Labels, Map, MatPow, Node, Number, Power, Rational, Sum, Symbol
from .lifting import lift
from .lower import lower_text
from .resources import folder
from .sizes import Size

MAX_STEPS = 400
POWERS = "powers of matrices"
# Attributes that only symbols have: a rule about them needs such a symbol.
OF_SYMBOLS = frozenset({"diagonal", "orthogonal", "lower", "upper", "toeplitz"})
WORD = re.compile(r"[A-Za-z]\w*")
SPLIT = re.compile(r",\s*(?=[A-Za-z]\w*\s*:)")
WEIGHTS: dict[type[Node], int] = {Map: 2, Power: 2, MatPow: 3, Call: 3}


@dataclass(frozen=True)
class Binding:
    """What the variables of a pattern stand for."""

    nodes: Mapping[str, Node]
    sizes: Mapping[str, Size]


@dataclass(frozen=True)
class Rewrite:
    """A rule: `lhs` and `rhs` over the variables; `words` are the features that an expression must have."""

    name: str
    lhs: Node
    rhs: Node
    factor: Rational
    variables: Mapping[str, frozenset[str]]
    elementwise: bool
    words: frozenset[str]
    holomorphic: bool  # whether it holds for complex values too: by analytic continuation

    def apply(self, node: Node) -> Node | None:
        """The node rewritten at its root, or None where the left side does not match."""
        if isinstance(self.lhs, Einsum) and isinstance(node, Einsum) and not _could_hold(self.lhs, node):
            return None
        return next(_Matcher(self).rewritten(node), None)


def _could_hold(lhs: Einsum, node: Einsum) -> bool:
    """Whether the product has a power of a matrix of the form that the left side asks for: a quick look."""
    wanted = [p.base for p in lhs.operands if isinstance(p, MatPow) and isinstance(p.base, Einsum)]
    present = [o.base for o in node.operands if isinstance(o, MatPow) and isinstance(o.base, Einsum)]
    return all(any(len(b.operands) == len(w.operands) for b in present) for w in wanted)


class _Fuel(Exception):
    """The search for a match took too long."""


class _Matcher:
    """One attempt at matching a rule."""

    def __init__(self, rule: Rewrite) -> None:
        self.rule = rule
        self.steps = 0

    def rewritten(self, node: Node) -> Iterator[Node]:
        lhs = self.rule.lhs
        start = Binding({}, {})
        try:
            if isinstance(lhs, Einsum) and isinstance(node, Einsum):
                yield from self._within_product(lhs, node, start)
            elif isinstance(lhs, Sum) and isinstance(node, Sum):
                yield from self._within_sum(lhs, node, start)
            elif type(lhs) is type(node):
                for b in self.match(lhs, node, start):
                    yield self.instance(b, node)
        except _Fuel:
            return

    def instance(self, b: Binding, like: Node) -> Node:
        """The right side at what the variables stand for."""
        if self.rule.elementwise:
            shape = next((n.shape for n in b.nodes.values()), like.shape)
            return ir.scale(self.rule.factor, lift(self.rule.rhs, b.nodes, shape))
        return ir.scale(self.rule.factor, ir.substitute(self.rule.rhs, b.nodes, b.sizes))

    # --- patterns ---

    def match(self, pattern: Node, node: Node, b: Binding) -> Iterator[Binding]:
        """The bindings under which the pattern is the node."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise _Fuel
        match pattern:
            case Symbol(name) if name in self.rule.variables:
                yield from self._bind(name, pattern, node, b)
            case Number():
                if pattern is node or (self.rule.elementwise and node is ir.scale(pattern.value, ir.ones(node.shape))):
                    yield b
            case Sum(((c, inner),)):
                yield from self.match(inner, ir.scale(1 / Fraction(c), node), b)
            case Map(function, args) | Call(function, args):
                if isinstance(node, Map | Call) and type(node) is type(pattern) and node.function == function:
                    yield from self._all(list(zip(args, node.args, strict=True)), b)
            case Power(base, exponent):
                if isinstance(node, Power):
                    yield from self._all([(exponent, node.exponent), (base, node.base)], b)
            case MatPow(base, exponent):
                if isinstance(node, MatPow):
                    yield from self._all([(exponent, node.exponent), (base, node.base)], b)
            case Einsum():
                if isinstance(node, Einsum) and len(node.operands) == len(pattern.operands):
                    found = self._factors(pattern, node, b)
                    yield from (b for b, rest, places in found if not rest and self._lies_so(pattern, node, places))
            case Sum():
                if isinstance(node, Sum) and len(node.terms) == len(pattern.terms):
                    yield from (b for b, rest, c in self._terms(pattern, node, b) if not rest and c == 1)
            case _:
                if pattern is node:
                    yield b

    def _lies_so(self, pattern: Einsum, node: Einsum, places: Mapping[int, Labels]) -> bool:
        """Whether the axes of a product that is an operand lie as in the pattern: (A B)^T is not A B."""
        if self.rule.elementwise:
            return True
        on = tuple(places[k][0] if k in places else own for k, own in zip(pattern.output, node.output, strict=True))
        return on == node.output or (node.swap == 1 and on[::-1] == node.output)

    def _all(self, pairs: Sequence[tuple[Node, Node]], b: Binding) -> Iterator[Binding]:
        if not pairs:
            yield b
            return
        for inner in self.match(*pairs[0], b):
            yield from self._all(pairs[1:], inner)

    def _bind(self, name: str, pattern: Symbol, node: Node, b: Binding) -> Iterator[Binding]:
        if name in b.nodes:
            if b.nodes[name] is node:
                yield b
            return
        if not all(_has(node, a) for a in self.rule.variables[name]):
            return
        if not self.rule.holomorphic and not ir.is_real(node):
            return
        sizes = dict(b.sizes)
        if not self.rule.elementwise:
            if node.rank != pattern.rank:
                return
            for formal, actual in zip(pattern.shape, node.shape, strict=True):
                key = formal.name or ""
                if sizes.setdefault(key, actual) is not actual:
                    return
        yield Binding({**b.nodes, name: node}, sizes)

    # --- products ---

    def _within_product(self, lhs: Einsum, node: Einsum, b: Binding) -> Iterator[Node]:
        extents = dict(enumerate(node.extents))
        for bound, rest, places in self._factors(lhs, node, b):
            on = next(iter(places.values()), ()) if self.rule.elementwise else tuple(places[k][0] for k in lhs.output)
            new = self.instance(bound, node)
            if not rest and on == node.output:
                yield new  # also where labels of the output repeat: the diagonal part of D is D
            elif len(on) == new.rank:
                yield ir.einsum([*rest, (new, on)], node.output, extents)

    def _factors(
        self, pattern: Einsum, node: Einsum, b: Binding
    ) -> Iterator[tuple[Binding, list[tuple[Node, Labels]], dict[int, Labels]]]:
        """(binding, factors left over, where the labels of the pattern lie) for each way the pattern divides the
        product. In a rule about entries label -1 of the pattern lies on all the labels of its factors."""
        # What is most particular goes first, variables last: so most attempts end at once.
        wanted = sorted(zip(pattern.operands, pattern.labels, strict=True), key=lambda f: isinstance(f[0], Symbol))
        present = list(zip(node.operands, node.labels, strict=True))
        for bound, rest, places in self._assign(wanted, present, b, {}):
            if self.rule.elementwise or self._closed(pattern, node, rest, places):
                yield bound, rest, places

    def _assign(
        self,
        wanted: Sequence[tuple[Node, Labels]],
        present: list[tuple[Node, Labels]],
        b: Binding,
        places: dict[int, Labels],
    ) -> Iterator[tuple[Binding, list[tuple[Node, Labels]], dict[int, Labels]]]:
        if not wanted:
            yield b, present, places
            return
        (pattern, labels), *others = wanted
        for k, (node, on) in enumerate(present):
            if self._may_turn(pattern, node):
                for placed in self._placed(labels, on[::-1], node, places):
                    for bound in self.match(pattern, ir.turn(node), b):
                        yield from self._assign(others, present[:k] + present[k + 1 :], bound, placed)
            for placed in self._placed(labels, on, node, places):
                for piece, left in _pieces(pattern, node):
                    for bound in self.match(pattern, piece, b):
                        rest = present[:k] + ([(left, on)] if left is not None else []) + present[k + 1 :]
                        yield from self._assign(others, rest, bound, placed)

    def _may_turn(self, pattern: Node, node: Node) -> bool:
        """Whether a variable may stand for the transpose of a factor."""
        variable = isinstance(pattern, Symbol) and pattern.name in self.rule.variables
        return variable and pattern.rank == node.rank == 2 and node.swap == 0 and not self.rule.elementwise

    def _placed(self, labels: Labels, on: Labels, node: Node, places: dict[int, Labels]) -> Iterator[dict[int, Labels]]:
        """Where the labels of the pattern lie if this factor is the operand that carries them."""
        if self.rule.elementwise:
            if places.get(-1, on) == on:
                yield {**places, -1: on}
            return
        if len(labels) != len(on):
            return
        orders = [on, on[::-1]] if len(on) == 2 and node.swap == 1 else [on]
        for order in orders:
            placed = dict(places)
            # One label of the pattern lies on one label of the product, also where the pattern repeats it.
            if all(placed.setdefault(k, (x,)) == (x,) for k, x in zip(labels, order, strict=True)):
                yield placed

    def _closed(
        self, pattern: Einsum, node: Einsum, rest: Iterable[tuple[Node, Labels]], places: Mapping[int, Labels]
    ) -> bool:
        """Whether the summed labels of the pattern are summed in the node and used by nothing else in it."""
        summed = [places[k][0] for k in range(len(pattern.extents)) if k not in pattern.output]
        outside = set(node.output) | {x for _, ls in rest for x in ls}
        outside |= {places[k][0] for k in pattern.output}
        return len(set(summed)) == len(summed) and not outside & set(summed)

    # --- sums ---

    def _within_sum(self, lhs: Sum, node: Sum, b: Binding) -> Iterator[Node]:
        for bound, rest, c in self._terms(lhs, node, b):
            new = self.instance(bound, node)
            if new.shape == node.shape:
                yield ir.add([*rest, (c, new)], node.shape)

    def _terms(
        self, pattern: Sum, node: Sum, b: Binding
    ) -> Iterator[tuple[Binding, list[tuple[Rational, Node]], Rational]]:
        """(binding, terms left over, the number that the matched terms have in common)."""
        # Numbers match everything of their kind, so the terms with variables go first.
        wanted = sorted(pattern.terms, key=lambda t: isinstance(t[1], Number))
        yield from self._assign_terms(wanted, list(node.terms), b, None)

    def _assign_terms(
        self,
        wanted: Sequence[tuple[Rational, Node]],
        present: list[tuple[Rational, Node]],
        b: Binding,
        common: Rational | None,
    ) -> Iterator[tuple[Binding, list[tuple[Rational, Node]], Rational]]:
        if not wanted:
            yield b, present, 1 if common is None else common
            return
        (c, pattern), *others = wanted
        for k, (d, node) in enumerate(present):
            ratio = Fraction(d) / Fraction(c)
            if common is not None and ratio != common:
                continue
            for bound in self.match(pattern, node, b):
                yield from self._assign_terms(others, present[:k] + present[k + 1 :], bound, ratio)


def _pieces(pattern: Node, node: Node) -> Iterator[tuple[Node, Node | None]]:
    """(part, rest): the node itself, or a power of its base that the pattern may divide out of it."""
    yield node, None
    base, exponent = (node.base, node.exponent) if isinstance(node, Power) else (node, ONE)
    wanted = pattern.exponent if isinstance(pattern, Power) else ONE
    if isinstance(exponent, Number) and isinstance(wanted, Number):
        left = exponent.value - wanted.value
        if left * wanted.value > 0 and exponent.value * wanted.value > 0 and exponent.value.denominator == 1:
            yield ir.power(base, wanted), ir.power(base, left)


def _has(node: Node, attribute: str) -> bool:
    """Whether the node is known to have an attribute."""
    match attribute:
        case "symmetric":
            return node.swap == 1
        case "skew":
            return node.swap == -1
        case "positive":
            return ir.positive(node)
        case "invertible":
            return _is_invertible(node)
        case "integer":
            return ir.is_whole(node)
        case _:
            return isinstance(node, Symbol) and attribute in node.attributes


def _is_invertible(node: Node) -> bool:
    match node:
        case Symbol(_, attributes):
            return bool(attributes & {"invertible", "spd", "orthogonal"})
        case MatPow(base, exponent):
            return _is_invertible(base) or (isinstance(exponent, Number) and exponent.value < 0)
        case _:
            return False


# --- reading rules -----------------------------------------------------------------------------------


def rewrite(name: str, lhs: str, rhs: str, declare: str) -> Rewrite:
    """A rule from its texts; errors: IdentityError where it does not shrink or is malformed."""
    table, elementwise = _variables(declare)
    left, right = (lower_text(side, table, open_names=False).node for side in (lhs, rhs))
    if left.shape != right.shape:
        raise IdentityError(f"the two sides of the rewrite '{name}' have different shapes")
    factor: Rational = 1
    if isinstance(left, Sum) and len(left.terms) == 1:
        ((c, left),) = left.terms
        factor = 1 / Fraction(c)
    _check_measure(name, left, right, table)
    variables = {n: d.attributes for n, d in table.items()}
    needed = features(ir.topological(left)) | _attributes(variables.values())
    return Rewrite(name, left, right, factor, variables, elementwise, needed, _is_holomorphic(left, right))


def features(nodes: Iterable[Node]) -> frozenset[str]:
    """What rules look for in an expression: its functions, whether it has powers of matrices, and what symbols are."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case Map(function) | Call(function):
                found.add(function)
            case MatPow():
                found.add(POWERS)
            case Symbol(_, attributes):
                found |= attributes & OF_SYMBOLS
    return frozenset(found)


def _attributes(conditions: Iterable[frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*conditions) & OF_SYMBOLS


def _variables(declare: str) -> tuple[dict[str, Declaration], bool]:
    """The variables, and whether the rule is about entries."""
    table: dict[str, Declaration] = {}
    anywhere = 0
    for part in SPLIT.split(declare.strip()):
        name, _, text = part.partition(":")
        name, text = name.strip(), text.strip()
        if text.split()[:1] == ["any"]:
            anywhere += 1
            text = "scalar" + text[3:]
        table[name] = read_declaration(name, text)
    if anywhere and anywhere != len(table):
        raise IdentityError("either all variables of a rewrite are 'any', or none")
    return table, anywhere > 0


def weight(root: Node) -> int:
    """The size of a node as a tree, a power or a function weighing more than a product or a sum."""
    total: dict[Node, int] = {}
    for node in ir.topological(root):
        own = WEIGHTS.get(type(node), 1)
        if isinstance(node, Sum):
            own += sum(1 for c, _ in node.terms if c != 1)
        total[node] = own + sum(total[n] for n in ir.operands_of(node))
    return total[root]


def _occurrences(root: Node) -> Counter[str]:
    counts: dict[Node, Counter[str]] = {}
    for node in ir.topological(root):
        own: Counter[str] = Counter([node.name] if isinstance(node, Symbol) else [])
        for n in ir.operands_of(node):
            own += counts[n]
        counts[node] = own
    return counts[root]


def _check_measure(name: str, left: Node, right: Node, table: Mapping[str, Declaration]) -> None:
    if isinstance(left, Symbol | Number):
        raise IdentityError(f"the left side of the rewrite '{name}' would match everything")
    before, after = _occurrences(left), _occurrences(right)
    for variable in table:
        if after[variable] > before[variable]:
            raise IdentityError(
                f"the rewrite '{name}' does not shrink: {variable} stands {after[variable]} times on its right side "
                f"and {before[variable]} times on its left"
            )
        if not before[variable]:
            raise IdentityError(f"the rewrite '{name}' does not use {variable} on its left side")
    if weight(right) >= weight(left):
        raise IdentityError(f"the rewrite '{name}' does not shrink: its right side is not smaller than its left")


def _is_holomorphic(*sides: Node) -> bool:
    """Whether the sides are made of functions with one complex value at each argument."""

    def has_one_value(node: Node) -> bool:
        match node:
            case Map(function) | Call(function):
                return FUNCTIONS[function].on_complex == "holomorphic"
            case Power(_, exponent):
                return ir.is_whole(exponent)
            case _:
                return True

    return all(has_one_value(n) for side in sides for n in ir.topological(side))


def rewrite_of(record: Record) -> Rewrite:
    """The rule that a record states; errors name its file and place."""
    lhs, arrow, rhs = record.text("states").partition("->")
    if not arrow:
        raise record.error("a rewrite states 'lhs -> rhs'", "states")
    try:
        return rewrite(record.title, lhs.strip(), rhs.strip(), record.text("declare"))
    except IdentityError as error:
        raise record.error(error.message) from None
    except MatcalcError as error:
        raise record.error(error.message, "states") from None


# --- the rules in use ----------------------------------------------------------------------------------


class Rules:
    """The shipped rules and those of the user; a rule is read when the functions that it is about first occur."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._waiting = [(r, _words(r)) for r in records]
        self._ready: list[Rewrite] = []

    def add(self, rule: Rewrite) -> None:
        self._ready.append(rule)

    def about(self, functions: frozenset[str]) -> list[Rewrite]:
        """The rules whose left sides need no other features than these."""
        # Norms, quotients and sums are functions in the text only.
        if self._waiting:
            known = functions | STRUCTURAL
            due = [r for r, words in self._waiting if words <= known]
            if due:
                self._waiting = [(r, words) for r, words in self._waiting if not words <= known]
                self._ready += [rewrite_of(r) for r in due]
        return [r for r in self._ready if r.words <= functions]


def _words(record: Record) -> frozenset[str]:
    """The features that the left side of a rule needs, as far as its text tells before it is read."""
    lhs = record.text("states").partition("->")[0]
    words = frozenset(WORD.findall(lhs)) & FUNCTIONS.keys()
    of_symbols = frozenset(WORD.findall(record.text("declare"))) & OF_SYMBOLS
    return words | of_symbols | ({POWERS} if ")^-1" in lhs else frozenset())


STRUCTURAL = frozenset(["sum", "tr", "sqrt", "diag", "inv", "transpose", "mean", "dot", "outer", "rowsum", "colsum"])


@lru_cache(maxsize=1)
def rules() -> Rules:
    path = folder("identities") / "rewrites.mc"
    return Rules([r for r in shipped(path.read_text(encoding="utf-8"), path.name) if r.kind == "rewrite"])
