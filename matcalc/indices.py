"""Index notation, for what has no matrix form and for those who prefer it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain, count

from .errors import LimitError, UnsupportedError
from .forms import Form, add_form, call_form, number_form, power_form, symbol_form
from .ir import Einsum, Map, Merge, Node, Number, Power, Rational, Sum, Symbol
from .network import Network, Vec
from .recognise import Recogniser
from .sizes import Size
from .syntax import BigSum, Equation, Identity, Mul, Name, Pow, Sub, Syntax, Where, children, walk
from .terms import Chain, Link, NoMatrixForm, Scalar, Term, chain_form, reverse, size_form

LETTERS = "ijklmnpqrstuvwabcdfgh"
LEFT_SIDES = ("D", "J", "G", "R", "Z", "W")

MAX_PARTS = 2_000


@dataclass
class IndexWriter:
    """Writes a node in index notation. `repeated` is set where a free index stands twice in a product, so that
    the result needs a left side."""

    recogniser: Recogniser
    repeated: bool = False
    used: int = 0
    parts: int = 0  # that were written
    axes: dict[str, Size] = field(default_factory=dict)

    def letter(self) -> str:
        if self.used == len(LETTERS):
            raise LimitError(f"more than {len(LETTERS)} indices in the answer")
        self.used += 1
        return LETTERS[self.used - 1]

    def whole(self, node: Node, ranges: bool) -> Syntax:
        """The node with its axes named in order; with a left side and ranges where they are needed."""
        letters = tuple(self.letter() for _ in node.shape)
        self.axes = dict(zip(letters, node.shape, strict=True))
        sign, form = self.signed(node, letters)
        body: Syntax = form.syntax if sign > 0 else add_form([(False, form)]).syntax
        if self.repeated:
            taken = {x.name for x in walk(body) if isinstance(x, Name)} | self.recogniser.taken
            name = next(n for n in chain(LEFT_SIDES, (f"D{k}" for k in count(1))) if n not in taken)
            body = Equation(name, letters, body)
        loose = self._loose(body, letters) if ranges else ()
        return Where(body, (), tuple((k, size_form(self.axes[k]).syntax) for k in loose)) if loose else body

    def _loose(self, body: Syntax, letters: Sequence[str]) -> tuple[str, ...]:
        """One letter of each group of axes whose range nothing in the text fixes."""
        group = {k: k for k in LETTERS}

        def find(k: str) -> str:
            while group[k] != k:
                k = group[k]
            return k

        fixed: set[str] = set()
        for x in walk(body):
            if isinstance(x, Sub):
                names = [k for k in x.indices if isinstance(k, str)]
                if isinstance(x.base, Identity) and x.base.size is None:
                    for k in names[1:]:
                        group[find(k)] = find(names[0])
                else:
                    fixed.update(names)
        known = {find(k) for k in fixed}
        loose: dict[str, str] = {}
        for k in letters:
            if find(k) not in known:
                loose.setdefault(find(k), k)
        return tuple(loose.values())

    def signed(self, node: Node, letters: tuple[str, ...]) -> tuple[int, Form]:
        """(sign, form) of the component of the node at these indices."""
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise LimitError(f"the answer in components has more than {MAX_PARTS:,} parts; str() names what it repeats")
        if isinstance(node, Sum) and len(node.terms) != 1:
            return self._sum(node, letters)
        term = self.term(node, letters)
        return (-1 if term.coefficient < 0 else 1), term.form()

    def _sum(self, node: Sum, letters: tuple[str, ...]) -> tuple[int, Form]:
        if not node.terms:
            return 1, self._broadcast([node.shape[k] for k in range(node.rank)], letters, "zeros")
        terms = [Term(c) if is_ones(n) else self.scaled(n, letters, c) for c, n in node.terms]
        terms.sort(key=lambda t: (t.coefficient < 0, t.form().cost, t.form().key))
        sign = 1 if terms[0].coefficient > 0 else -1
        return sign, add_form([(t.coefficient * sign > 0, t.form()) for t in terms])

    def _broadcast(self, sizes: Sequence[Size], letters: tuple[str, ...], function: str) -> Form:
        parts = [self._sub(call_form(function, [size_form(s)]), (k,)) for s, k in zip(sizes, letters, strict=True)]
        return Form(Mul(tuple(parts)) if len(parts) > 1 else parts[0])

    def term(self, node: Node, letters: tuple[str, ...]) -> Term:
        """The component as a product."""
        if not letters:
            return self._scalar(node)
        match node:
            case Sum(((c, inner),)):
                return self.scaled(inner, letters, c)
            case Einsum():
                return self._product(node, letters)
            case _:
                return Term(1, (), (Link(self._atom(node, letters)),))

    def scaled(self, node: Node, letters: tuple[str, ...], c: Rational) -> Term:
        """The component times a number, whose sign a skew factor may take."""
        return self._product(node, letters, c) if isinstance(node, Einsum) else self.term(node, letters).times(c)

    def _scalar(self, node: Node) -> Term:
        """A scalar: in matrix notation where it has one."""
        try:
            return self.recogniser.term(node)
        except NoMatrixForm:
            pass
        match node:
            case Einsum():
                return self._product(node, ())
            case Sum():
                sign, form = self._sum(node, ())
                return Term(sign, (Scalar(form),))
            case Map(function, args):
                return Term(1, (Scalar(call_form(function, [self._component(a, ()) for a in args])),))
            case Power(base, exponent):
                return Term(1, (Scalar(power_form(self._component(base, ()), self._component(exponent, ()))),))
            case _:
                raise NoMatrixForm

    def _atom(self, node: Node, letters: tuple[str, ...]) -> Form:
        match node:
            case Symbol(name):
                return Form(self._sub(symbol_form(name), letters))
            case Merge():
                return Form(self._sub(call_form("merge", [size_form(s) for s in node.shape[1:]]), letters))
            case Map(function, args) if node.rank > 2:
                return call_form(function, [self._component(a, letters) for a in args])
            case Power(base, exponent):
                return power_form(self._component(base, letters), self.recogniser.form(exponent))
            case Sum() if node.rank > 2:
                return self._component(node, letters)
        if isinstance(node, Sum) and any(is_ones(n) for _, n in node.terms):
            return self._component(node, letters)
        try:
            if node.rank == 2:
                sign, link = self.recogniser.link(node)
                if sign == 1:
                    return Form(self._link_sub((link,), letters))
            return Form(self._sub(self.recogniser.form(node), letters))
        except NoMatrixForm:
            return self._component_of_call(node, letters)

    def _component_of_call(self, node: Node, letters: tuple[str, ...]) -> Form:
        """A function of something that has no matrix form itself."""
        match node:
            case Map(function, args):
                return call_form(function, [self._component(a, letters) for a in args])
            case Power(base, exponent):
                return power_form(self._component(base, letters), self.recogniser.form(exponent))
            case Sum():
                return self._component(node, letters)
            case _:
                raise NoMatrixForm

    def _component(self, node: Node, letters: tuple[str, ...]) -> Form:
        sign, form = self.signed(node, letters)
        return form if sign > 0 else add_form([(False, form)])

    def _sub(self, base: Form, letters: Sequence[str]) -> Syntax:
        return Sub(base.syntax, tuple(letters))

    def _link_sub(self, links: Chain, letters: Sequence[str]) -> Syntax:
        """A component of a matrix, of its transpose where that is shorter."""
        straight, back = chain_form(links), chain_form(reverse(links))
        if back.cost < straight.cost:
            return self._sub(back, letters[::-1])
        return self._sub(straight, letters)

    # --- products ---

    def _product(self, node: Einsum, letters: tuple[str, ...], c: Rational = 1) -> Term:
        network = _ComponentNetwork(self.recogniser, node)
        network.coefficient *= c
        network.eliminate()
        network.turn_skew_component()
        names, factors = self._outputs(node, letters)
        rest = list(self._factors(network, names))
        factors += [*self._ones(node, names, (labels for labels, _ in rest)), *(f for _, f in rest)]
        return self._summed(node, letters, names, factors, network.coefficient, network.scalars)

    def _outputs(self, node: Einsum, letters: tuple[str, ...]) -> tuple[dict[int, str], list[Syntax]]:
        """The letters of the output's labels, and a delta for each letter more than a label has."""
        names: dict[int, str] = {}
        deltas: list[Syntax] = []
        for k, letter in zip(node.output, letters, strict=True):
            if k in names:
                deltas.append(Sub(Identity(None), (names[k], letter)))
            else:
                names[k] = letter
        return names, deltas

    def _ones(self, node: Einsum, names: Mapping[int, str], carried: Iterable[Sequence[int]]) -> Iterator[Syntax]:
        """A component of ones for each label of the output that neither a factor nor a delta has."""
        known = {k for labels in carried for k in labels}
        for k, times in Counter(node.output).items():
            if times == 1 and k not in known:
                yield self._sub(call_form("ones", [size_form(node.extents[k])]), (names[k],))

    def _summed(
        self,
        node: Einsum,
        letters: tuple[str, ...],
        names: Mapping[int, str],
        factors: Sequence[Syntax],
        coefficient: Rational,
        scalars: Sequence[Scalar],
    ) -> Term:
        """The product of components, with sums where an index is not summed by standing twice."""
        counts = sum((self.counts(f) for f in factors), Counter[str]())
        self.repeated = self.repeated or any(counts[k] > 1 for k in letters)
        summed = [names[k] for k in names if k not in node.output]
        caught = {k for f in factors for k in repeated_within(f)}
        self.repeated = self.repeated or any(k in caught for k in letters)
        explicit = tuple(sorted(k for k in summed if counts[k] != 2 or k in caught))
        ordered = tuple(sorted(scalars, key=lambda s: self.recogniser.rank_of(s.base)))
        if not factors:
            return Term(coefficient, ordered)
        body: Syntax = Mul(tuple(factors)) if len(factors) > 1 else factors[0]
        if explicit:
            body = BigSum(explicit, body)
        return Term(coefficient, ordered, (Link(Form(body)),))

    def counts(self, factor: Syntax) -> Counter[str]:
        """How often each letter counts for the summation convention."""
        return letter_counts(factor)

    def _factors(self, network: Network, names: dict[int, str]) -> Iterator[tuple[tuple[int, ...], Syntax]]:
        """(labels, component) of what is left of a network."""

        def named(labels: Sequence[int]) -> tuple[str, ...]:
            for k in labels:
                if k not in names:
                    names[k] = self.letter()
            return tuple(names[k] for k in labels)

        for node, labels in network.tensors:
            if labels:
                yield labels, self._atom(node, named(labels)).syntax
            else:
                yield labels, self._component(node, ()).syntax
        for m in network.matrices:
            for links, p in m.parts:
                yield m.labels, self._powered(self._link_sub(links, named(m.labels)), p)
        for k, v in sorted(network.vectors.items(), key=lambda item: self._place(item[1])):
            for links, p in v.parts:
                yield (k,), self._powered(self._sub(chain_form(links), named((k,))), p)

    def _place(self, v: Vec) -> tuple[int, int, str]:
        return self.recogniser.rank_of(chain_form(v.parts[0][0]))

    def _powered(self, component: Syntax, p: Fraction | Form) -> Syntax:
        if p == 1:
            return component
        return Pow(component, (p if isinstance(p, Form) else number_form(p)).syntax)


