"""The primitive functions against their definitions, and at the edges of their domains."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from matcalc.functions import FUNCTIONS
from matcalc.numeric import PRIMITIVES

STRUCTURAL = {"vec", "kron", "ones", "zeros", "e", "merge", "commutation", "conj", "re", "im"}


def matrices(count: int = 20, n: int = 4) -> list[Any]:
    rng = np.random.default_rng(5)
    return [rng.normal(size=(n, n)) for _ in range(count)]


def series(X: Any, terms: int = 60) -> Any:
    total, power = np.eye(len(X)), np.eye(len(X))
    for k in range(1, terms):
        power = power @ X / k
        total = total + power
    return total


def test_every_primitive_function_has_a_value() -> None:
    bare = {f for f in FUNCTIONS if any(row.definition is None for row in FUNCTIONS.overloads(f))}
    assert bare - STRUCTURAL == {f for f in PRIMITIVES if not FUNCTIONS[f].named}


def test_erf_of_any_shape() -> None:
    for shape in ((), (3,), (2, 3), (0,), (2, 1, 2)):
        x = np.random.default_rng(1).normal(size=shape)
        assert np.array_equal(PRIMITIVES["erf"](x), np.vectorize(math.erf, otypes=[float])(x))


@pytest.mark.parametrize("name,low,high", [("sigmoid", 0.0, 1.0), ("softplus", 0.0, 1e4), ("erf", -1.0, 1.0)])
def test_no_overflow(name: str, low: float, high: float) -> None:
    assert PRIMITIVES[name](np.array([-1e4, 1e4])).tolist() == [low, high]


def test_small_values_are_accurate() -> None:
    assert PRIMITIVES["sigmoid"](np.array(-40.0)) == pytest.approx(math.exp(-40), rel=1e-14)
    assert PRIMITIVES["softplus"](np.array(-40.0)) == pytest.approx(math.exp(-40), rel=1e-14)
    assert PRIMITIVES["logsumexp"](np.array([-1e4, -1e4 - 1])) == pytest.approx(-1e4 + math.log1p(math.exp(-1)))
    assert PRIMITIVES["softmax"](np.array([1e4, 1e4])).tolist() == [0.5, 0.5]


def test_largest_entries() -> None:
    X = np.array([[1.0, 5.0], [5.0, 2.0]])
    assert PRIMITIVES["ismax"](X).tolist() == [[0.0, 1.0], [0.0, 0.0]]
    assert PRIMITIVES["max"](X) == 5


def test_expm_is_its_series() -> None:
    for X in matrices():
        np.testing.assert_allclose(PRIMITIVES["expm"](X), series(X), rtol=1e-11, atol=1e-11)
    assert np.isnan(PRIMITIVES["expm"](np.full((2, 2), np.inf))).all()
    np.testing.assert_allclose(PRIMITIVES["expm"](np.diag([20.0, -20.0])), np.diag(np.exp([20.0, -20.0])), rtol=1e-12)


@pytest.mark.parametrize("kind", ["general", "symmetric", "defective"])
def test_logarithms_and_roots(kind: str) -> None:
    expm, logm, sqrtm = (PRIMITIVES[f] for f in ("expm", "logm", "sqrtm"))
    for X in matrices():
        M = expm(X / 2) if kind == "general" else expm((X + X.T) / 2)
        if kind == "defective":
            M = np.triu(np.ones((4, 4))) + np.eye(4)
        np.testing.assert_allclose(expm(logm(M)), M, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(sqrtm(M) @ sqrtm(M), M, rtol=1e-9, atol=1e-9)


def test_no_real_logarithm() -> None:
    for f in ("logm", "sqrtm"):
        with np.errstate(all="ignore"):
            assert np.isnan(PRIMITIVES[f](np.array([[-1.0, 1.0], [0.0, -2.0]]))).any()


@pytest.mark.parametrize("symmetric", [True, False])
def test_sines_and_cosines(symmetric: bool) -> None:
    sinm, cosm = PRIMITIVES["sinm"], PRIMITIVES["cosm"]
    for X in matrices():
        M = X + X.T if symmetric else X
        np.testing.assert_allclose(sinm(M) @ sinm(M) + cosm(M) @ cosm(M), np.eye(4), atol=1e-9)
        np.testing.assert_allclose(sinm(2 * M), 2 * sinm(M) @ cosm(M), atol=1e-8)


def test_singular_values() -> None:
    for X in matrices():
        s = np.linalg.svd(X[:3], compute_uv=False)
        assert PRIMITIVES["normspectral"](X[:3]) == pytest.approx(s[0])
        assert PRIMITIVES["normnuclear"](X[:3]) == pytest.approx(s.sum())
        Q = PRIMITIVES["polar"](X[:3])
        np.testing.assert_allclose(Q @ Q.T, np.eye(3), atol=1e-12)
        assert np.vdot(Q, X[:3]) == pytest.approx(s.sum())


def test_eigenvalues() -> None:
    for X in matrices():
        S = X + X.T
        for vector, value in (("eigvecmax", "eigmax"), ("eigvecmin", "eigmin")):
            v = PRIMITIVES[vector](S)
            np.testing.assert_allclose(S @ v, PRIMITIVES[value](S) * v, atol=1e-12)
            assert v[0] > 0
        np.testing.assert_allclose(PRIMITIVES["eig"](S), np.linalg.eigvalsh(S))
        assert PRIMITIVES["eig"](X).sum() == pytest.approx(np.trace(X))


def test_determinants() -> None:
    X = np.array([[0.0, 2.0], [1.0, 0.0]])
    assert PRIMITIVES["det"](X) == -2
    assert PRIMITIVES["logdet"](X) == pytest.approx(math.log(2))
    assert PRIMITIVES["logdet"](np.zeros((2, 2))) == -np.inf


@pytest.mark.parametrize("name", ["sin", "tanh", "asin", "abs", "sign", "step", "relu", "sigmoid", "softplus", "erf"])
def test_elementwise_functions_take_scalars(name: str) -> None:
    f: Callable[..., Any] = PRIMITIVES[name]
    assert float(f(np.float64(0.3))) == float(f(np.array([0.3]))[0])
