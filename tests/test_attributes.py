"""What is declared of a matrix shortens an answer and never changes it: derivatives are by independent entries.

Each random expression has a program in plain NumPy beside its text. The answer is compared, at matrices that have
what was declared, with the differences of that program along directions that have no structure.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest

import matcalc as mc
from matcalc.structured import structured
from matcalc.systems import Array, Floats

N = 4
GRADIENTS = 80
HESSIANS = 15
STEP = 1e-30  # of an imaginary step, which takes no differences and so loses nothing
KINDS = (
    "symmetric", "skew", "diagonal", "orthogonal", "lower", "upper", "toeplitz", "spd", "symmetric toeplitz",
    "symmetric orthogonal", "skew orthogonal", "diagonal toeplitz", "invertible",
)  # fmt: skip
Point = Mapping[str, Array]


@dataclass(frozen=True)
class Made:
    """A text and its value, a holomorphic function of D."""

    text: str
    value: Callable[[Point], Array]


def _named(name: str) -> Made:
    return Made(name, lambda p: p[name])


def _of(text: str, function: Callable[..., Array], *parts: Made) -> Made:
    return Made(text.format(*(f"({m.text})" for m in parts)), lambda p: function(*(m.value(p) for m in parts)))


def _power(k: int) -> Callable[[Array], Array]:
    return lambda a: np.asarray(np.linalg.matrix_power(a, k))


def _matrix(r: random.Random, depth: int) -> Made:
    if depth == 0:
        return _named(r.choice("DDDDDAS"))
    k = r.choice((2, 3, 4, -1, -2, -3))
    a = _matrix(r, depth - 1)
    unary = [
        lambda: _of("{0}^T", lambda m: m.T, a),
        *3 * [lambda: _of("{0}^" + str(k), _power(k), a)],
        lambda: _of("{0}.^" + str(abs(k)), lambda m: m ** abs(k), a),
        lambda: _of("-{0}", lambda m: -m, a),
        lambda: _of("sin({0})", np.sin, a),
        lambda: _of("cos({0})", np.cos, a),
    ]
    binary = [
        ("{0} {1}", np.matmul), ("{0} {1}", np.matmul), ("{0}^T {1}", lambda m, n: m.T @ n),
        ("{0} {1}^T", lambda m, n: m @ n.T), ("{0} + {1}", np.add), ("{0} - {1}", np.subtract),
        ("{0} .* {1}", np.multiply),
    ]  # fmt: skip
    if r.random() < 0.5:
        return r.choice(unary)()
    text, function = r.choice(binary)
    return _of(text, function, a, _matrix(r, r.randrange(depth)))


def _scalar(r: random.Random, depth: int) -> Made:
    a = _matrix(r, depth)
    functions: list[tuple[str, Callable[[Array], Array]]] = [
        ("tr({0})", np.trace), ("||{0}||_F^2", lambda m: np.sum(m * m)), ("sum({0} .* {0})", lambda m: np.sum(m * m)),
        ("tr({0} {0}^T)", lambda m: np.sum(m * m)), ("tr({0} {0})", lambda m: np.trace(m @ m)),
        ("sum({0})", np.sum), ("tr({0}^2)^3", lambda m: np.trace(m @ m) ** 3), ("sum(diag({0}))", np.trace),
    ]  # fmt: skip
    text, function = r.choice(functions)
    if r.random() < 0.25:
        return Made(f"x^T ({a.text}) y", lambda p: p["x"] @ a.value(p) @ p["y"])
    return _of(text, function, a)


def _point(kind: str, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    draw = lambda what: structured(rng.uniform(-1, 1, (N, N)), frozenset(what.split()), Floats())  # noqa: E731
    return {
        "D": draw(kind), "A": draw(""), "S": draw("symmetric"), "x": rng.uniform(-1, 1, N), "y": rng.uniform(-1, 1, N),
        "V": rng.uniform(-1, 1, (N, N)), "W": rng.uniform(-1, 1, (N, N)),
    }  # fmt: skip


def _declared(kind: str) -> dict[str, str]:
    return {
        "D": f"matrix(n,n) {kind}", "A": "matrix(n,n)", "S": "matrix(n,n) symmetric", "x": "vector(n)",
        "y": "vector(n)",
    }  # fmt: skip


def _along(made: Made, p: Point, step: float = 0.0) -> Array:
    """The derivative along V at D, or a step away from D along W."""
    with np.errstate(all="ignore"):
        value = made.value({**p, "D": p["D"] + step * p["W"] + STEP * 1j * p["V"]})
    return np.asarray(np.imag(value) / STEP)


def _close(found: Array, right: Array, scale: float, tolerance: float) -> bool:
    return not np.isfinite(right) or abs(found - right) <= tolerance * (1 + scale)


def _known(text: str, wrt: list[str], kind: str) -> mc.Derivative | None:
    try:
        return mc.derive(text, wrt, declare=_declared(kind))
    except (mc.UnsupportedError, mc.LimitError):
        return None  # such as the inverse of a matrix that is nought


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_by_independent_entries(kind: str) -> None:
    decided = 0
    for seed in range(GRADIENTS):
        made, p = _scalar(random.Random(f"{kind} {seed}"), 1 + seed % 3), _point(kind, seed)
        try:
            right = _along(made, p)
        except np.linalg.LinAlgError:
            continue
        d = _known(made.text, ["D"], kind)
        if d is None or not 1e-9 < abs(right) < 1e4:
            continue
        decided += 1
        values = {n: v for n, v in p.items() if n in d.declarations}
        found = d.function()(**values)
        assert _close(np.sum(found * p["V"]), right, float(np.abs(found).sum()), 1e-9), f"{made.text}: {d}"
    assert decided > GRADIENTS // 2


@pytest.mark.parametrize("kind", KINDS)
def test_hessians_are_by_independent_entries(kind: str) -> None:
    decided = 0
    for seed in range(HESSIANS):
        made, p = _scalar(random.Random(f"hessian {kind} {seed}"), 1 + seed % 2), _point(kind, seed)
        try:
            right = (_along(made, p, 1e-5) - _along(made, p, -1e-5)) / 2e-5
        except np.linalg.LinAlgError:
            continue
        d = _known(made.text, ["D", "D"], kind)
        if d is None or not 1e-9 < abs(right) < 1e4:
            continue
        decided += 1
        found = d.function()(**{n: v for n, v in p.items() if n in d.declarations})
        got = np.einsum("ijkl,ij,kl", found, p["V"], p["W"])
        assert _close(got, right, float(np.abs(found).sum()), 1e-5), f"{made.text}: {d}"
    assert decided > HESSIANS // 3


@pytest.mark.parametrize(
    "text, right",
    [
        ("||D^2||_F^2", "-4 D^3"),
        ("||D^-2||_F^2", "4 D^-5"),
        ("||D^4||_F^2", "-8 D^7"),
        ("||D^2||_F", "-2 D^3 / ||D^2||_F"),
        ("||D^2||_F^4", "-8 ||D^2||_F^2 D^3"),
        ("tr(D^T D^T D D)", "-4 D^3"),
        ("sum(D^2 .* D^2)", "-4 D^3"),
        ("tr(D^-2 (D^-2)^T)", "4 D^-5"),
    ],
)
def test_even_powers_of_a_skew_matrix(text: str, right: str) -> None:
    assert mc.equal(str(mc.derive(text, "D", D="matrix(n,n) skew")), right, D="matrix(n,n) skew")


@pytest.mark.parametrize(
    "text, value",
    [
        ("||H A||_F^2", lambda h, a: np.linalg.norm(h @ a) ** 2),
        ("||H^2||_F^2", lambda h, a: np.linalg.norm(h @ h) ** 2),
        ("re(tr(A H^3))", lambda h, a: np.trace(a @ h @ h @ h).real),
        ("re(tr(H^T A H conj(H)))", lambda h, a: np.trace(h.T @ a @ h @ h.conj()).real),
        ("||H .* H^T - A||_F^2", lambda h, a: np.linalg.norm(h * h.T - a) ** 2),
    ],
)
def test_hermitian_matrices(text: str, value: Callable[[Array, Array], float]) -> None:
    """Hermitian directions span all matrices, with complex factors, and the derivative is linear in these."""
    rng = np.random.default_rng(0)
    a, z, v = (rng.normal(size=(N, N)) + 1j * rng.normal(size=(N, N)) for _ in range(3))
    h, v = z + z.conj().T, v + v.conj().T
    d = mc.derive(text, "H", H="matrix(n,n) hermitian", A="matrix(n,n) complex")
    found = np.sum(d.function()(**{n: x for n, x in {"H": h, "A": a}.items() if n in d.declarations}) * v)
    right = (value(h + 1e-6 * v, a) - value(h - 1e-6 * v, a)) / 2e-6
    assert abs(found - right) < 1e-5 * abs(right)
