"""The meaning of the intermediate representation, against NumPy."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from matcalc import ir
from matcalc.errors import LimitError, MatcalcError, ShapeError, UnknownSymbolError
from matcalc.evaluate import contract, evaluate, sizes_from
from matcalc.ir import Node
from matcalc.sizes import Size

n, m, k = (Size.of(x) for x in "nmk")
SIZES = {"n": 3, "m": 4, "k": 5}
rng = np.random.default_rng(0)
VALUES: dict[str, Any] = {
    "A": rng.normal(size=(3, 3)), "X": rng.normal(size=(3, 4)), "Y": rng.normal(size=(4, 5)),
    "x": rng.normal(size=3), "y": rng.normal(size=3), "a": 1.5,
}  # fmt: skip
A, X, Y, x, y, a = (
    ir.symbol("A", (n, n)), ir.symbol("X", (n, m)), ir.symbol("Y", (m, k)),
    ir.symbol("x", (n,)), ir.symbol("y", (n,)), ir.symbol("a"),
)  # fmt: skip


def meaning(node: Node, **values: Any) -> Any:
    return evaluate(node, {**VALUES, **values}, SIZES)


V = VALUES
CASES: list[tuple[Node, Any]] = [
    (ir.number(Fraction(1, 4)), 0.25),
    (ir.extent(n * m + Size.of(1)), 13.0),
    (ir.basis(2, n), np.array([0.0, 1.0, 0.0])),
    (ir.ones((n, m)), np.ones((3, 4))),
    (ir.identity(n), np.eye(3)),
    (ir.zero((n,)), np.zeros(3)),
    (ir.turn(X), V["X"].T),
    (ir.chain_product([X, Y]), V["X"] @ V["Y"]),
    (ir.einsum([(A, (0, 0))], ()), np.trace(V["A"])),
    (ir.einsum([(A, (0, 0))], (0,)), np.diag(V["A"])),
    (ir.einsum([(x, (0,))], (0, 0)), np.diag(V["x"])),
    (ir.einsum([(x, (0,))], (0, 1, 0), {1: m}), np.einsum("i,j,ik->ijk", V["x"], np.ones(4), np.eye(3))),
    (ir.einsum([(a, ())], (0,), {0: n}), np.full(3, 1.5)),
    (ir.einsum([(x, (0,)), (A, (0, 1)), (y, (1,))], ()), V["x"] @ V["A"] @ V["y"]),
    (ir.hadamard([x, y, x, a], (n,)), V["x"] ** 2 * V["y"] * 1.5),
    (ir.kronecker(A, X), np.kron(V["A"], V["X"])),
    (ir.einsum([(X, (0, 1)), (ir.merge(m, n), (2, 1, 0))], (2,)), V["X"].T.ravel()),
    (ir.add([(2, x), (-1, y)], (n,)), 2 * V["x"] - V["y"]),
    (ir.apply("tanh", [X]), np.tanh(V["X"])),
    (ir.power(x, Fraction(2)), V["x"] ** 2),
    (ir.matpow(A, -2), np.linalg.inv(V["A"] @ V["A"])),
    (ir.matpow(A, 3), V["A"] @ V["A"] @ V["A"]),
    (ir.call("logdet", [A]), np.linalg.slogdet(V["A"])[1]),
    (ir.call("pi", []), np.pi),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_values(case: int) -> None:
    node, value = CASES[case]
    found = meaning(node)
    assert isinstance(found, np.ndarray)
    assert found.shape == np.shape(value)
    np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-12)


def test_symbolic_powers_of_matrices() -> None:
    p = ir.symbol("p", (), frozenset({"integer"}))
    node = ir.matpow(A, p)
    np.testing.assert_allclose(meaning(node, p=3), np.linalg.matrix_power(V["A"], 3))
    np.testing.assert_allclose(meaning(node, p=-1), np.linalg.inv(V["A"]))
    with pytest.raises(MatcalcError, match="whole"):
        meaning(node, p=0.5)


def test_values_outside_the_domain_are_nan() -> None:
    assert np.isnan(meaning(ir.power(x, Fraction(1, 2)), x=-np.ones(3))).all()
    assert np.isnan(meaning(ir.apply("log", [x]), x=-np.ones(3))).all()
    assert np.isnan(meaning(ir.matpow(A, -1), A=np.zeros((3, 3)))).all()


def test_long_products_need_no_large_arrays() -> None:
    symbols = [ir.symbol(f"M{q}", (n, n)) for q in range(80)]
    values = {f"M{q}": rng.normal(size=(3, 3)) for q in range(80)}
    node = ir.einsum([(s, (q, q + 1)) for q, s in enumerate(symbols)], (0, 80))
    expected = np.linalg.multi_dot([values[f"M{q}"] for q in range(80)])
    np.testing.assert_allclose(evaluate(node, values, SIZES), expected, rtol=1e-9)


def test_many_factors_on_one_label() -> None:
    factors = [(np.full(3, 1.01), (0,)) for _ in range(70)]
    assert contract(factors, (), [3]) == pytest.approx(3 * 1.01**70)


def test_large_arrays_are_refused() -> None:
    big = {"n": 4000, "m": 4000, "k": 2}
    with pytest.raises(LimitError):
        evaluate(ir.ones((n, m)), {}, big)
    small = {"x": np.ones(4000)}
    with pytest.raises(LimitError):
        evaluate(ir.einsum([(x, (0,)), (x, (1,))], (0, 1)), small, big)


def test_wrong_arrays() -> None:
    with pytest.raises(UnknownSymbolError, match="'x'"):
        evaluate(x, {}, SIZES)
    with pytest.raises(ShapeError, match="'x'"):
        evaluate(x, {"x": np.ones(4)}, SIZES)
    with pytest.raises(ShapeError, match=r"e\(4\)"):
        evaluate(ir.basis(4, n), {}, SIZES)
    with pytest.raises(MatcalcError, match="size q"):
        evaluate(ir.ones((Size.of("q"),)), {}, SIZES)


def test_arguments_stay_as_they_are() -> None:
    kept = np.ones(3)
    result = evaluate(ir.add([(1, x), (1, y)], (n,)), {"x": kept, "y": kept}, SIZES)
    result[...] = 7
    assert kept.tolist() == [1, 1, 1]


# --- sizes ----------------------------------------------------------------------------------------


def test_sizes() -> None:
    assert sizes_from({"A": (n, m), "x": (n,)}, {"A": np.ones((2, 3)), "x": np.ones(2)}) == {"n": 2, "m": 3}
    assert sizes_from({"A": (n * m, m + Size.of(1))}, {"A": np.ones((6, 4))}) == {"n": 2, "m": 3}
    assert sizes_from({"A": (n * n,)}, {"A": np.ones(9)}) == {"n": 3}
    assert sizes_from({"A": (n * m,), "b": ()}, {"A": np.ones(9)}) == {}
    assert sizes_from({"A": (Size.of(3),)}, {"A": np.ones(3)}) == {}


@pytest.mark.parametrize(
    "shapes",
    [
        ({"A": (n, m)}, {"A": (2,)}),
        ({"A": (n, n)}, {"A": (2, 3)}),
        ({"x": (n,), "A": (n * m,)}, {"x": (2,), "A": (5,)}),
        ({"x": (n,), "A": (n,)}, {"x": (2,), "A": (5,)}),
        ({"A": (Size.of(3),)}, {"A": (4,)}),
        ({"A": (n * n,)}, {"A": (8,)}),
    ],
)
def test_shapes_that_do_not_fit(shapes: Any) -> None:
    declared, given = shapes
    with pytest.raises(ShapeError, match=r"'A' has the shape .* an array of the shape"):
        sizes_from(declared, {name: np.ones(shape) for name, shape in given.items()})
