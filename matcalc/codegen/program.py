"""IR -> program: which products are taken in which order, what is solved instead of inverted, what is shared.

All is decided here, from symbolic sizes; nothing is searched for when the program runs. Labels of a product are
those of its `Einsum`; labels that the plan needs besides are counted on from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

from .. import ir
from ..ir import Basis, Call, Einsum, Extent, Inject, Labels, Map, MatPow, Merge, Node, Number, Power, Sum, Symbol
from ..sizes import Size
from .order import Costs, Pair, contraction_order, solvable
from .steps import Builder, Program, Value

MAX_SOLVES = 2
MAX_UNROLL = 8
Set: TypeAlias = frozenset[int]


@dataclass(frozen=True)
class Factor:
    """A value on labels. Where `inverse` is set the value is the inverse of that matrix, and better not computed."""

    value: Value
    labels: Labels
    inverse: Value | None = None


@dataclass(frozen=True)
class Part:
    """A product without its diagonals: the value has the labels of `order`, or one entry on those of `missing`."""

    value: Value
    order: Labels
    missing: Set
    pattern: str | None  # how np.einsum takes the value out of the result, where that has diagonals


def plan(root: Node) -> Program:
    """The program that computes a node.

    >>> n = Size.of("n")
    >>> A, x = ir.symbol("A", (n, n)), ir.symbol("x", (n,))
    >>> [s.op for s in plan(ir.einsum([(A, (0, 1)), (x, (1,)), (x, (0,))], ())).steps]
    ['symbol', 'symbol', 'dot', 'dot']
    """
    return Planner(root).program()


class Planner:
    """Gives every node of a graph its value."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self.order = ir.topological(root)
        self.build = Builder()
        self.values: dict[Node, Value] = {}
        self.uses = Counter(n for node in self.order for n in ir.operands_of(node))
        self.inverted = _inverted(self.order, root)

    def program(self) -> Program:
        for node in self.order:
            self.values[node] = self.value(node)
        if self.root.is_complex and ir.is_real(self.root):
            self.values[self.root] = self.build.emit("real", (self.values[self.root],))
        bases = tuple(sorted({(n.index, n.shape[0]) for n in self.order if isinstance(n, Basis)}, key=repr))
        return self.build.finish(self.values[self.root], self.root.rank, bases, _complex_names(self.order))

    def value(self, node: Node) -> Value:
        build = self.build
        match node:
            case Number(value):
                return build.number(value)
            case Symbol(name) if ir.is_conjugate(name):
                return build.conjugate(build.emit("symbol", (), ir.conjugate_name(name)))
            case Symbol(name):
                return build.emit("symbol", (), name)
            case Extent(name):
                return build.emit("size", (), Size.of(name))
            case Basis(index):
                return build.emit("basis", (build.shape(node.shape),), index)
            case Inject(parts, place):
                before = build.emit("size", (), sum(parts[:place], Size.of(0)))
                return build.emit("inject", (build.shape(node.shape), before))
            case Merge():
                eye = build.emit("eye", (build.shape(node.shape[:1]),))
                return build.emit("reshape", (eye, build.shape(node.shape)))
            case Einsum():
                return self.whole(Product(self, node, Fraction(1)).part(), node)
            case Sum():
                return self.sum(node)
            case Call("pi" | "1i" as constant, ()):
                return build.emit(constant)
            case Map(function, args) | Call(function, args):
                return build.emit("call", tuple(self.values[a] for a in args), function)
            case Power(base, exponent):
                return self.power(self.values[base], exponent)
            case MatPow(base, exponent):
                return self.matrix_power(self.values[base], exponent)
        raise TypeError(f"a node that has no program: {type(node).__name__}")

    # --- powers ---

    def power(self, base: Value, exponent: Node) -> Value:
        """An elementwise power: by products and square roots where the exponent is a small multiple of 1/2."""
        if not isinstance(exponent, Number):
            return self.build.emit("power", (base, self.values[exponent]))
        p = Fraction(exponent.value)
        if p.denominator > 2 or abs(p) > MAX_UNROLL:
            return self.build.emit("power", (base, self.build.number(p)))
        if p < 0:
            return self.build.emit("reciprocal", (self.power(base, ir.number(-p)),))
        whole, half = divmod(p, 1)
        parts = [self.whole_power(base, int(whole))] if whole else []
        if half:
            parts.append(self.build.emit("sqrt", (base,)))
        return parts[0] if len(parts) == 1 else self.build.multiply(parts[0], parts[1])

    def whole_power(self, base: Value, times: int) -> Value:
        if times == 1:
            return base
        half = self.build.emit("square", (self.whole_power(base, times // 2),))
        return self.build.multiply(half, base) if times % 2 else half

    def matrix_power(self, base: Value, exponent: Node) -> Value:
        if not isinstance(exponent, Number):
            return self.build.emit("matrix_power_by", (base, self.values[exponent]))
        times = int(exponent.value)
        if times < 0:
            base, times = self.build.emit("inverse", (base,)), -times
        if times == 1:
            return base
        if times == 2:
            return self.build.emit("dot", (base, base))
        return self.build.emit("matrix_power", (base,), times)

    # --- sums ---

    def sum(self, node: Sum) -> Value:
        """A weighted sum; of a matrix, the transpose of the turned sum where that is written with fewer transposes."""
        if not node.terms:
            return self.build.emit("full", (self.build.number(0), self.build.shape(node.shape)))
        upright = self.sum_as_it_stands(node)
        other = ir.turn(node) if node.rank == 2 and len(node.terms) > 1 else node
        if other is node or not isinstance(other, Sum) or not self.can_read(other):
            return upright
        turned = self.sum_as_it_stands(other)
        if self.build.count("T", turned) < self.build.count("T", upright):
            return self.build.transpose(turned, (1, 0))
        return upright

    def can_read(self, node: Sum) -> bool:
        """Whether the terms are products of values that are there."""
        products = [n for _, n in node.terms if n not in self.values]
        return all(isinstance(n, Einsum) and all(o in self.values for o in n.operands) for n in products)

    def sum_as_it_stands(self, node: Sum) -> Value:
        """Positive terms first, diagonals last, a common factor taken out."""
        terms = [(Fraction(c), n) for c, n in node.terms]
        if len(terms) == 1:
            return self.whole(self.term(*terms[0]), node)
        sizes = {abs(c) for c, _ in terms}
        common = sizes.pop() if len(sizes) == 1 else Fraction(1)
        if all(c < 0 for c, _ in terms):
            common = -common
        plain: list[tuple[bool, Part]] = []
        diagonals: dict[str, list[tuple[bool, Part]]] = {}
        for c, n in sorted(((c / common, n) for c, n in terms), key=lambda t: t[0] < 0):
            part = self.term(abs(c), n)
            group = plain if part.pattern is None else diagonals.setdefault(part.pattern, [])
            group.append((c < 0, part))
        return self.build.scale(common, self.joined(plain, diagonals, node))

    def term(self, c: Fraction, node: Node) -> Part:
        """The part of a term; its factor stands where it multiplies least."""
        if isinstance(node, Einsum) and self.uses[node] == 1:
            return Product(self, node, c).part()
        if isinstance(node, Einsum):
            part = Product(self, node, Fraction(1)).part()
            return Part(self.build.scale(c, part.value), part.order, part.missing, part.pattern)
        labels = tuple(range(node.rank))
        return Part(self.build.scale(c, self.values[node]), labels, frozenset(), None)

    def joined(
        self, plain: list[tuple[bool, Part]], diagonals: Mapping[str, list[tuple[bool, Part]]], node: Sum
    ) -> Value:
        build = self.build
        total = None
        if plain:
            part = self.added(plain)
            total = self.whole(part, node)
        for pattern in sorted(diagonals):
            part = self.added(diagonals[pattern])
            if total is None:
                total = self.whole(part, node)
            else:
                total = build.emit("add_at", (total, part.value), pattern)
        assert total is not None
        return total

    def added(self, parts: list[tuple[bool, Part]]) -> Part:
        """The sum of parts on the same labels; NumPy broadcasts those that lack some."""
        (negative, first), *rest = parts
        total = self.build.negate(first.value) if negative else first.value
        missing = first.missing
        for negative, part in rest:
            total = self.build.subtract(total, part.value) if negative else self.build.add(total, part.value)
            missing &= part.missing
        return Part(total, first.order, missing, first.pattern)

    def whole(self, part: Part, node: Node) -> Value:
        """The value with all axes of the node, diagonals and equal rows written out."""
        build = self.build
        if part.pattern is not None:
            shape = build.shape(node.shape)
            if build.is_one(part.value) and part.pattern == "ii->i":
                return build.emit("eye", (build.shape(node.shape[:1]),))
            value = part.value
            if part.pattern == "ii->i" and not part.missing:
                return build.emit("diag", (value,))
            return build.emit("embed", (value, shape), part.pattern)
        if not part.missing:
            return part.value
        shape = build.shape(node.shape)
        if len(part.missing) == len(part.order):
            return build.emit("full", (part.value, shape))
        return build.emit("broadcast", (part.value, shape))


def _complex_names(order: Iterable[Node]) -> frozenset[str]:
    """The symbols whose arrays may be complex."""
    names = {n.name for n in order if isinstance(n, Symbol) and n.is_complex}
    return frozenset(ir.base_name(n) for n in names)


def _inverted(order: Iterable[Node], root: Node) -> set[Node]:
    """The inverses that are wanted as matrices, or met so often that one inverse is less than all the solutions."""
    wanted: set[Node] = set()
    solved: Counter[Node] = Counter()
    for node in order:
        for k, n in enumerate(ir.operands_of(node)):
            if not _is_inverse(n):
                continue
            if isinstance(node, Einsum) and _has_partner(node, k):
                solved[n] += 1
            else:
                wanted.add(n)
    if _is_inverse(root):
        wanted.add(root)
    return wanted | {n for n, times in solved.items() if times > MAX_SOLVES}


def _is_inverse(node: Node) -> bool:
    return isinstance(node, MatPow) and node.exponent is ir.MINUS_ONE


def _has_partner(node: Einsum, place: int) -> bool:
    """Whether the operand is contracted, by a label that stands nowhere else, with one that can be a right side."""
    kept = frozenset(node.output)
    own = node.labels[place]
    if own[0] == own[1]:
        return False
    counts = Counter(k for labels in node.labels for k in labels)
    return any(
        place != other and counts[k] == 2 and k not in kept and k in labels
        for other, labels in enumerate(node.labels)
        for k in own
    )


class Product:
    """The plan of one `Einsum` times a number."""

    def __init__(self, planner: Planner, node: Einsum, coefficient: Fraction) -> None:
        self.planner = planner
        self.build = planner.build
        self.node = node
        self.coefficient = coefficient
        self.extents: dict[int, Size] = dict(enumerate(node.extents))
        self.output: Labels = node.output
        self.scalars: list[Value] = []
        self.factors: list[Factor] = []

    def part(self) -> Part:
        self.read()
        self.split_merges()
        distinct = tuple(dict.fromkeys(self.output))
        self.open_squares(frozenset(distinct))
        self.scale_by_lonely()
        self.factors = [self.reduced(f) for f in self.factors]
        self.pick_entries(frozenset(distinct))
        self.sum_lonely(frozenset(distinct))
        value, labels = self.contracted(distinct)
        return self.placed(value, labels, distinct)

    # --- reading the operands ---

    def read(self) -> None:
        values = self.planner.values
        vectors = any(len(labels) == 1 for labels in self.node.labels)
        for operand, labels in zip(self.node.operands, self.node.labels, strict=True):
            if not labels:
                self.scalars.append(values[operand])
            elif isinstance(operand, MatPow) and operand not in self.planner.inverted:
                self.read_power(operand, labels, vectors)
            else:
                self.factors.append(Factor(values[operand], labels))

    def read_power(self, operand: MatPow, labels: Labels, vectors: bool) -> None:
        """A power of a matrix before a vector is that many products, an inverse a linear system."""
        base, value = self.planner.values[operand.base], self.planner.values[operand]
        if _is_inverse(operand):
            self.factors.append(Factor(value, labels, base))
            return
        exponent = int(operand.exponent.value) if isinstance(operand.exponent, Number) else 0
        if not vectors or labels[0] == labels[1] or not 2 <= abs(exponent) <= MAX_UNROLL:
            self.factors.append(Factor(value, labels))
            return
        times, negative = abs(exponent), exponent < 0
        inner = [self.fresh(operand.shape[0]) for _ in range(times - 1)]
        ends = [labels[0], *inner, labels[1]]
        one = self.build.emit("inverse", (base,)) if negative else base
        for pair in pairwise(ends):
            self.factors.append(Factor(one, pair, base if negative else None))

    def fresh(self, size: Size) -> int:
        k = len(self.extents)
        self.extents[k] = size
        return k

    def split_merges(self) -> None:
        """An axis that merges two is those two, in every array that has it: arrays are reshaped, the merge is gone."""
        split: dict[int, Labels] = {}
        for place, (operand, labels) in enumerate(zip(self.node.operands, self.node.labels, strict=True)):
            if isinstance(operand, Merge) and labels[0] not in split and len(set(labels)) == 3:
                split[labels[0]] = labels[1:]
                self.factors[self.place_of(place)] = Factor(-1, ())
        self.factors = [f for f in self.factors if f.value >= 0]
        while any(k in split for k in (*self.output, *(k for f in self.factors for k in f.labels))):
            self.output = _opened(self.output, split)
            self.factors = [self.reshaped(f, split) for f in self.factors]

    def place_of(self, place: int) -> int:
        """Where an operand stands among the factors: merges come from operands that are one factor each."""
        operand, labels = self.node.operands[place], self.node.labels[place]
        value = self.planner.values[operand]
        return next(k for k, f in enumerate(self.factors) if f.value == value and f.labels == labels)

    def reshaped(self, factor: Factor, split: Mapping[int, Labels]) -> Factor:
        labels = _opened(factor.labels, split)
        if labels == factor.labels:
            return factor
        shape = self.build.shape(tuple(self.extents[k] for k in labels))
        return Factor(self.build.emit("reshape", (factor.value, shape)), labels)

    def open_squares(self, output: Set) -> None:
        """The sum of the squares of an array is its product with itself."""
        counts = Counter(k for f in self.factors for k in set(f.labels))
        for place, factor in enumerate(self.factors):
            step = self.build.steps[factor.value]
            lonely = any(counts[k] == 1 and k not in output for k in factor.labels)
            if step.op == "square" and lonely and len(set(factor.labels)) == len(factor.labels):
                self.factors[place] = Factor(step.args[0], factor.labels)
                self.factors.append(Factor(step.args[0], factor.labels))

    def scale_by_lonely(self) -> None:
        """A summed label that no factor carries leaves its size."""
        carried = {k for f in self.factors for k in f.labels} | set(self.output)
        known = {k for labels in self.node.labels for k in labels}
        split = {ls[0] for o, ls in zip(self.node.operands, self.node.labels, strict=True) if isinstance(o, Merge)}
        for k in sorted(known - carried - split):
            self.scalars.append(self.build.emit("size", (), self.extents[k]))

    def reduced(self, factor: Factor) -> Factor:
        """The factor without repeated labels: a diagonal, or a trace."""
        value, labels = self.build.untransposed(factor.value, factor.labels)
        if len(set(labels)) == len(labels):
            return factor if factor.inverse is not None else Factor(value, labels)
        distinct = tuple(dict.fromkeys(labels))
        if len(labels) == 2:
            return Factor(self.build.emit("diagonal", (value,)), distinct)
        return Factor(self.build.emit("diagonals", (value,), self.build.subscripts((labels,), distinct)), distinct)

    def pick_entries(self, output: Set) -> None:
        """A unit vector that is contracted with an array picks an entry."""
        for unit in [f for f in self.factors if self.build.steps[f.value].op == "basis"]:
            (k,) = unit.labels
            others = [f for f in self.factors if f is not unit and k in f.labels]
            if k in output or len(others) != 1 or others[0].inverse is not None:
                continue
            (other,) = others
            axis = other.labels.index(k)
            index = self.build.steps[unit.value].params - 1
            taken = self.build.emit("take", (other.value,), (axis, index))
            rest = other.labels[:axis] + other.labels[axis + 1 :]
            self.factors = [f for f in self.factors if f is not unit and f is not other]
            if rest:
                self.factors.append(Factor(taken, rest))
            else:
                self.scalars.append(taken)

    def sum_lonely(self, output: Set) -> None:
        """Labels that one factor alone carries are summed first; a trace is one operation."""
        counts = Counter(k for f in self.factors for k in f.labels)
        left: list[Factor] = []
        for factor in self.factors:
            gone = frozenset(k for k in factor.labels if counts[k] == 1 and k not in output)
            if not gone:
                left.append(factor)
                continue
            value, labels = self.summed(factor, gone)
            if labels:
                left.append(Factor(value, labels))
            else:
                self.scalars.append(value)
        self.factors = left

    def summed(self, factor: Factor, gone: Set) -> tuple[Value, Labels]:
        step = self.build.steps[factor.value]
        if step.op == "diagonal" and gone == set(factor.labels):
            return self.build.emit("trace", step.args), ()
        return self.build.sum_axes(factor.value, factor.labels, gone)

    # --- contraction ---

    def contracted(self, distinct: Labels) -> tuple[Value, Labels]:
        """The value of all factors, scalars multiplied in where the array is smallest."""
        kept = frozenset(distinct)
        labels = [frozenset(f.labels) for f in self.factors]
        inverses = frozenset(k for k, f in enumerate(self.factors) if f.inverse is not None)
        pairs = contraction_order(labels, inverses, kept, self.extents)
        results = self.result_labels(labels, pairs, kept)
        wishes = self.wishes(pairs, results, distinct)
        scalar = self.scalar()
        spot = self.lightest(results, inverses)
        factors = dict(enumerate(self.factors))
        for k in range(len(results)):
            if k >= len(self.factors):
                a, b = pairs[k - len(self.factors)]
                factors[k] = self.pair(factors[a], factors[b], results[k], wishes.get(k, ()))
            if k == spot and scalar is not None:
                factors[k] = Factor(self.multiplied(scalar, factors[k].value), factors[k].labels)
        if not results:
            return self.multiplied(scalar, self.build.number(1)) if scalar is not None else self.build.number(1), ()
        last = factors[len(results) - 1]
        return last.value, last.labels

    def result_labels(self, labels: list[Set], pairs: list[Pair], kept: Set) -> list[Set]:
        """The labels of every factor and of every result."""
        results = list(labels)
        holders = Counter(k for f in labels for k in f)
        for a, b in pairs:
            both = results[a] | results[b]
            out = frozenset(k for k in both if k in kept or holders[k] > (k in results[a]) + (k in results[b]))
            holders.subtract(results[a])
            holders.subtract(results[b])
            holders.update(out)
            results.append(out)
        return results

    def wishes(self, pairs: list[Pair], results: list[Set], distinct: Labels) -> dict[int, Labels]:
        """The order of axes that the reader of a result would like."""
        count = len(results) - len(pairs)
        found: dict[int, Labels] = {len(results) - 1: distinct} if results else {}
        for k in range(len(pairs) - 1, -1, -1):
            a, b = pairs[k]
            mine = found.get(count + k)
            if results[a] == results[b] and not results[count + k]:
                for x, y in ((a, b), (b, a)):
                    if x >= count > y:
                        found[x] = self.factors[y].labels
            elif results[a] | results[b] == results[count + k] and mine is not None:
                found[a] = found[b] = mine
        return found

    def scalar(self) -> Value | None:
        """The product of the scalar factors; None where there are none."""
        product = None
        for value in self.scalars:
            product = value if product is None else self.build.multiply(product, value)
        c = self.coefficient
        if product is None:
            return None if c == 1 else self.build.number(1 if c == -1 else c)
        # A sign alone stays outside, so that a quotient stays one; `multiplied` sets it.
        return product if abs(c) == 1 else self.build.scale(c, product)

    def lightest(self, results: list[Set], inverses: Set) -> int:
        """The smallest array on the way; the result itself where none is smaller."""
        costs = Costs(self.extents)
        best = len(results) - 1
        for k, labels in enumerate(results):
            if k not in inverses and costs.entries(labels) < costs.entries(results[best]):
                best = k
        return best

    def multiplied(self, scalar: Value, value: Value) -> Value:
        step = self.build.steps[scalar]
        number = step.op == "number"
        product = self.build.scale(step.params, value) if number else self.build.multiply(scalar, value)
        return self.build.negate(product) if self.coefficient == -1 else product

    def pair(self, left: Factor, right: Factor, out: Set, wish: Labels) -> Factor:
        """The product of two factors, summed over what is not in `out`; `wish` is the order the reader would like."""
        order = tuple(k for k in wish if k in out)
        solved = self.solved(left, right, out) or self.solved(right, left, out)
        if solved is not None:
            return solved
        summed = (set(left.labels) & set(right.labels)) - out
        if not summed:
            return self.elementwise(left, right, order)
        if not out:
            return self.full_contraction(left, right)
        batch = set(left.labels) & set(right.labels) & out
        if not batch and max(len(left.labels), len(right.labels)) <= 2:
            return self.matrix_product(left, right, order)
        if not batch:
            return self.tensor_product(left, right, frozenset(summed))
        return self.batched(left, right, out, order)

    def solved(self, left: Factor, right: Factor, out: Set) -> Factor | None:
        """A^-1 B as the solution of A Z = B."""
        if left.inverse is None or not solvable(frozenset(left.labels), frozenset(right.labels), out):
            return None
        (k,) = set(left.labels) & set(right.labels)
        matrix, rows = left.inverse, left.labels[0]
        if left.labels[0] == k:
            matrix, rows = self.build.transpose(matrix, (1, 0)), left.labels[1]
        others = tuple(x for x in right.labels if x != k)
        sides = self.build.transpose(right.value, (1, 0)) if right.labels[0] != k else right.value
        return Factor(self.build.emit("solve", (matrix, sides)), (rows, *others))

    def elementwise(self, left: Factor, right: Factor, order: Labels) -> Factor:
        """The product without sums: entry by entry, broadcast, or outer."""
        if not left.labels or not right.labels:
            return Factor(self.build.multiply(left.value, right.value), left.labels + right.labels)
        if not set(left.labels) & set(right.labels):
            return self.outer(left, right, order)
        if len(order) != len({*left.labels, *right.labels}):
            first, second = (left, right) if len(left.labels) >= len(right.labels) else (right, left)
            order = first.labels + tuple(k for k in second.labels if k not in first.labels)
        a, b = self.build.align(left.value, left.labels, order), self.build.align(right.value, right.labels, order)
        return Factor(self.build.multiply(a, b), order)

    def outer(self, left: Factor, right: Factor, order: Labels) -> Factor:
        if order and order[0] in right.labels:
            left, right = right, left
        op = "outer" if len(left.labels) == len(right.labels) == 1 else "tensor"
        return Factor(self.build.emit(op, (left.value, right.value)), left.labels + right.labels)

    def full_contraction(self, left: Factor, right: Factor) -> Factor:
        """The sum of all products of entries: of arrays in one layout where that can be had."""
        if len(left.labels) == 1:
            return Factor(self.build.emit("dot", (left.value, right.value)), ())
        a, on = self.build.untransposed(left.value, left.labels)
        b, own = self.build.untransposed(right.value, right.labels)
        b = self.build.transpose(b, tuple(own.index(k) for k in on))
        if self.node.is_complex:
            a = self.build.conjugate(a)  # np.vdot takes the conjugate of the first
        return Factor(self.build.emit("vdot", (a, b)), ())

    def matrix_product(self, left: Factor, right: Factor, order: Labels) -> Factor:
        """The product of two arrays of one or two axes over one label."""
        (k,) = set(left.labels) & set(right.labels)
        if len(order) == 2 and order[0] in right.labels:
            left, right = right, left
        if len(left.labels) == 1 and len(right.labels) == 2 and right.labels[1] == k:
            left, right = right, left
        a = left.value if left.labels[-1] == k else self.build.transpose(left.value, (1, 0))
        b = right.value if right.labels[0] == k else self.build.transpose(right.value, (1, 0))
        labels = tuple(x for x in (*left.labels, *right.labels) if x != k)
        return Factor(self.build.emit("dot", (a, b)), labels)

    def tensor_product(self, left: Factor, right: Factor, summed: Set) -> Factor:
        shared = [k for k in left.labels if k in summed]
        axes = (tuple(left.labels.index(k) for k in shared), tuple(right.labels.index(k) for k in shared))
        labels = tuple(k for k in (*left.labels, *right.labels) if k not in summed)
        return Factor(self.build.emit("tensordot", (left.value, right.value), axes), labels)

    def batched(self, left: Factor, right: Factor, out: Set, order: Labels) -> Factor:
        """A product with labels that are shared and kept: many matrix products, or what only np.einsum says."""
        shared = set(left.labels) & set(right.labels)
        batch = tuple(k for k in left.labels if k in shared & out)
        summed = tuple(k for k in left.labels if k in shared - out)
        rows = tuple(k for k in left.labels if k not in shared)
        columns = tuple(k for k in right.labels if k not in shared)
        if len(rows) == len(columns) == len(summed) == 1:
            a = self.build.transpose(left.value, tuple(left.labels.index(k) for k in batch + rows + summed))
            b = self.build.transpose(right.value, tuple(right.labels.index(k) for k in batch + summed + columns))
            return Factor(self.build.emit("matmul", (a, b)), batch + rows + columns)
        if len(order) != len(out):
            order = batch + rows + columns
        text = self.build.subscripts((left.labels, right.labels), order)
        return Factor(self.build.emit("einsum", (left.value, right.value), text), order)

    # --- the result ---

    def placed(self, value: Value, labels: Labels, distinct: Labels) -> Part:
        missing = frozenset(distinct) - frozenset(labels)
        pattern = None
        if len(distinct) < len(self.output):
            pattern = self.build.subscripts((self.output,), distinct)
        if self.output != self.node.output:
            return self.merged(value, labels, distinct, pattern)
        return Part(self.build.align(value, labels, distinct), distinct, missing, pattern)

    def merged(self, value: Value, labels: Labels, distinct: Labels, pattern: str | None) -> Part:
        """The result with its split axes joined again."""
        shape = self.build.shape(tuple(self.extents[k] for k in self.output))
        aligned = self.build.align(value, labels, distinct)
        if pattern is not None:
            aligned = self.build.emit("embed", (aligned, shape), pattern)
        elif set(labels) != set(distinct):
            aligned = self.build.emit("broadcast", (aligned, shape))
        joined = self.build.emit("reshape", (aligned, self.build.shape(self.node.shape)))
        return Part(joined, tuple(range(len(self.node.output))), frozenset(), None)


def _opened(labels: Labels, split: Mapping[int, Labels]) -> Labels:
    return tuple(x for k in labels for x in split.get(k, (k,)))
