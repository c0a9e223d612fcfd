"""Points beyond the everyday ones: other scales, and every region between kinks, branches and saturations.

Along a random line the arguments of the functions that have kinks are watched: `relu(a - 100)` is nought at every
everyday point, and is not beyond a = 100. Where what is watched changes between two places of a coarse grid, the place
of the change is found by halving, so that even a region as thin as that between the kinks of `step(x)` and of
`step(x + 1/1000000)` is met, and then a point within each region is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import TypeAlias

import numpy as np

from . import draws, ir
from .draws import Claim, Raw
from .duals import evaluate
from .errors import LimitError
from .ir import Call, Map, Node, Number, Power
from .systems import BOUNDED, KINKED, Array, Inexact, Lenient, NoPoint

Signature: TypeAlias = tuple[int, ...]

SCALES = (1e-6, 1e-3, 4.0, 16.0, 1e3, 1e6)
BRANCHES = (2.5, 3.5, 5.0, 7.0, 9.0, 11.0, 13.0)  # scales at which complex exponentials go round
GRID = (*(-(10.0**k) for k in range(12, -5, -1)), 0.0, *(10.0**k for k in range(-4, 13)))
EVALUATIONS = 240  # on one line
REGIONS = 16  # tried on one line
MAX_LINES = 5
FINEST = 1e-15
FINE, HUGE, MAX_CONSTANTS = 1e-3, 10**100, 4
# Where what a function does changes: at a kink or a branch, and about where it leaves its bounds.
KINK, BEND = (0.0,), (-1.0, 0.0, 1.0)
LEVELS: Mapping[str, tuple[float, ...]] = {
    **dict.fromkeys(BOUNDED, BEND),
    **dict.fromkeys(KINKED | {"log"}, KINK),
    "exp": BEND,
    "asin": (-1.0, 1.0),
    "acos": (-1.0, 1.0),
}


def scaled(raw: Raw, claim: Claim) -> Iterator[Raw]:
    """The point at other scales: what a size or an exponent is stays."""
    scales = (*SCALES, *(BRANCHES if claim.is_complex else ()), *(10.0 * c for c in _constants(claim)))
    for scale in (sign * c for c in scales for sign in (1.0, -1.0)):
        yield _moved(raw, claim, lambda name, x, scale=scale: x * scale)  # type: ignore[misc]


def _constants(claim: Claim) -> list[float]:
    """The numbers that stand in a claim and are far from one."""
    nodes = [n for side in (claim.left, claim.right) for n in ir.topological(side)]
    found = {abs(float(n.value)) for n in nodes if isinstance(n, Number) and ir.magnitude(n.value) < HUGE}
    return sorted(c for c in found if c > 1 / FINE or 0.0 < c < FINE)[:MAX_CONSTANTS]


def _moved(raw: Raw, claim: Claim, move: Callable[[str, Array], Array]) -> Raw:
    symbols = {}
    for name, values in raw.symbols.items():
        known = claim.declarations[ir.base_name(name)].attributes
        moved = values if "integer" in known else np.asarray(move(name, values))
        symbols[name] = np.abs(moved) if "positive" in known else moved
    return Raw(symbols, raw.directions)


def regions(claim: Claim, raw: Raw, sizes: Mapping[str, int], rng: np.random.Generator) -> Iterator[Raw]:
    """A point in each region that lines through a point meet; nothing where no function has a kink."""
    watched = _watched(claim)
    if not watched or claim.is_complex:
        return
    seen: set[Signature] = set()
    names = [n for n, d in claim.declarations.items() if "integer" not in d.attributes]
    for moving in islice((names, *([n] for n in names if len(names) > 1)), MAX_LINES):
        along = {n: np.asarray(rng.uniform(-1.0, 1.0, raw.symbols[n].shape)) for n in moving}

        def at(t: float, along: Mapping[str, Array] = along) -> Raw:
            return _moved(raw, claim, lambda name, x: x + t * along[name] if name in along else x)

        line = _Line(claim, watched, sizes, at)
        for t, signature in islice(line.regions(), REGIONS):
            if signature not in seen:
                seen.add(signature)
                yield at(t)


def _watched(claim: Claim) -> list[tuple[Node, tuple[float, ...]]]:
    """The arguments that are watched, and at which values something changes; of a largest entry its place."""
    found: dict[Node, tuple[float, ...]] = {}
    for side in (claim.left, claim.right):
        for node in ir.topological(side):
            match node:
                case Map(function, (arg,)) if function in LEVELS:
                    found[arg] = tuple(sorted({*found.get(arg, ()), *LEVELS[function]}))
                case Power(base, exponent) if not ir.is_whole(exponent):
                    found[base] = tuple(sorted({*found.get(base, ()), *KINK}))
                case Call("max" | "ismax", (arg,)):
                    found.setdefault(arg, ())
                case _:
                    pass
    return list(found.items())


class _Line:
    """What the watched arguments are along a line."""

    def __init__(
        self,
        claim: Claim,
        watched: Sequence[tuple[Node, tuple[float, ...]]],
        sizes: Mapping[str, int],
        at: Callable[[float], Raw],
    ) -> None:
        self.claim, self.watched, self.sizes, self.at = claim, watched, sizes, at
        self.known: dict[float, Signature] = {}
        near = [t * c for c in _constants(claim) for t in (-10.0, -1.0, -0.1, 0.1, 1.0, 10.0)]
        self.grid = sorted({*GRID, *near})

    def signature(self, t: float) -> Signature:
        """Between which of its values each entry of each argument lies; empty where there is no value."""
        if t not in self.known:
            self.known[t] = self._signature(t)
        return self.known[t]

    def _signature(self, t: float) -> Signature:
        system = Lenient()
        try:
            _, plain, _ = draws.point(self.claim, self.at(t), system)
            values = evaluate([node for node, _ in self.watched], plain, self.sizes, system)
        except (NoPoint, Inexact, LimitError, np.linalg.LinAlgError):
            return ()
        found: list[int] = []
        for (_, levels), value in zip(self.watched, values, strict=True):
            entries = value[0].ravel()
            if not np.all(np.isfinite(entries)) or np.iscomplexobj(entries):
                return ()
            found += [int(np.argmax(entries))] if not levels else np.searchsorted(levels, entries).tolist()
        return tuple(found)

    def regions(self) -> Iterator[tuple[float, Signature]]:
        """A place in each region, and what the region is."""
        queue = [(a, b) for a, b in pairwise(self.grid) if self.signature(a) != self.signature(b)]
        while queue and len(self.known) < EVALUATIONS:
            a, b = queue.pop(0)
            middle = (a + b) / 2
            if abs(b - a) <= FINEST * max(abs(a), abs(b)) or middle in (a, b):
                continue
            queue += [(x, y) for x, y in ((a, middle), (middle, b)) if self.signature(x) != self.signature(y)]
        places = sorted(self.known)
        first = 0
        for k, t in enumerate(places):
            if k + 1 == len(places) or self.known[places[k + 1]] != self.known[t]:
                if self.known[t]:
                    yield _inside(places[first], t), self.known[t]
                first = k + 1


def _inside(a: float, b: float) -> float:
    """A place well within an interval, at the end that is nearer to nought where it is long."""
    if a <= 0.0 <= b:
        return (max(a, -1.0) + min(b, 1.0)) / 2
    near, far = sorted((a, b), key=abs)
    return near + (far - near) / 2 if abs(far) <= 4 * abs(near) else 2 * near
