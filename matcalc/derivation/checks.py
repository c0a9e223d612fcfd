"""Every line of a derivation is compared with the one before, in numbers, by dual numbers and not by the rules used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from .. import draws, ir
from ..declarations import Declaration
from ..draws import Claim
from ..duals import Dual, evaluate
from ..errors import LimitError, UnsupportedError
from ..ir import Node
from ..lower import unfolded
from ..systems import COMPOUNDED, Array, ComplexDigits, Digits, Inexact, NoPoint, System, machine_numbers

POINTS = 2
SEED = 0  # a derivation is the same each time
ATTEMPTS = 16
ROUNDING = 1e-4
CONTRADICTION = "a line of the derivation does not equal the line before it: please report this"


@dataclass(frozen=True)
class Point:
    """Values of symbols, those that vary with their directions."""

    varied: Mapping[str, Dual]
    plain: Mapping[str, Dual]
    direction: Array
    sizes: Mapping[str, int]
    system: Callable[[], System]
    in_digits: Callable[[], Point] | None = None  # the same point with 50 digits

    def values(self, nodes: Sequence[Node], extra: Mapping[str, Array]) -> list[Array]:
        """The nodes, which may hold further symbols."""
        at = {**self.plain, **{name: {0: value} for name, value in extra.items()}}
        return [v[0] for v in evaluate([unfolded(n) for n in nodes], at, self.sizes, self.system())]

    def changes(self, nodes: Sequence[Node]) -> list[Array]:
        """The derivatives of the nodes along the direction."""
        found = evaluate([unfolded(n) for n in nodes], self.varied, self.sizes, self.system())
        shapes = [tuple(s.evaluate(self.sizes) for s in n.shape) for n in nodes]
        return [np.broadcast_to(v.get(1, 0.0), shape) for v, shape in zip(found, shapes, strict=True)]


def points(root: Node, name: str, declarations: Mapping[str, Declaration]) -> tuple[Point, ...]:
    """Points at which a node and its derivative by a symbol have values; none where no random point has."""
    claim = draws.expanded(Claim(root, ir.ONE, declarations, (name,)))
    rng = np.random.default_rng(SEED)
    found: list[Point] = []
    for trial, sizes in enumerate(islice(draws.assignments(claim), ATTEMPTS)):
        level = trial * draws.LEVELS // ATTEMPTS
        try:
            raw = draws.raw_floats(claim, sizes, rng, trial, level)
            in_digits = partial(_point, claim, raw, sizes, ComplexDigits if claim.is_complex else Digits)
            point = _point(claim, raw, sizes, partial(machine_numbers, claim.is_complex), in_digits)
            values = [*point.values([root], {}), *point.changes([root])]
        except (NoPoint, Inexact, LimitError, np.linalg.LinAlgError):
            continue
        if all(np.all(np.isfinite(v)) for v in values):
            found.append(point)
            if len(found) == POINTS:
                break
    return tuple(found)


def _point(
    claim: Claim,
    raw: draws.Raw,
    sizes: Mapping[str, int],
    system: Callable[[], System],
    in_digits: Callable[[], Point] | None = None,
) -> Point:
    varied, plain, (direction,) = draws.point(claim, raw, system())
    return Point(varied, plain, direction, sizes, system, in_digits)


def compare(places: Sequence[Point], sides: Callable[[Point], tuple[Array, Array, Sequence[Array]]]) -> None:
    """Refuse to show a line with another value than the line before it; a point where it has none tells nothing.

    `sides` gives both values, and the numbers they are made of: against these what is nought is nought.
    """
    for point in places:
        try:
            value, wanted, parts = sides(point)
        except (NoPoint, np.linalg.LinAlgError):
            continue
        except Inexact as reason:
            raise LimitError(
                f"a line of the derivation could not be compared with the line before it: {reason}"
            ) from None
        if not close(value, wanted, largest(parts)) and not _is_rounding(point, sides):
            raise UnsupportedError(CONTRADICTION)


def _is_rounding(point: Point, sides: Callable[[Point], tuple[Array, Array, Sequence[Array]]]) -> bool:
    """Whether the difference is gone with 50 digits, or rounding hides it there too."""
    if point.in_digits is None:
        return False
    try:
        value, wanted, parts = sides(point.in_digits())
    except NoPoint:
        return True
    except Inexact:
        return False
    gap, *scales = (max((abs(v) for v in np.ravel(x)), default=0) for x in (value - wanted, value, wanted, *parts))
    return bool(gap <= COMPOUNDED * max(*scales[:2], ROUNDING * max(scales)))


def largest(parts: Sequence[Array]) -> float:
    """The largest modulus among some arrays."""
    return max((float(np.max(np.abs(p), initial=0.0)) for p in parts), default=0.0)


def along(part: Array, change: Array) -> Array:
    """The contraction of a part of a derivative with the change of what it belongs to."""
    axes = change.ndim
    return np.tensordot(part, change, axes=axes) if axes else part * change


def close(left: Array, right: Array, size: float) -> bool:
    """Whether two values are equal as far as rounding lets one see; values that are not numbers tell nothing."""
    if not (np.all(np.isfinite(left)) and np.all(np.isfinite(right))):
        return True
    scale = max(largest([left, right]), ROUNDING * size)
    return largest([left - right]) <= COMPOUNDED * scale


def total(terms: Iterable[Array]) -> Array:
    """The sum of the values of the terms of a line."""
    return np.asarray(sum(terms, np.asarray(0.0)))
