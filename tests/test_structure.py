"""Derivatives within a structure, against the sums over free entries and the projection to the matrices of the kind."""

from __future__ import annotations

import numpy as np
import pytest

import matcalc as mc
from matcalc.sampling import Array
from matcalc.structured import structured
from matcalc.systems import Floats

KINDS = ("symmetric", "skew", "diagonal", "lower", "upper", "toeplitz", "symmetric toeplitz", "diagonal toeplitz")
N = 4


def _units(kind: str) -> list[Array]:
    """A matrix of the kind for each of its free entries."""
    found = []
    for place in np.ndindex(N, N):
        unit = np.zeros((N, N))
        unit[place] = 1.0
        matrix = structured(unit, frozenset(kind.split()), Floats())
        if np.any(matrix) and matrix[place] == 1.0:
            found.append(matrix)
    return found


def _problem(kind: str, mode: str) -> tuple[mc.Derivative, Array, Array]:
    """The derivative of tr(A X) + tr(X^2 A), its value, and the derivative by independent entries."""
    rng = np.random.default_rng(0)
    A = rng.normal(size=(N, N))
    X = structured(rng.normal(size=(N, N)), frozenset(kind.split()), Floats())
    d = mc.derive("tr(A X) + tr(X^2 A)", "X", A="matrix(n,n)", X=f"matrix(n,n) {kind}", structure=mode)
    return d, d.function()(A=A, X=X), A.T + (X @ A + A @ X).T


@pytest.mark.parametrize("kind", KINDS)
def test_by_the_free_entries(kind: str) -> None:
    _, value, free = _problem(kind, "entries")
    for unit in _units(kind):
        np.testing.assert_allclose(value[unit == 1.0], np.sum(free * unit), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_projection(kind: str) -> None:
    _, value, free = _problem(kind, "projection")
    basis = np.array([u.ravel() for u in _units(kind)])
    _, scale, rows = np.linalg.svd(basis, full_matrices=False)
    kept = rows[scale > 1e-9]
    np.testing.assert_allclose(value, (kept.T @ (kept @ free.ravel())).reshape(N, N), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "mode, note", [("entries", "by the free entries of X"), ("projection", "projected to the structure of X")]
)
def test_the_answer_says_which(mode: str, note: str) -> None:
    d, _, _ = _problem("symmetric", mode)
    assert d.note == f"{note}, declared symmetric"
    last = d.steps[-1]
    assert str(last.rule) == f"structure: {mode}"
    assert str(last.before) == "d(tr(A X) + tr(X^2 A))/dX"  # another convention does not equal the line before


def test_vectors_of_an_eigenvalue_have_names() -> None:
    d = mc.derive("eigmax(A)", "A", A="matrix(n,n) symmetric")
    assert d.pretty() == "v v^T where v = eigvecmax(A)"
    again = mc.parse(d.pretty(), declare=d.declarations)
    assert again.lowered.node is d.node
    assert mc.derive("eigmin(A)", "A", A="matrix(n,n) symmetric").pretty() == "u u^T where u = eigvecmin(A)"
    assert mc.derive("softmax(x)", "x", x="vector(n)").pretty() == "diag(p) - p p^T where p = softmax(x)"
