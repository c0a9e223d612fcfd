"""A sum of products with common factors taken out, where that makes it shorter."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import TypeAlias

from .forms import Form, add_form, identity_form
from .ir import Rational, magnitude
from .terms import Chain, Link, Recognises, Scalar, Term, reverse

MAX_FACTORED = 40
MAX_TRIED = 10_000
"""Factors that are looked at in what may be taken out of one sum."""

# What tells a term from another that is made of the same pieces: its number and which pieces they are.
Pieces: TypeAlias = tuple[Rational, tuple[tuple[int, object], ...], tuple[int, ...], int]


class _Tried:
    """What the sums within one sum became, with the terms that were given, and how many more are tried."""

    def __init__(self) -> None:
        self.left = MAX_TRIED
        self.found: dict[tuple[object, ...], tuple[Sequence[Term], Term]] = {}


class Factoring:
    """A sum of terms with common factors taken out."""

    def __init__(self, recogniser: Recognises, unit: Form | None, rank: int, tried: _Tried | None = None) -> None:
        self.recogniser = recogniser
        self.unit = unit
        self.rank = rank
        self.tried = tried or _Tried()

    def _within(self, unit: Form | None, rank: int) -> Factoring:
        return Factoring(self.recogniser, unit, rank, self.tried)

    def run(self, terms: Sequence[Term]) -> Term:
        """The sum as one term; its sign makes the shortest of its terms positive.

        Where too much would have to be tried, as for sums of long products of two letters, it stays as it is.
        """
        found = self._remembered(terms)
        return found if self.tried.left > 0 else self._sum(terms)

    def _remembered(self, terms: Sequence[Term]) -> Term:
        key = (self.unit is not None and self.unit.key, self.rank, *map(_pieces, terms))
        if key not in self.tried.found:
            self.tried.found[key] = (terms, self._run(terms))  # the terms, so that their pieces stay
        return self.tried.found[key][1]

    def _run(self, terms: Sequence[Term]) -> Term:
        return self._sum(self._grouped(list(terms)) if len(terms) <= MAX_FACTORED else terms)

    def _sum(self, terms: Sequence[Term]) -> Term:
        if len(terms) == 1:
            return terms[0]
        c = content([t.coefficient for t in terms])
        # The sign is that of the shortest term of a matrix (1 - tanh(x).^2), of the longest of a scalar (x^2 - 1).
        direction = 1 if self.rank else -1
        terms = sorted(
            (t.times(1 / Fraction(c)) for t in terms), key=lambda t: (direction * t.form().cost, self._order(t)[1:])
        )
        if terms[0].coefficient < 0:
            c, terms = -c, [t.times(-1) for t in terms]
        terms = sorted(terms, key=self._order)
        inner = self._wrapped(c, terms)
        size = magnitude(c)
        if size == 1:
            return inner
        whole = self._wrapped(1 if c > 0 else -1, [t.times(size) for t in terms])
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
        symmetric = self.rank == 2 and all(_is_symmetric(t) for t in terms)
        link = Link(form, symmetric=symmetric, vector=self.rank == 1, negative=negative, parts=tuple(parts))
        return Term(c, (), (link,))

    def _order(self, term: Term) -> tuple[bool, bool, int, int, str]:
        """Positive terms first, numbers last, what comes first in the input first; high powers before low ones."""
        form = term.form()
        names = form.names
        place = min((self.recogniser.order.get(n, 10_000) for n in names), default=0)
        return term.coefficient < 0, not names, place, form.cost if self.rank else -form.cost, form.key

    def _grouped(self, terms: list[Term]) -> list[Term]:
        """Take out the factor that saves most, until none saves anything."""
        while len(terms) > 1 and self.tried.left > 0:
            best: tuple[int, list[int], Term] | None = None
            for members in self._candidates(terms):
                group = [terms[k] for k in members]
                self.tried.left -= sum(1 + len(t.chain) + len(t.scalars) for t in group)
                if self.tried.left <= 0:
                    return terms
                joined = self._take_out(group)
                if joined is None:
                    continue
                saved = self._cost(group) - self._cost([joined])
                least = 1 if self.rank or len(members) == len(terms) else 3
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
            for base, below in dict.fromkeys((s.base.key, s.below) for s in t.scalars):
                groups.setdefault(("scalar", (base, below)), []).append(k)
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
        tail = _common_prefix([c[head:][::-1] for c in chains])
        lengths = [len(c) - head - tail for c in chains]
        if self.rank and any(lengths) and any(not n and rest for n, rest in zip(lengths, rests, strict=True)):
            head = tail = 0  # a scalar times the identity is no simplification
        if not (common or head or tail):
            return None
        first = terms[0].chain
        prefix, suffix = first[:head], first[len(first) - tail :] if tail else ()
        chains = [c[head : len(c) - tail] for c in chains]
        if self.rank and first and not any(chains):
            total = self._within(None, 0)._remembered(
                [Term(t.coefficient, rest) for t, rest in zip(terms, rests, strict=True)]
            )
            return Term(total.coefficient, common + total.scalars, prefix + suffix)
        unit = self.unit
        if prefix or suffix:
            unit = identity_form(None) if not self.recogniser.explicit else unit
        is_scalar = self.rank == 0
        inner = [
            Term(t.coefficient, rest, chain, None if is_scalar else unit)
            for t, rest, chain in zip(terms, rests, chains, strict=True)
        ]
        if all(c and c[0].turned and c[0].vector for c in chains):
            # a b^T + a c^T is a (b + c)^T
            return self._joined(
                common, prefix, self._within(None, 1)._remembered([t.turned for t in inner]).turned, suffix
            )
        rank = self._rank_within(chains, prefix, suffix)
        return self._joined(common, prefix, self._within(unit, rank)._remembered(inner), suffix)

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


def _pieces(term: Term) -> Pieces:
    scalars = tuple((id(s.base), s.power if isinstance(s.power, Fraction) else id(s.power)) for s in term.scalars)
    return term.coefficient, scalars, tuple(map(id, term.chain)), id(term.unit)


def _is_symmetric(term: Term) -> bool:
    """Whether the product reads the same from both ends."""
    return [link.key for link in term.chain] == [link.key for link in reverse(term.chain)]


def content(values: Sequence[Rational]) -> Rational:
    """The number that, divided out, leaves coprime whole numbers."""
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
    by_key: list[dict[str, list[Scalar]]] = [{} for _ in groups]
    for known, g in zip(by_key, groups, strict=True):
        for t in g:
            known.setdefault(t.base.key, []).append(t)
    for s in groups[0]:
        matches = [known.get(s.base.key, []) for known in by_key]
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
