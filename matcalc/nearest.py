"""The right thing that is nearest to a wrong claim: what to change in it, in the words of a teacher.

Candidates are made of the claim's syntax and tried at two random points; the first that is right is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, islice
from random import Random
from typing import Any

import numpy as np

from . import draws, ir, points
from .changes import Change, conjugations, other_changes, plain_changes
from .declarations import CLASHES, Declaration
from .draws import Claim, Raw
from .duals import Dual, evaluate
from .errors import MatcalcError
from .exact import along, contracted, open_directions
from .ir import Einsum, Extent, Node, Sum
from .judge import judge
from .length import length
from .lower import unfolded
from .syntax import Syntax
from .systems import ACCEPT, Array, Field, Inexact, NoPoint, System, machine_numbers

SEED = 0  # words are the same each time
POINTS = 2
NOUGHTS = 24
ATTEMPTS = 60
MAX_MONOMIALS = 60
MAX_CANDIDATES = 300
MAX_EXPLAINED = 500  # factors of a claim for which a reason is looked for
MAX_FACTORS = 30_000  # that are evaluated while candidates are tried
MAX_SYMBOLS = 3_000  # that are read while candidates are tried
LIKELY = ("symmetric", "positive", "hermitian", "real")
OF_SIZE = {1: ": the rule for numbers; of matrices transposes, traces and the order of factors count", 2: ""}
ATTRIBUTES = ("diagonal", "orthogonal", "skew", "spd")


@dataclass(frozen=True)
class Finding:
    """What is wrong, as a verdict and as a reason."""

    verdict: str
    reason: str


@dataclass(frozen=True)
class Problem:
    """A wrong claim: what it is compared with, how it was written, and how others like it are read and written.

    `target` is the right answer, with the axes of the claim, where it is known; `lower` reads a changed claim, and is
    None where that has no meaning or another shape.
    """

    claim: Claim
    syntax: Syntax
    target: Node | None
    target_syntax: Syntax | None
    lower: Callable[[Syntax], Node | None]
    write: Callable[[Node], str]
    what: str


@dataclass(frozen=True)
class _Sample:
    """A random point, with the value of the left side there."""

    raw: Raw
    sizes: Mapping[str, int]
    system: System
    plain: Mapping[str, Dual]
    directions: list[Array]
    expected: Array


class Oracle:
    """Whether a node is the right answer, at a few random points: in the field if it can tell, else in float64."""

    def __init__(self, claim: Claim, known_right: Node | None = None) -> None:
        self.claim = draws.expanded(claim)
        self.witness = self.claim.right if known_right is None else unfolded(known_right)
        self.samples = self._samples(exactly=True)
        if not self.samples or (known_right is not None and not self.holds(known_right)):
            self.samples = self._samples(exactly=False)

    def _samples(self, exactly: bool) -> list[_Sample]:
        found: list[_Sample] = []
        noughts: list[_Sample] = []  # where the answer is nought every factor, sign and transpose of it is right
        rng, generator = Random(0), np.random.default_rng(0)
        for trial, sizes in enumerate(islice(draws.assignments(self.claim), ATTEMPTS)):
            level = trial * draws.LEVELS // ATTEMPTS
            system: System
            try:
                if exactly:
                    system = field = Field(rng)
                    raw = draws.raw_field(self.claim, sizes, rng, field)
                else:
                    system = machine_numbers(self.claim.is_complex)
                    raw = draws.raw_floats(self.claim, sizes, generator, trial, level)
                varied, plain, directions = draws.point(self.claim, raw, system)
                expected = along(self.claim, varied, sizes, system)
                # A point counts where the answer has a value too: not where m < n makes an inverse singular.
                evaluate([self.witness], plain, sizes, system)
            except NoPoint:
                continue
            except Inexact:
                return []
            sample = _Sample(raw, sizes, system, plain, directions, expected)
            (found if np.any(expected != 0) else noughts).append(sample)
            if len(found) == POINTS or len(noughts) == NOUGHTS:
                break
        return (found + noughts)[:POINTS]

    def values(self, node: Node, sample: _Sample) -> Array:
        """The node at a point, with all its axes."""
        return evaluate([unfolded(node)], sample.plain, sample.sizes, sample.system)[0][0]

    def holds(self, node: Node) -> bool:
        """Whether the node agrees with the left side at the points."""
        if not self.samples:
            return False
        try:
            return all(self._agrees(node, s) for s in self.samples)
        except (NoPoint, Inexact, MatcalcError):
            return False

    def _agrees(self, node: Node, sample: _Sample) -> bool:
        value = self.values(node, sample)
        value = contracted(value, open_directions(self.claim, sample.directions), sample.system)
        if value.shape != sample.expected.shape:
            return False
        if not sample.system.ordered:
            return bool(np.all(value == sample.expected))
        scale = float(np.max(np.abs(sample.expected), initial=0.0))
        return bool(np.max(np.abs(value - sample.expected), initial=0.0) <= ACCEPT * scale)


def nearest(problem: Problem) -> Finding | None:
    """The first of: a factor, a change at one place, a missing term, an attribute, a change of two kinds."""
    if _factors(problem.claim) > MAX_EXPLAINED:
        return None
    oracle = Oracle(problem.claim, problem.target)
    if not oracle.samples:
        return None
    return (
        _constant_factor(problem, oracle)
        or _first(problem, oracle, plain_changes(problem.syntax))
        or (_first(problem, oracle, conjugations(problem.syntax)) if problem.claim.is_complex else None)
        or _missing_term(problem, oracle)
        or _scalar_factor(problem, oracle)
        or only_if(problem, LIKELY)
        or _first(problem, oracle, other_changes(problem.syntax, problem.target_syntax))
        or only_if(problem, ATTRIBUTES)
        or _only_if_size(problem)
    )


def _first(problem: Problem, oracle: Oracle, changes: Iterator[Change]) -> Finding | None:
    most = min(MAX_FACTORS // _factors(problem.claim), MAX_SYMBOLS // length(problem.syntax))
    for verdict, reason, syntax in islice(changes, min(MAX_CANDIDATES, most)):
        node = problem.lower(syntax)
        # What alters nothing is no slip, as the transpose of a scalar.
        if node is not None and node is not problem.claim.right and oracle.holds(node):
            return Finding(verdict, reason)
    return None


def _factors(claim: Claim) -> int:
    """How much there is to evaluate of a claim."""
    nodes = {n for side in (claim.left, claim.right) for n in ir.topological(side)}
    return 1 + sum(len(ir.operands_of(n)) for n in nodes)


def repaired(problem: Problem) -> Finding | None:
    """The change at one place that makes sense of a claim whose parts do not fit, and makes it right."""
    oracle = Oracle(problem.claim, problem.target)
    if not oracle.samples:
        return None
    return _first(problem, oracle, plain_changes(problem.syntax))


# --- the whole claim times a scalar ---------------------------------------------------------------


def _ratios(problem: Problem, oracle: Oracle) -> list[Any]:
    """At each point the number by which the claim must be multiplied; empty where there is none."""
    if problem.target is None:
        return []
    ratios: list[Any] = []
    for sample in oracle.samples:
        try:
            ratio = _ratio(oracle.values(problem.target, sample), oracle.values(problem.claim.right, sample), sample)
        except (NoPoint, Inexact, MatcalcError):
            return []
        if ratio is None:
            return []
        ratios.append(ratio)
    return ratios


def _constant_factor(problem: Problem, oracle: Oracle) -> Finding | None:
    ratios = _ratios(problem, oracle)
    found = {_rational(r, s.system) for r, s in zip(ratios, oracle.samples, strict=False)}
    c = found.pop() if len(found) == 1 else None
    if c is None or c == 1:
        return None
    if c == -1:
        return Finding("wrong sign", "the sign is wrong: the right answer is minus this")
    sign = ", and so is the sign" if c < 0 else ""
    return Finding("wrong factor", f"the factor is wrong{sign}: the right answer is {c} times this")


def _ratio(right: Array, claimed: Array, sample: _Sample) -> Any:
    """The number c with right = c claimed, or None."""
    a, b = right.ravel(), claimed.ravel()
    if a.shape != b.shape or not a.size:
        return None
    k = int(np.argmax(b != 0)) if not sample.system.ordered else int(np.argmax(np.abs(b)))
    if b[k] == 0 or a[k] == 0:
        return None
    c = a[k] * sample.system.reciprocal(np.asarray(b[k], dtype=b.dtype))[()]
    if not sample.system.ordered:
        return sample.system.reduce(c)[()] if bool(np.all(sample.system.reduce(c * b) == a)) else None
    return c if bool(np.all(np.abs(c * b - a) <= ACCEPT * np.abs(a).max())) else None


def _rational(value: Any, system: System) -> Fraction | None:
    """The number as a fraction of small whole numbers."""
    if not isinstance(system, Field):
        if abs(np.imag(value)) > ACCEPT * abs(value):
            return None
        value = np.real(value)
        if not np.isfinite(value):
            return None
        found = Fraction(float(value)).limit_denominator(64)
        return found if abs(float(found) - float(value)) <= ACCEPT * abs(float(value)) else None
    for below in range(1, 65):
        above = value * below % system.prime
        above = above - system.prime if above > system.prime // 2 else above
        if abs(above) <= 4096:
            return Fraction(above, below)
    return None


def _scalar_factor(problem: Problem, oracle: Oracle) -> Finding | None:
    """A factor that is a scalar of the expression: a size, a symbol, the expression itself, a factor of the answer."""
    ratios = _ratios(problem, oracle)
    if not ratios or problem.target is None:
        return None
    nodes = [n for side in (problem.claim.left, problem.claim.right, problem.target) for n in ir.topological(side)]
    scalars = [n for n in nodes if not n.shape and not isinstance(n, ir.Number) and n is not problem.target]
    sizes = [m for n in nodes for s in n.shape if s.name for m in ir.topological(ir.extent(s))]
    for node in dict.fromkeys((*(s for s in sizes if isinstance(s, Extent)), *scalars)):
        for inverse in (False, True):
            c = _times_constant(oracle, node, ratios, inverse)
            if c is not None:
                number = "" if c == 1 else "minus " if c == -1 else f"{c} times "
                how = "divided by" if inverse else "times"
                what = f"the right answer is {number}this {how} {problem.write(node)}"
                return Finding("wrong factor", f"a scalar factor is wrong: {what}")
    return None


def _times_constant(oracle: Oracle, node: Node, ratios: Sequence[Any], inverse: bool) -> Fraction | None:
    found = set()
    for ratio, sample in zip(ratios, oracle.samples, strict=True):
        try:
            value = oracle.values(node, sample)
            other = value if inverse else sample.system.reciprocal(value)
        except (NoPoint, Inexact, MatcalcError):
            return None
        found.add(_rational(sample.system.reduce(ratio * other)[()], sample.system))
    return found.pop() if len(found) == 1 else None


# --- a term that is missing -----------------------------------------------------------------------


def _missing_term(problem: Problem, oracle: Oracle) -> Finding | None:
    """The difference to the right answer as one of its terms, all brackets multiplied out."""
    if problem.target is None:
        return None
    terms = monomials(problem.target)
    if len(terms) < 2:
        return None
    claimed = problem.claim.right
    for count in (1, 2):
        for chosen in combinations(terms, count):
            if count == 2 and len(terms) > 8:
                return None
            total = ir.add([(1, claimed), *chosen], claimed.shape)
            if oracle.holds(total):
                missing = " and ".join(problem.write(ir.scale(c, n)) for c, n in chosen)
                plural = "terms are" if count == 2 else "term is"
                return Finding("missing term", f"a {plural} missing: {missing}".replace("a terms", "terms"))
    return None


def monomials(root: Node) -> list[tuple[ir.Rational, Node]]:
    """The terms of a node, products multiplied out over sums."""
    done: list[tuple[ir.Rational, Node]] = []
    todo: list[tuple[ir.Rational, Node]] = [(1, root)]
    while todo:
        c, node = todo.pop()
        if len(todo) + len(done) > MAX_MONOMIALS:
            return []
        if isinstance(node, Sum):
            todo.extend((c * d, n) for d, n in reversed(node.terms))
            continue
        split = _split(node) if isinstance(node, Einsum) else None
        if split is None:
            done.append((c, node))
        else:
            todo.extend((c * d, n) for d, n in reversed(split))
    return done


def _split(node: Einsum) -> list[tuple[ir.Rational, Node]] | None:
    for place, (operand, labels) in enumerate(zip(node.operands, node.labels, strict=True)):
        if isinstance(operand, Sum) and len(operand.terms) > 1:
            rest = [f for k, f in enumerate(zip(node.operands, node.labels, strict=True)) if k != place]
            sizes = dict(enumerate(node.extents))
            return [(c, ir.einsum([*rest, (n, labels)], node.output, sizes)) for c, n in operand.terms]
    return None


# --- right under a condition ----------------------------------------------------------------------


def only_if(problem: Problem, attributes: Sequence[str]) -> Finding | None:
    """An attribute of a symbol, or a size, under which the claim is right."""
    table = problem.claim.declarations
    names = [n for n in table if _appears(problem.claim, n)]
    variables = {v.base for v in problem.claim.variables}
    tries: list[tuple[tuple[str, str], ...]] = [
        ((n, a),)
        for a in attributes
        for n in names
        if _can_be(table[n], a) and not (a in ("real", "hermitian") and n in variables)
    ]
    pairs = [n for n in names if _can_be(table[n], "symmetric")]
    if "symmetric" in attributes:
        tries += [((m, "symmetric"), (n, "symmetric")) for m, n in combinations(pairs, 2)]
    if "symmetric" in attributes and len(pairs) > 2:
        tries.append(tuple((n, "symmetric") for n in pairs))
    for chosen in tries:
        changed = dict(table)
        for name, attribute in chosen:
            d = table[name]
            known = d.attributes - ir.COMPLEX if attribute == "real" else d.attributes | {attribute}
            changed[name] = Declaration(d.kind, d.sizes, known)
        claim = replace(problem.claim, declarations=changed)
        if _true_of(claim):
            said = " and ".join(f"{n} {a}" for n, a in chosen)
            are = " and ".join(f"{n} is {a}" for n, a in chosen)
            return Finding(f"only if {said}", f"it is right only if {are}")
    if "symmetric" in attributes:
        return _only_if_they_commute(problem, pairs)
    return None


def _only_if_they_commute(problem: Problem, names: Sequence[str]) -> Finding | None:
    """Whether it is right where one matrix is a polynomial in another."""
    claim = problem.claim
    for a, b in combinations([n for n in names if n not in claim.wrt], 2):
        if claim.declarations[a].sizes != claim.declarations[b].sizes:
            continue
        matrix = ir.symbol(a, claim.declarations[a].sizes, claim.declarations[a].attributes)
        terms = [ir.identity(matrix.shape[0]), matrix, ir.matpow(matrix, 2)]
        scalars = [f"{b}_{k}" for k in range(len(terms))]
        polynomial = ir.add(
            [(1, ir.einsum([(ir.symbol(s), ()), (t, (0, 1))], (0, 1))) for s, t in zip(scalars, terms, strict=True)],
            matrix.shape,
        )
        nodes = [ir.substitute(side, {b: polynomial}, {}) for side in (claim.left, claim.right)]
        table = {**claim.declarations, **dict.fromkeys(scalars, Declaration("scalar"))}
        if _true_of(replace(claim, left=nodes[0], right=nodes[1], declarations=table)):
            return Finding(
                f"only if {a} and {b} commute", f"it is right only if {a} and {b} commute: {a} {b} = {b} {a}"
            )
    return None


def _appears(claim: Claim, name: str) -> bool:
    return any(ir.depends(x, n) for x in (claim.left, claim.right) for n in (name, ir.conjugate_name(name)))


def _can_be(d: Declaration, attribute: str) -> bool:
    if attribute in d.attributes or "integer" in d.attributes:
        return False
    if d.attributes & ir.COMPLEX and CLASHES["complex"] & {attribute}:
        return False
    if attribute == "real":
        return "complex" in d.attributes
    if attribute == "hermitian" and "complex" not in d.attributes:
        return False
    if attribute == "positive":
        return d.kind in ("scalar", "vector", "matrix")
    structured = d.attributes & {"symmetric", "spd", "skew", "diagonal", "orthogonal", "hermitian"}
    return d.kind == "matrix" and d.sizes[0] is d.sizes[1] and not structured


def _true_of(claim: Claim) -> bool:
    """Whether the claim holds, and says something: not that nought is nought."""
    oracle = Oracle(claim)
    if not oracle.samples or not any(np.any(s.expected != 0) for s in oracle.samples):
        return False
    return oracle.holds(claim.right) and judge(claim, SEED).status == "equal"


def _only_if_size(problem: Problem) -> Finding | None:
    """A size at which the claim is right."""
    claim = problem.claim
    for name in sorted(claim.names):
        for value in OF_SIZE:
            try:
                nodes, table = points.at_sizes([claim.left, claim.right], claim.declarations, {name: value})
            except MatcalcError:
                continue
            if _true_of(replace(claim, left=nodes[0], right=nodes[1], declarations=table)):
                return Finding(f"only if {name} = {value}", f"it is right only if {name} = {value}{OF_SIZE[value]}")
    return None
