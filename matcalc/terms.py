"""Products under construction: links of a matrix product, scalar factors, and terms made of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from typing import Protocol, TypeAlias

from .forms import (
    Form,
    add_form,
    adjoint,
    call_form,
    conjugated,
    divide,
    name_form,
    norm_form,
    number_form,
    over,
    power_form,
    product,
    transposed,
)
from .ir import Node, Rational, magnitude
from .letters import IMAGINARY
from .sizes import Size

Parts: TypeAlias = tuple[tuple[bool, Form], ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A factor of a matrix product: an operand, perhaps to a power, turned, or with a bar, which is its conjugate."""

    base: Form
    power: Form | None = None
    turned: bool = False
    barred: bool = False
    symmetric: bool = False
    hermitian: bool = False
    skew: bool = False
    vector: bool = False
    negative: Form | None = None  # the negative of the base, where it is a sum that can be written either way
    parts: Parts = ()  # the signed terms, where the base is a sum
    ones: bool = False  # whether it is the vector of ones
    opposite: tuple[Link, ...] = ()  # links whose product is the negative: K K^T of K^2, for a skew K
    back: Form | None = None  # the transposed base, where it can be written without a mark

    def turn(self) -> Link:
        if self.back is not None:
            return replace(self, base=self.back, back=self.base)
        return self if self.symmetric else replace(self, turned=not self.turned)

    def bar(self, complex_names: frozenset[str]) -> Link:
        """The conjugate, where these names are those of complex symbols."""
        if self.hermitian:
            return replace(self, turned=not self.turned)
        is_complex = bool(self.base.names & complex_names)
        return replace(self, barred=not self.barred) if is_complex else self

    @property
    def adjoint(self) -> Link:
        """The transpose of the conjugate, of a link that is complex."""
        return self if self.hermitian else replace(self.turn(), barred=not self.barred)

    @property
    def is_inverse(self) -> bool:
        return self.power is not None and self.power.key == "-1"

    @property
    def upright(self) -> Form:
        return self.base if self.power is None else power_form(self.base, self.power)

    @property
    def form(self) -> Form:
        if self.barred:
            return adjoint(self.upright) if self.turned else conjugated(self.upright)
        return transposed(self.upright) if self.turned else self.upright

    @property
    def cost(self) -> int:
        inverse = 1 if self.is_inverse else 0 if self.power is None else 1 + self.power.cost
        return self.base.cost + (2 if self.barred else self.turned) + inverse

    @property
    def key(self) -> tuple[str, str, bool, bool]:
        return self.base.key, "" if self.power is None else self.power.key, self.turned, self.barred


Chain: TypeAlias = tuple[Link, ...]


def reverse(chain: Chain) -> Chain:
    """The transposed product."""
    return tuple(link.turn() for link in reversed(chain))


def bar(chain: Chain, complex_names: frozenset[str]) -> Chain:
    """The conjugate of the product."""
    return tuple(link.bar(complex_names) for link in chain) if complex_names else chain


def without_skew_transposes(chain: Chain) -> tuple[int, Chain]:
    """(sign, chain): K^T of a skew K is -K."""
    turned = sum(link.skew and link.turned for link in chain)
    if not turned:
        return 1, chain
    return (-1) ** turned, tuple(link.turn() if link.skew and link.turned else link for link in chain)


def chain_cost(chain: Chain) -> int:
    return sum(link.cost for link in grouped(chain))


def grouped(chain: Chain) -> Chain:
    """Repeated blocks as powers: A X A X A X is (A X)^3; runs of transposes as one: B^T A^T is (A B)^T; runs of
    inverses and of conjugates likewise."""
    chain = _group_repeated(chain)
    found = _group_barred(_group_turned(chain))
    if not any(link.barred for link in chain):
        return found
    return min(found, _group_turned(_group_barred(chain)), key=lambda links: sum(x.cost for x in links))


