"""Exact verdicts: both sides at random points of random prime fields.

A polynomial of degree d that is not nought vanishes at a random point with a chance of at most d/p (Schwartz and
Zippel), so that agreement at a few points proves an identity at the sizes tried, with a bound on the error that the
graph tells. The primes are drawn with the points: whoever knew them could write numbers that vanish in their fields.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from random import Random
from typing import TypeAlias

import numpy as np

from . import draws, ir
from .draws import Claim, Raw
from .duals import Dual, evaluate
from .ir import Basis, Call, Einsum, Extent, Inject, Map, MatPow, Merge, Node, Number, Power, Sum, Symbol
from .structured import free_entries, structured
from .systems import ACCEPT, LEAST_PRIME, Array, Field, Inexact, NoPoint, System, machine_numbers

TRIALS = 3
ATTEMPTS = 60
LEAST_BOUND = 9  # digits: what is less sure is no proof
MAX_SIZES = 12

Degree: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Judgement:
    """`status` is `equal`, `different` or `undecided`; by which method, at how many points, and what is to be said:
    the bound of a proof, or why there is no verdict."""

    status: str
    method: str
    trials: int
    max_error: float
    note: str = ""


def sides(
    claim: Claim, raw: Raw, sizes: Mapping[str, int], system: System, numbers: Mapping[str, Array] | None = None
) -> tuple[Array, Array]:
    """Both sides at a point: the part of `left` along all directions, and `right` contracted with them."""
    varied, plain, directions = draws.point(claim, raw, system)
    left = along(claim, varied, sizes, system, numbers)
    (right,) = evaluate([claim.right], plain, sizes, system, numbers)
    return left, against(claim, right[0], directions, system)


def against(claim: Claim, right: Array, directions: Sequence[Array], system: System) -> Array:
    """The right side along the directions that it does not hold itself."""
    if claim.within is not None and claim.named is None:
        return _within(claim, right, directions, system)
    return contracted(right, open_directions(claim, directions), system)


def along(
    claim: Claim,
    varied: Mapping[str, Dual],
    sizes: Mapping[str, int],
    system: System,
    numbers: Mapping[str, Array] | None = None,
) -> Array:
    """The part of the left side along all directions."""
    (left,) = evaluate([claim.left], varied, sizes, system, numbers)
    part = left.get((1 << len(claim.wrt)) - 1)
    return np.zeros(left[0].shape, dtype=int).astype(system.dtype) if part is None else part


def open_directions(claim: Claim, directions: Sequence[Array]) -> list[Array]:
    """Those directions that the right side does not hold itself."""
    named = set(range(len(directions))) if claim.differential else set((claim.named or {}).values())
    return [d for k, d in enumerate(directions) if k not in named]


def contracted(array: Array, directions: Sequence[Array], system: System) -> Array:
    """The last axes of an array summed with the directions."""
    for direction in reversed(directions):
        rank = array.ndim - direction.ndim
        array = array.reshape((*array.shape[:rank], direction.size))
        array = system.reduce(np.dot(array, direction.ravel()))
    return array


def _within(claim: Claim, array: Array, directions: Sequence[Array], system: System) -> Array:
    """A derivative within the structure of the variable, along a direction of that structure.

    By the free entries only these count; a projection counts whole. Either has the structure itself.
    """
    (v,), (direction,) = claim.variables, directions
    attributes = claim.declarations[v.base].attributes
    for slice_ in array.reshape((-1, *direction.shape)):
        if not np.allclose((structured(slice_, attributes, system, linear=True) - slice_).astype(float), 0):
            return np.full_like(array[..., 0, 0], 1)
    if claim.within == "entries":
        direction = system.reduce(direction * free_entries(len(direction), attributes))
    return contracted(array, [direction], system)


def judge(claim: Claim, rng: Random, trials: int = TRIALS, different_sizes: int = 1) -> Judgement:
    """A proof that the sides are equal, or that they differ; `undecided` where a field cannot tell.

    >>> from . import ir
    >>> from .declarations import read_declarations
    >>> table = read_declarations({"x": "vector(n)"})
    >>> x = ir.symbol("x", table["x"].sizes)
    >>> found = judge(Claim(ir.einsum([(x, (0,)), (x, (0,))], ()), ir.scale(2, x), table, ("x",)), Random(0))
    >>> found.status, found.note
    ('equal', 'exact in random prime fields, 3 trials, error below 1e-48, at sizes from 3 to 5')
    """
    good, roots, universal = 0, 0, True
    trials = max(trials, different_sizes)
    largest: dict[str, int] = {}
    seen: set[int] = set()
    why = "no random point has a value"
    for sizes in islice(draws.assignments(claim, rng, trials), ATTEMPTS):
        field = Field(rng)
        try:
            raw = draws.raw_field(claim, sizes, rng, field)
            equal = _agrees(claim, raw, sizes, field)
        except NoPoint as reason:
            why = str(reason)
            continue
        except Inexact as reason:
            return Judgement("undecided", "exact", good, math.nan, str(reason))
        if not equal:
            if field.proves_difference:
                return Judgement("different", "exact", good + 1, 1.0, "they differ at a random point of a prime field")
            return Judgement("undecided", "exact", good, math.nan, "a function is not algebraic")
        good, roots = good + 1, max(roots, field.met)
        universal = universal and field.proves_equality
        largest = {n: max(v, largest.get(n, 0)) for n, v in sizes.items()}
        seen |= set(sizes.values())
        if good == (max(2, different_sizes) if roots else trials):
            if not universal:
                return Judgement("undecided", "exact", good, math.nan, "an exponent is symbolic")
            digits = _bound(claim, largest, good, roots)
            if digits < LEAST_BOUND:
                why = "the degrees are too large for a proof"
                return Judgement("undecided", "exact", good, math.nan, why)
            return Judgement("equal", "exact", good, 0.0, _proof(good, digits, at_sizes(claim, seen)))
    return Judgement("undecided", "exact", good, math.nan, why)


def _proof(trials: int, digits: int, where: str) -> str:
    return f"exact in random prime fields, {trials} trials, error below 1e-{digits}{where}"


def at_sizes(claim: Claim, seen: set[int]) -> str:
    """What a verdict says of sizes: that it is for all, or at which it was tried; nothing where there are none."""
    if not claim.names:
        return ""
    return ", for all sizes" if claim.one_form else f", at sizes from {min(seen)} to {max(seen)}"


def _agrees(claim: Claim, raw: Raw, sizes: Mapping[str, int], field: Field) -> bool:
    """Whether the sides are equal, whichever the signs of the square roots."""
    left, right = sides(claim, raw, sizes, field)
    if not bool(np.all(left == right)):
        return False
    met = field.met
    for flips in range(1, 1 << met):
        field.begin(flips)
        left, right = sides(claim, raw, sizes, field)
        if field.met != met:
            raise Inexact("square roots within square roots")
        if not bool(np.all(left == right)):
            return False
    return True


# --- sizes that stand as numbers ------------------------------------------------------------------


def different_sizes(claim: Claim, rng: Random) -> int | None:
    """At how many values of each size the sides must be compared; None where these would be too many.

    A size that stands as a number, as in tr(I_n) = n, is a number like any other: if the claim holds for every number
    in its place, one size is enough. If it does not, the difference is a polynomial in it, which has no more roots
    than its degree.
    """
    nodes = [*(claim.folded or ()), claim.left, claim.right]
    if not any(isinstance(n, Extent) for side in nodes for n in ir.topological(side)):
        return 1
    if claim.folded is not None and _for_any_number(replace(claim, left=claim.folded[0], right=claim.folded[1]), rng):
        return 1
    sizes = dict.fromkeys(_all_sizes(claim), 3)
    degree = max(sum(degrees(n, sizes, _in_sizes)) for n in nodes)
    most = len(claim.choices) or MAX_SIZES
    return degree + 1 if degree < most else None


def _for_any_number(claim: Claim, rng: Random) -> bool:
    """Whether the canonical forms agree whatever numbers stand for the sizes."""
    try:
        return _agree_with(claim, rng, exactly=True)
    except Inexact:
        pass
    try:
        return _agree_with(claim, rng, exactly=False)
    except Inexact:
        return False


def _agree_with(claim: Claim, rng: Random, exactly: bool) -> bool:
    """The same in a field, or in float64."""
    generator = np.random.default_rng(rng.randrange(LEAST_PRIME))
    good = 0
    for trial, sizes in enumerate(islice(draws.assignments(claim), ATTEMPTS)):
        system: System
        if exactly:
            system = field = Field(rng)
            numbers = {n: np.asarray(field.fresh(), dtype=object) for n in _all_sizes(claim)}
        else:
            system = machine_numbers(claim.is_complex)
            numbers = {n: np.asarray(rng.uniform(0.5, 3.0), dtype=system.dtype) for n in _all_sizes(claim)}
        try:
            if exactly:
                raw = draws.raw_field(claim, sizes, rng, field)
            else:
                raw = draws.raw_floats(claim, sizes, generator, trial, trial * draws.LEVELS // ATTEMPTS)
            left, right = sides(claim, raw, sizes, system, numbers)
        except NoPoint:
            continue
        scale = 0.0 if exactly else float(max(np.max(np.abs(x), initial=0.0) for x in (left, right)))
        if not np.all(np.abs(left - right) <= ACCEPT * scale):
            return False
        good += 1
        if good == 2:
            return True
    return False


def _all_sizes(claim: Claim) -> set[str]:
    nodes = [n for side in (claim.left, claim.right) for n in ir.topological(side)]
    return claim.names | {n.name for n in nodes if isinstance(n, Extent)}


# --- the bound ------------------------------------------------------------------------------------


def _bound(claim: Claim, sizes: Mapping[str, int], trials: int, roots: int) -> int:
    """The digits of a bound on the error: a chance of degree / p a trial."""
    leaf = _in_entries(claim, sizes)
    degree = 2 ** (2 * roots) * (sum(degrees(claim.left, sizes, leaf)) * 3 ** len(claim.wrt))
    degree += 2 ** (2 * roots) * (sum(degrees(claim.right, sizes, leaf)) + len(claim.wrt))
    return math.floor(trials * (math.log10(LEAST_PRIME) - math.log10(max(100, degree))))


def _in_entries(claim: Claim, sizes: Mapping[str, int]) -> Callable[[Node], Degree]:
    """The degree of a leaf in the entries that were drawn: an orthogonal matrix is a fraction of them."""

    def leaf(node: Node) -> Degree:
        if not isinstance(node, Symbol):
            return 0, 0
        known = claim.declarations.get(node.name)
        n = node.shape[0].evaluate(sizes) if node.shape else 1
        return (n, n) if known is not None and "orthogonal" in known.attributes else (1, 0)

    return leaf


def _in_sizes(node: Node) -> Degree:
    """The degree of a leaf in the sizes that stand as numbers."""
    return (1, 0) if isinstance(node, Extent) else (0, 0)


def degrees(root: Node, sizes: Mapping[str, int], leaf: Callable[[Node], Degree]) -> Degree:
    """Bounds on the degrees of numerator and common denominator of a node's entries, in what leaves are made of."""
    memo: dict[Node, Degree] = {}
    for node in ir.topological(root):
        parts = ir.operands_of(node)
        constant = parts and all(memo[n] == (0, 0) for n in parts)
        memo[node] = (0, 0) if constant else _degrees(node, memo, sizes, leaf)
    return memo[root]


