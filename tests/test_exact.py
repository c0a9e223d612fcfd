"""The prime field and dual numbers: proofs, their bounds, structure, derivatives against differences."""

from __future__ import annotations

import re
from random import Random

import numpy as np
import pytest

import matcalc as mc
from matcalc import draws, exact, ir
from matcalc.declarations import Declaration, read_declarations
from matcalc.draws import Claim
from matcalc.duals import evaluate
from matcalc.exact import Judgement
from matcalc.functions import FUNCTIONS
from matcalc.lower import lower_text
from matcalc.numeric import PRIMITIVES
from matcalc.sizes import Size
from matcalc.systems import Digits, Field, Floats, Inexact, NoPoint

SQUARE = "matrix(n,n)"


def identity(left: str, right: str, **declare: str) -> Judgement:
    table = read_declarations(declare)
    a, b = (lower_text(side, table, open_names=False).node for side in (left, right))
    return exact.judge(Claim(a, b, table), Random(0))


# --- arithmetic -------------------------------------------------------------------------------------


def test_a_field_inverts() -> None:
    field, rng = Field(Random(0)), Random(1)
    x = np.array([[rng.randrange(field.prime) for _ in range(4)] for _ in range(4)], dtype=object)
    product = field.reduce(np.dot(x, field.inverse(x)))
    assert product.tolist() == np.eye(4, dtype=int).tolist()
    assert field.determinant(np.array([[2, 3], [1, 5]], dtype=object)) == 7


def test_a_singular_matrix_is_no_point() -> None:
    with pytest.raises(NoPoint):
        Field(Random(0)).inverse(np.array([[1, 2], [2, 4]], dtype=object))


def test_entries_stay_python_integers() -> None:
    """A NumPy integer among the objects would overflow without a word."""
    found = identity("1/2 x^T x", "x^T x / 2", x="vector(n)")
    assert found.status == "equal"
    field = Field(Random(0))
    assert all(type(v) is int for v in field.reduce(np.array([2**80, -1], dtype=object)))


def test_functions_have_one_value_for_one_argument() -> None:
    field = Field(Random(0))
    x = np.array([5, 5, field.prime - 5], dtype=object)
    a, b, c = field.function("exp", x)
    assert a == b
    assert a * c % field.prime == 1
    s, t = field.function("sin", x)[0], field.function("cos", x)[0]
    assert (s * s + t * t) % field.prime == 1


# --- verdicts ---------------------------------------------------------------------------------------

TRUE = [
    (
        "(A + U B V)^-1",
        "A^-1 - A^-1 U (B^-1 + V A^-1 U)^-1 V A^-1",
        f"A: {SQUARE}; U: matrix(n,k); B: matrix(k,k); V: matrix(k,n)",
    ),
    ("det(A B)", "det(B) det(A)", f"A: {SQUARE}; B: {SQUARE}"),
    ("adj(A) A", "det(A) I", f"A: {SQUARE}"),
    ("kron(A, B) kron(C, D)", "kron(A C, B D)", f"A: {SQUARE}; B: matrix(m,m); C: {SQUARE}; D: matrix(m,m)"),
    ("Q^T A Q Q^T", "Q^T A", f"A: {SQUARE}; Q: {SQUARE} orthogonal"),
    ("det(Q)^2", "1", f"Q: {SQUARE} orthogonal"),
    ("softmax(x)", "exp(x) / sum(exp(x))", "x: vector(n)"),
    ("sin(x)^2 + cos(x)^2", "1", "x: scalar"),
    ("||x||^3", "(x^T x) ||x||", "x: vector(n)"),
    ("A^+", "(A^T A)^-1 A^T", "A: matrix(n+m,n)"),
    ("Q^2", "-I", "Q: matrix(n,n) orthogonal skew"),
]  # fmt: skip


@pytest.mark.parametrize("left, right, table", TRUE)
def test_what_is_true_is_proved(left: str, right: str, table: str) -> None:
    found = identity(left, right, **dict(part.split(": ") for part in table.split("; ")))
    assert (found.status, found.method) == ("equal", "exact")
    assert found.note.startswith("exact in random prime fields")
    assert int(re.search(r"below 1e-(\d+)", found.note)[1]) >= 30  # type: ignore[index]


