"""The verdict on a claim: by exact arithmetic where that can tell, else by numbers, with words that say which.

The numbers are of float64; doubtful errors are settled with 50 digits. Only relative errors count. Points where a
value is not finite, out of range, saturated or on a kink decide nothing, and the points at which a verdict rests must
refuse the answer with another sign and with one part in a thousand more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from random import Random
from typing import Any

import numpy as np

from . import draws, exact, ir, probes
from .draws import Claim, Raw
from .errors import LimitError
from .exact import Judgement, along, sides
from .ir import Call, Einsum, Map, Node, Power, Sum, Symbol
from .systems import (
    ACCEPT,
    CANCELLED,
    COMPOUNDED,
    DIGITS,
    KINKED,
    REFUSE,
    SLOW_IN_DIGITS,
    Array,
    ComplexDigits,
    Complexes,
    Digits,
    Inexact,
    NoPoint,
    Undefined,
    machine_numbers,
)

ENOUGH = 5
STARTS = 4
WITH_NOUGHTS = frozenset({"diagonal", "lower", "upper", "skew"})
LARGEST_IN_DIGITS = 500  # entries of an array with which it is worth while to compute in many digits
ASKED, ASKED_SLOWLY = 12, 4  # points at which many digits are asked, of one claim; of functions of a matrix
FLAT_PARTS = KINKED | {"max", "ismax"}
SETTLED = 3  # points at which many digits said the same are enough
TRIALS = 8
ATTEMPTS = 52
UNCLEAR = 9  # points that many digits do not settle either, after which no more are looked at
MANY_DIGITS = 1e-30
STEADY = 1e-6  # of a difference, what it may change by when there are twice as many digits
PROBED = 1e-14  # how near a kink a point may be that was put there


def judge(claim: Claim, seed: int, trials: int = TRIALS) -> Judgement:
    """Whether the two sides of a claim are equal for all values of their symbols.

    >>> from .declarations import read_declarations
    >>> table = read_declarations({"x": "vector(n)"})
    >>> x = ir.symbol("x", table["x"].sizes)
    >>> judge(Claim(ir.apply("relu", [x]), x, table), 0).status
    'different'
    """
    claim = draws.expanded(claim)
    rng = Random(seed)
    try:
        wanted = exact.different_sizes(claim, rng)
        if wanted is None:
            return _undecided("exact", "sizes stand in it as numbers of too high a degree to be tried")
        found = exact.judge(claim, rng, min(trials, exact.TRIALS), wanted)
        if found.status == "equal" and not _has_value(claim, seed):
            return _undecided("exact", "the expression has no real value at random points")
        return _by_numbers(claim, seed, trials, wanted) if found.status == "undecided" else found
    except LimitError as error:
        return _undecided("numeric", error.message)


def _by_numbers(claim: Claim, seed: int, trials: int, different_sizes: int) -> Judgement:
    """The verdict of numbers; where a kink lies on the noughts of a structure, along what keeps these."""
    found = numeric(claim, seed, trials, different_sizes)
    if found.trials or not any(claim.declarations[v.base].attributes & WITH_NOUGHTS for v in claim.variables):
        return found
    within = numeric(replace(claim, pattern=True), seed, trials, different_sizes)
    kept = ", ".join(p for p in (within.note, "along changes that keep the noughts of the structure") if p)
    return replace(within, note=kept) if within.status == "equal" else within if within.trials else found


def _undecided(method: str, why: str) -> Judgement:
    return Judgement("undecided", method, 0, math.nan, why)


def _has_value(claim: Claim, seed: int) -> bool:
    """Whether the sides are real somewhere: in a field the logarithm of a negative number is like any other."""
    nodes = {n for side in (claim.left, claim.right) for n in ir.topological(side)}
    if not any(_is_partial(n) for n in nodes):
        return True
    rng = np.random.default_rng(seed)
    for trial, sizes in enumerate(islice(draws.assignments(claim), ATTEMPTS)):
        try:
            raw = draws.raw_floats(claim, sizes, rng, trial, trial * draws.LEVELS // ATTEMPTS)
            values = sides(claim, raw, sizes, machine_numbers(claim.is_complex))
        except NoPoint:
            continue
        if all(np.all(np.isfinite(v)) for v in values):
            return True
    return False


def _is_partial(node: Node) -> bool:
    """Whether the function has no real value for some arguments."""
    match node:
        case Map("log" | "asin" | "acos"):
            return True
        case Power(_, exponent):
            return not ir.is_whole(exponent)
        case _:
            return False


@dataclass
class _Tally:
    """What the points said so far."""

    good: int = 0
    asked: int = 0  # points at which many digits were asked
    settled: int = 0  # points of these that many digits settled
    beyond: int = 0  # points that agree at other scales and in other regions
    bad: int = 0
    unclear: int = 0
    seen_through: int = 0  # points at which the flipped sign or the larger factor was not refused
    worst: float = 0.0
    why: str = "no random point has a value"
    sizes: set[int] = field(default_factory=set)
    parted: bool = False  # whether at a point one side has a real value only, and their principal values differ


def numeric(claim: Claim, seed: int, trials: int = TRIALS, different_sizes: int = 1) -> Judgement:
    """The verdict of float64 at random points, and beyond them where kinks and scales may hide a difference."""
    rng = np.random.default_rng(seed)
    tally = _Tally()
    wanted = max(ENOUGH, trials, different_sizes)
    blind = _Blindness(claim)
    base: list[tuple[Raw, dict[str, int]]] = []
    order = draws.assignments(claim, Random(seed), different_sizes)
    for trial, sizes in enumerate(islice(order, max(ATTEMPTS, 4 * different_sizes))):
        level = trial * draws.LEVELS // ATTEMPTS
        if level and tally.good + tally.bad >= max(ENOUGH, different_sizes):
            break
        try:
            raw = draws.raw_floats(claim, sizes, rng, trial, level)
            base.append((raw, sizes))
            _one_point(claim, raw, sizes, tally)
            tally.sizes |= set(sizes.values())
            blind.look(raw)
        except NoPoint as reason:
            tally.why = str(reason)
        except Inexact as reason:
            return _undecided("numeric", str(reason))
        if tally.bad == 2 or tally.good == wanted or tally.unclear > UNCLEAR + tally.good:
            break
    # where everyday points decide little, as relu(x - 100) there, what lies beyond is looked at from several
    starts = sorted(base, key=lambda point: sum(point[1].values()))[: 1 if tally.good >= ENOUGH else STARTS]
    for start in starts:
        if not tally.bad:
            _look_beyond(claim, start, rng, tally)
    if 1 < different_sizes > len(tally.sizes) and not tally.bad:
        return _undecided("numeric", "sizes stand in it as numbers, and too few of them could be tried")
    return _verdict(claim, tally, blind)


def _look_beyond(claim: Claim, start: tuple[Raw, dict[str, int]], rng: np.random.Generator, tally: _Tally) -> None:
    """Points at other scales and in other regions: one may refute the claim, if many digits say so too."""
    raw, sizes = start
    for other in chain(probes.scaled(raw, claim), probes.regions(claim, raw, sizes, rng)):
        try:
            error = _error_beyond(claim, other, sizes)
        except Undefined:
            tally.parted = tally.parted or _differ_as_complex(claim, other, sizes)
            continue
        if error is None:
            continue
        if error < ACCEPT:
            tally.beyond += 1
        elif error > REFUSE and _settled(claim, other, sizes, tally) is False:
            tally.bad, tally.worst = 2, error
            return


def _error_beyond(claim: Claim, raw: Raw, sizes: dict[str, int]) -> float | None:
    """The relative error at a point; None where it decides nothing."""
    system = machine_numbers(claim.is_complex, PROBED)
    try:
        left, right = sides(claim, raw, sizes, system)
    except Undefined:
        raise
    except (NoPoint, Inexact, LimitError):
        return None
    scale = max(float(np.max(np.abs(x), initial=0.0)) for x in (left, right))
    if scale == 0.0:
        return 0.0 if _nought_decides(claim) else None
    error = _error(left, right, scale)
    if not math.isfinite(error):
        return None
    # a value that is small beside what it is made of may be rounding; whether it differs is for many digits to say
    return error if error > REFUSE or scale > CANCELLED * system.largest else None


def _verdict(claim: Claim, tally: _Tally, blind: _Blindness) -> Judgement:
    agreed = tally.good + tally.beyond
    if tally.parted and agreed:
        why = "where one of them has no real value, their principal values differ"
        return Judgement("different", "numeric", tally.good, math.inf, why)
    if tally.bad >= 2:
        return Judgement("different", "numeric", tally.good + tally.bad, tally.worst, "they differ at random points")
    if tally.bad:
        why = f"{tally.good} points agree and 1 does not"
    elif agreed < ENOUGH:
        why = f"only {agreed} of {ATTEMPTS} random points decide: {tally.why}"
    elif tally.seen_through or blind.found():
        why = "the random points cannot tell it from a wrong answer"
    elif tally.unclear > tally.good:
        why = "rounding errors hide the difference"
    else:
        return Judgement("equal", "numeric", agreed, tally.worst, exact.at_sizes(claim, tally.sizes)[2:])
    return Judgement("undecided", "numeric", tally.good, tally.worst or math.nan, why)


def _one_point(claim: Claim, raw: Raw, sizes: dict[str, int], tally: _Tally) -> None:
    system = machine_numbers(claim.is_complex)
    try:
        left, right = sides(claim, raw, sizes, system)
    except Undefined:
        tally.parted = tally.parted or _differ_as_complex(claim, raw, sizes)
        raise
    scale = max(float(np.max(np.abs(x), initial=0.0)) for x in (left, right))
    if scale == 0.0:
        if not _nought_decides(claim):
            raise NoPoint("both sides are nought")
        tally.good += 1
        return
    error = _error(left, right, scale)
    if not math.isfinite(error):
        raise NoPoint("a value that is not a number")
    if error < ACCEPT and (not system.doubtful or tally.settled >= SETTLED):
        tally.good += 1
        tally.worst = max(tally.worst, error)
        tally.seen_through += _error(left, -right, scale) < REFUSE or _error(left, 1.001 * right, scale) < REFUSE
    elif error > REFUSE and scale > CANCELLED * system.largest:
        settled = _settled(claim, raw, sizes, tally)
        tally.good += settled is True
        tally.bad += {False: 2, None: 1, True: 0}[settled]
        tally.worst = max(tally.worst, 0.0 if settled else error)
    else:
        settled = _settled(claim, raw, sizes, tally)
        tally.good += settled is True
        tally.settled += settled is True
        tally.bad += 2 * (settled is False)
        tally.unclear += settled is None
        tally.worst = max(tally.worst, error if settled is False else 0.0)


def _nought_decides(claim: Claim) -> bool:
    """Whether it says something that both sides are nought: where one is written so, or nothing has a flat part."""
    nodes = [n for side in (claim.left, claim.right) for n in ir.topological(side)]
    flat = any(isinstance(n, Map | Call) and n.function in FLAT_PARTS for n in nodes)
    return not flat or _is_nought(claim.left) or _is_nought(claim.right)


def _is_nought(node: Node) -> bool:
    """Whether it is written as nought: as 0, zeros(n), or a multiple, a sum or a product of these."""
    match node:
        case Einsum(operands):
            return any(map(_is_nought, operands))
        case Sum(terms):
            return all(c == 0 or _is_nought(n) for c, n in terms)
        case _:
            return ir.is_zero(node)


def _differ_as_complex(claim: Claim, raw: Raw, sizes: dict[str, int]) -> bool:
    """Whether the sides differ at a point where one of them has no real value.

    exp(log(x)) is x at x = -1 too, by principal values; log(x y) is not log(x) + log(y) at x = y = -1. On a cut
    either of two conjugate values may be meant.
    """
    try:
        left, right = sides(claim, raw, sizes, Complexes())
    except (NoPoint, Inexact, TypeError, ValueError):
        return False
    scale = max(float(np.max(np.abs(x), initial=0.0)) for x in (left, right))
    if not math.isfinite(scale) or scale == 0.0:
        return False
    return min(_error(left, right, scale), _error(left, np.conj(right), scale)) > REFUSE


def judge_program(claim: Claim, run: Callable[[Mapping[str, Array], Sequence[Array]], Any], seed: int) -> Judgement:
    """Whether a program of the symbols and the directions is the derivative of the left side."""
    rng = np.random.default_rng(seed)
    good, worst = 0, 0.0
    why = "no random point has a value"
    for trial, sizes in enumerate(islice(draws.assignments(claim, Random(seed)), ATTEMPTS)):
        system = machine_numbers(claim.is_complex)
        try:
            raw = draws.raw_floats(claim, sizes, rng, trial, trial * draws.LEVELS // ATTEMPTS)
            varied, plain, directions = draws.point(claim, raw, system)
            wanted = along(claim, varied, sizes, system)
        except NoPoint as reason:
            why = str(reason)
            continue
        except (Inexact, LimitError) as reason:
            return _undecided("numeric", str(reason))
        with np.errstate(all="ignore"):
            found = np.asarray(run({n: plain[n][0] for n in claim.declarations}, directions))
        found = exact.against(claim, found, directions, system)
        scale = float(np.max(np.abs(wanted), initial=0.0))
        error = _error(wanted, found, scale or 1.0)
        if not error <= COMPOUNDED:
            return Judgement("different", "numeric", good + 1, error, "the program differs at a random point")
        good, worst = good + 1, max(worst, error)
        if good == ENOUGH:
            return Judgement("equal", "numeric", good, worst)
    return _undecided("numeric", f"only {good} of {ATTEMPTS} random points decide: {why}")


def _error(left: Array, right: Array, scale: float) -> float:
    return float(np.max(np.abs(left - right), initial=0.0)) / scale


def _settled(claim: Claim, raw: Raw, sizes: Mapping[str, int], tally: _Tally) -> bool | None:
    """Whether the sides agree in many digits at the same point; None where these do not tell.

    They differ only where twice as many digits say the same of both: what is lost in rounding is no difference.
    """
    tally.asked += 1
    nodes = [n for side in (claim.left, claim.right) for n in ir.topological(side)]
    slow = any(isinstance(n, Call) and n.function in SLOW_IN_DIGITS for n in nodes)
    few = _in_digits(claim, raw, sizes, DIGITS) if tally.asked <= (ASKED_SLOWLY if slow else ASKED) else None
    if few is None:
        return None
    left, right, largest = few
    scale, gap = max(_most(left), _most(right)), _most(left - right)
    if scale <= MANY_DIGITS * largest or gap <= MANY_DIGITS * scale:
        return True
    many = _in_digits(claim, raw, sizes, 2 * DIGITS)
    if many is None or max(_most(many[0] - left), _most(many[1] - right)) > STEADY * gap:
        return None
    return False


def _in_digits(claim: Claim, raw: Raw, sizes: Mapping[str, int], digits: int) -> tuple[Array, Array, Any] | None:
    nodes = {n for side in (claim.left, claim.right) for n in ir.topological(side)}
    if any(math.prod(s.evaluate(sizes) for s in n.shape) > LARGEST_IN_DIGITS for n in nodes):
        return None
    system = ComplexDigits(digits) if claim.is_complex else Digits(digits)
    try:
        left, right = sides(claim, raw, sizes, system)
    except (NoPoint, Inexact, ZeroDivisionError, ValueError, LimitError):
        return None
    return left, right, system.largest


def _most(array: Any) -> Any:
    return max((abs(v) for v in np.asarray(array, dtype=object).ravel()), default=0)


# --- blind samples --------------------------------------------------------------------------------


class _Blindness:
    """Whether a matrix that need not be symmetric was symmetric at every point, so that a lost transpose was not seen.

    (Whether the answer itself changes when a factor is turned cannot decide this: there are factors that may be.)
    """

    def __init__(self, claim: Claim) -> None:
        nodes = {n for side in (claim.left, claim.right) for n in ir.topological(side)}
        self.suspects = {ir.base_name(n.name) for n in nodes if _may_be_turned(n)}  # type: ignore[attr-defined]
        self.points = 0

    def look(self, raw: Raw) -> None:
        self.points += 1
        self.suspects = {n for n in self.suspects if np.array_equal(raw.symbols[n], raw.symbols[n].T)}

    def found(self) -> bool:
        return bool(self.suspects) and self.points > 0


def _may_be_turned(node: Node) -> bool:
    return (
        isinstance(node, Symbol)
        and node.rank == 2
        and node.swap == 0
        and node.shape[0] is node.shape[1]
        and "toeplitz" not in node.attributes
    )
