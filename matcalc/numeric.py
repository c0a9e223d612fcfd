"""The numeric value of every primitive function, on NumPy arrays.

`PRIMITIVES` has one callable for each function of `identities/functions.mc` that has no definition in older
ones. Out of the domain the value is nan. The table's plain ufuncs warn as NumPy does; callers that want
silence hold `np.errstate(all="ignore")`, as `evaluate` and compiled functions do.

What stands at the top level here is also the source of the helpers in printed programs (`codegen.numpy`), so
a function may use only `np`, `math` and names of this module.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from .letters import IMAGINARY

Array: TypeAlias = Any

SYMMETRY = 1e-14
CONDITION = 1e4
GENERIC = 1e-9

# --- elementwise ----------------------------------------------------------------------------------


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), without overflow.

    >>> sigmoid(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    e = np.exp(np.minimum(x, -x))
    return np.where(x >= 0, 1.0, e) / (1.0 + e)


def relu(x: Array) -> Array:
    """max(x, 0), entry by entry."""
    return np.maximum(x, 0.0)


def step(x: Array) -> Array:
    """1 where x > 0, else 0."""
    return np.heaviside(x, 0.0)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), without overflow."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def erf(x: Array) -> Array:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, entry by entry.

    >>> float(erf(0.5)) == math.erf(0.5)
    True
    """
    flat = np.asarray(x, dtype=float)
    return np.fromiter(map(math.erf, flat.ravel().tolist()), float, flat.size).reshape(flat.shape)


# --- vectors --------------------------------------------------------------------------------------


def ismax(x: Array) -> Array:
    """1 at the first largest entry, 0 elsewhere.

    >>> ismax(np.array([1.0, 3.0, 3.0])).tolist()
    [0.0, 1.0, 0.0]
    """
    found = np.zeros_like(x)
    found.flat[np.argmax(x)] = 1.0
    return found


def logsumexp(x: Array) -> Array:
    """log of the sum of exp(x), with the largest entry taken out first.

    >>> float(logsumexp(np.array([1000.0, 1000.0]))) == 1000 + math.log(2)
    True
    """
    top = np.max(np.real(x))
    if not np.isfinite(top):
        return top
    return top + np.log(np.sum(np.exp(x - top)))


def softmax(x: Array) -> Array:
    """exp(x) over its sum, with the largest entry taken out first."""
    e = np.exp(x - np.max(x))
    return e / np.sum(e)


# --- matrices: determinants, singular values, eigenvalues -----------------------------------------


def pi() -> float:
    """The ratio of a circle's circumference to its diameter."""
    return math.pi


def imaginary() -> complex:
    """The imaginary unit."""
    return 1j


def logdet(X: Array) -> Array:
    """log |det X|."""
    return np.linalg.slogdet(X)[1]


def normspectral(A: Array) -> Array:
    """The largest singular value."""
    return np.linalg.norm(A, 2)


def normnuclear(A: Array) -> Array:
    """The sum of the singular values."""
    return np.linalg.norm(A, "nuc")


def polar(X: Array) -> Array:
    """The orthogonal factor U V^T of the thin decomposition X = U S V^T."""
    U, _, Vt = np.linalg.svd(X, full_matrices=False)
    return U @ Vt


def toeplitz(A: Array) -> Array:
    """At each place the sum of the entries on the diagonal through it."""
    n = len(A)
    sums = np.array([np.trace(A, offset=-k) for k in range(-n + 1, n)])
    return sums[np.subtract.outer(np.arange(n), np.arange(n)) + n - 1]


def is_symmetric(X: Array) -> bool:
    """Whether X is real, and its transpose up to rounding."""
    return np.isrealobj(X) and bool(np.all(np.abs(X - X.T) <= SYMMETRY * np.max(np.abs(X), initial=0.0)))


def eigmax(A: Array) -> Array:
    """The largest eigenvalue of (A + A^T) / 2."""
    return np.linalg.eigvalsh((A + A.T) / 2)[-1]


def eigmin(A: Array) -> Array:
    """The smallest eigenvalue of (A + A^T) / 2."""
    return np.linalg.eigvalsh((A + A.T) / 2)[0]


def upright(v: Array) -> Array:
    """The vector or its negative: the one whose first entry that is not nought is positive."""
    return v if v[np.argmax(np.abs(v) > 1e-12)] >= 0 else -v


def eigvecmax(A: Array) -> Array:
    """The unit eigenvector of the largest eigenvalue of (A + A^T) / 2."""
    return upright(np.linalg.eigh((A + A.T) / 2)[1][:, -1])


def eigvecmin(A: Array) -> Array:
    """The unit eigenvector of the smallest eigenvalue of (A + A^T) / 2."""
    return upright(np.linalg.eigh((A + A.T) / 2)[1][:, 0])


def eig(A: Array) -> Array:
    """The eigenvalues in rising order, as real numbers where they all are.

    >>> eig(np.array([[2.0, 1.0], [0.0, 1.0]])).tolist()
    [1.0, 2.0]
    """
    if is_symmetric(A):
        return np.linalg.eigvalsh(A)
    return np.sort(np.linalg.eigvals(A))


# --- primary functions of matrices ----------------------------------------------------------------


