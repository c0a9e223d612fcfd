"""Undeclared input is read as it is written: a reading against the case of a letter or its transpose is refused."""

from __future__ import annotations

import pytest

import matcalc as mc

READ = {
    ("tr(a b^T X)", "X"): "b a^T",
    ("tr(x^T A x)", "A"): "x x^T",
    ("w^T exp(A) y", "w"): "exp(A) y",
    ("w^T A.^2 y", "w"): "(A .* A) y",
    ("w^T (A ./ B) y", "w"): "(A ./ B) y",
    ("(x x^T) y", "x"): "x y^T + (y^T x) I",
    ("tr(y w^T C X)", "y"): "(C X)^T w",
    ("u v^T A w", "w"): "u v^T A",
    ("[A, B] x", "x"): "[A, B]",
    ("log(1 + exp(-y w^T x))", "y"): "-(w^T x) sigmoid(-y w^T x)",  # y is a label
    ("a x^T A x", "a"): "x^T A x",
    ("(1/N) x^T x", "x"): "2 x / N",
    ("A_ij x_j", "x"): "A",
    ("a_ij x_j", "x"): "a",
    ("X_i Y_i", "X"): "Y",
}

REFUSED = {
    ("x + x'", "x"): "x: scalar",
    ("A / B", "A"): "B: scalar",
    ("W_2 relu(W_1 x)", "x"): "W: vector(n)",
    ("x' + B", "x"): "x: matrix(n,m)",
    ("K^2 + ||x||", "x"): "K: scalar",
    ("tr(mu)", "mu"): "mu: matrix(n,n)",
    ("det(rho)", "rho"): "rho: matrix(n,n)",
    ("sum_i (y_i - w^T x_i)^2", "w"): "w: scalar",
}


@pytest.mark.parametrize(("text", "wrt"), READ)
def test_one_reading(text: str, wrt: str) -> None:
    assert str(mc.derive(text, wrt)) == READ[text, wrt]


@pytest.mark.parametrize(("text", "wrt"), REFUSED)
def test_against_the_convention(text: str, wrt: str) -> None:
    """Refused with a declaration, which allows it."""
    with pytest.raises(mc.ShapeError, match="capitals are matrices") as caught:
        mc.derive(text, wrt)
    name, what = REFUSED[text, wrt].split(": ")
    assert caught.value.message.endswith(f"if another reading is meant, declare {name}: {what}")
    assert caught.value.position is not None
    assert mc.derive(text, wrt, **{name: what}).declarations[name] == what


def test_declared_kinds_show_what_follows_a_matrix() -> None:
    assert str(mc.derive("w^T sin(A) y", "w", A="matrix(n,n)")) == "sin(A) y"
    assert str(mc.derive("w^T m y", "w", m="matrix(n,n)")) == "m y"


# what is declared, then what is assumed of another symbol
SIZES = {
    ("mean(transpose(A)) + s^T s", "s: vector(n)", "A: matrix(m,k)"): "ones(m, k) / (k m)",
    ("s^T s mean(outer(y,w))", "s: vector(n)", "y: vector(m)"): "sum(w) (s^T s) ones(m) / (k m)",
    ("x^T A x + mean(outer(y,w))", "A: matrix(n,n) symmetric", "y: vector(m)"): "sum(w) ones(m) / (k m)",
    ("s^T s + sum(softmax(z) .* z)", "s: vector(n)", "z: vector(m)"): (
        "z .* softmax(z) - (softmax(z)^T z - 1) softmax(z)"
    ),
    ("mean(diag(z)) + s^T s", "s: vector(n)", "z: vector(m)"): "ones(m) / m^2",
    ("mean(tril(A)) + s^T s", "s: vector(n)", "A: matrix(m,m)"): "tril(ones(m, m) / m^2)",
    ("mean(A I) + s^T s", "s: vector(n)", "A: matrix(m,k)"): "ones(m, k) / (k m)",
    ("s^T s mean(pinv(X))", "s: vector(m)", "X: matrix(n,k)"): None,  # a long answer
}  # fmt: skip


@pytest.mark.parametrize(("text", "declared", "assumed"), SIZES)
def test_a_declared_size_is_nobody_elses(text: str, declared: str, assumed: str) -> None:
    (name, what), (wrt, kind) = declared.split(": "), assumed.split(": ")
    d = mc.derive(text, wrt, **{name: what})
    assert d.declarations[wrt] == kind
    assert SIZES[text, declared, assumed] in (None, str(d))


def test_a_declared_size_is_that_of_an_identity_alone() -> None:
    assert str(mc.derive("tr(I) s^T s", "s", s="vector(n)")) == "2 n s"


def test_a_declared_size_decides_no_identity_of_others() -> None:
    assert not mc.equal("mean(transpose(A))", "sum(A)/n^2", s="vector(n)")
    assert not mc.check("mean(transpose(A)) + s^T s", "ones(n, n)/n^2", "A", s="vector(n)")
