"""Index notation, for what has no matrix form and for those who prefer it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from .errors import LimitError
from .forms import Form, add_form, call_form, number_form, power_form
from .ir import Einsum, Map, Merge, Node, Power, Sum, Symbol
from .network import Network, Vec
from .recognise import Recogniser
from .sizes import Size
from .syntax import BigSum, Equation, Identity, Mul, Name, Pow, Sub, Syntax, Where, children, walk
from .syntax import Call as CallSyntax
from .terms import Chain, Link, NoMatrixForm, Term, chain_form, reverse, size_form

LETTERS = "ijklmnpqrstuvwabcdfgh"
LEFT_SIDES = ("D", "J", "G", "R", "Z", "W")


@dataclass
class IndexWriter:
    """Writes a node in index notation. `repeated` is set where a free index stands twice in a product, so that
    the result needs a left side."""

    recogniser: Recogniser
    repeated: bool = False
    used: int = 0
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
            taken = {x.name for x in walk(body) if isinstance(x, Name)} | set(self.recogniser.order)
            name = next((n for n in LEFT_SIDES if n not in taken), "D_")
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
        if isinstance(node, Sum) and len(node.terms) != 1:
            return self._sum(node, letters)
        term = self.term(node, letters)
        return (-1 if term.coefficient < 0 else 1), term.form()

    def _sum(self, node: Sum, letters: tuple[str, ...]) -> tuple[int, Form]:
        if not node.terms:
            return 1, self._broadcast([node.shape[k] for k in range(node.rank)], letters, "zeros")
        terms = [self.term(n, letters).times(c) for c, n in node.terms]
        terms.sort(key=lambda t: (t.coefficient < 0, t.form().cost, t.form().key))
        sign = 1 if terms[0].coefficient > 0 else -1
        return sign, add_form([(t.coefficient * sign > 0, t.form()) for t in terms])

    def _broadcast(self, sizes: Sequence[Size], letters: tuple[str, ...], function: str) -> Form:
        parts = [self._sub(call_form(function, [size_form(s)]), (k,)) for s, k in zip(sizes, letters, strict=True)]
        return Form(Mul(tuple(parts)) if len(parts) > 1 else parts[0])

    def term(self, node: Node, letters: tuple[str, ...]) -> Term:
        """The component as a product."""
        if not letters:
            return self.recogniser.term(node)
        match node:
            case Sum(((c, inner),)):
                return self.term(inner, letters).times(c)
            case Einsum():
                return self._product(node, letters)
            case _:
                return Term(1, (), (Link(self._atom(node, letters)),))

    def _atom(self, node: Node, letters: tuple[str, ...]) -> Form:
        match node:
            case Symbol(name):
                return Form(self._sub(Form(Name(name)), letters))
            case Merge():
                return Form(self._sub(call_form("merge", [size_form(s) for s in node.shape[1:]]), letters))
            case Map(function, args) if node.rank > 2:
                return call_form(function, [self._component(a, letters) for a in args])
            case Power(base, exponent) if node.rank > 2:
                return power_form(self._component(base, letters), self.recogniser.form(exponent))
            case Sum() if node.rank > 2:
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

    def _link_sub(self, chain: Chain, letters: Sequence[str]) -> Syntax:
        """A component of a matrix, of its transpose where that is shorter."""
        straight, back = chain_form(chain), chain_form(reverse(chain))
        if back.cost < straight.cost:
            return self._sub(back, letters[::-1])
        return self._sub(straight, letters)

    # --- products ---

    def _product(self, node: Einsum, letters: tuple[str, ...]) -> Term:
        network = Network(self.recogniser, node)
        network.eliminate()
        names: dict[int, str] = {}
        factors: list[Syntax] = []
        for k, letter in zip(node.output, letters, strict=True):
            if k in names:
                factors.append(Sub(Identity(None), (names[k], letter)))
            else:
                names[k] = letter
        rest = list(self._factors(network, names))
        carried = {k for labels, _ in rest for k in labels} | {k for k in names if list(node.output).count(k) > 1}
        for k in dict.fromkeys(node.output):
            if k not in carried:
                factors.append(self._sub(call_form("ones", [size_form(node.extents[k])]), (names[k],)))
        factors += [f for _, f in rest]
        counts = Counter(k for f in factors for k in free_letters(f))
        self.repeated = self.repeated or any(counts[k] > 1 for k in letters)
        summed = [names[k] for k in names if k not in node.output]
        explicit = tuple(sorted(k for k in summed if counts[k] != 2))
        body: Syntax = Mul(tuple(factors)) if len(factors) > 1 else factors[0]
        if explicit:
            body = BigSum(explicit, body)
        scalars = tuple(sorted(network.scalars, key=lambda s: self.recogniser.rank_of(s.base)))
        return Term(network.coefficient, scalars, (Link(Form(body)),))

    def _factors(self, network: Network, names: dict[int, str]) -> Iterator[tuple[tuple[int, ...], Syntax]]:
        """(labels, component) of what is left of a network."""

        def named(labels: Sequence[int]) -> tuple[str, ...]:
            for k in labels:
                if k not in names:
                    names[k] = self.letter()
            return tuple(names[k] for k in labels)

        for node, labels in network.tensors:
            yield labels, self._atom(node, named(labels)).syntax
        for m in network.matrices:
            for chain, p in m.parts:
                yield m.labels, self._powered(self._link_sub(chain, named(m.labels)), p)
        for k, v in sorted(network.vectors.items(), key=lambda item: self._place(item[1])):
            for chain, p in v.parts:
                yield (k,), self._powered(self._sub(chain_form(chain), named((k,))), p)

    def _place(self, v: Vec) -> tuple[int, int, str]:
        return self.recogniser.rank_of(chain_form(v.parts[0][0]))

    def _powered(self, component: Syntax, p: Fraction | Form) -> Syntax:
        if p == 1:
            return component
        return Pow(component, (p if isinstance(p, Form) else number_form(p)).syntax)


def free_letters(factor: Syntax) -> set[str]:
    """The letters of a factor that are not summed within it."""
    match factor:
        case Sub(_, indices):
            return {k for k in indices if isinstance(k, str)}
        case BigSum(indices, body):
            return free_letters(body) - set(indices)
        case Mul(parts):
            counts = Counter(k for p in parts for k in free_letters(p))
            return {k for k, n in counts.items() if n == 1}
        case CallSyntax(_, args):
            return {k for a in args for k in free_letters(a)}
        case Pow(base):
            return free_letters(base)
    found: set[str] = set()
    for x in children(factor):
        found |= free_letters(x)
    return found


def index_form(recogniser: Recogniser, node: Node, ranges: bool) -> Syntax:
    """The node in index notation, with the ranges of its indices where nothing else fixes them."""
    recogniser.prepare(node)
    return IndexWriter(recogniser).whole(node, ranges)
