"""From Einstein-index form back to matrix notation.

A product is a small hypergraph: operands and the labels they share. Labels are eliminated until nothing but
the axes of the result is left: a label in two operands is a matrix product, a closed cycle a trace, a label
that stays while it is shared a Hadamard product or a diagonal. The product that results is a chain of links,
each an operand that may be turned or inverted. Sums are factored over common links. Of several forms the one
with the fewest symbols is taken. What has no matrix form is written in index notation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import gcd, lcm
from typing import TypeAlias

from . import ir
from .forms import (
    Form,
    add_form,
    call_form,
    divide,
    hadamard_form,
    hadamard_power,
    identity_form,
    name_form,
    negate,
    norm_form,
    number_form,
    power_form,
    product,
    transposed,
)  # fmt: skip
from .functions import FUNCTIONS
from .ir import Basis, Call, Einsum, Extent, Map, MatPow, Merge, Node, Number, Power, Rational, Sum, Symbol
from .lower import Written
from .sizes import Size
from .syntax import Syntax

MAX_FACTORED = 40


Parts: TypeAlias = tuple[tuple[bool, Form], ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A factor of a matrix product: an operand, perhaps to a power, perhaps turned."""

    base: Form
    power: Form | None = None
    turned: bool = False
    symmetric: bool = False
    vector: bool = False
    negative: Form | None = None  # the negative of the base, where it is a sum that can be written either way
    parts: Parts = ()  # the signed terms, where the base is a sum
    ones: bool = False  # whether it is the vector of ones

    def turn(self) -> Link:
        return self if self.symmetric else replace(self, turned=not self.turned)

    @property
    def is_inverse(self) -> bool:
        return self.power is not None and self.power.key == "-1"

    @property
    def upright(self) -> Form:
        return self.base if self.power is None else power_form(self.base, self.power)

    @property
    def form(self) -> Form:
        return transposed(self.upright) if self.turned else self.upright

    @property
    def cost(self) -> int:
        inverse = 1 if self.is_inverse else 0 if self.power is None else 1 + self.power.cost
        return self.base.cost + self.turned + inverse

    @property
    def key(self) -> tuple[str, str, bool]:
        return self.base.key, "" if self.power is None else self.power.key, self.turned


Chain: TypeAlias = tuple[Link, ...]


def reverse(chain: Chain) -> Chain:
    """The transposed product."""
    return tuple(link.turn() for link in reversed(chain))


def chain_cost(chain: Chain) -> int:
    return sum(link.cost for link in grouped(chain))


def grouped(chain: Chain) -> Chain:
    """Runs of transposes as one: B^T A^T is (A B)^T; runs of inverses likewise."""
    return _group_turned(chain)


def _group_turned(chain: Chain) -> Chain:
    out: list[Link] = []
    k = 0
    while k < len(chain):
        end, count = k, 0
        if chain[k].turned:
            while end < len(chain) and (chain[end].turned or (chain[end].symmetric and not chain[end].vector)):
                count += chain[end].turned
                end += 1
            while not chain[end - 1].turned:
                end -= 1
        if count >= 2:
            inner = _group_inverse(reverse(chain[k:end]))
            vector = chain[k].vector or chain[end - 1].vector
            if len(inner) == 1:
                out.append(inner[0].turn())
            else:
                out.append(Link(product([x.form for x in inner]), turned=True, vector=vector))
            k = end
        else:
            out.append(chain[k])
            k += 1
    return _group_inverse(tuple(out))


def _group_inverse(chain: Chain) -> Chain:
    out: list[Link] = []
    k = 0
    while k < len(chain):
        end = k
        while end < len(chain) and chain[end].is_inverse and chain[end].turned == chain[k].turned:
            end += 1
        if end - k >= 2:
            run = chain[k:end] if chain[k].turned else tuple(reversed(chain[k:end]))
            bases = product([x.base for x in run])
            out.append(Link(bases, run[0].power, chain[k].turned))
            k = end
        else:
            out.append(chain[k])
            k += 1
    return tuple(out)


