"""Random matrices with a declared structure, in any number system."""

from __future__ import annotations

from typing import Any

import numpy as np

from .systems import Array, Lenient, NoPoint, System


def structured(m: Array, attributes: frozenset[str], system: System, linear: bool = False) -> Array:
    """A matrix with the declared structure, made of the entries of `m`; with `linear` one of the space of them, which
    a positive definite matrix may be moved along.

    >>> from .systems import Floats
    >>> structured(np.array([[1.0, 2.0], [3.0, 4.0]]), frozenset({"skew"}), Floats()).tolist()
    [[0.0, 2.0], [-2.0, 0.0]]
    """
    if m.ndim != 2 or not attributes:
        return m
    if "toeplitz" in attributes:
        m = _toeplitz(m, bool(attributes & {"symmetric", "spd"}))
    if "orthogonal" in attributes:
        return _orthogonal(m, attributes, system)
    if linear:
        attributes = frozenset({"symmetric" if a == "spd" else a for a in attributes})
    if "hermitian" in attributes and system.ordered:
        m = (m + m.conj().T) / 2
    if "spd" in attributes and system.ordered:
        n = len(m)
        m = np.dot(m, m.T) / n + np.eye(n, dtype=int)
    elif attributes & {"symmetric", "spd"}:
        m = np.triu(m) + np.triu(m, 1).T
    if "skew" in attributes:
        m = np.triu(m, 1) - np.triu(m, 1).T
    if "diagonal" in attributes:
        m = np.diag(np.diag(m))
    if "lower" in attributes:
        m = np.tril(m)
    if "upper" in attributes:
        m = np.triu(m)
    if "contraction" in attributes and system.ordered:
        m = m / (2 * m.shape[0] * m.shape[1])
    return system.reduce(m)


def free_entries(n: int, attributes: frozenset[str]) -> Array:
    """Which entries of an n by n matrix of the structure are its free ones: 1 at one place for each of them.

    >>> free_entries(2, frozenset({"symmetric"})).tolist()
    [[1, 1], [0, 1]]
    """
    numbered = np.arange(1, n * n + 1, dtype=object).reshape(n, n)
    filled = structured(numbered, attributes, _Counting(), linear=True)
    return np.asarray((filled == numbered).astype(int))


class _Counting(Lenient):
    """Whole numbers, which stay what they are."""

    dtype: Any = object

    def reduce(self, array: Any) -> Array:
        return np.asarray(array, dtype=object)


def _toeplitz(m: Array, symmetric: bool) -> Array:
    n = len(m)
    k = np.subtract.outer(np.arange(n), np.arange(n))
    entries = np.concatenate([m[0], m[0, 1:][::-1] if symmetric else m[1:, 0][::-1]])
    return np.asarray(entries[-k])


def _orthogonal(m: Array, attributes: frozenset[str], system: System) -> Array:
    """(I - K) (I + K)^-1 with K skew, times a reflection: both components of the orthogonal group."""
    if attributes & {"diagonal", "lower", "upper", "toeplitz"}:
        raise NoPoint("matrices of this structure are not drawn")
    n = len(m)
    one: Any = np.eye(n, dtype=int).astype(system.dtype)
    k = np.triu(m, 1) - np.triu(m, 1).T
    q = system.reduce(np.dot(system.reduce(one - k), system.inverse(system.reduce(one + k))))
    inner: Any = np.diag(np.where(np.arange(n) == 0, _sign(m), 1)).astype(system.dtype)
    if "skew" in attributes:
        if n % 2:
            raise NoPoint("an orthogonal skew matrix of odd size")
        inner = np.kron(np.eye(n // 2, dtype=int), np.array([[0, 1], [-1, 0]])).astype(system.dtype)
    half = system.reduce(np.dot(q, system.reduce(inner)))
    return system.reduce(np.dot(half, q.T)) if attributes & {"symmetric", "skew"} else half


def _sign(m: Array) -> int:
    """A sign that is as random as the first entry."""
    first = m.ravel()[0]
    return -1 if (first % 2 if isinstance(first, int) else first > 0) else 1
