"""What a derivative must be: central differences of the value, at points where nothing kinks and nothing is large."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from random_cases import Case
from random_trees import Array

SIZES = (
    {"n": 3, "m": 2, "k": 2}, {"n": 2, "m": 3, "k": 2}, {"n": 2, "m": 2, "k": 3}, {"n": 1, "m": 2, "k": 2},
)  # fmt: skip
EVEN = ({"n": 2, "m": 4, "k": 2}, {"n": 4, "m": 2, "k": 2}, {"n": 2, "m": 2, "k": 2})  # skew ones have inverses then
LARGE = 1e4
UNDEFINED = (ArithmeticError, np.linalg.LinAlgError)


@dataclass(frozen=True)
class Truth:
    """A point, the derivative there (the axes of the expression first), and how many axes the expression has."""

    values: dict[str, Any]
    derivative: Array
    rank: int

    def arguments(self, case: Case) -> dict[str, Array]:
        return {name: self.values[name] for name in case.symbols}


def truths(case: Case, wanted: int) -> list[Truth]:
    """The first points at which the derivative is sure."""
    found: list[Truth] = []
    for values in _points(case):
        try:
            value = np.asarray(case.value(values))
            derivative = _derivative(case, values, 1.0)
            again = _derivative(case, values, 0.6)
        except UNDEFINED:
            continue
        size = np.max(np.abs(derivative), initial=0.0)
        tame = np.all(np.isfinite(value)) and np.all(np.isfinite(derivative)) and size < LARGE
        if tame and np.max(np.abs(derivative - again), initial=0.0) < 2e-6 * (1 + size) and not _kinked(case, values):
            found.append(Truth(values, derivative, value.ndim))
        if len(found) == wanted:
            break
    return found


def differences(f: Callable[[Array], Array], x: Array, step: float) -> Array:
    """Of fourth order: the axes of the value, then those of x."""
    x = np.asarray(x)
    columns = []
    for place in np.ndindex(x.shape):
        unit = np.zeros(x.shape)
        unit[place] = step
        a, b, c, d = (np.asarray(f(x + k * unit)) for k in (-2, -1, 1, 2))
        columns.append((a - 8 * b + 8 * c - d) / (12 * step))
    return np.stack(columns, axis=-1).reshape((*columns[0].shape, *x.shape))


def _points(case: Case) -> Iterator[dict[str, Any]]:
    sizes = EVEN if any(at == "skew" for _, at in case.symbols.values()) else SIZES
    for k in range(6):
        rng = np.random.default_rng(zlib.crc32(f"{case.name}/{k}".encode()))
        own = {**sizes[(k + rng.integers(2)) % len(sizes)], "2": 2}
        yield {**own, **{name: _drawn(rng, [own[s] for s in shape], at) for name, (shape, at) in case.symbols.items()}}


def _drawn(rng: np.random.Generator, shape: list[int], attribute: str) -> Array:
    a = rng.uniform(-1.5, 1.5, shape)
    match attribute:
        case "complex":
            return a + 1j * rng.uniform(-1.5, 1.5, shape)
        case "positive":
            return np.abs(a) + 0.2
        case "symmetric":
            return (a + a.T) / 2
        case "skew":
            return (a - a.T) / 2
        case "spd":
            return a @ a.T + np.eye(len(a)) / 2
        case "diagonal":
            return np.diag(np.diag(a))
        case "lower":
            return np.tril(a)
        case "upper":
            return np.triu(a)
        case "toeplitz":
            return _toeplitz(a, np.mean)
        case "":
            return a
    raise ValueError(attribute)


def _toeplitz(a: Array, f: Callable[[Array], Array]) -> Array:
    """With every diagonal replaced by what f makes of it, at all its places."""
    n = a.shape[-1]
    out = np.zeros_like(a)
    for k in range(1 - n, n):
        out = out + f(np.diagonal(a, k, -2, -1), axis=-1)[..., None, None] * np.eye(n, k=k)
    return out


def _derivative(case: Case, values: dict[str, Any], scale: float) -> Array:
    def at(name: str, x: Array) -> Array:
        return case.value({**values, name: x})

    w = case.wrt[0]
    if case.symbols[w][1] == "complex":
        return _by_part(case, values, lambda z: at(w, z), 1e-3 * scale)
    if len(case.wrt) == 1:
        return _within(case, differences(lambda x: at(w, x), values[w], 1e-3 * scale))
    second = case.wrt[1]

    def first(y: Array) -> Array:
        moved = {**values, second: y}
        return differences(lambda x: case.value({**moved, w: x}), moved[w], 6e-3 * scale)

    return differences(first, values[second], 6e-3 * scale)


def _by_part(case: Case, values: dict[str, Any], f: Callable[[Array], Array], step: float) -> Array:
    z = values[case.wrt[0]]
    real, imaginary = (
        differences(lambda t, unit=unit: f(z + unit * t), np.zeros(np.shape(z)), step) for unit in (1, 1j)
    )
    return {
        "{}": (real - 1j * imaginary) / 2, "conj({})": (real + 1j * imaginary) / 2, "re({})": real, "im({})": imaginary,
    }[case.part]  # fmt: skip


def _within(case: Case, free: Array) -> Array:
    """The derivative within the structure of the symbol."""
    if case.structure is None:
        return free
    turned, one = np.swapaxes(free, -1, -2), np.eye(free.shape[-1])
    entries = case.structure == "entries"
    match case.symbols[case.wrt[0]][1]:
        case "symmetric" | "spd":
            return free + turned - free * one if entries else (free + turned) / 2
        case "skew":
            return free - turned if entries else (free - turned) / 2
        case "diagonal":
            return free * one
        case "lower":
            return np.tril(free)
        case "upper":
            return np.triu(free)
        case "toeplitz":
            return _toeplitz(free, np.sum if entries else np.mean)
    raise ValueError(case.symbols[case.wrt[0]][1])


def _kinked(case: Case, values: dict[str, Any]) -> bool:
    """Whether the slopes on both sides differ: structure puts points on corners, as noughts do of abs."""
    for w in dict.fromkeys(case.wrt):
        for place in np.ndindex(np.shape(values[w])):
            unit = np.zeros(np.shape(values[w]))
            unit[place] = 1e-5
            before, here, after = (np.asarray(case.value({**values, w: values[w] + k * unit})) for k in (-1, 0, 1))
            if np.max(np.abs(before + after - 2 * here), initial=0.0) > 1e-7 * (1 + np.max(np.abs(here), initial=0.0)):
                return True
    return False
