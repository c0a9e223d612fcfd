"""From Einstein-index form back to matrix notation.

A product is a small hypergraph: operands and the labels they share. Labels are eliminated until nothing but
the axes of the result is left: a label in two operands is a matrix product, a closed cycle a trace, a label
that stays while it is shared a Hadamard product or a diagonal. The product that results is a chain of links,
each an operand that may be turned or inverted. Sums are factored over common links. Of several forms the one
with the fewest symbols is taken. What has no matrix form is written in index notation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import TypeAlias

from . import ir
from .expanding import distributed
from .factoring import Factoring, content
from .forms import (
    Form,
    add_form,
    call_form,
    conjugated,
    hadamard_form,
    hadamard_power,
    identity_form,
    name_form,
    negate,
    norm_form,
    number_form,
    symbol_form,
    transposed,
)
from .functions import FUNCTIONS
from .ir import Basis, Call, Einsum, Extent, Inject, Map, MatPow, Merge, Node, Number, Power, Rational, Sum, Symbol
from .length import length
from .letters import IMAGINARY
from .lower import Written
from .network import Network
from .sizes import Size
from .syntax import Call as SyntaxCall
from .syntax import Identity, Listed, Neg, Num, Syntax, walk
from .terms import Link, NoMatrixForm, Scalar, Term, size_form, zeros_form

MOST_ENTRIES = 12
Row: TypeAlias = tuple[Syntax, ...]
MOST_TERMS = 400


@dataclass
class Recogniser:
    """Writes nodes in matrix notation; one for each answer, so that repeated parts are recognised once.

    `written` tells how the input ordered its sums, `order` in which order its symbols appear. `explicit`
    gives every identity matrix its size, for where the context does not fix it. `variables` are what is
    differentiated by, `taken` all names that are declared, `phrases` the products
    of the input as text.
    """

    written: Written = field(default_factory=dict)
    order: Mapping[str, int] = field(default_factory=dict)
    explicit: bool = False
    variables: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()
    phrases: frozenset[str] = frozenset()
    listed: bool = False  # whether the input writes vectors by their entries
    complex_names: frozenset[str] = frozenset()  # complex symbols, and the imaginary unit if there are any
    _terms: dict[Node, Term | None] = field(default_factory=dict)
    _forms: dict[Node, tuple[int, Form]] = field(default_factory=dict)

    @cached_property
    def differentials(self) -> frozenset[str]:
        """Declared names that the input does not have: in derivations they stand for changes."""
        return frozenset(self.taken - self.order.keys())

    # --- entry points ---

    def prepare(self, root: Node) -> None:
        """Recognise from the leaves up, so that no recursion is deep."""
        for plain in ir.topological(root):
            for node in {plain: None, ir.conjugate(plain): None}:
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
        plain = self._plain(node)
        entries = self._entries(node) if self.listed else None
        if entries is not None and is_clearer(entries.syntax, plain[1].syntax):
            return 1, entries
        blocks = self._blocks(node) if self.listed else None
        return plain if blocks is None else (1, blocks)

    def _plain(self, node: Node) -> tuple[int, Form]:
        if isinstance(node, Sum) and len(node.terms) != 1:
            return self._sum(node)
        term = self.term(node).without_minus()
        return (-1 if term.coefficient < 0 else 1), term.form()

    def _entries(self, node: Node) -> Form | None:
        """The node written out, where it is a sum of scalars times unit vectors of known sizes."""
        sizes = [s.number for s in node.shape]
        if not sizes or len(sizes) > 2 or any(n is None or n > MOST_ENTRIES for n in sizes):
            return None
        found: dict[tuple[int, ...], list[tuple[Rational, Node]]] = {}
        waiting: list[tuple[Rational, Node]] = [(1, node)]
        while waiting:
            c, term = waiting.pop()
            parts = _opened(term)
            if parts is not None and len(waiting) + len(parts) <= MOST_TERMS:
                waiting += [(c * d, n) for d, n in parts]
                continue
            place = _unit_place(term)
            if place is None:
                return None
            found.setdefault(place[0], []).append((c, place[1]))
        counts = [range(1, int(n or 0) + 1) for n in sizes]
        places = product(*counts)
        forms = [self.form(ir.add(found.get(p, []), ())).syntax for p in places]
        width = len(counts[-1])
        rows = tuple(tuple(forms[k : k + width]) for k in range(0, len(forms), width))
        return Form(Listed(rows, len(sizes) == 2))

    def _blocks(self, node: Node) -> Form | None:
        """The node as a matrix of blocks, where each of its terms is put in its place by blocks of an identity."""
        if not node.shape or node.rank > 2 or isinstance(node, Inject):
            return None
        found: dict[tuple[int, ...], list[tuple[Rational, Node]]] = {}
        splits: set[tuple[tuple[Size, ...], ...]] = set()
        for c, term in node.terms if isinstance(node, Sum) else ((1, node),):
            block = _block(term)
            if block is None:
                return None
            split, place, inner = block
            splits.add(split)
            found.setdefault(place, []).append((c, inner))
        if len(splits) != 1:
            return None
        (split,) = splits
        sums = {place: ir.add(terms, terms[0][1].shape) for place, terms in found.items()}
        rows = self._rows(split, sums)
        return Form(Listed(rows, len(rows) > 1))

    def _block_form(self, node: Node) -> Form:
        """A block, as a vector, a row or a scalar where it is one entry wide or high: b for b ones(1)^T."""
        whole = self.form(node)
        kept = tuple(k for k, size in enumerate(node.shape) if size.number != 1)
        if node.rank != 2 or len(kept) == 2:
            return whole
        squeezed = self.form(ir.einsum([(node, (0, 1))], kept))
        form = transposed(squeezed) if kept == (1,) else squeezed
        return form if form.cost <= whole.cost else whole

    def _rows(self, split: tuple[tuple[Size, ...], ...], blocks: Mapping[tuple[int, ...], Node]) -> tuple[Row, ...]:
        """The blocks; a block of noughts has its sizes where no other block tells them."""
        heights, widths = split[0], split[1] if len(split) == 2 else (None,)
        rows = []
        for i, height in enumerate(heights):
            row: list[Syntax] = []
            for j, width in enumerate(widths):
                place = (i, j) if len(split) == 2 else (i,)
                known = any(p[0] == i for p in blocks) and (len(split) == 1 or any(p[1] == j for p in blocks))
                if place in blocks:
                    row.append(self._block_form(blocks[place]).syntax)
                elif known:
                    row.append(Num(Fraction(0)))
                else:
                    sizes = [size_form(s).syntax for s in (height, width) if s is not None]
                    row.append(SyntaxCall("zeros", tuple(sizes)))
            rows.append(tuple(row))
        return tuple(rows)

    def term(self, node: Node) -> Term:
        """The node as one product."""
        if node not in self._terms:
            self._terms[node] = None
            entries = self._entries(node) if self.listed and not isinstance(node, Basis) else None
            plain = self._term(node)
            if entries is not None and not is_clearer(entries.syntax, plain.form().syntax):
                entries = None
            if entries is None and self.listed:
                entries = self._blocks(node)
            if entries is not None:
                symmetric = node.rank == 2 and node.swap == 1
                plain = Term(1, (), (Link(entries, symmetric=symmetric, vector=node.rank == 1),))
            self._terms[node] = plain
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
            case Map(function, (arg,)) if not node.shape:
                parity, form, _, barred = self._signed_side(function, arg)
                form = call_form(function, [form])
                return Term(parity, (Scalar(conjugated(form) if barred else form),))
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
        hermitian = node.is_complex and ir.is_hermitian(node)
        match node:
            case MatPow(base, exponent):
                upright, turned, barred = self._upright(base)
                sign, form = self._signed_base(upright, exponent)
                skew = node.swap == -1
                if base.swap == -1 and isinstance(exponent, Number) and exponent.value == 2:
                    sides = (Link(form, skew=True), Link(form, skew=True, turned=True))
                    return sign, Link(form, self._exponent(exponent), symmetric=True, opposite=sides)
                return (-sign if skew and turned else sign), Link(
                    form,
                    self._exponent(exponent),
                    turned and not symmetric and not skew,
                    barred,
                    symmetric,
                    hermitian,
                    skew,
                    back=None if turned or base.swap else self._back(upright, sign, form, exponent),
                )
            case Map(function, (arg,)):
                sign, form, turned, barred = self._signed_side(function, arg)
                link = Link(
                    call_form(function, [form]),
                    turned=turned and not symmetric,
                    barred=barred,
                    symmetric=symmetric,
                    skew=not vector and node.swap == -1,
                    vector=vector,
                )
                return sign, link
            case Power(base, exponent) if node.rank == 2 and not (isinstance(exponent, Number) and exponent.value < 0):
                form, turned, barred = self._side(base)
                form = hadamard_power(form, self._exponent(exponent))
                return 1, Link(form, turned=turned and not symmetric, barred=barred, symmetric=symmetric)
            case Call(function, (arg,)) if node.rank == 2 and FUNCTIONS[function].transpose == "commutes":
                form, turned, barred = self._side(arg)
                form, turned = call_form(function, [form]), turned and not symmetric
                return 1, Link(form, turned=turned, barred=barred, symmetric=symmetric, hermitian=hermitian)
            case Symbol(name) if ir.is_conjugate(name):
                return 1, Link(name_form(ir.conjugate_name(name)), barred=True, symmetric=symmetric, vector=vector)
            case Einsum() | Sum():
                term = self.term(node)
                if not term.scalars and len(term.chain) == 1:
                    return term.coefficient, term.chain[0]
                sign = 1 if term.coefficient > 0 else -1
                return sign, Link(term.form(), symmetric=symmetric, hermitian=hermitian, vector=vector)
            case _:
                skew = not vector and node.swap == -1
                return 1, Link(self._atom(node), symmetric=symmetric, hermitian=hermitian, skew=skew, vector=vector)

    def _side(self, node: Node) -> tuple[Form, bool, bool]:
        """(form, turned, barred): the matrix, its transpose or conjugate, as the input wrote it, else the shortest."""
        upright, turned, barred = self._upright(node)
        return self.form(upright), turned, barred

    def _upright(self, node: Node) -> tuple[Node, bool, bool]:
        if node.rank < 2 and not node.is_complex:
            return node, False, False
        sides = [(node, False, False)]
        if node.rank == 2 and node.swap != 1:
            sides.append((ir.turn(node), True, False))
        if node.is_complex and not ir.is_real(node) and not ir.is_hermitian(node):
            sides += [(ir.conjugate(n), turned, True) for n, turned, _ in sides]
        if len(sides) == 1:
            return sides[0]
        written = next((side for side in sides if self.was_written(side[0])), None)
        return written or min(sides, key=self._length_of_side)

    def _length_of_side(self, side: tuple[Node, bool, bool]) -> tuple[int, bool]:
        node, _, barred = side
        form = self.form(node)
        return form.cost + 2 * barred, form.name is None

    def _argument(self, function: str, arg: Node) -> tuple[int, Form]:
        """(sign, argument): of an odd or even function, with the sign of the argument taken out."""
        parity = FUNCTIONS[function].parity
        if not parity or not isinstance(arg, Sum):
            return 1, self.form(arg)
        sign, form = self.signed(arg)
        return (1 if sign > 0 else parity), form

    def _signed_side(self, function: str, arg: Node) -> tuple[int, Form, bool, bool]:
        """The same, with the argument, its transpose or its conjugate."""
        upright, turned, barred = self._upright(arg)
        return *self._argument(function, upright), turned, barred

    def was_written(self, node: Node) -> bool:
        """Whether the input has this sum, up to a number."""
        return isinstance(node, Sum) and len(node.terms) > 1 and ir.primitive(node)[1] in self.written

    def _signed_base(self, base: Node, exponent: Node) -> tuple[int, Form]:
        """(sign, form) of the base of a power: its minus sign leaves a power with a whole number."""
        if not isinstance(exponent, Number):
            return 1, self.form(base)
        sign, form = self.signed(base)
        return (sign if exponent.value % 2 else 1), form

    def _back(self, base: Node, sign: int, form: Form, exponent: Node) -> Form | None:
        """The transposed base of a power, where it is no longer."""
        other_sign, other = self._signed_base(ir.turn(base), exponent)
        return other if other_sign == sign and other.cost <= form.cost else None

    def _exponent(self, exponent: Node) -> Form:
        return self.form(exponent)

    def _atom(self, node: Node) -> Form:
        match node:
            case Symbol(name) | Extent(name):
                return symbol_form(name)
            case Basis(index):
                return call_form("e", [number_form(index), size_form(node.shape[0])])
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
                form, _, barred = self._side(arg)
                form = call_form(function, [form])
                return conjugated(form) if barred else form
            case Call(function, args):
                return call_form(function, [self.form(a) for a in args])
            case Merge():
                raise NoMatrixForm
            case Inject(parts, place):
                sizes = [size_form(s).syntax for s in parts]
                own = sizes[place]
                blocks = [Identity(own) if k == place else SyntaxCall("zeros", (s, own)) for k, s in enumerate(sizes)]
                return Form(Listed(tuple((b,) for b in blocks), True))
            case _:
                raise TypeError(type(node).__name__)

    def _scalar_power(self, base: Node, exponent: Node) -> Term:
        if isinstance(exponent, Number) and exponent.value.denominator == 1:
            sign, form = self.signed(base)
            return Term(sign if exponent.value % 2 else 1, (Scalar(form, Fraction(exponent.value)),))
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
        if part in self.written:
            factor, form = self._as_written(part)
            if ir.magnitude(c * factor) == 1:
                return int(c * factor), form
        term = self.term(node).without_minus()
        return (-1 if term.coefficient < 0 else 1), term.form()

    def _as_written(self, part: Sum) -> tuple[Rational, Form]:
        """(number, form): a primitive sum as the input wrote it."""
        terms = self.written[part]
        total = ir.add([(1, t) for t in terms], part.shape)
        shown = [self._flattened(t, Fraction(1)) for t in terms]
        if part.rank == 1 and any(not t.as_number.chain for t in shown) and any(t.as_number.chain for t in shown):
            shown = [t.as_number for t in shown]
        common = content([t.coefficient for t in shown])  # that of a real part is not that of its terms
        return common * (1 if total is part else -1), self._add([t.times(1 / Fraction(common)) for t in shown])

    def _flattened(self, node: Node, c: Fraction) -> Term:
        return self.term(node).times(c)

    def _add(self, terms: Sequence[Term]) -> Form:
        return add_form([(t.coefficient > 0, t.form()) for t in terms])

    def _sum_term(self, node: Sum) -> Term:
        """A sum of several terms as one product; the conjugate of one where that is how it was written, or shorter."""
        plain = self._plain_sum_term(node)
        if node.is_complex and len(plain.chain) == 1 and ir.is_hermitian(node):
            plain = replace(plain, chain=(replace(plain.chain[0], hermitian=True),))
        other = ir.conjugate(node)
        if other is node or not isinstance(other, Sum) or self._was_written_somehow(node):
            return plain
        barred = self._plain_sum_term(other).bar(self.complex_names)
        if self._was_written_somehow(other) or barred.form().cost < plain.form().cost:
            return barred
        return plain

    def _was_written_somehow(self, node: Node) -> bool:
        return self.was_written(node) or (node.rank == 2 and self.was_written(ir.turn(node)))

    def _plain_sum_term(self, node: Sum) -> Term:
        """A number times the sum, or what factoring makes of it."""
        if not node.terms:
            return Term(1, (), (Link(zeros_form(node.shape)),)) if node.shape else Term(0)
        c, part = ir.primitive(node)
        if self.was_written(part) or node.rank != 2 or node.swap:
            return (
                self._as_written_term(part, False).times(c) if self.was_written(part) else self._factored(part).times(c)
            )
        turned = ir.turn(part)
        assert isinstance(turned, Sum)
        if self.was_written(turned):
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
        found = self._factored_terms(node, [self.term(n).times(c) for c, n in node.terms])
        if node.is_complex:
            parts = self._factored_terms(node, self._in_parts(node))
            found = parts if parts.form().cost < found.form().cost else found
        return found

    def _in_parts(self, node: Sum) -> list[Term]:
        """The terms, with a Z + a conj(Z) as 2 a re(Z), and a Z - a conj(Z) as 2 a i im(Z)."""
        left = {n: c for c, n in node.terms}
        terms: list[Term] = []
        while left:
            n, c = left.popitem()
            bar = ir.conjugate(n)
            sign, bar = bar.terms[0] if isinstance(bar, Sum) and len(bar.terms) == 1 else (1, bar)
            if bar is n or abs(left.get(bar, 0)) != abs(c):
                terms.append(self.term(n).times(c))
                continue
            same = left.pop(bar) * sign == c
            terms.append(self._part(n, same).times(2 * c))
        return terms

    def _part(self, node: Node, real: bool) -> Term:
        """The real part of a node, or i times its imaginary part."""
        inner, unit = _without_unit(node)
        function = "re" if real != unit else "im"
        sign, form, turned = self._bar_free(inner, function)
        sign = -sign if real and unit else sign  # re(i m) is -im(m)
        factor = () if real else (Scalar(name_form(IMAGINARY)),)
        if not node.shape:
            return Term(sign, (*factor, Scalar(form)))
        if node.rank == 1:
            return Term(sign, factor, (Link(form, vector=True),))
        swap = ir.add([(1, node), (1 if real else -1, ir.conjugate(node))], node.shape).swap
        other = self._bar_free(ir.turn(inner), function)
        back = other[1] if not (swap or turned or other[2]) and other[0] == 1 and sign == 1 else None
        sign = -sign if turned and swap < 0 else sign
        return Term(
            sign,
            factor,
            (Link(form, turned=turned and not swap, symmetric=swap > 0, skew=swap < 0, back=back),),
        )

    def _bar_free(self, node: Node, function: str) -> tuple[int, Form, bool]:
        """(sign, form, turned) of re(X) or im(X), where X may be taken for its conjugate, and turned."""
        sides = [(*self._side(n), n is not node) for n in (node, ir.conjugate(node))]
        form, turned, barred, conjugate = min(
            sides, key=lambda side: (side[0].cost + side[1], side[0].last_name not in self.differentials)
        )
        sign = -1 if function == "im" and barred != conjugate else 1
        if isinstance(form.syntax, Neg):
            form, sign = Form(form.syntax.arg), -sign
        return sign, call_form(function, [form]), turned

    def _factored_terms(self, node: Sum, terms: list[Term]) -> Term:
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
        if isinstance(form.syntax, Num) or name == IMAGINARY:
            return -1, 0, form.key
        if name in self.differentials:
            return 2, 0, form.key
        if name is not None:
            return 0, self.order.get(name, 10_000), name
        return 1, form.cost, form.key


def _block(term: Node) -> tuple[tuple[tuple[Size, ...], ...], tuple[int, ...], Node] | None:
    """(how each axis is split, the place, the block) of a block among noughts; an axis may be whole."""
    if not isinstance(term, Einsum) or len(set(term.output)) < len(term.output):
        return None
    items = list(zip(term.operands, term.labels, strict=True))
    split: list[tuple[Size, ...]] = []
    place: list[int] = []
    inner: list[int] = []
    for axis, label in enumerate(term.output):
        own = [x for x in items if isinstance(x[0], Inject) and x[1][0] == label]
        if len(own) == 1 and sum(label in labels for _, labels in items) == 1:
            (item,) = own
            assert isinstance(item[0], Inject)
            items.remove(item)
            split.append(item[0].parts)
            place.append(item[0].place)
            inner.append(item[1][1])
        else:
            split.append((term.shape[axis],))
            place.append(0)
            inner.append(label)
    if all(len(parts) == 1 for parts in split):
        return None
    return tuple(split), tuple(place), ir.einsum(items, tuple(inner), dict(enumerate(term.extents)))


def _without_unit(node: Node) -> tuple[Node, bool]:
    """(the node without a factor i, whether it had one)."""
    if not isinstance(node, Einsum) or ir.imaginary() not in node.operands:
        return node, False
    factors = [(o, ls) for o, ls in zip(node.operands, node.labels, strict=True) if o is not ir.imaginary()]
    return ir.einsum(factors, node.output, dict(enumerate(node.extents))), True


def is_clearer(entries: Syntax, other: Syntax) -> bool:
    """Whether a reader would rather see the entries: they are shorter, or the other form speaks of unit vectors."""
    units = any(isinstance(x, SyntaxCall) and x.function == "e" for x in walk(other))
    return units or length(entries) <= length(other)


def _opened(term: Node) -> Sequence[tuple[Rational, Node]] | None:
    """The terms of a sum, or of a product with a sum that has axes."""
    if isinstance(term, Sum):
        return term.terms
    return distributed(term, 1) if isinstance(term, Einsum) else None


def _unit_place(term: Node) -> tuple[tuple[int, ...], Node] | None:
    """(the place, the scalar) of a scalar times a unit vector for each axis."""
    if isinstance(term, Basis):
        return (term.index,), ir.ONE
    if not isinstance(term, Einsum) or len(set(term.output)) < len(term.output):
        return None
    units = {labels[0]: o.index for o, labels in zip(term.operands, term.labels, strict=True) if isinstance(o, Basis)}
    scalars = [(o, labels) for o, labels in zip(term.operands, term.labels, strict=True) if not labels]
    if units.keys() != set(term.output) or len(units) + len(scalars) != len(term.operands):
        return None
    return tuple(units[k] for k in term.output), ir.einsum(scalars, ())


def matrix_form(recogniser: Recogniser, node: Node) -> Syntax | None:
    """The node in matrix notation, or None where it has none."""
    recogniser.prepare(node)
    try:
        return recogniser.form(node).syntax
    except NoMatrixForm:
        return None