def expm(X: Array) -> Array:
    """The sum of X^k / k!: the diagonal Pade approximant of order 13, with scaling and squaring (Higham 2005).

    >>> bool(np.allclose(expm(np.array([[0.0, 1.0], [0.0, 0.0]])), [[1, 1], [0, 1]]))
    True
    """
    norm = np.max(np.sum(np.abs(X), axis=0), initial=0.0)
    if not np.isfinite(norm):
        return np.full(X.shape, np.nan)
    squarings = max(0, math.ceil(math.log2(norm / 5.371920351148152))) if norm > 0 else 0
    A = X / 2.0**squarings
    b = (
        64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0, 129060195264000.0,
        10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0, 40840800.0, 960960.0, 16380.0, 182.0, 1.0,
    )  # fmt: skip
    one = np.eye(len(X))
    A2 = A @ A
    A4 = A2 @ A2
    A6 = A4 @ A2
    odd = A6 @ (b[13] * A6 + b[11] * A4 + b[9] * A2) + b[7] * A6 + b[5] * A4 + b[3] * A2 + b[1] * one
    even = A6 @ (b[12] * A6 + b[10] * A4 + b[8] * A2) + b[6] * A6 + b[4] * A4 + b[2] * A2 + b[0] * one
    U = A @ odd
    E = np.linalg.solve(even - U, even + U)
    for _ in range(squarings):
        E = E @ E
    return E


def primary(X: Array, f: Callable[[Array], Array], otherwise: Callable[[Array], Array]) -> Array:
    """f of a matrix by its eigenvalues; `otherwise` where its eigenvectors are badly conditioned."""
    if is_symmetric(X):
        w, V = np.linalg.eigh(X)
        return V * f(w) @ V.T
    w, V = np.linalg.eig(X)
    if np.linalg.cond(V) > CONDITION:
        return otherwise(X)
    F = np.linalg.solve(V.T, (V * f(w.astype(complex))).T).T
    if np.iscomplexobj(X):
        return F
    # An eigenvalue on the negative axis: the principal value is not real.
    if np.max(np.abs(F.imag), initial=0.0) > GENERIC * np.max(np.abs(F.real), initial=0.0):
        return np.full(X.shape, np.nan)
    return F.real


def denman_beavers(X: Array) -> Array:
    """The principal square root by the product form of the Denman-Beavers iteration, scaled by determinants."""
    one = np.eye(len(X))
    M, Y = X, X
    for k in range(60):
        if k < 6:
            g = np.exp(-np.linalg.slogdet(M)[1] / (2 * len(X)))
            M, Y = g * g * M, g * Y
        inverse = np.linalg.inv(M)
        Y = Y @ (one + inverse) / 2
        M = (one + (M + inverse) / 2) / 2
        if np.max(np.abs(M - one)) < 1e-15 * len(X):
            return Y
    return Y if np.max(np.abs(Y @ Y - X)) < GENERIC * np.max(np.abs(X)) else np.full(X.shape, np.nan)


def scaled_log(X: Array) -> Array:
    """The principal logarithm: square roots until X is near I, then Gauss quadrature of its Pade approximant."""
    one = np.eye(len(X))
    roots = 0
    while np.max(np.sum(np.abs(X - one), axis=0)) > 0.25:
        X = denman_beavers(X)
        roots += 1
        if roots > 60 or not np.all(np.isfinite(X)):
            return np.full(X.shape, np.nan)
    E = X - one
    nodes, weights = np.polynomial.legendre.leggauss(9)
    L = sum(w / 2 * np.linalg.solve(one + (t + 1) / 2 * E, E) for t, w in zip(nodes, weights, strict=True))
    return 2.0**roots * L


def sqrtm(X: Array) -> Array:
    """The principal square root of a matrix.

    >>> sqrtm(np.array([[4.0, 0.0], [0.0, 9.0]])).tolist()
    [[2.0, 0.0], [0.0, 3.0]]
    """
    return primary(X, np.sqrt, denman_beavers)


def logm(X: Array) -> Array:
    """The principal logarithm of a matrix.

    >>> bool(np.allclose(logm(np.array([[1.0, 1.0], [0.0, 1.0]])), [[0, 1], [0, 0]]))
    True
    """
    return primary(X, np.log, scaled_log)


def rotation(X: Array) -> Array:
    """expm of [[0, -X], [X, 0]], which is [[cos X, -sin X], [sin X, cos X]]."""
    zero = np.zeros_like(X)
    return expm(np.block([[zero, -X], [X, zero]]))


def cosm(X: Array) -> Array:
    """The cosine of a matrix."""
    if is_symmetric(X):
        return primary(X, np.cos, np.cos)
    n = len(X)
    return rotation(X)[:n, :n]


def sinm(X: Array) -> Array:
    """The sine of a matrix."""
    if is_symmetric(X):
        return primary(X, np.sin, np.sin)
    n = len(X)
    return rotation(X)[n:, :n]


PRIMITIVES: dict[str, Callable[..., Array]] = {
    "exp": np.exp,
    "log": np.log,
    "abs": np.abs,
    "sign": np.sign,
    "step": step,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": relu,
    "softplus": softplus,
    "erf": erf,
    "pi": pi,
    IMAGINARY: imaginary,
    "prod": np.prod,
    "max": np.max,
    "ismax": ismax,
    "logsumexp": logsumexp,
    "softmax": softmax,
    "normspectral": normspectral,
    "normnuclear": normnuclear,
    "det": np.linalg.det,
    "logdet": logdet,
    "pinv": np.linalg.pinv,
    "polar": polar,
    "toeplitz": toeplitz,
    "tril": np.tril,
    "triu": np.triu,
    "expm": expm,
    "logm": logm,
    "sqrtm": sqrtm,
    "sinm": sinm,
    "cosm": cosm,
    "eigmax": eigmax,
    "eigmin": eigmin,
    "eigvecmax": eigvecmax,
    "eigvecmin": eigvecmin,
    "eig": eig,
}