def _group_repeated(chain: Chain) -> Chain:
    best: tuple[int, int, int, int] | None = None
    keys = [link.key for link in chain]
    if len(set(keys)) == len(keys):
        return chain
    costs = [0, *accumulate(link.cost for link in chain)]
    for size in _distances(keys):
        same = 0  # links from here on that equal the one `size` further on
        found: list[tuple[int, int]] = []
        for start in range(len(chain) - size - 1, -1, -1):
            same = same + 1 if keys[start] == keys[start + size] else 0
            if same >= size:
                found.append((start, 1 + same // size))
        for start, times in reversed(found):
            saved = (times - 1) * (costs[start + size] - costs[start]) - 2
            if saved > 0 and (best is None or saved > best[0]):
                best = (saved, start, size, times)
    if best is None:
        return chain
    _, start, size, times = best
    block = chain[start : start + size]
    turned = all((link.turned or link.symmetric) and not link.barred for link in block)
    turned = turned and any(link.turned for link in block)
    base = product([link.form for link in grouped(reverse(block) if turned else block)])
    power = Link(base, number_form(times), turned)
    return (*chain[:start], power, *chain[start + size * times :])


def _distances(keys: Sequence[object]) -> list[int]:
    """How far apart links stand that are equal: sizes that a repeated block may have."""
    places: dict[object, list[int]] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    most = len(keys) // 2
    return sorted(
        {d for own in places.values() for i, a in enumerate(own) for b in own[i + 1 :] if 1 < (d := b - a) <= most}
    )


def _group_turned(chain: Chain) -> Chain:
    out: list[Link] = []
    k = 0
    while k < len(chain):
        end, count, barred = k, 0, chain[k].barred
        if chain[k].turned:
            while end < len(chain) and (_is_turned(chain[end], barred) or _is_own(chain[end], barred)):
                count += chain[end].turned
                end += 1
            while not (chain[end - 1].turned or chain[end - 1].barred):
                end -= 1
        if count >= 2:
            run = chain[k:end]
            inner = _group_inverse(tuple(x.adjoint for x in reversed(run)) if barred else reverse(run))
            vector = chain[k].vector or chain[end - 1].vector
            if len(inner) == 1:
                out.append(inner[0].adjoint if barred else inner[0].turn())
            else:
                out.append(Link(product([x.form for x in inner]), turned=True, barred=barred, vector=vector))
            k = end
        else:
            out.append(chain[k])
            k += 1
    return _group_inverse(tuple(out))


def _is_turned(link: Link, barred: bool) -> bool:
    return link.turned and link.barred == barred


def _is_own(link: Link, barred: bool) -> bool:
    """Whether the matrix is its own transpose, or its own adjoint; or a conjugate, whose transpose is an adjoint."""
    if barred:
        return link.hermitian and not link.turned
    return (link.symmetric != link.barred) and not link.vector and not link.turned


def _group_barred(chain: Chain) -> Chain:
    """conj(A) conj(z) as conj(A z), and H^T conj(z) as conj(H z) for a Hermitian H."""
    if not any(link.barred for link in chain):
        return chain
    out: list[Link] = []
    k = 0
    while k < len(chain):
        run: list[Link] = []
        for link in chain[k:]:
            plain = _unbarred(link)
            if plain is None:
                break
            run.append(plain)
        links = chain[k : k + len(run)]
        if len(run) > 1 and any(x.barred for x in links):
            vector = any(x.vector for x in links)
            out.append(Link(product([x.form for x in _group_inverse(tuple(run))]), barred=True, vector=vector))
            k += len(run)
        else:
            out.append(chain[k])
            k += 1
    return tuple(out)


def _unbarred(link: Link) -> Link | None:
    """The link of which this is the conjugate, where it is written so."""
    if link.barred:
        return None if link.turned else replace(link, barred=False)
    return link.turn() if link.hermitian and link.turned else None


def _group_inverse(chain: Chain) -> Chain:
    out: list[Link] = []
    k = 0
    while k < len(chain):
        if not chain[k].is_inverse:
            out.append(chain[k])
            k += 1
            continue
        turned, barred = max((_marks(chain[k]), (True, False), (True, True)), key=lambda m: _inverses(chain[k:], m))
        run = chain[k : k + _inverses(chain[k:], (turned, barred))]
        if len(run) >= 2:
            bases = product([x.base for x in (run if turned else reversed(run))])
            out.append(Link(bases, run[0].power, turned, barred))
            k += len(run)
        else:
            out.append(chain[k])
            k += 1
    return tuple(out)


def _inverses(chain: Chain, marks: tuple[bool, bool]) -> int:
    """How many links at the start are inverses with these marks, or would be the same with them."""
    count = 0
    for link in chain:
        own = marks[0] and not link.turned and (link.hermitian if marks[1] else link.symmetric and not link.barred)
        if not link.is_inverse or not (own or _marks(link) == marks):
            break
        count += 1
    return count


def _marks(link: Link) -> tuple[bool, bool]:
    return link.turned, link.barred


def chain_form(chain: Chain) -> Form:
    return product([link.form for link in grouped(chain)])


@dataclass(frozen=True, slots=True)
class Scalar:
    """A scalar factor: a base to a power."""

    base: Form
    power: Fraction | Form = Fraction(1)
    negative: Form | None = None
    parts: Parts = ()

    def bar(self, complex_names: frozenset[str]) -> Scalar:
        """The conjugate."""
        return Scalar(conjugated(self.base), self.power) if self.base.names & complex_names else self

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
    if base.modulus is not None and (2 * p).denominator == 1:
        return base.modulus if 2 * p == 1 else power_form(base.modulus, number_form(2 * p))
    if p == Fraction(1, 2):
        return call_form("sqrt", [base])
    return power_form(base, number_form(p))


class _Formed:
    """Room for a form that is found once."""

    __slots__ = ("known_form",)
    known_form: Form


@dataclass(frozen=True, slots=True)
class Term(_Formed):
    """A number, scalar factors, and a chain of matrix factors."""

    coefficient: Rational = 1
    scalars: tuple[Scalar, ...] = ()
    chain: Chain = ()
    unit: Form | None = None  # what an empty chain stands for: the identity; None for a scalar

    def times(self, c: Rational) -> Term:
        return replace(self, coefficient=self.coefficient * c)

    def form(self) -> Form:
        """The product, without the sign of its coefficient."""
        found: Form | None = getattr(self, "known_form", None)
        if found is None:
            found = self._form()
            object.__setattr__(self, "known_form", found)
        return found

    def _form(self) -> Form:
        c = Fraction(magnitude(self.coefficient))
        above = [s.form() for s in _roots_joined(s for s in self.scalars if not s.below)]
        below = [s.form() for s in _roots_joined(s for s in self.scalars if s.below)]
        matrices = [chain_form(self.chain)] if self.chain else [self.unit] if self.unit is not None else []
        if below or (c.denominator != 1 and above and above[0].name == IMAGINARY):
            if c.denominator != 1:
                below.insert(0, number_form(c.denominator))
            c = Fraction(c.numerator)
        numbers = [number_form(c)] if c != 1 or not (above or matrices) else []
        if len(matrices) == 1 and matrices[0] is not None and not below and (numbers or above):
            quotient = over(product(numbers + above), matrices[0])
            if quotient is not None:
                return quotient
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
        if magnitude(self.coefficient) != 1 or len(self.scalars) + len(self.chain) != 1:
            return ()
        if self.chain:
            link = self.chain[0]
            return () if link.turned or link.barred or link.power is not None else link.parts
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
        for k, link in enumerate(self.chain):
            others = (link.turn(),) if link.skew else link.opposite
            if others:
                turned = (*self.chain[:k], *others, *self.chain[k + 1 :])
                if chain_cost(turned) <= chain_cost(self.chain):
                    return replace(self.times(-1), chain=turned)
        return self

    @property
    def turned(self) -> Term:
        return replace(self, chain=reverse(self.chain))

    def bar(self, complex_names: frozenset[str]) -> Term:
        """The conjugate."""
        scalars = tuple(s.bar(complex_names) for s in self.scalars)
        return replace(self, scalars=scalars, chain=bar(self.chain, complex_names))


def _roots_joined(scalars: Iterable[Scalar]) -> list[Scalar]:
    """x^(3/2) y^(1/2) as x sqrt(x y)."""
    out: list[Scalar] = []
    roots: list[Form] = []
    sign = Fraction(1)
    for s in scalars:
        p = s.power
        plain = s.base.norm is None and s.base.p_norm is None and s.base.modulus is None
        if isinstance(p, Fraction) and p.denominator == 2 and plain:
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


class Recognises(Protocol):
    """What a product or a sum asks of the recogniser of its parts."""

    explicit: bool

    @property
    def order(self) -> Mapping[str, int]: ...

    @property
    def variables(self) -> frozenset[str]: ...

    @property
    def phrases(self) -> frozenset[str]: ...

    @property
    def differentials(self) -> frozenset[str]: ...

    @property
    def complex_names(self) -> frozenset[str]: ...

    def term(self, node: Node) -> Term: ...

    def form(self, node: Node) -> Form: ...

    def signed(self, node: Node) -> tuple[int, Form]: ...

    def identity_form(self, size: Size) -> Form: ...

    def rank_of(self, form: Form) -> tuple[int, int, str]: ...
