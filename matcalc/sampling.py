"""Random values for declared symbols: sizes that differ from one another, structure as declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .declarations import Declaration
from .errors import LimitError
from .ir import COMPLEX, Basis, Node, conjugate_name, topological
from .sizes import Size
from .structured import structured
from .systems import machine_numbers

Array: TypeAlias = NDArray[Any]
# Several assignments, since an expression may want one size to be the larger (det(A X B) of a wide A is 0).
SIZE_VALUES = ((3, 4, 5, 2, 6, 7), (5, 4, 3, 2, 6, 7), (4, 2, 3, 5, 6, 7), (3, 5, 4, 6, 2, 7), (2, 3, 4, 5, 6, 7))
MAX_ENTRIES = 1_000_000


def sizes_for(names: Iterable[str], assignment: int, least: int = 2) -> dict[str, int]:
    """A value for each name of a size; different names have different values as far as there are enough."""
    values = SIZE_VALUES[assignment % len(SIZE_VALUES)]
    ordered = sorted(names)
    return {n: least - 2 + (values[k] if k < len(values) else 2 + k % 6) for k, n in enumerate(ordered)}


def least_size(*nodes: Node) -> int:
    """The smallest size at which all unit vectors in the nodes exist."""
    places = [x.index for node in nodes for x in topological(node) if isinstance(x, Basis)]
    return max([2, *places])


def size_names(declarations: Mapping[str, Declaration]) -> set[str]:
    return {n for d in declarations.values() for s in d.sizes for n in s.names}


def draw(
    declarations: Mapping[str, Declaration], sizes: Mapping[str, int], rng: np.random.Generator
) -> dict[str, Array]:
    """A value for each symbol, and for the conjugate of each that is complex."""
    values = {name: draw_one(d, shape_of(d.sizes, sizes), rng) for name, d in declarations.items()}
    return with_conjugates(values)


def with_conjugates(values: Mapping[str, Array]) -> dict[str, Array]:
    """The values, with the conjugate of each that is complex.

    >>> with_conjugates({"x": np.array(1.0), "z": np.array(1j)})["conj(z)"].item()
    -1j
    """
    return {**values, **{conjugate_name(n): v.conj() for n, v in values.items() if np.iscomplexobj(v)}}


def shape_of(axes: Iterable[Size], sizes: Mapping[str, int]) -> tuple[int, ...]:
    shape = tuple(s.evaluate(sizes) for s in axes)
    total = 1
    for n in shape:
        total *= n
    if total > MAX_ENTRIES:
        raise LimitError(f"an array of {total} entries is too large to check")
    return shape


def draw_one(d: Declaration, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Entries of both signs with moduli from 0.3 to 2, structured as declared.

    Raises NoPoint where no matrix of the structure has this size.
    """
    a = d.attributes
    if "integer" in a:
        return np.asarray(float(rng.integers(2, 5)))
    values = moduli = rng.uniform(0.3, 2.0, shape)
    if a & COMPLEX:
        values = moduli * np.exp(1j * rng.uniform(-np.pi, np.pi, shape))
    elif "positive" not in a:
        values = moduli * rng.choice((-1.0, 1.0), shape)
    return structured(np.asarray(values), a, machine_numbers(bool(a & COMPLEX)))


def number_text(value: complex) -> str:
    """The number as it is written.

    >>> number_text(-0.5), number_text(1 - 2j), number_text(3j)
    ('-0.5', '1 - 2i', '3i')
    """
    real, imaginary = (f"{float(part) + 0.0:.6g}" for part in (np.real(value), np.imag(value)))
    if imaginary in ("0", "-0"):
        return real
    if real in ("0", "-0"):
        return f"{imaginary}i"
    return f"{real} - {imaginary[1:]}i" if imaginary[0] == "-" else f"{real} + {imaginary}i"
