"""How fast the functions of matcalc are, against NumPy written by hand: python benchmarks/programs.py

Both are called in turns, and the fastest call of each counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

import matcalc as mc

SECONDS = 0.4


def expit(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max())
    return e / e.sum()


RIVALS: list[tuple[str, str, dict[str, str], Callable[..., Any]]] = [
    (
        "||X - U V||_F^2",
        "V",
        {"X": "matrix(n,n)", "U": "matrix(n,k)", "V": "matrix(k,n)"},
        lambda X, U, V: -2 * (U.T @ (X - U @ V)),
    ),
    (
        "||y - X w||^2",
        "w",
        {"X": "matrix(n,k)", "y": "vector(n)", "w": "vector(k)"},
        lambda X, y, w: 2 * (X.T @ (X @ w - y)),
    ),
    ("x^T A x", "x", {"A": "matrix(n,n)", "x": "vector(n)"}, lambda A, x: A @ x + x @ A),
    (
        "a^T X^-1 b",
        "a",
        {"X": "matrix(n,n)", "a": "vector(n)", "b": "vector(n)"},
        lambda X, a, b: np.linalg.solve(X, b),
    ),
    ("logdet(X)", "X", {"X": "matrix(n,n)"}, lambda X: np.linalg.inv(X).T),
    (
        "sum(log(1 + exp(-y .* (X w))))",
        "w",
        {"X": "matrix(n,k)", "y": "vector(n)", "w": "vector(k)"},
        lambda X, y, w: -(X.T @ (y * expit(-y * (X @ w)))),
    ),
    (
        "logsumexp(X w)",
        "w",
        {"X": "matrix(n,k)", "w": "vector(k)"},
        lambda X, w: X.T @ softmax(X @ w),
    ),
    (
        "sigmoid(X w)",
        "w",
        {"X": "matrix(n,k)", "w": "vector(k)"},
        lambda X, w: X * (expit(X @ w) * expit(-X @ w))[:, None],
    ),
    (
        "tr(A X B X^T)",
        "X",
        {"A": "matrix(n,n)", "X": "matrix(n,k)", "B": "matrix(k,k)"},
        lambda A, X, B: A @ X @ B + A.T @ X @ B.T,
    ),
]


def fastest(f: Callable[..., Any], hand: Callable[..., Any], values: dict[str, Any]) -> tuple[float, float]:
    """The fastest call of each, in seconds."""
    best = [float("inf"), float("inf")]
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        for k, g in enumerate((f, hand)):
            start = time.perf_counter()
            g(**values)
            best[k] = min(best[k], time.perf_counter() - start)
    return best[0], best[1]


def main() -> None:
    rng = np.random.default_rng(0)
    print(f"{'expression':34} {'by':3} {'n':>5} {'ours us':>10} {'by hand us':>11} {'ratio':>6}")
    for expr, wrt, declare, hand in RIVALS:
        f = mc.derive(expr, wrt, declare=declare).function()
        for n in (4, 100, 500):
            sizes = {"n": n, "k": max(2, n // 10)}
            names = {name: d.partition("(")[2].rstrip(")") for name, d in declare.items()}
            values = {name: rng.standard_normal([sizes[s] for s in dims.split(",")]) for name, dims in names.items()}
            np.testing.assert_allclose(f(**values), hand(**values), rtol=1e-6, atol=1e-9)
            ours, theirs = fastest(f, hand, values)
            print(f"{expr:34} {wrt:3} {n:5} {1e6 * ours:10.1f} {1e6 * theirs:11.1f} {ours / theirs:6.2f}")


if __name__ == "__main__":
    main()