def is_ones(node: Node) -> bool:
    """Whether every component is 1."""
    return isinstance(node, Einsum) and not node.operands and len(set(node.output)) == len(node.output)


class _ComponentNetwork(Network):
    """A product in which 1 - x stays a component, where the matrix would need a matrix of ones."""

    def _enter(self, operand: Node, labels: tuple[int, ...]) -> None:
        try:
            self.recogniser.term(operand)
        except NoMatrixForm:
            self._keep(operand, labels)
            return
        if labels and isinstance(operand, Sum) and any(is_ones(n) for _, n in operand.terms):
            self._keep(operand, labels)
        else:
            super()._enter(operand, labels)


class EinsteinWriter(IndexWriter):
    """Writes every product in components: A_ij x_j, not (A x)_i, and A_ii, not tr(A)."""

    def term(self, node: Node, letters: tuple[str, ...]) -> Term:
        match node:
            case Sum(((c, inner),)):
                return self.scaled(inner, letters, c)
            case Sum():
                sign, form = self._sum(node, letters)
                return Term(sign, (), (Link(form),)) if letters else Term(sign, (Scalar(form),))
            case Einsum():
                return self._product(node, letters)
            case Power(_, Number(value)) if not letters and value.denominator != 1:
                return self.recogniser.term(node)  # norms and roots are known by their names
            case Power(base, exponent) if not letters:
                return Term(1, (Scalar(power_form(self._component(base, ()), self.recogniser.form(exponent))),))
            case Map(function, args):
                form = call_form(function, [self._component(a, letters) for a in args])
                return Term(1, (), (Link(form),)) if letters else Term(1, (Scalar(form),))
            case Power(base, exponent):
                form = power_form(self._component(base, letters), self.recogniser.form(exponent))
                return Term(1, (), (Link(form),))
            case _ if not letters:
                return self.recogniser.term(node)
            case _:
                return Term(1, (), (Link(self._atom(node, letters)),))

    def _product(self, node: Einsum, letters: tuple[str, ...], c: Rational = 1) -> Term:
        names, factors = self._outputs(node, letters)
        factors += self._ones(node, names, node.labels)
        scalars: list[Scalar] = []
        coefficient = c
        for operand, own in self._operands(node, names):
            term = self.factor(operand, own)
            coefficient *= term.coefficient
            if own or isinstance(operand, Einsum):
                factors.append(term.form().syntax)
            else:
                scalars += term.scalars
        return self._summed(node, letters, names, factors, coefficient, scalars)

    def factor(self, node: Node, letters: tuple[str, ...]) -> Term:
        """An operand of a product."""
        return self.term(node, letters)

    def _operands(self, node: Einsum, names: dict[int, str]) -> Iterator[tuple[Node, tuple[str, ...]]]:
        """The operands in the order in which they are written, with their letters; labels get names on the way."""
        for operand, labels in self._in_order(node):
            for k in labels:
                if k not in names:
                    names[k] = self.letter()
            yield operand, tuple(names[k] for k in labels)

    def _in_order(self, node: Einsum) -> list[tuple[Node, tuple[int, ...]]]:
        """The operands along the labels that they share, from the axes of the output on."""
        if len(node.extents) > len(LETTERS):
            raise LimitError(f"more than {len(LETTERS)} indices in the answer")
        left = list(zip(node.operands, node.labels, strict=True))
        reached = list(node.output)
        ordered: list[tuple[Node, tuple[int, ...]]] = []
        while left:
            item = min(left, key=lambda item: min((reached.index(k) for k in item[1] if k in reached), default=99))
            left.remove(item)
            ordered.append(item)
            reached += [k for k in item[1] if k not in reached]
        return ordered


