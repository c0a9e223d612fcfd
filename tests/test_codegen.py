"""Generated programs against the meaning of the intermediate representation, and against NumPy written by hand."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcalc import ir
from matcalc.codegen import compile_numpy, numpy_source
from matcalc.codegen.order import contraction_order
from matcalc.codegen.program import plan
from matcalc.declarations import Declaration
from matcalc.differentiate import derivative
from matcalc.errors import MatcalcError, ShapeError, UnsupportedError
from matcalc.evaluate import evaluate, sizes_from
from matcalc.ir import Node
from matcalc.lower import lower_text
from matcalc.simplify import simplify
from matcalc.sizes import Size

n, m, k = (Size.of(x) for x in "nmk")
VALUES = {"n": 3, "m": 4, "k": 5}
DECLARED: dict[str, tuple[Size, ...]] = {
    "A": (n, n), "B": (n, n), "S": (n, n), "X": (n, m), "Y": (m, n), "U": (n, k), "V": (k, m),
    "x": (n,), "y": (n,), "z": (m,), "a": (), "b": (), "T": (n, m, k),
}  # fmt: skip
ATTRIBUTES = {"S": frozenset({"symmetric"})}
SYMBOLS = {name: ir.symbol(name, shape, ATTRIBUTES.get(name, frozenset())) for name, shape in DECLARED.items()}
globals().update(SYMBOLS)
A, B, S, X, Y, U, V, x, y, z, a, b, T = SYMBOLS.values()


def draw(seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {
        name: rng.uniform(0.3, 1.5, [s.evaluate(VALUES) for s in shape]) for name, shape in DECLARED.items()
    }
    values["S"] = values["S"] + values["S"].T
    for name in "AB":
        values[name] = values[name] + 2 * np.eye(3)
    return values


def run_text(text: str) -> Callable[..., Any]:
    scope: dict[str, Any] = {}
    exec(text, scope)
    return scope["f"]  # type: ignore[no-any-return]


def assert_same(node: Node, seed: int = 0, declared: Any = None, values: Any = None) -> None:
    """Executor, text and meaning agree, and the arguments are left as they were."""
    declared, values = declared or DECLARED, values or draw(seed)
    kept = {name: np.array(v) for name, v in values.items()}
    meant = evaluate(node, values, sizes_from(declared, values))
    function = compile_numpy(node, declared)
    text = numpy_source(node, declared)
    signature = text[text.index("def f(") + 6 :].partition(")")[0]
    names = [s for s in signature.split(", ") if s]
    written = run_text(text)(**{s: values[s] for s in names})
    for found in (function(**values), function(**values), written):
        assert np.shape(found) == meant.shape, text
        np.testing.assert_allclose(found, meant, rtol=1e-9, atol=1e-9 * np.abs(meant).max(initial=1), err_msg=text)
    result = function(**values)
    if np.ndim(result):
        result[...] = -77.0
        np.testing.assert_allclose(function(**values), meant, rtol=1e-9, atol=1e-9 * np.abs(meant).max(initial=1))
    for name, v in kept.items():
        assert np.array_equal(values[name], v), f"{name} was written to: {text}"


def product(*factors: Node) -> Node:
    return ir.chain_product(factors)


CASES: dict[str, Node] = {
    "symbol": A,
    "transpose": ir.turn(X),
    "transposed tensor": ir.transpose(T, (2, 0, 1)),
    "number": ir.number(Fraction(1, 3)),
    "zero": ir.zero((n, m)),
    "ones": ir.ones((n, m)),
    "identity": ir.identity(n),
    "delta": ir.einsum([], (0, 1, 0, 1), {0: n, 1: m}),
    "size": ir.extent(n * m),
    "basis": ir.basis(2, n),
    "merge": ir.merge(n, m),
    "row of ones": ir.einsum([(x, (0,))], (0, 1), {1: m}),
    "column of ones": ir.einsum([(x, (1,))], (0, 1), {0: m}),
    "scaled ones": ir.einsum([(a, ())], (0, 1), {0: n, 1: m}),
    "diag": ir.einsum([(x, (0,))], (0, 0)),
    "scaled identity": ir.einsum([(a, ())], (0, 0), {0: n}),
    "diagonal": ir.einsum([(A, (0, 0))], (0,)),
    "trace": ir.einsum([(A, (0, 0))], ()),
    "sum": ir.einsum([(X, (0, 1))], ()),
    "row sums": ir.einsum([(X, (0, 1))], (0,)),
    "chain": product(X, Y, A, ir.turn(A)),
    "chain of vectors": ir.einsum([(x, (0,)), (A, (0, 1)), (B, (1, 2)), (y, (2,))], ()),
    "trace of two": ir.einsum([(A, (0, 1)), (B, (1, 0))], ()),
    "trace of three": ir.einsum([(A, (0, 1)), (B, (1, 2)), (S, (2, 0))], ()),
    "diagonal of a product": ir.einsum([(A, (0, 1)), (B, (1, 0))], (0,)),
    "scaled rows": ir.einsum([(x, (0,)), (X, (0, 1))], (0, 1)),
    "weighted": ir.einsum([(X, (0, 1)), (x, (0,)), (X, (0, 2))], (1, 2)),
    "hadamard": ir.hadamard([A, B, ir.turn(A)], (n, n)),
    "outer": ir.einsum([(x, (0,)), (z, (1,))], (1, 0)),
    "outer of matrices": ir.einsum([(A, (0, 1)), (X, (2, 3))], (0, 2, 1, 3)),
    "kronecker": ir.kronecker(A, X),
    "kronecker turned": ir.turn(ir.kronecker(A, X)),
    "vec": ir.einsum([(X, (0, 1)), (ir.merge(m, n), (2, 1, 0))], (2,)),
    "merge by identity": ir.einsum([(ir.merge(n, m), (0, 1, 2)), (x, (1,))], (0, 1)),
    "kronecker with identity": ir.kronecker(ir.identity(m), A),
    "kronecker on a vector": ir.einsum(
        [(ir.kronecker(A, B), (0, 1)), (ir.einsum([(A, (0, 1)), (ir.merge(n, n), (2, 0, 1))], (2,)), (1,))], (0,)
    ),
    "inverse": ir.matpow(A, -1),
    "solve": ir.einsum([(ir.matpow(A, -1), (0, 1)), (x, (1,))], (0,)),
    "solve transposed": ir.einsum([(ir.matpow(A, -1), (1, 0)), (X, (1, 2))], (2, 0)),
    "solve on both sides": product(ir.matpow(A, -1), S, ir.matpow(B, -1)),
    "two inverses": product(ir.matpow(A, -1), ir.matpow(S, -1), X),
    "inverse of a product": ir.matpow(product(X, Y), -1),
    "diagonal of an inverse": ir.einsum([(ir.matpow(A, -1), (0, 0))], (0,)),
    "sum of an inverse": ir.einsum([(ir.matpow(A, -1), (0, 1))], ()),
    "inverse times entries": ir.hadamard([ir.matpow(A, -1), B], (n, n)),
    "power before a vector": ir.einsum([(ir.matpow(A, 5), (0, 1)), (x, (1,))], (0,)),
    "negative power before a vector": ir.einsum([(ir.matpow(A, -3), (0, 1)), (x, (1,))], (0,)),
    "matrix powers": ir.add([(1, ir.matpow(A, -3)), (2, ir.matpow(B, 4)), (1, ir.matpow(B, 2))], (n, n)),
    "squares": ir.einsum([(ir.power(X, 2), (0, 1))], ()),
    "squares of rows": ir.einsum([(ir.power(X, 2), (0, 1))], (1,)),
    "weighted squares": ir.einsum([(ir.power(X, 2), (0, 1)), (x, (0,))], ()),
    "powers": ir.add([(1, ir.power(x, p)) for p in (3, -1, -2, 5)], (n,)),
    "roots": ir.add([(1, ir.power(x, Fraction(p))) for p in ("1/2", "-3/2", "1/3")], (n,)),
    "power by a symbol": ir.power(x, a),
    "quotient": ir.hadamard([x, ir.power(y, -1), ir.power(a, -2)], (n,)),
    "sums": ir.add([(1, X), (-2, product(U, V)), (Fraction(1, 3), ir.turn(Y))], (n, m)),
    "negative sums": ir.add([(-1, A), (-1, ir.turn(B))], (n, n)),
    "sum with identity": ir.add([(1, A), (-3, ir.identity(n)), (1, ir.einsum([(x, (0,))], (0, 0)))], (n, n)),
    "sum of diagonals": ir.add([(2, ir.identity(n)), (1, ir.einsum([(x, (0,))], (0, 0)))], (n, n)),
    "sum with ones": ir.add([(1, A), (2, ir.ones((n, n)))], (n, n)),
    "sum of rows and columns": ir.add(
        [(1, ir.einsum([(x, (0,))], (0, 1), {1: n})), (2, ir.einsum([(y, (1,))], (0, 1), {0: n}))], (n, n)
    ),
    "sum of equal rows": ir.add(
        [(1, ir.einsum([(x, (1,))], (0, 1), {0: m})), (2, ir.einsum([(y, (1,))], (0, 1), {0: m}))], (m, n)
    ),
    "sum of scalars": ir.add([(1, a), (2, ir.power(b, 2)), (3, ir.ONE)], ()),
    "unit vector": ir.einsum([(A, (0, 1)), (ir.basis(2, n), (1,))], (0,)),
    "entry": ir.einsum([(A, (0, 1)), (ir.basis(2, n), (1,)), (ir.basis(1, n), (0,))], ()),
    "row kept": ir.einsum([(A, (0, 1)), (ir.basis(3, n), (0,))], (0, 1)),
    "tensor": ir.einsum([(T, (0, 1, 2)), (z, (1,))], (2, 0)),
    "tensor with matrix": ir.einsum([(T, (0, 1, 2)), (X, (3, 1)), (V, (2, 4))], (4, 0, 3)),
    "tensor with tensor": ir.einsum([(T, (0, 1, 2)), (T, (3, 1, 2))], (0, 3)),
    "functions": ir.apply("tanh", [ir.add([(1, X), (1, ir.turn(Y))], (n, m))]),
    "softmax": ir.call("softmax", [x]),
    "determinants": ir.add([(1, ir.call("logdet", [A])), (1, ir.call("det", [B])), (1, ir.call("pi", []))], ()),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_cases(name: str) -> None:
    assert_same(CASES[name])


TEXTS = [
    ("||X - U V||_F^2", "V"), ("||X z - x||^2", "z"), ("x^T A x", "x"), ("x^T A^-1 x", "A"), ("logdet(A)", "A"),
    ("tr(A X Y)", "X"), ("sum(log(1 + exp(-y .* (X z))))", "z"), ("softmax(X z)", "z"), ("kron(A, X)", "A"),
    ("vec(A X Y)", "X"), ("diag(x) X", "X"), ("logdet(X Y)", "X"), ("x^T A x / x^T x", "x"), ("A^3", "A"),
    ("inv(A) X", "A"), ("X z", "X"), ("tr(A^-1 B)", "A"), ("sum(sigmoid(A x + y))", "A"), ("expm(A) x", "x"),
    ("||A x - y||", "x"), ("sum(X .* X)", "X"), ("a x^T x + b", "x"), ("exp(-a x^T S x)", "S"), ("det(A)", "A"),
]  # fmt: skip


@pytest.mark.parametrize("text,wrt", TEXTS)
@pytest.mark.parametrize("order", [1, 2])
def test_derivatives(text: str, wrt: str, order: int) -> None:
    kinds = ("scalar", "vector", "matrix", "tensor")
    table = {s: Declaration(kinds[len(axes)], axes, ATTRIBUTES.get(s, frozenset())) for s, axes in DECLARED.items()}
    lowered = lower_text(text, table, False)
    variable = ir.symbol(wrt, DECLARED[wrt], ATTRIBUTES.get(wrt, frozenset()))
    node = lowered.node
    assert_same(node)
    for _ in range(order):
        if node.rank + variable.rank > 6:
            return
        try:
            node = simplify(derivative(node, variable))
        except UnsupportedError:
            return
    assert_same(node)


def random_node(rng: random.Random, depth: int, shape: tuple[Size, ...]) -> Node:
    """An expression of a shape, of all kinds of nodes."""
    here = [s for s in SYMBOLS.values() if s.shape == shape]
    if depth == 0:
        return rng.choice(here) if here else ir.ones(shape)
    kind = rng.choice(["sum", "hadamard", "map", "power", "product", "product", "einsum", "einsum", "scale", "matrix"])
    match kind:
        case "sum":
            terms = [
                (rng.choice([1, -1, 2, Fraction(-1, 3)]), random_node(rng, depth - 1, shape))
                for _ in range(rng.choice([2, 3]))
            ]
            return ir.add(terms, shape)
        case "hadamard":
            return ir.hadamard([random_node(rng, depth - 1, shape), random_node(rng, depth - 1, shape)], shape)
        case "map":
            return ir.apply(rng.choice(["tanh", "sin", "sigmoid", "softplus"]), [random_node(rng, depth - 1, shape)])
        case "power":
            inner = ir.apply("sigmoid", [random_node(rng, depth - 1, shape)])
            return ir.power(inner, rng.choice([2, 3, -1, -2, Fraction(1, 2), Fraction(-1, 2)]))
        case "scale":
            return ir.hadamard([random_node(rng, depth - 1, shape), random_node(rng, depth - 1, ())], shape)
        case "matrix" if shape == (n, n):
            inner = ir.apply("tanh", [random_node(rng, depth - 1, shape)])
            safe = ir.add([(1, ir.identity(n)), (Fraction(1, 10), inner)], shape)
            return ir.matpow(safe, rng.choice([-1, -1, -2, 2, 3]))
        case "product" if len(shape) == 2:
            size = rng.choice([n, m, k])
            left, right = random_node(rng, depth - 1, (shape[0], size)), random_node(rng, depth - 1, (size, shape[1]))
            return product(left, right)
        case _:
            return random_einsum(rng, depth, shape)


def random_einsum(rng: random.Random, depth: int, shape: tuple[Size, ...]) -> Node:
    sizes = dict(enumerate([*shape, *rng.choices([n, m, k], k=2)]))
    output = list(range(len(shape)))
    if len(shape) == 2 and shape[0] is shape[1] and rng.random() < 0.3:
        output = [0, 0]
    factors = []
    for _ in range(rng.choice([1, 2, 3, 4])):
        labels = tuple(rng.choices(sorted(sizes), k=rng.choice([0, 1, 1, 2, 2])))
        factors.append((random_node(rng, depth - 1, tuple(sizes[q] for q in labels)), labels))
    return ir.einsum(factors, tuple(output), sizes)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9))
def test_random_programs(seed: int) -> None:
    rng = random.Random(seed)
    shape = rng.choice([(), (n,), (m,), (n, n), (n, m), (m, n), (k, k), (n, m, k)])
    try:
        node = random_node(rng, rng.choice([1, 2, 3]), shape)
    except UnsupportedError:
        return
    meant = evaluate(node, draw(seed % 1000), VALUES)
    if np.all(np.isfinite(meant)) and np.abs(meant).max(initial=0) < 1e6:
        assert_same(node, seed % 1000)


# --- what the planner chooses ---------------------------------------------------------------------


def operations(node: Node) -> list[str]:
    return [s.op for s in plan(node).steps if s.op not in ("symbol", "shape", "number", "T")]


def test_vectors_are_multiplied_first() -> None:
    node = ir.einsum([(A, (0, 1)), (B, (1, 2)), (S, (2, 3)), (x, (3,))], (0,))
    assert operations(node) == ["dot", "dot", "dot"]
    assert "A @ (B @ (x @ S))" in numpy_source(node, DECLARED)


def test_long_products_go_from_the_vector_too() -> None:
    node = ir.einsum([(A if q % 2 else B, (q, q + 1)) for q in range(12)] + [(x, (12,))], (0,))
    assert all(s.op in ("symbol", "dot") for s in plan(node).steps)
    assert numpy_source(node, DECLARED).rstrip().endswith("x" + ")" * 11)
    assert_same(node)


def test_no_inverse_is_computed_for_a_linear_system() -> None:
    node = ir.einsum([(ir.matpow(A, -1), (0, 1)), (x, (1,))], (0,))
    assert operations(node) == ["solve"]


def test_shared_products_are_computed_once() -> None:
    quadratic = ir.einsum([(x, (0,)), (A, (0, 1)), (x, (1,))], ())
    node = ir.einsum([(ir.power(quadratic, -1), ()), (A, (0, 1)), (x, (1,))], (0,))
    assert operations(node).count("dot") == 2


def test_no_einsum_for_products() -> None:
    for name in ("chain", "trace of three", "weighted", "kronecker", "vec", "tensor with matrix", "hadamard"):
        assert "einsum" not in operations(CASES[name])


def test_products_of_many_factors_are_planned() -> None:
    symbols = [ir.symbol(f"M{q}", (n, n)) for q in range(1500)]
    node = ir.einsum([(s, (q, q + 1)) for q, s in enumerate(symbols)], (0, 1500))
    program = plan(node)
    assert sum(s.op == "dot" for s in program.steps) == 1499


def test_many_vectors_on_one_label() -> None:
    labels = [frozenset({0}) for _ in range(300)]
    assert len(contraction_order(labels, frozenset(), frozenset(), {0: n})) == 299


# --- the function ---------------------------------------------------------------------------------


def test_names_are_checked() -> None:
    f = compile_numpy(product(X, Y), DECLARED)
    with pytest.raises(MatcalcError, match="missing: Y"):
        f(X=np.ones((3, 4)))
    with pytest.raises(MatcalcError, match="no such argument: Q"):
        f(X=np.ones((3, 4)), Y=np.ones((4, 3)), Q=1.0)
    with pytest.raises(MatcalcError, match="'X' is not an array"):
        f(X="text", Y=np.ones((4, 3)))


def test_shapes_are_checked_at_every_call() -> None:
    f = compile_numpy(product(X, Y), DECLARED)
    f(X=np.ones((3, 4)), Y=np.ones((4, 3)))
    with pytest.raises(ShapeError, match="'Y'"):
        f(X=np.ones((3, 4)), Y=np.ones((5, 3)))
    assert f(X=np.ones((2, 6)), Y=np.ones((6, 2))).shape == (2, 2)
    with pytest.raises(ShapeError, match="'X'"):
        f(X=np.ones(3), Y=np.ones((4, 3)))


def test_sizes_come_from_what_is_passed() -> None:
    f = compile_numpy(ir.zero((n, m)), {"X": (n, m)})
    assert f(X=np.ones((2, 3))).shape == (2, 3)
    with pytest.raises(MatcalcError, match="pass X too"):
        f()
    with pytest.raises(MatcalcError, match="no declaration"):
        compile_numpy(ir.zero((n,)), {})()
    assert "def f(X):" in numpy_source(ir.zero((n, m)), {"X": (n, m)})


def test_sizes_of_products() -> None:
    declared = {"x": (n,), "v": (n * m,)}
    values = {"x": np.arange(3.0), "v": np.arange(12.0)}
    v = ir.symbol("v", (n * m,))
    node = ir.einsum([(v, (0,)), (ir.merge(n, m), (0, 1, 2)), (x, (1,))], (2,))
    assert_same(node, declared=declared, values=values)
    with pytest.raises(ShapeError, match="'v'"):
        compile_numpy(node, declared)(x=np.arange(3.0), v=np.arange(13.0))


def test_whole_numbers_count_as_floats() -> None:
    f = compile_numpy(ir.hadamard([ir.power(x, -1), a], (n,)), {"x": (n,), "a": ()})
    assert f(x=[1, 2, 4], a=1).tolist() == [1.0, 0.5, 0.25]


def test_results_are_never_views() -> None:
    values = draw()
    for node in (A, ir.turn(A), ir.einsum([(A, (0, 0))], (0,)), ir.identity(n), ir.ones((n, m)), ir.merge(n, m)):
        f = compile_numpy(node, DECLARED)
        first = f(**values)
        assert first.flags.writeable
        assert not any(np.shares_memory(first, v) for v in values.values())
        assert not np.shares_memory(first, f(**values))


def test_a_unit_vector_outside_its_space() -> None:
    f = compile_numpy(ir.einsum([(A, (0, 1)), (ir.basis(4, n), (1,))], (0,)), DECLARED)
    with pytest.raises(ShapeError, match=r"e\(4\)"):
        f(A=np.eye(3))


def test_scalars_out_of_the_domain_are_silent() -> None:
    f = compile_numpy(ir.power(a, -1), {"a": ()})
    assert f(a=0.0) == np.inf
    assert np.isnan(compile_numpy(ir.apply("log", [a]), {"a": ()})(a=-1))


# --- text -----------------------------------------------------------------------------------------


def test_text_is_what_a_person_would_write() -> None:
    residual = ir.add([(1, X), (-1, product(U, V))], (n, m))
    node = ir.scale(-2, product(ir.turn(U), residual))
    expected = "import numpy as np\n\n\ndef f(X, U, V):\n    return 2 * (U.T @ (U @ V - X))\n"
    assert numpy_source(node, DECLARED) == expected


def test_names_that_python_cannot_have() -> None:
    names = ["lambda", "sum", "np", "f", "t1", "v1", "x'"]
    symbols = [ir.symbol(s, ()) for s in names]
    node = ir.einsum([(ir.apply("exp", [s]), ()) for s in symbols] + [(ir.apply("sin", [symbols[0]]), ())], ())
    text = numpy_source(node, dict.fromkeys(names, ()))
    assert "def f(lambda_, sum_, np_, f_, t1, v1, v2):" in text
    assert run_text(text)(*np.zeros(7)) == 0.0


def test_text_carries_the_helpers_it_needs() -> None:
    text = numpy_source(ir.call("sqrtm", [A]), DECLARED)
    assert "def denman_beavers" in text
    assert "def scaled_log" not in text
    assert_same(ir.call("sqrtm", [A]))


@pytest.mark.parametrize("name", ["sigmoid", "relu", "softplus", "erf", "step", "abs", "atan"])
def test_elementwise_helpers(name: str) -> None:
    assert_same(ir.apply(name, [x]))


@pytest.mark.parametrize("name", ["prod", "max", "logsumexp", "softmax"])
def test_vector_helpers(name: str) -> None:
    assert_same(ir.call(name, [x]))


MATRIX_FUNCTIONS = (
    "normspectral", "normnuclear", "det", "logdet", "pinv", "polar", "expm", "logm", "sqrtm", "sinm", "cosm",
    "eigmax", "eigmin", "eigvecmax", "eigvecmin", "eig",
)  # fmt: skip


@pytest.mark.parametrize("name", MATRIX_FUNCTIONS)
def test_matrix_helpers(name: str) -> None:
    assert_same(ir.call(name, [S if name.startswith("eig") else A]))


# --- against NumPy by hand ------------------------------------------------------------------------

D = ir.einsum([(x, (0,))], (0, 0))
RIVALS: dict[str, tuple[Node, Callable[..., Any]]] = {
    "factorisation": (
        ir.scale(-2, product(ir.turn(U), ir.add([(1, X), (-1, product(U, V))], (n, m)))),
        lambda X, U, V: -2 * (U.T @ (X - U @ V)),
    ),
    "least squares": (
        ir.einsum([(X, (1, 0)), (ir.add([(1, ir.einsum([(X, (0, 1)), (z, (1,))], (0,))), (-1, x)], (n,)), (1,))], (0,)),
        lambda X, z, x: X.T @ (X @ z - x),
    ),
    "solve": (
        ir.einsum([(ir.matpow(A, -1), (0, 1)), (x, (1,))], (0,)),
        lambda A, x: np.linalg.solve(A, x),
    ),
    "inverse": (ir.turn(ir.matpow(A, -1)), lambda A: np.linalg.inv(A).T),
    "diagonal times matrix": (product(D, X), lambda x, X: x[:, None] * X),
    "matrix, diagonal, matrix": (product(ir.turn(X), D, X), lambda X, x: (X * x[:, None]).T @ X),
    "trace": (ir.einsum([(A, (0, 1)), (B, (1, 0))], ()), lambda A, B: np.vdot(A, B.T)),
    "kronecker times vec": (
        ir.einsum(
            [(ir.kronecker(A, B), (0, 1)), (ir.einsum([(S, (0, 1)), (ir.merge(n, n), (2, 0, 1))], (2,)), (1,))], (0,)
        ),
        lambda A, B, S: (A @ S @ B.T).ravel(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIVALS)
@pytest.mark.parametrize("size", [4, 150])
def test_values_are_those_of_numpy_by_hand(name: str, size: int) -> None:
    node, hand = RIVALS[name]
    rng = np.random.default_rng(0)
    sizes = {"n": size, "m": size + 1, "k": max(2, size // 10)}
    values: dict[str, Any] = {
        s: rng.uniform(0.3, 1.0, [axis.evaluate(sizes) for axis in DECLARED[s]]) for s in plan(node).symbols
    }
    if "A" in values:
        values["A"] = values["A"] + size * np.eye(size)
    f = compile_numpy(node, DECLARED)
    np.testing.assert_allclose(f(**values), hand(**values), rtol=1e-9)
