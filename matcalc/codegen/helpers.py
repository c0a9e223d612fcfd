"""What programs call besides NumPy and the primitive functions; printed programs carry what they use of it."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any


def embed(values: Array, shape: tuple[int, ...], diagonal: str) -> Array:
    """Zeros, with values on the diagonal that np.einsum takes out by `diagonal`.

    >>> embed(2.0, (2, 2), "ii->i").tolist()
    [[2.0, 0.0], [0.0, 2.0]]
    """
    total = np.zeros(shape, dtype=np.result_type(values, float))
    np.einsum(diagonal, total)[...] = values
    return total


def add_at_in_place(total: Array, values: Array, diagonal: str) -> Array:
    """The array, with values added on a diagonal."""
    np.einsum(diagonal, total)[...] += values
    return total


def add_at(total: Array, values: Array, diagonal: str) -> Array:
    """A new array, with values added on a diagonal."""
    return add_at_in_place(np.array(total, dtype=np.result_type(total, values, float)), values, diagonal)


def inject(shape: tuple[int, ...], start: float) -> Array:
    """The columns of an identity from `start` on, as many as the shape says.

    >>> inject((3, 2), 1).tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    return np.eye(shape[0], shape[1], -int(start))


def basis(shape: tuple[int, ...], index: int) -> Array:
    """The unit vector with one at `index`, counted from 1."""
    vector = np.zeros(shape)
    vector[index - 1] = 1.0
    return vector


def matrix_power(A: Array, k: float) -> Array:
    """The power of a matrix with a whole exponent."""
    if k != int(k):
        raise ValueError(f"the exponent of a matrix power is a whole number, not {k}")
    return np.linalg.matrix_power(A, int(k))