def _degrees(
    node: Node, memo: Mapping[Node, Degree], sizes: Mapping[str, int], leaf: Callable[[Node], Degree]
) -> Degree:
    match node:
        case Number() | Symbol() | Extent() | Basis() | Merge() | Inject():
            return leaf(node)
        case Einsum(operands):
            return sum(memo[o][0] for o in operands), sum(memo[o][1] for o in operands)
        case Sum(terms):
            below = sum(memo[n][1] for _, n in terms)
            return max((memo[n][0] - memo[n][1] for _, n in terms), default=0) + below, below
        case Power(base, exponent):
            entries = math.prod(s.evaluate(sizes) for s in base.shape)
            return _inverted(memo[base], entries, entries - 1, _times(exponent))
        case MatPow(base, exponent):
            n = base.shape[0].evaluate(sizes)
            return _inverted(memo[base], n, n - 1, _times(exponent))
        case Call("det" | "logdet", (arg,)):
            n = arg.shape[0].evaluate(sizes)
            return n * memo[arg][0], n * memo[arg][1]
        case Call("pinv", (arg,)):
            n = min(s.evaluate(sizes) for s in arg.shape)
            above, below = memo[arg]
            return 2 * n * above + 3 * below, 2 * n * above
        case Call("prod" | "softmax" | "logsumexp", (arg,)):
            entries = math.prod(s.evaluate(sizes) for s in arg.shape)
            return entries * (memo[arg][0] + 1), entries * (memo[arg][1] + 1)
        case Map(_, args) | Call(_, args):
            # A fresh value; but two arguments may be equal by chance.
            return 1 + sum(memo[a][0] for a in args), 1 + sum(memo[a][1] for a in args)
    raise TypeError(f"a node without a degree: {type(node).__name__}")


def _times(exponent: Node) -> int:
    if isinstance(exponent, Number):
        return int(exponent.value) if exponent.value.denominator == 1 else math.floor(exponent.value)
    return 4


def _inverted(degree: Degree, whole: int, rest: int, times: int) -> Degree:
    """Degrees of a power: for an inverse the common denominator is a determinant, or the product of all entries."""
    above, below = degree
    if times >= 0:
        return above * times, below * times
    return (below + rest * above) * -times, whole * above * -times
