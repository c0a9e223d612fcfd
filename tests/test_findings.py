"""What random testing found: wrong, misread, refused without need; each line is an input and what it gives now.

Before: powers of skew matrices gave noughts, a declared size was given to other symbols, small letters before or after
a transposed one were scalars, derivatives of eigenvectors held along symmetric directions only, outer products had
inverses, and what stands under KNOWN was refused or in index notation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

import matcalc as mc
from matcalc.systems import Array

SKEW = "D: matrix(n,n) skew"
W = "w: vector(n)"

# expression, wrt, what is declared, the answer
RIGHT = [
    ("||D^2||_F^2", "D", SKEW, "-4 D^3"),  # zeros(n, n)
    ("||D^-2||_F^2", "D", SKEW, "4 D^-5"),  # zeros(n, n)
    ("||D^4||_F^2", "D", SKEW, "-8 D^7"),  # zeros(n, n)
    ("||D^2||_F", "D", SKEW, "-2 D^3 / ||D^2||_F"),  # zeros(n, n)
    ("tr(D^-2 (D^-2)^T)", "D", SKEW, "4 D^-5"),  # zeros(n, n)
    ("mean(transpose(A)) + s^T s", "A", "s: vector(n)", "ones(m, k) / (k m)"),  # ones(n, n) / n^2
    ("s^T s mean(outer(y,w))", "y", "s: vector(n)", "sum(w) (s^T s) ones(m) / (k m)"),  # y: vector(n)
    ("tr(a b^T X)", "X", "", "b a^T"),  # a b I
    ("tr(x^T A x)", "A", "", "x x^T"),  # x^2 I
    ("w^T exp(A) y", "w", "", "exp(A) y"),  # y exp(A)^T
    ("w^T A.^2 y", "w", "", "(A .* A) y"),  # y (A .* A)^T
    ("w^T sin(A) y", "w", "A: matrix(n,n)", "sin(A) y"),  # y sin(A)^T
    ("(x x^T) y", "x", "", "x y^T + (y^T x) I"),  # a tensor, y a scalar
    ("tr(y w^T C X)", "y", "", "(C X)^T w"),  # tr(X) w^T C
    ("u v^T A w", "w", "", "u v^T A"),  # u A^T v
]

KNOWN = [
    ("vec(x y^T)", "x", "", "kron(y, I_n)"),
    ("vec(x y^T)", "y", "", "kron(I_m, x)"),
    ("kron(I_n, A) x", "x", "", "kron(I_n, A)"),
    ("kron(x, A) y", "y", "", "kron(x, A)"),
    ("kron(diag(v), A) x", "x", "", "kron(diag(v), A)"),
    ("tr(adj(A)^2)", "A", "A: matrix(n,n) skew", "2 det(A)^2 (A^-3 - tr(A^-2) A^-1)"),
    (
        "norm((D C) (Y z))",
        "D",
        "D: matrix(m,m) orthogonal; C: matrix(m,n); Y: matrix(n,n) skew; z: vector(n)",
        "D C Y z (C Y z)^T / ||C Y z||",
    ),
    ("det(-D)", "D", SKEW, "-det(D) D^-1"),
    ("tr(A^T A logm(A^T A))", "A", "A: matrix(n,n)", "2 (A + A logm(A^T A))"),
    ("tr(A B expm(A B))", "A", "A: matrix(n,n)", "(B (A B + I) expm(A B))^T"),
    ("max(A x)", "x x", "A: matrix(n,m)", "zeros(m, m)"),
    ("||x||_inf^2", "x x", "", "2 (sign(x) .* ismax(abs(x))) (sign(x) .* ismax(abs(x)))^T"),
    (
        "a^4 det((I_n + C) ⊗ outer(z, x))",
        "a",
        "C: matrix(n,n) diagonal; z: vector(k); x: vector(k); a: scalar",
        "4 a^3 det(kron(I + C, z x^T))",
    ),
]

WITHIN = [
    ("|-D|", "D: matrix(k,k) skew", "-2 det(D) D^-1"),
    ("x^T D^-1 y", "D: matrix(n,n) skew; x: vector(n); y: vector(n)", "D^-1 (y x^T - x y^T) D^-1"),
    ("D w", "D: matrix(k,k) lower; w: vector(k)", "J_ijk = delta_ij tril(ones(k, k))_ik w_k"),
    ("D w", "D: matrix(k,k) upper; w: vector(k)", "J_ijk = delta_ij triu(ones(k, k))_ik w_k"),
]

REFUSED = [
    ("|x y^T|", "x", "x: vector(n); y: vector(n)", "such a matrix is singular if it has more than one row"),
    ("logdet(A x x^T)", "x", "", "such a matrix is singular if it has more than one row"),
    ("det(s x x^T)", "s", "", "such a matrix is singular if it has more than one row"),
    ("w ./ e(1, m) ./ sigmoid(z)", "z", "w: vector(m); z: vector(m)", "division by zero"),
    ("sum(A ./ I)", "A", "A: matrix(n,n)", "division by zero"),
    ("eigmin(C + C^T)", "C", "C: matrix(n,n) skew", "its eigenvalues are equal, and have no derivative"),
    ("tr(expm(A))", "A A", "A: matrix(n,n)", "is known in a trace, alone or with what commutes with X"),
    ("tr(B expm(A))", "A", "", "is known in a trace, alone or with what commutes with X"),
]


def _declared(text: str) -> dict[str, str]:
    return dict(part.split(": ") for part in text.split("; ") if part)


@pytest.mark.parametrize(("text", "wrt", "declared", "answer"), RIGHT + KNOWN)
def test_answers(text: str, wrt: str, declared: str, answer: str) -> None:
    d = mc.derive(text, wrt.split(), **_declared(declared))
    assert str(d) == answer
    assert d.is_matrix_form


@pytest.mark.parametrize(("text", "declared", "answer"), WITHIN)
def test_within_a_structure(text: str, declared: str, answer: str) -> None:
    assert str(mc.derive(text, "D", structure="entries", declare=_declared(declared))) == answer


@pytest.mark.parametrize(("text", "wrt", "declared", "message"), REFUSED)
def test_refusals_say_why(text: str, wrt: str, declared: str, message: str) -> None:
    with pytest.raises(mc.UnsupportedError) as caught:
        mc.derive(text, wrt.split(), **_declared(declared))
    assert message in caught.value.message


def test_a_column_times_a_row_of_size_one_has_an_inverse() -> None:
    d = mc.derive("|x y^T|", "x", x="vector(1)", y="vector(1)")
    assert d.function()(x=np.array([2.0]), y=np.array([3.0])) == pytest.approx(3.0)


def test_the_triangle_of_a_tensor() -> None:
    d = mc.derive("D w", "D", declare={"D": "matrix(3,3) lower", "w": "vector(3)"}, structure="entries")
    value = d.function()(w=np.array([2.0, 3.0, 5.0]), D=np.eye(3))
    assert np.array_equal(value, [np.outer(np.eye(3)[i], [2.0, 3.0, 5.0]) * np.tri(3) for i in range(3)])


# --- eigenvectors ---


def _pair(D: Array, largest: bool) -> tuple[float, Array]:
    values, vectors = np.linalg.eigh((D + D.T) / 2)
    v = vectors[:, -1 if largest else 0]
    return float(values[-1 if largest else 0]), v * np.sign(v[0])


EIGEN = {
    "w^T eigvecmax(D)": lambda D, w: w @ _pair(D, True)[1],
    "w^T eigvecmin(D)": lambda D, w: w @ _pair(D, False)[1],
    "w^T D eigvecmax(D)": lambda D, w: w @ D @ _pair(D, True)[1],
    "eigmax(D)^2": lambda D, w: _pair(D, True)[0] ** 2,
}


@pytest.mark.parametrize("text", EIGEN)
def test_second_derivatives_of_eigenvectors(text: str) -> None:
    """By independent entries, of the function of the symmetric part: right along all directions, not symmetric ones."""
    rng = np.random.default_rng(1)
    D, V, U = rng.normal(size=(3, 3, 3))
    D, w = D + D.T, rng.normal(size=3)
    d = mc.derive(text, ["D", "D"], D="matrix(n,n) symmetric")
    H = d.function()(**{n: x for n, x in {"D": D, "w": w}.items() if n in d.declarations})
    np.testing.assert_allclose(H, H.transpose(2, 3, 0, 1), atol=1e-12)
    f, h = EIGEN[text], 1e-4
    moved = [s * t * f(D + s * h * V + t * h * U, w) for s in (1, -1) for t in (1, -1)]
    assert np.einsum("ijkl,ij,kl", H, V, U) == pytest.approx(sum(moved) / (4 * h * h), rel=1e-5)


@pytest.mark.parametrize("text", ["eigmax(D)", "eigmax(D)^2"])
def test_third_derivatives_of_eigenvalues(text: str) -> None:
    rng = np.random.default_rng(2)
    D, V = rng.normal(size=(2, 3, 3))
    D = D + D.T
    d = mc.derive(text, ["D", "D", "D"], D="matrix(n,n) symmetric")
    T = d.function()(D=D)
    orders: Sequence[tuple[int, ...]] = [(2, 3, 0, 1, 4, 5), (4, 5, 2, 3, 0, 1)]
    for order in orders:
        np.testing.assert_allclose(T, T.transpose(order), atol=1e-12)
    h, power = 1e-3, 2 if "^2" in text else 1
    at = [_pair(D + k * h * V, True)[0] ** power for k in (-2, -1, 1, 2)]
    third = (-at[0] + 2 * at[1] - 2 * at[2] + at[3]) / (2 * h**3)
    assert np.einsum("ijklmn,ij,kl,mn", T, V, V, V) == pytest.approx(third, rel=1e-3)


# --- judgements ---


def test_sizes_that_nobody_declared_are_open_in_judgements() -> None:
    assert not mc.equal("mean(transpose(A))", "sum(A)/n^2", s="vector(n)")
    assert not mc.check("mean(transpose(A)) + s^T s", "ones(n, n)/n^2", "A", s="vector(n)")


def test_the_transpose_of_a_scalar_is_no_slip() -> None:
    """The sign is wrong; it was called a transpose of c, at points where both are nought."""
    claims = {
        "-(c (step(c x) .* ismax(-relu(c x))))": "wrong sign",
        "2 (c (step(c x) .* ismax(-relu(c x))))": "wrong factor",
    }
    for claim, verdict in claims.items():
        found = mc.check("min(relu(c x))", claim, "x", c="scalar", x="vector(n)")
        assert found.verdict == verdict