FALSE = [
    ("A", "A^T", f"A: {SQUARE}"),
    ("1e-9 A", "7e-9 A", f"A: {SQUARE}"),
    ("(A + 1e-12 I)^-1", "A^-1", f"A: {SQUARE}"),
    ("A^2 - tr(A) A", "-det(A) I", f"A: {SQUARE}"),
    ("det(Q)", "1", f"Q: {SQUARE} orthogonal"),
    ("A^+ A", "I_m", "A: matrix(n,m)"),
]


@pytest.mark.parametrize("left, right, table", FALSE)
def test_what_is_false_is_refuted(left: str, right: str, table: str) -> None:
    assert identity(left, right, **dict(part.split(": ") for part in table.split("; "))).status == "different"


UNDECIDED = [
    ("exp(x) exp(y)", "exp(x + y)", "x: scalar; y: scalar"),
    ("tanh(x)", "x", "x: scalar"),
    ("relu(x)", "x", "x: vector(n)"),
    ("sqrt(x^2)", "x", "x: scalar"),
    ("tr(A^k)", "tr(A^(k + 1))", f"A: {SQUARE}; k: scalar integer"),
    ("eigmax(A)", "tr(A)", f"A: {SQUARE} symmetric"),
]


@pytest.mark.parametrize("left, right, table", UNDECIDED[:4])
def test_functions_prove_no_difference(left: str, right: str, table: str) -> None:
    assert identity(left, right, **dict(part.split(": ") for part in table.split("; "))).status == "undecided"


def test_an_integer_exponent_is_not_proved() -> None:
    found = identity("tr(A^k)", "tr((A^T)^k A A^-1)", A=SQUARE, k="scalar integer")
    assert (found.status, found.note) == ("undecided", "an exponent is symbolic")


def test_a_root_of_a_square_is_not_taken_for_its_side() -> None:
    """The root of (x + y)^2, written out, is x + y or its negative: both are tried."""
    assert identity("sqrt(x^2 + 2 x y + y^2)", "x + y", x="scalar", y="scalar").status == "undecided"


def test_identities_of_small_matrices_are_seen_through() -> None:
    """The standard identity of degree 4 holds for 2 by 2 matrices: sizes start from 3."""
    claim = Claim(ir.ONE, ir.ONE, read_declarations({"A": SQUARE}))
    assert all(sizes["n"] >= 3 for sizes, _ in zip(draws.assignments(claim), range(9), strict=False))
    table = read_declarations({"A": SQUARE, "B": SQUARE})
    node = lower_text(" ".join(["A B"] * 6), table, open_names=False).node
    assert draws.least_size(Claim(node, node, table)) == 7


# --- derivatives ------------------------------------------------------------------------------------


def test_a_wrong_derivative_is_refuted() -> None:
    d = mc.derive("||A X - B||_F^2", "X")
    table = d.expr.lowered.declarations
    right = exact.judge(Claim(d.free[0], d.node, table, ("X",)), Random(0))
    assert right.status == "equal"
    for factor in (-1, 2):
        assert exact.judge(Claim(d.free[0], ir.scale(factor, d.node), table, ("X",)), Random(0)).status == "different"


def test_second_derivatives() -> None:
    d = mc.derive("exp(x^T A x)", ["x", "x"])
    assert exact.judge(Claim(d.free[0], d.node, d.expr.lowered.declarations, d.wrt), Random(0)).status == "equal"
    turned = ir.scale(-1, d.node)
    assert exact.judge(Claim(d.free[0], turned, d.expr.lowered.declarations, d.wrt), Random(0)).status == "undecided"


def test_a_determinant_that_vanishes_has_a_derivative() -> None:
    """det(u v^T) is nought for all u: there is no inverse to go by."""
    table = read_declarations({"u": "vector(n)", "v": "vector(n)"})
    node = lower_text("det(u v^T)", table, open_names=False).node
    assert exact.judge(Claim(node, ir.zero((Size.of("n"),)), table, ("u",)), Random(0)).status == "equal"