def repeated_within(factor: Syntax) -> set[str]:
    """The letters that stand twice in a product or a power inside a factor, where they would be summed."""
    found: set[str] = set()
    for x in walk(factor):
        if isinstance(x, Pow):
            found |= {k for k, n in letter_counts(x.base).items() if n > 1}
        if isinstance(x, Mul):
            total = sum((letter_counts(p) for p in x.factors), Counter[str]())
            found |= {k for k, n in total.items() if n > 1}
    return found


def letter_counts(factor: Syntax) -> Counter[str]:
    """How often each letter that is not summed within a factor stands in it, as the summation convention counts."""
    match factor:
        case Sub(_, indices):
            return Counter(k for k in indices if isinstance(k, str))
        case BigSum(indices, body):
            inner = letter_counts(body)
            return Counter({k: 1 for k in inner if k not in indices})
        case Mul(parts):
            total = sum((letter_counts(p) for p in parts), Counter[str]())
            return Counter({k: 1 for k, n in total.items() if n == 1})
        case Pow(base):
            return Counter(dict.fromkeys(letter_counts(base), 1))
    found: Counter[str] = Counter()
    for x in children(factor):
        found |= Counter(k for k, n in letter_counts(x).items() if n == 1)
    return found


def index_form(recogniser: Recogniser, node: Node, ranges: bool) -> Syntax:
    """The node in index notation, with the ranges of its indices where nothing else fixes them."""
    return _written(IndexWriter(recogniser), node, ranges)


def einstein_form(recogniser: Recogniser, node: Node, ranges: bool) -> Syntax:
    """The same with every product in components."""
    return _written(EinsteinWriter(recogniser), node, ranges)


def _written(writer: IndexWriter, node: Node, ranges: bool) -> Syntax:
    writer.recogniser.prepare(node)
    try:
        return writer.whole(node, ranges)
    except NoMatrixForm:
        raise UnsupportedError("the result holds a function of a matrix that has no notation; use function()") from None