def chain_form(chain: Chain) -> Form:
    return product([link.form for link in grouped(chain)])


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar factor: a base to a power."""

    base: Form
    power: Fraction | Form = Fraction(1)
    negative: Form | None = None
    parts: Parts = ()

    @property
    def below(self) -> bool:
        return isinstance(self.power, Fraction) and self.power < 0

    def form(self) -> Form:
        p = self.power
        if isinstance(p, Fraction):
            return _rational_power(self.base, abs(p))
        return power_form(self.base, p)


def _rational_power(base: Form, p: Fraction) -> Form:
    """b^p, with square roots and norms written as such."""
    if p == 1:
        return base
    if base.norm is not None and (2 * p).denominator == 1:
        norm = norm_form(*base.norm)
        whole = norm if 2 * p == 1 else power_form(norm, number_form(2 * p))
        plain = power_form(base, number_form(p))
        return plain if p.denominator == 1 and plain.cost <= whole.cost else whole
    if base.p_norm is not None:
        arg, index = base.p_norm
        if (p * index).denominator == 1:
            norm = norm_form(arg, str(index))
            return norm if p * index == 1 else power_form(norm, number_form(p * index))
    if p == Fraction(1, 2):
        return call_form("sqrt", [base])
    return power_form(base, number_form(p))


@dataclass(frozen=True, slots=True)
class Term:
    """A number, scalar factors, and a chain of matrix factors."""

    coefficient: Rational = 1
    scalars: tuple[Scalar, ...] = ()
    chain: Chain = ()
    unit: Form | None = None  # what an empty chain stands for: the identity; None for a scalar

    def times(self, c: Rational) -> Term:
        return replace(self, coefficient=self.coefficient * c)

    def form(self) -> Form:
        """The product, without the sign of its coefficient."""
        c = Fraction(abs(self.coefficient))
        above = [s.form() for s in _roots_joined(s for s in self.scalars if not s.below)]
        below = [s.form() for s in _roots_joined(s for s in self.scalars if s.below)]
        matrices = [chain_form(self.chain)] if self.chain else [self.unit] if self.unit is not None else []
        if below:
            if c.denominator != 1:
                below.insert(0, number_form(c.denominator))
            c = Fraction(c.numerator)
        numbers = [number_form(c)] if c != 1 or not (above or matrices) else []
        top = product(numbers + above + [m for m in matrices if m is not None], len(numbers) + len(above))
        return divide(top, product(below, len(below))) if below else top

    @property
    def as_number(self) -> Term:
        """2 ones(n) as 2: to a vector a number may be added."""
        if len(self.chain) == 1 and self.chain[0].ones and not self.scalars:
            return Term(self.coefficient)
        return self

    @property
    def as_sum(self) -> Parts:
        """The signed terms, where the product is nothing but a sum or its negative."""
        if abs(self.coefficient) != 1 or len(self.scalars) + len(self.chain) != 1:
            return ()
        if self.chain:
            return () if self.chain[0].turned or self.chain[0].power is not None else self.chain[0].parts
        return self.scalars[0].parts if self.scalars[0].power == 1 else ()

    def without_minus(self) -> Term:
        """The same with the minus sign moved into a sum, where there is one that can take it."""
        if self.coefficient >= 0:
            return self
        for k, link in enumerate(self.chain):
            if link.negative is not None:
                flipped = replace(link, base=link.negative, negative=None, parts=())
                return replace(self.times(-1), chain=(*self.chain[:k], flipped, *self.chain[k + 1 :]))
        for k, s in enumerate(self.scalars):
            if s.negative is not None and s.power == 1:
                scalars = (*self.scalars[:k], Scalar(s.negative), *self.scalars[k + 1 :])
                return replace(self.times(-1), scalars=scalars)
        return self

    @property
    def turned(self) -> Term:
        return replace(self, chain=reverse(self.chain))


def _roots_joined(scalars: Iterable[Scalar]) -> list[Scalar]:
    """x^(3/2) y^(1/2) as x sqrt(x y)."""
    out: list[Scalar] = []
    roots: list[Form] = []
    sign = Fraction(1)
    for s in scalars:
        p = s.power
        if isinstance(p, Fraction) and p.denominator == 2 and s.base.norm is None and s.base.p_norm is None:
            sign = Fraction(1) if p > 0 else Fraction(-1)
            whole = abs(p) - Fraction(1, 2)
            if whole:
                out.append(Scalar(s.base, sign * whole))
            roots.append(s.base)
        else:
            out.append(s)
    if roots:
        out.append(Scalar(call_form("sqrt", [product(roots)]), sign))
    return out


class NoMatrixForm(Exception):
    """The node has no matrix form."""


@dataclass(slots=True)
class Vec:
    """A vector on a label: an elementwise product of chains to powers."""

    label: int
    parts: list[tuple[Chain, Fraction | Form]]


@dataclass(slots=True)
class Mat:
    """A matrix between two labels: an elementwise product of chains to powers."""

    labels: tuple[int, int]
    parts: list[tuple[Chain, Fraction | Form]]

    def chain(self, first: int) -> Chain:
        """The matrix with its rows on the label `first`."""
        whole = _elementwise(self.parts)
        return whole if self.labels[0] == first else reverse(whole)

    def other(self, label: int) -> int:
        return self.labels[1] if self.labels[0] == label else self.labels[0]


ONE = Fraction(1)


def _elementwise(parts: Sequence[tuple[Chain, Fraction | Form]]) -> Chain:
    """The elementwise product of chains to powers as one chain."""
    if len(parts) == 1 and parts[0][1] == ONE:
        return parts[0][0]
    above: list[Form] = []
    below: list[Form] = []
    symmetric = True
    vector = False
    for chain, p in parts:
        vector = vector or chain[-1].vector
        symmetric = symmetric and len(chain) == 1 and chain[0].symmetric
        if isinstance(p, Form):
            above.append(hadamard_power(chain_form(chain), p))
        elif p > 0:
            above.append(hadamard_power(chain_form(chain), number_form(p)))
        else:
            below.append(hadamard_power(chain_form(chain), number_form(-p)))
    above = _squares(sorted(above, key=lambda f: (f.cost, f.key)))
    below.sort(key=lambda f: (f.cost, f.key))
    return (Link(hadamard_form(above, below), symmetric=symmetric and not vector, vector=vector),)


def _squares(forms: list[Form]) -> list[Form]:
    """Equal factors as a power where that is shorter."""
    out: list[Form] = []
    for f in forms:
        if out and out[-1].key == f.key and f.cost > 2:
            out[-1] = hadamard_power(f, number_form(2))
        else:
            out.append(f)
    return out


@dataclass
class Recogniser:
    """Writes nodes in matrix notation; one for each answer, so that repeated parts are recognised once.

    `written` tells how the input ordered its sums, `order` in which order its symbols appear. `explicit`
    gives every identity matrix its size, for where the context does not fix it.
    """

    written: Written = field(default_factory=dict)
    order: Mapping[str, int] = field(default_factory=dict)
    explicit: bool = False
    _terms: dict[Node, Term | None] = field(default_factory=dict)
    _forms: dict[Node, tuple[int, Form]] = field(default_factory=dict)

    # --- entry points ---

    def prepare(self, root: Node) -> None:
        """Recognise from the leaves up, so that no recursion is deep."""
        for node in ir.topological(root):
            if node.rank <= 2:
                try:
                    if isinstance(node, Sum):
                        self.signed(node)
                    else:
                        self.term(node)
                except NoMatrixForm:
                    pass

    def form(self, node: Node) -> Form:
        """The node in matrix notation; its rows are its first axis."""
        sign, form = self.signed(node)
        return form if sign > 0 else negate(form)

    def signed(self, node: Node) -> tuple[int, Form]:
        """(sign, form) with the node being sign times form."""
        if node not in self._forms:
            self._forms[node] = self._signed(node)
        return self._forms[node]

    def _signed(self, node: Node) -> tuple[int, Form]:
        if isinstance(node, Sum) and len(node.terms) != 1:
            return self._sum(node)
        term = self.term(node).without_minus()
        return (-1 if term.coefficient < 0 else 1), term.form()

    def term(self, node: Node) -> Term:
        """The node as one product."""
        if node not in self._terms:
            self._terms[node] = None
            self._terms[node] = self._term(node)
        term = self._terms[node]
        if term is None:
            raise NoMatrixForm
        return term

    def _term(self, node: Node) -> Term:
        if node.rank > 2:
            raise NoMatrixForm
        match node:
            case Number(value):
                return Term(value)
            case Sum(((c, inner),)):
                return self.term(inner).times(c)
            case Sum():
                return self._sum_term(node)
            case Einsum():
                return self._product(node)
            case Power(base, exponent) if not node.shape:
                return self._scalar_power(base, exponent)
            case _ if not node.shape:
                return Term(1, (Scalar(self._atom(node)),))
            case _:
                sign, link = self.link(node)
                return Term(sign, (), (link,))

    # --- atoms ---

    def link(self, node: Node) -> tuple[Rational, Link]:
        """(number, link): a vector or matrix operand as a factor."""
        vector = node.rank == 1
        symmetric = not vector and node.swap == 1
        match node:
            case MatPow(base, exponent):
                form, turned = self._side(base)
                return 1, Link(form, self._exponent(exponent), turned and not symmetric, symmetric)
            case Map(function, (arg,)) if node.rank == 2:
                form, turned = self._side(arg)
                return 1, Link(call_form(function, [form]), turned=turned and not symmetric, symmetric=symmetric)
            case Power(base, exponent) if node.rank == 2 and not (isinstance(exponent, Number) and exponent.value < 0):
                form, turned = self._side(base)
                form = hadamard_power(form, self._exponent(exponent))
                return 1, Link(form, turned=turned and not symmetric, symmetric=symmetric)
            case Call(function, (arg,)) if node.rank == 2 and FUNCTIONS[function].transpose == "commutes":
                form, turned = self._side(arg)
                return 1, Link(call_form(function, [form]), turned=turned and not symmetric, symmetric=symmetric)
            case Einsum() | Sum():
                term = self.term(node)
                if not term.scalars and len(term.chain) == 1:
                    return term.coefficient, term.chain[0]
                return (1 if term.coefficient > 0 else -1), Link(term.form(), symmetric=symmetric, vector=vector)
            case _:
                return 1, Link(self._atom(node), symmetric=symmetric, vector=vector)

    def _side(self, node: Node) -> tuple[Form, bool]:
        """(form, turned): the matrix or its transpose, as the input wrote it, else the shorter one."""
        if node.rank != 2 or node.swap == 1:
            return self.form(node), False
        turned = ir.turn(node)
        if self._was_written(node):
            return self.form(node), False
        straight, back = self.form(node), self.form(turned)
        if self._was_written(turned) or back.cost < straight.cost:
            return back, True
        return straight, False

    def _was_written(self, node: Node) -> bool:
        return isinstance(node, Sum) and len(node.terms) > 1 and ir.primitive(node)[1] in self.written

    def _exponent(self, exponent: Node) -> Form:
        return self.form(exponent)

    def _atom(self, node: Node) -> Form:
        match node:
            case Symbol(name) | Extent(name):
                return name_form(name)
            case Basis(index):
                return call_form("e", [number_form(index), size_form(node.shape[0])])
            case Map(function, args):
                return call_form(function, [self.form(a) for a in args])
            case Power(base, Number(value)) if value < 0:
                return hadamard_form([], [hadamard_power(self.form(base), number_form(-value))])
            case Power(base, exponent):
                return hadamard_power(self.form(base), self._exponent(exponent))
            case Call(function, ()):
                return name_form(function)
            case Call("normspectral", (arg,)):
                return norm_form(self._side(arg)[0], "2")
            case Call("normnuclear", (arg,)):
                return norm_form(self._side(arg)[0], "*")
            case Call(function, (arg,)) if FUNCTIONS[function].transpose == "invariant":
                return call_form(function, [self._side(arg)[0]])
            case Call(function, args):
                return call_form(function, [self.form(a) for a in args])
            case Merge():
                raise NoMatrixForm
            case _:
                raise TypeError(type(node).__name__)

    def _scalar_power(self, base: Node, exponent: Node) -> Term:
        form = self.form(base)
        if isinstance(exponent, Number):
            return Term(1, (Scalar(form, Fraction(exponent.value)),))
        return Term(1, (Scalar(form, self._exponent(exponent)),))

    # --- products ---

    def _product(self, node: Einsum) -> Term:
        network = Network(self, node)
        return network.reduce()

    # --- sums ---

    def _sum(self, node: Sum) -> tuple[int, Form]:
        """(sign, form) of a sum of several terms that stands by itself."""
        if not node.terms:
            return 1, zeros_form(node.shape)
        c, part = ir.primitive(node)
        if abs(c) == 1 and part in self.written:
            sign, form = self._as_written(part)
            return int(c) * sign, form
        term = self.term(node).without_minus()
        return (-1 if term.coefficient < 0 else 1), term.form()

    def _as_written(self, part: Sum) -> tuple[int, Form]:
        """(sign, form): a primitive sum as the input wrote it."""
        terms = self.written[part]
        total = ir.add([(1, t) for t in terms], part.shape)
        shown = [self._flattened(t, Fraction(1)) for t in terms]
        if part.rank == 1 and any(not t.as_number.chain for t in shown) and any(t.as_number.chain for t in shown):
            shown = [t.as_number for t in shown]
        return (1 if total is part else -1), self._add(shown)

    def _flattened(self, node: Node, c: Fraction) -> Term:
        return self.term(node).times(c)

    def _add(self, terms: Sequence[Term]) -> Form:
        return add_form([(t.coefficient > 0, t.form()) for t in terms])

    def _sum_term(self, node: Sum) -> Term:
        """A sum of several terms as one product: a number times the sum, or what factoring makes of it."""
        if not node.terms:
            return Term(1, (), (Link(zeros_form(node.shape)),)) if node.shape else Term(0)
        c, part = ir.primitive(node)
        if self._was_written(part) or node.rank != 2 or node.swap:
            return (
                self._as_written_term(part, False).times(c)
                if self._was_written(part)
                else self._factored(part).times(c)
            )
        turned = ir.turn(part)
        assert isinstance(turned, Sum)
        if self._was_written(turned):
            return self._as_written_term(turned, True).times(c)
        return self._factored(part).times(c)

    def _as_written_term(self, node: Sum, turned: bool) -> Term:
        c, part = ir.primitive(node)
        sign, form = self._as_written(part)
        if not node.shape:
            return Term(c * sign, (Scalar(form),))
        symmetric = node.rank == 2 and node.swap == 1
        return Term(c * sign, (), (Link(form, turned=turned, symmetric=symmetric, vector=node.rank == 1),))

    def _factored(self, node: Sum) -> Term:
        """The sum with common factors taken out, in the cheaper of its two orientations."""
        terms = [self.term(n).times(c) for c, n in node.terms]
        unit = self.identity_form(node.shape[0]) if node.rank == 2 else None
        best = Factoring(self, unit, node.rank).run(terms)
        if node.rank == 2 and node.swap == 0:
            other = Factoring(self, unit, node.rank).run([t.turned for t in terms]).turned
            if other.form().cost < best.form().cost:
                best = other
        if node.rank == 2 and node.swap == 1 and len(best.chain) == 1:
            best = replace(best, chain=(replace(best.chain[0], symmetric=True, turned=False),))
        return best

    def identity_form(self, size: Size) -> Form:
        return identity_form(size_form(size) if self.explicit else None)

    # --- orders ---

    def rank_of(self, form: Form) -> tuple[int, int, str]:
        """Where a factor stands among commuting ones: plain names in the order of the input, then the rest."""
        name = form.name
        if name is not None:
            return 0, self.order.get(name, 10_000), name
        return 1, form.cost, form.key


def size_form(size: Size) -> Form:
    """A size as an expression."""
    if not size.terms:
        return number_form(0)
    parts = []
    for monomial, c in reversed(size.terms):
        factors = [name_form(n) for n in monomial]
        if abs(c) != 1 or not factors:
            factors.insert(0, number_form(abs(c)))
        parts.append((c > 0, product(factors)))
    return add_form(parts)


def zeros_form(shape: Sequence[Size]) -> Form:
    return call_form("zeros", [size_form(s) for s in shape]) if shape else number_form(0)


def ones_form(shape: Sequence[Size]) -> Form:
    return call_form("ones", [size_form(s) for s in shape])


class Network:
    """One product on its way from a hypergraph to a term."""

    def __init__(self, recogniser: Recogniser, node: Einsum) -> None:
        self.recogniser = recogniser
        self.node = node
        self.coefficient: Rational = 1
        self.scalars: list[Scalar] = []
        self.vectors: dict[int, Vec] = {}
        self.matrices: list[Mat] = []
        self.output = set(node.output)
        self.tensors: list[tuple[Node, tuple[int, ...]]] = []
        for operand, labels in zip(node.operands, node.labels, strict=True):
            self._enter(operand, labels)

    def _enter(self, operand: Node, labels: tuple[int, ...]) -> None:
        if not labels:
            term = self.recogniser.term(operand)
            self.coefficient *= term.coefficient
            self.scalars += term.scalars
            return
        if len(labels) > 2:
            # Labels of a tensor stay, as those of the output do.
            self.tensors.append((operand, labels))
            self.output.update(labels)
            return
        power: Fraction | Form = ONE
        if isinstance(operand, Power):
            exponent = operand.exponent
            operand, power = (
                operand.base,
                (Fraction(exponent.value) if isinstance(exponent, Number) else self.recogniser.form(exponent)),
            )
        if power == ONE or power == 2:
            term = self.recogniser.term(operand)
            times = 1 if power == ONE else 2
            self.coefficient *= term.coefficient**times
            self.scalars += [
                Scalar(x.base, x.power * times if isinstance(x.power, Fraction) else x.power) for x in term.scalars
            ]
            chain = term.chain or (Link(self.recogniser.form(operand), symmetric=True),)
            for _ in range(times):
                self._add_part(labels, chain, ONE)
        else:
            vector = len(labels) == 1
            link = Link(self.recogniser.form(operand), symmetric=not vector and operand.swap == 1, vector=vector)
            self._add_part(labels, (link,), power)

    def _add_part(self, labels: tuple[int, ...], chain: Chain, p: Fraction | Form) -> None:
        if len(labels) == 1:
            self._add_vector(labels[0], [(chain, p)])
        else:
            self._add_matrix((labels[0], labels[1]), [(chain, p)])

    def _add_vector(self, label: int, parts: list[tuple[Chain, Fraction | Form]]) -> None:
        if label in self.vectors:
            self.vectors[label].parts += parts
        else:
            self.vectors[label] = Vec(label, list(parts))

    def _add_matrix(self, labels: tuple[int, int], parts: list[tuple[Chain, Fraction | Form]]) -> None:
        for known in self.matrices:
            if known.labels == labels:
                known.parts += parts
                return
            if known.labels == labels[::-1]:
                known.parts += [(reverse(chain), p) for chain, p in parts]
                return
        self.matrices.append(Mat(labels, list(parts)))

    def _around(self, label: int) -> list[Mat]:
        return [m for m in self.matrices if label in m.labels]

    def _is_free(self, label: int) -> bool:
        return label not in self.output

    # --- elimination ---

    def eliminate(self) -> None:
        """Contract until no rule applies."""
        rules = (self._trace, self._close_vector, self._absorb_vector, self._row_sum, self._chain, self._diagonal_chain)
        while any(rule() for rule in rules):
            pass

    def _trace(self) -> bool:
        """A matrix with equal labels: a trace, or the vector of its diagonal. Two matrices between the same
        summed labels: the trace of A^T B."""
        for m in self.matrices:
            i, j = m.labels
            if i == j:
                self.matrices.remove(m)
                if self._is_free(i) and not self._around(i) and i not in self.vectors:
                    self.scalars.append(Scalar(self._trace_form(m.chain(i))))
                else:
                    self._add_vector(i, [((self._diagonal(m.chain(i)),), ONE)])
                return True
            alone = all(self._is_free(k) and len(self._around(k)) == 1 and k not in self.vectors for k in (i, j))
            if alone and len(m.parts) >= 2 and all(p == ONE for _, p in m.parts):
                self.matrices.remove(m)
                left, right = _elementwise(m.parts[:-1]), m.parts[-1][0]
                self.scalars.append(Scalar(self._trace_form(reverse(left) + right)))
                return True
        return False

    def _close_vector(self) -> bool:
        """A vector alone on a summed label: a dot product, or the sum of its entries."""
        for i, v in self.vectors.items():
            if self._is_free(i) and not self._around(i):
                del self.vectors[i]
                self.scalars.append(Scalar(self._total(v)))
                return True
        return False

    def _absorb_vector(self) -> bool:
        """A matrix times the vector on a label that nothing else carries."""
        for i, v in self.vectors.items():
            around = self._around(i)
            if self._is_free(i) and len(around) == 1:
                m = around[0]
                self.matrices.remove(m)
                del self.vectors[i]
                other = m.other(i)
                self._add_vector(other, [(m.chain(other) + _elementwise(v.parts), ONE)])
                return True
        return False

    def _row_sum(self) -> bool:
        """A summed label that only one matrix carries."""
        for m in self.matrices:
            for i in m.labels:
                if (
                    m.labels[0] != m.labels[1]
                    and self._is_free(i)
                    and len(self._around(i)) == 1
                    and i not in self.vectors
                ):
                    self.matrices.remove(m)
                    other = m.other(i)
                    if self._is_free(other) and not self._around(other) and other not in self.vectors:
                        self.scalars.append(Scalar(self._total_of_matrix(m)))
                        return True
                    self._add_vector(other, [(self._row_sums(m.chain(other)), ONE)])
                    return True
        return False

    def _chain(self) -> bool:
        """Two matrices on a summed label that nothing else carries."""
        for m in self.matrices:
            for i in m.labels:
                around = self._around(i)
                if (
                    self._is_free(i)
                    and len(around) == 2
                    and i not in self.vectors
                    and all(x.labels[0] != x.labels[1] for x in around)
                ):
                    self._join(i, around, ())
                    return True
        return False

    def _diagonal_chain(self) -> bool:
        """Two matrices and a vector on a summed label: A diag(v) B."""
        for i, v in self.vectors.items():
            around = self._around(i)
            if self._is_free(i) and len(around) == 2 and all(x.labels[0] != x.labels[1] for x in around):
                del self.vectors[i]
                self._join(i, around, (self._diag(v),))
                return True
        return False

    def _join(self, i: int, around: list[Mat], between: Chain) -> None:
        left, right = around
        a, b = left.other(i), right.other(i)
        self.matrices.remove(left)
        self.matrices.remove(right)
        self._add_matrix((a, b), [(left.chain(a) + between + right.chain(i), ONE)])

    # --- forms of what results ---

    def _diag(self, v: Vec) -> Link:
        return Link(call_form("diag", [chain_form(_elementwise(v.parts))]), symmetric=True)

    def _diagonal(self, chain: Chain) -> Link:
        straight, back = chain_form(chain), chain_form(reverse(chain))
        return Link(call_form("diag", [back if back.cost < straight.cost else straight]), vector=True)

    def _row_sums(self, chain: Chain) -> Chain:
        *rest, last = chain
        if last.turned:
            return (*rest, Link(call_form("colsum", [last.upright]), vector=True))
        return (*rest, Link(call_form("rowsum", [last.form]), vector=True))

    def _total_of_matrix(self, m: Mat) -> Form:
        straight = chain_form(m.chain(m.labels[0]))
        back = chain_form(m.chain(m.labels[1]))
        return call_form("sum", [back if back.cost < straight.cost else straight])

    def _total(self, v: Vec) -> Form:
        """The sum over all entries of an elementwise product."""
        whole = [chain for chain, p in v.parts if p == ONE]
        rest = [part for part in v.parts if part[1] != ONE]
        if not whole or (len(whole) == 1 and not rest):
            p_norm = self._p_norm(v)
            form = call_form("sum", [chain_form(_elementwise(v.parts))])
            return Form(form.syntax, p_norm=p_norm)
        if len(whole) == 1:
            return (
                self._dot(whole[0], _elementwise(rest))
                if not self._only_below(rest)
                else call_form("sum", [chain_form(_elementwise(v.parts))])
            )
        last = [(c, ONE) for c in whole[1:]]
        return self._dot(whole[0], _elementwise(last + rest))

    def _only_below(self, parts: Sequence[tuple[Chain, Fraction | Form]]) -> bool:
        return all(isinstance(p, Fraction) and p < 0 for _, p in parts)

    def _p_norm(self, v: Vec) -> tuple[Form, int] | None:
        """(x, p) where the sum is that of |x|^p."""
        if len(v.parts) != 1:
            return None
        ((chain, p),) = v.parts
        if len(chain) != 1 or not isinstance(p, Fraction) or p.denominator != 1 or p < 1:
            return None
        arg = chain[0].base.absolute
        return None if arg is None else (arg, int(p))

    def _dot(self, left: Chain, right: Chain) -> Form:
        """left^T right, in the cheaper direction; ||v||^2 where both are one vector."""
        forward = reverse(left) + right
        backward = reverse(forward)
        form = self._cheaper(forward, backward)
        norm = chain_form(left) if [x.key for x in left] == [x.key for x in right] else None
        return self._square(form, norm, "")

    def _square(self, form: Form, root: Form | None, kind: str) -> Form:
        if root is None:
            return form
        squared = power_form(norm_form(root, kind), number_form(2))
        # Of a composite vector the norm is easier to read than a product with a transpose in it.
        best = form if form.cost + (root.name is None) < squared.cost else squared
        return Form(best.syntax, norm=(root, kind))

    def _cheaper(self, a: Chain, b: Chain) -> Form:
        cost_a, cost_b = chain_cost(a), chain_cost(b)
        if cost_a != cost_b:
            return chain_form(a if cost_a < cost_b else b)
        return min((chain_form(a), chain_form(b)), key=self._first_name)

    def _first_name(self, form: Form) -> tuple[int, str]:
        return self.recogniser.order.get(form.first_name, 10_000), form.key

    def _trace_form(self, chain: Chain) -> Form:
        """The trace, turned and rotated to its cheapest form."""
        rotations = [chain[k:] + chain[:k] for k in range(len(chain))] if len(chain) <= 12 else [chain]
        candidates = rotations + [reverse(c) for c in rotations]
        best = min(candidates, key=lambda c: (chain_cost(c), self._first_name(chain_form(c))))
        form = call_form("tr", [chain_form(best)])
        half = len(chain) // 2
        root = None
        if len(chain) % 2 == 0:
            for c in rotations:
                if [x.key for x in reverse(c[:half])] == [x.key for x in c[half:]]:
                    root = chain_form(c[half:])
                    break
        return self._square(form, root, "F")

    # --- the term ---

    def reduce(self) -> Term:
        """The term that the network reduces to."""
        self.eliminate()
        chain, unit = self._assemble()
        scalars = tuple(
            sorted(self._merged_scalars(), key=lambda s: (isinstance(s.power, Form), *self.recogniser.rank_of(s.base)))
        )
        return Term(self.coefficient, scalars, chain, unit)

    def _merged_scalars(self) -> list[Scalar]:
        return self.scalars

    def _assemble(self) -> tuple[Chain, Form | None]:
        self._demand(not self.tensors)
        sizes = self.node.shape
        match self.node.output:
            case ():
                self._demand(not self.matrices and not self.vectors)
                return (), None
            case (i,):
                self._demand(not self.matrices and set(self.vectors) <= {i})
                if i in self.vectors:
                    return _elementwise(self.vectors[i].parts), None
                return (Link(ones_form(sizes), vector=True, ones=True),), None
            case (i, j) if i == j:
                self._demand(not self.matrices and set(self.vectors) <= {i})
                if i not in self.vectors:
                    return (), self.recogniser.identity_form(sizes[0])
                return (self._diagonal_matrix(self.vectors[i]),), None
            case (i, j):
                return self._between(i, j), None
            case _:
                raise NoMatrixForm

    def _demand(self, condition: bool) -> None:
        if not condition:
            raise NoMatrixForm

    def _diagonal_matrix(self, v: Vec) -> Link:
        if len(v.parts) == 1 and v.parts[0][1] == ONE and len(v.parts[0][0]) == 1:
            inner = v.parts[0][0][0].base.diagonal_of
            if inner is not None:
                return Link(
                    hadamard_form([inner, self.recogniser.identity_form(self.node.shape[0])], []), symmetric=True
                )
        return self._diag(v)

    def _between(self, i: int, j: int) -> Chain:
        """A matrix with rows on i and columns on j."""
        self._demand(len(self.matrices) <= 1 and set(self.vectors) <= {i, j})
        left = self.vectors.get(i)
        right = self.vectors.get(j)
        rows, columns = self.node.shape
        if not self.matrices:
            if left is None and right is None:
                return (Link(ones_form((rows, columns)), symmetric=rows is columns),)
            a = _elementwise(left.parts) if left else (Link(ones_form((rows,)), vector=True),)
            b = _elementwise(right.parts) if right else (Link(ones_form((columns,)), vector=True),)
            return a + reverse(b)
        (m,) = self.matrices
        self._demand(set(m.labels) == {i, j})
        middle = m.chain(i)
        if left is not None and right is not None:
            outer = chain_form(_elementwise(left.parts) + reverse(_elementwise(right.parts)))
            return (Link(hadamard_form([outer, chain_form(middle)], [])),)
        if left is not None:
            middle = (self._diag(left), *middle)
        if right is not None:
            middle = (*middle, self._diag(right))
        return middle


class Factoring:
    """A sum of terms with common factors taken out."""

    def __init__(self, recogniser: Recogniser, unit: Form | None, rank: int) -> None:
        self.recogniser = recogniser
        self.unit = unit
        self.rank = rank

    def run(self, terms: Sequence[Term]) -> Term:
        """The sum as one term; its sign makes the shortest of its terms positive."""
        if len(terms) <= MAX_FACTORED:
            terms = self._grouped(list(terms))
        if len(terms) == 1:
            return terms[0]
        c = _content([t.coefficient for t in terms])
        terms = sorted((t.times(1 / Fraction(c)) for t in terms), key=lambda t: self._order(t)[1:])
        if terms[0].coefficient < 0:
            c, terms = -c, [t.times(-1) for t in terms]
        terms = sorted(terms, key=self._order)
        inner = self._wrapped(c, terms)
        if abs(c) == 1:
            return inner
        whole = self._wrapped(c / abs(c), [t.times(abs(c)) for t in terms])
        return inner if inner.form().cost < whole.form().cost else whole

    def _wrapped(self, c: Rational, terms: Sequence[Term]) -> Term:
        parts: list[tuple[bool, Form]] = []
        if self.rank == 1:
            terms = [t.as_number for t in terms]
        for t in terms:
            inner = t.as_sum
            if inner:
                parts += [(plus == (t.coefficient > 0), f) for plus, f in inner]
            else:
                parts.append((t.coefficient > 0, t.form()))
        parts.sort(key=lambda part: not part[0])
        form = add_form(parts)
        flipped = sorted(((not plus, f) for plus, f in parts), key=lambda part: not part[0])
        negative = add_form(flipped) if flipped[0][0] else None
        if self.rank == 0:
            return Term(c, (Scalar(form, negative=negative, parts=tuple(parts)),))
        return Term(c, (), (Link(form, vector=self.rank == 1, negative=negative, parts=tuple(parts)),))

    def _order(self, term: Term) -> tuple[bool, int, str]:
        form = term.form()
        return term.coefficient < 0, form.cost, form.key

    def _grouped(self, terms: list[Term]) -> list[Term]:
        """Take out the factor that saves most, until none saves anything."""
        while len(terms) > 1:
            best: tuple[int, list[int], Term] | None = None
            for members in self._candidates(terms):
                group = [terms[k] for k in members]
                joined = self._take_out(group)
                if joined is None:
                    continue
                saved = self._cost(group) - self._cost([joined])
                least = 1 if self.rank or len(members) == len(terms) else 2
                if saved >= least and (best is None or saved > best[0]):
                    best = (saved, members, joined)
            if best is None:
                return terms
            _, members, joined = best
            place = members[0]
            terms = [joined if k == place else t for k, t in enumerate(terms) if k == place or k not in members]
        return terms

    def _cost(self, terms: Sequence[Term]) -> int:
        return sum(t.form().cost + (abs(t.coefficient) != t.coefficient) for t in terms) + len(terms) - 1

    def _candidates(self, terms: Sequence[Term]) -> list[list[int]]:
        """Sets of terms that share their first link, their last link, or a scalar factor."""
        groups: dict[tuple[str, object], list[int]] = {}
        for k, t in enumerate(terms):
            for where, link in (("first", t.chain[:1]), ("last", t.chain[-1:])):
                if link:
                    groups.setdefault((where, link[0].key), []).append(k)
                if len(t.chain) > 1:
                    groups.setdefault((where + " of several", link[0].key), []).append(k)
            for s in t.scalars:
                groups.setdefault(("scalar", (s.base.key, s.below)), []).append(k)
        sets = {tuple(g) for g in groups.values() if len(g) > 1}
        if len(terms) > 1:
            sets.add(tuple(range(len(terms))))
        return [list(g) for g in sorted(sets, key=lambda g: (-len(g), g))]

    def _take_out(self, terms: Sequence[Term]) -> Term | None:
        """The terms as one product: common scalars, common first links, the sum of the rest, common last links;
        None where they have nothing in common."""
        common, rests = _common_scalars([t.scalars for t in terms])
        chains = [t.chain for t in terms]
        head = _common_prefix(chains)
        chains = [c[head:] for c in chains]
        tail = _common_prefix([c[::-1] for c in chains])
        if not (common or head or tail):
            return None
        first = terms[0].chain
        prefix, suffix = first[:head], first[len(first) - tail :] if tail else ()
        chains = [c[: len(c) - tail] for c in chains]
        unit = self.unit
        if prefix or suffix:
            unit = identity_form(None) if not self.recogniser.explicit else unit
        is_scalar = self.rank == 0
        inner = [
            Term(t.coefficient, rest, chain, None if is_scalar else unit)
            for t, rest, chain in zip(terms, rests, chains, strict=True)
        ]
        if not is_scalar and any(not t.chain and t.scalars for t in inner) and any(t.chain for t in inner):
            return None  # a scalar times the identity is no simplification
        if all(c and c[0].turned and c[0].vector for c in chains):
            # a b^T + a c^T is a (b + c)^T
            return self._joined(
                common, prefix, Factoring(self.recogniser, None, 1).run([t.turned for t in inner]).turned, suffix
            )
        rank = self._rank_within(chains, prefix, suffix)
        return self._joined(common, prefix, Factoring(self.recogniser, unit, rank).run(inner), suffix)

    def _rank_within(self, chains: Sequence[Chain], prefix: Chain, suffix: Chain) -> int:
        """The rank of what is left between common links."""
        if self.rank == 0:
            return 0
        ends_in_column = any(c and c[-1].vector and not c[-1].turned for c in chains)
        starts_with_row = any(c and c[0].vector and c[0].turned for c in chains)
        return 2 if not ends_in_column and not starts_with_row else 1

    def _joined(self, common: tuple[Scalar, ...], prefix: Chain, inner: Term, suffix: Chain) -> Term:
        chain = inner.chain
        if not chain and not (prefix or suffix):
            return Term(inner.coefficient, common + inner.scalars, (), inner.unit)
        return Term(inner.coefficient, common + inner.scalars, (*prefix, *chain, *suffix), inner.unit)


def _content(values: Sequence[Rational]) -> Rational:
    g = gcd(*(v.numerator for v in values))
    d = lcm(*(v.denominator for v in values))
    return Fraction(g, d)


def _common_prefix(chains: Sequence[Chain]) -> int:
    keys = [[link.key for link in c] for c in chains]
    length = 0
    for column in zip(*keys, strict=False):
        if any(k != column[0] for k in column):
            break
        length += 1
    return length


def _common_scalars(groups: Sequence[tuple[Scalar, ...]]) -> tuple[tuple[Scalar, ...], list[tuple[Scalar, ...]]]:
    """(common factors, what is left of each)."""
    common: list[Scalar] = []
    rests = [list(g) for g in groups]
    for s in groups[0]:
        matches = [[t for t in g if t.base.key == s.base.key] for g in rests]
        if not all(len(m) == 1 for m in matches):
            continue
        powers = [m[0].power for m in matches]
        if all(isinstance(p, Fraction) for p in powers):
            numbers = [p for p in powers if isinstance(p, Fraction)]
            if all(p > 0 for p in numbers):
                shared: Fraction | Form = min(numbers)
            elif all(p < 0 for p in numbers):
                shared = max(numbers)
            else:
                continue
        elif all(isinstance(p, Form) and isinstance(s.power, Form) and p.key == s.power.key for p in powers):
            shared = s.power
        else:
            continue
        common.append(Scalar(s.base, shared))
        for rest, (match,) in zip(rests, matches, strict=True):
            place = rest.index(match)
            rest.pop(place)
            if isinstance(match.power, Fraction) and isinstance(shared, Fraction) and match.power != shared:
                rest.insert(place, Scalar(s.base, match.power - shared))
    return tuple(common), [tuple(r) for r in rests]


def matrix_form(recogniser: Recogniser, node: Node) -> Syntax | None:
    """The node in matrix notation, or None where it has none."""
    recogniser.prepare(node)
    try:
        return recogniser.form(node).syntax
    except NoMatrixForm:
        return None
