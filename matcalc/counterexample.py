"""One small example with whole numbers at which two expressions differ, to be redone by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from . import sampling
from .declarations import Declaration
from .duals import evaluate
from .errors import MatcalcError
from .ir import COMPLEX, Node, Symbol, conjugate_name, operands_of, topological
from .structured import structured
from .systems import Array, Inexact, NoPoint, lenient, machine_numbers

ATTEMPTS = 60
MOST_FACTORS = 6_000  # that are evaluated at one choice of sizes
CLEAR = 1e-6


def counterexample(right: Node, wrong: Node, table: Mapping[str, Declaration], words: tuple[str, str]) -> str:
    """The values of the symbols, and those of both sides at one entry; an empty text if none is found.

    >>> from . import ir
    >>> from .declarations import read_declarations
    >>> table = read_declarations({"x": "vector(n)"})
    >>> x = ir.symbol("x", table["x"].sizes)
    >>> counterexample(ir.scale(2, x), x, table, ("the derivative", "the claim"))
    'for x = [2, 2]: entry 1 of the derivative is 4, and of the claim 2'
    """
    nodes = [n for side in (right, wrong) for n in topological(side)]
    names = sorted(sampling.size_names(table) | {n for x in nodes for s in x.shape for n in s.names})
    present = {n.name for n in nodes if isinstance(n, Symbol)}
    shown = {n: d for n, d in table.items() if n in present or conjugate_name(n) in present}
    is_complex = right.is_complex or wrong.is_complex or any(d.attributes & COMPLEX for d in shown.values())
    least = sampling.least_size(right, wrong)
    rng = np.random.default_rng(0)
    attempts = min(ATTEMPTS, MOST_FACTORS // (1 + sum(len(operands_of(n)) for n in nodes)))
    for sizes in _sizes(names, least):
        for attempt in range(attempts):
            try:
                values = {n: _draw(d, sizes, rng, attempt) for n, d in shown.items()}
                every = {n: {0: x} for n, x in sampling.with_conjugates(values).items()}
                sides = [x[0] for x in evaluate([right, wrong], every, sizes, lenient(is_complex))]
            except (MatcalcError, NoPoint, Inexact, np.linalg.LinAlgError):
                continue
            place = _differ(*sides)
            if place is not None:
                return _text(values, sizes, sides, place, words)
    return ""


def _sizes(names: Sequence[str], least: int) -> list[dict[str, int]]:
    """All sizes two; three; then different ones."""
    chosen = [dict.fromkeys(names, max(least, k)) for k in (2, 3)]
    mixed = [dict(zip(names, v, strict=True)) for v in product((least, least + 1), repeat=min(len(names), 4))]
    return [*chosen, *(m for m in mixed if len(m) == len(names))]


def _draw(d: Declaration, sizes: Mapping[str, int], rng: np.random.Generator, attempt: int) -> Array:
    shape = sampling.shape_of(d.sizes, sizes)
    if "integer" in d.attributes:
        return np.asarray(float(2 + attempt % 2))
    low, high = (1, 2 + attempt // 20) if "positive" in d.attributes or attempt % 4 == 0 else (-2, 2)
    values = rng.integers(low, high + 1, shape).astype(float)
    if d.attributes & COMPLEX:
        values = 2 * (values + 1j * rng.integers(low, high + 1, shape))
    if "orthogonal" in d.attributes:
        values = np.sign(values) + (values == 0)
    return structured(np.asarray(values), d.attributes, machine_numbers(bool(d.attributes & COMPLEX)))


def _differ(a: Array, b: Array) -> tuple[int, ...] | None:
    """The first entry at which the two clearly differ."""
    if a.shape != b.shape or not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        return None
    scale = max(1.0, float(np.max(np.abs(a), initial=0.0)), float(np.max(np.abs(b), initial=0.0)))
    gap = np.abs(a - b) > CLEAR * scale
    if scale > 1e9 or not np.any(gap):
        return None
    return tuple(int(k) for k in np.argwhere(gap)[0])


def _text(
    values: Mapping[str, Array],
    sizes: Mapping[str, int],
    sides: Sequence[Array],
    place: tuple[int, ...],
    words: tuple[str, str],
) -> str:
    where = ", ".join(f"{n} = {_shown(v)}" for n, v in values.items())
    if not where:
        where = ", ".join(f"{n} = {v}" for n, v in sizes.items())
    entry = f"entry {','.join(str(k + 1) for k in place)} of " if place else ""
    a, b = (sampling.number_text(side[place]) for side in sides)
    head = f"for {where}: " if where else ""
    return f"{head}{entry}{words[0]} is {a}, and {'of ' if entry else ''}{words[1]} {'' if entry else 'is '}{b}"


def _shown(value: Array) -> str:
    if value.ndim == 0:
        return sampling.number_text(complex(value))
    return "[" + ", ".join(_shown(v) for v in value) + "]"
