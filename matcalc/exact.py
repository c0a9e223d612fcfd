"""Exact verdicts: both sides at random points of a prime field.

A polynomial of degree d that is not nought vanishes at a random point with a chance of at most d/p (Schwartz and
Zippel), so that agreement at a few points proves an identity, with a bound on the error that the graph tells.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from random import Random

import numpy as np

from . import draws, ir
from .draws import Claim, Raw
from .duals import evaluate
from .ir import Call, Einsum, Map, MatPow, Node, Number, Power, Sum, Symbol
from .systems import PRIME, Array, Field, Inexact, NoPoint, System

TRIALS = 3
ATTEMPTS = 60


@dataclass(frozen=True)
class Judgement:
    """`status` is `equal`, `different` or `undecided`; by which method, at how many points, and what is to be said:
    the bound of a proof, or why there is no verdict."""

    status: str
    method: str
    trials: int
    max_error: float
    note: str = ""


def sides(claim: Claim, raw: Raw, sizes: Mapping[str, int], system: System) -> tuple[Array, Array]:
    """Both sides at a point: the part of `left` along all directions, and `right` contracted with them."""
    varied, plain, directions = draws.point(claim, raw, system)
    if claim.wrt:
        (left,) = evaluate([claim.left], varied, sizes, system)
        (right,) = evaluate([claim.right], plain, sizes, system)
    else:
        left, right = evaluate([claim.left, claim.right], plain, sizes, system)
    along = left.get((1 << len(claim.wrt)) - 1)
    if along is None:
        along = np.zeros(left[0].shape, dtype=int).astype(system.dtype)
    return along, right[0] if claim.named is not None else contracted(right[0], directions, system)


def contracted(array: Array, directions: list[Array], system: System) -> Array:
    """The last axes of an array summed with the directions."""
    for direction in reversed(directions):
        rank = array.ndim - direction.ndim
        array = array.reshape((*array.shape[:rank], direction.size))
        array = system.reduce(np.dot(array, direction.ravel()))
    return array


def judge(claim: Claim, seed: int = 0, trials: int = TRIALS) -> Judgement:
    """A proof that the sides are equal, or that they differ; `undecided` where a field cannot tell.

    >>> from . import ir
    >>> from .declarations import read_declarations
    >>> table = read_declarations({"x": "vector(n)"})
    >>> x = ir.symbol("x", table["x"].sizes)
    >>> found = judge(Claim(ir.einsum([(x, (0,)), (x, (0,))], ()), ir.scale(2, x), table, ("x",)))
    >>> found.status, found.note
    ('equal', 'exact over a field of 2^61 - 1 elements, 3 trials, error below 1e-52')
    """
    rng = Random(seed)
    good, roots, universal = 0, 0, True
    largest: dict[str, int] = {}
    why = "no random point has a value"
    for sizes in islice(draws.assignments(claim), ATTEMPTS):
        field = Field(rng)
        try:
            raw = draws.raw_field(claim, sizes, rng)
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
        if good == (2 if roots else trials):
            if not universal:
                return Judgement("undecided", "exact", good, math.nan, "an exponent is symbolic")
            return Judgement("equal", "exact", good, 0.0, _bound(claim, largest, good, roots))
    return Judgement("undecided", "exact", good, math.nan, why)


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


# --- the bound ------------------------------------------------------------------------------------


def _bound(claim: Claim, sizes: Mapping[str, int], trials: int, roots: int) -> str:
    degree = 2 ** (2 * roots) * (sum(degrees(claim.left, sizes)) * 3 ** len(claim.wrt))
    degree += 2 ** (2 * roots) * (sum(degrees(claim.right, sizes)) + len(claim.wrt))
    exponent = math.floor(trials * (math.log10(PRIME) - math.log10(max(1, degree))))
    return f"exact over a field of 2^61 - 1 elements, {trials} trials, error below 1e-{exponent}"


def degrees(root: Node, sizes: Mapping[str, int]) -> tuple[int, int]:
    """Bounds on the degrees of numerator and common denominator of a node's entries, in the entries of symbols."""
    memo: dict[Node, tuple[int, int]] = {}
    for node in ir.topological(root):
        memo[node] = _degrees(node, memo, sizes)
    return memo[root]


def _degrees(node: Node, memo: Mapping[Node, tuple[int, int]], sizes: Mapping[str, int]) -> tuple[int, int]:
    match node:
        case Symbol(_, attributes):
            n = node.shape[0].evaluate(sizes) if node.shape else 1
            return (n, n) if "orthogonal" in attributes else (1, 0)
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
        case _:
            return 0, 0


def _times(exponent: Node) -> int:
    if isinstance(exponent, Number):
        return int(exponent.value) if exponent.value.denominator == 1 else math.floor(exponent.value)
    return 4


def _inverted(degree: tuple[int, int], whole: int, rest: int, times: int) -> tuple[int, int]:
    """Degrees of a power: for an inverse the common denominator is a determinant, or the product of all entries."""
    above, below = degree
    if times >= 0:
        return above * times, below * times
    return (below + rest * above) * -times, whole * above * -times