def _values(text: str, table: dict[str, Declaration]) -> None:
    """Dual numbers in float64, in 50 digits and differences give one derivative."""
    node = lower_text(text, table, open_names=False).node
    claim = Claim(node, ir.ONE, table, ("X",))
    sizes = next(draws.assignments(claim))
    raw = draws.raw_floats(claim, sizes, np.random.default_rng(1), 0, 2)
    varied, plain, directions = draws.point(claim, raw, Floats())
    found = exact.along(claim, varied, sizes, Floats())
    steps = []
    for h in (1e-4, -1e-4):
        moved = {**plain, "X": {0: plain["X"][0] + h * directions[0]}}
        steps.append(evaluate([node], moved, sizes, Floats())[0][0])
    np.testing.assert_allclose(found, (steps[0] - steps[1]) / 2e-4, rtol=1e-5, atol=1e-7)
    try:
        precise = exact.along(claim, draws.point(claim, raw, Digits())[0], sizes, Digits())
    except Inexact:
        return
    np.testing.assert_allclose(found, precise.astype(float), rtol=1e-9, atol=1e-12)


ELEMENTWISE = [
    n for n in FUNCTIONS if n in PRIMITIVES and FUNCTIONS[n].elementwise and n not in ("ismax", "acos", "asin")
]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_slopes(name: str) -> None:
    _values(f"{name}(X)", read_declarations({"X": "scalar"}))


@pytest.mark.parametrize("name", ["asin", "acos"])
def test_slopes_of_inverse_sines(name: str) -> None:
    _values(f"{name}(X / 5)", read_declarations({"X": "scalar"}))


@pytest.mark.parametrize(
    "text", ["det(X)", "logdet(X)", "X^-2", "X^3", "pinv(X)", "expm(X)", "logm(X)", "sqrtm(X)", "sinm(X)", "cosm(X)",
             "polar(X)", "||X||_2", "||X||_*", "tril(X)", "triu(X)", "toeplitz(X)"],
)  # fmt: skip
def test_differentials_of_matrix_functions(text: str) -> None:
    _values(text, read_declarations({"X": SQUARE}))


@pytest.mark.parametrize("name", ["eigmax", "eigmin", "eigvecmax", "eigvecmin"])
def test_differentials_of_eigenvalues(name: str) -> None:
    _values(f"{name}(X + X^T)", read_declarations({"X": SQUARE}))


def test_the_differential_of_all_eigenvalues() -> None:
    _values("eig(X + diag(x))", read_declarations({"X": SQUARE, "x": "vector(n)"}))


@pytest.mark.parametrize("name", ["prod", "max", "logsumexp", "softmax", "min"])
def test_differentials_of_vector_functions(name: str) -> None:
    _values(f"{name}(X)", read_declarations({"X": "vector(n)"}))


# --- structure --------------------------------------------------------------------------------------


STRUCTURES = ["symmetric", "skew", "diagonal", "lower", "upper", "toeplitz", "orthogonal", "spd",
              "toeplitz symmetric", "orthogonal symmetric", "orthogonal skew"]  # fmt: skip


@pytest.mark.parametrize("attributes", STRUCTURES)
def test_structure_is_drawn_in_every_system(attributes: str) -> None:
    table = read_declarations({"A": f"matrix(n,n) {attributes}"})
    claim = Claim(ir.ONE, ir.ONE, table)
    field = Field(Random(0))
    for system, raw in (
        (field, draws.raw_field(claim, {"n": 4}, Random(1), field)),
        (Floats(), draws.raw_floats(claim, {"n": 4}, np.random.default_rng(1), 0)),
        (Digits(), draws.raw_floats(claim, {"n": 4}, np.random.default_rng(1), 0)),
    ):
        a = draws.point(claim, raw, system)[1]["A"][0]

        def same(x: np.ndarray, y: np.ndarray, system: object = system) -> bool:
            if system is field:
                return bool(np.all((x - y) % field.prime == 0))
            return bool(np.max(np.abs(x - y)) < 1e-12)

        for attribute in attributes.split():
            expected = {
                "symmetric": a.T,
                "spd": a.T,
                "skew": -a.T,
                "diagonal": np.diag(np.diag(a)),
                "lower": np.tril(a),
                "upper": np.triu(a),
            }.get(attribute, a)
            assert same(a, expected)
            if attribute == "orthogonal":
                assert same(np.dot(a, a.T), np.eye(4, dtype=int))
            if attribute == "toeplitz":
                assert same(a[1:, 1:], a[:-1, :-1])
