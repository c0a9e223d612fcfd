"""Hessians and other tensors in all their forms: text, vec/Kronecker, differential, operator, core and dense array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from deciding import Tally, law
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from strategies import DECLARED, TABLE, equations, expressions

import matcalc as mc
from matcalc import sampling
from matcalc.actions import Core
from matcalc.declarations import read_declarations
from matcalc.evaluate import evaluate
from matcalc.sampling import Array
from matcalc.vectorised import vectorised

SIZES = {"n": 4, "m": 3, "k": 2, "d": 5}
# (expression, variables, declarations): losses of statistics and of machine learning
HESSIANS = (
    ("||A x - b||^2", "x x", {}),
    ("||A x - b||", "x x", {}),
    ("1/2 x^T Q x - c^T x", "x x", {"Q": "matrix(n,n) symmetric"}),
    ("sum(softplus(X w)) - y^T X w", "w w", {}),
    ("sum(exp(X w)) - y^T X w", "w w", {}),
    ("logsumexp(A x)", "x x", {}),
    ("||X w - y||^2 + lam w^T w", "w w", {"lam": "scalar"}),
    ("sum(log(1 + (X w - y).^2))", "w w", {}),
    ("sum(sqrt(1 + (X w - y).^2))", "w w", {}),
    ("(x^T A x) / (x^T x)", "x x", {}),
    ("log(1 + x^T A x)", "x x", {"A": "matrix(n,n) spd"}),
    ("1/4 (x^T x)^2 - b^T x", "x x", {"x": "vector(n)"}),
    ("exp(-1/2 (x - m)^T P (x - m))", "x x", {"P": "matrix(n,n) spd", "m": "vector(n)"}),
    ("sum(tanh(W x))", "x x", {}),
    ("||tanh(W x) - y||^2", "x x", {}),
    ("-a^T log(softmax(x))", "x x", {"x": "vector(n)"}),
    ("sum(x .* log(x ./ y))", "x x", {"x": "vector(n) positive", "y": "vector(n) positive"}),
    ("||X - U V||_F^2", "U U", {}),
    ("||X - U V||_F^2", "V V", {}),
    ("||X - U V||_F^2", "U V", {}),
    ("tr(X^T A X B)", "X X", {}),
    ("logdet(S) + tr(S^-1 C)", "S S", {"S": "matrix(n,n)"}),
    ("-logdet(P) + tr(C P)", "P P", {"P": "matrix(n,n)"}),
    ("||X^T X - I||_F^2", "X X", {"X": "matrix(n,m)"}),
    ("a^T X^-1 b", "X X", {}),
    ("tr(X^3)", "X X", {}),
    ("||W x - y||^2", "W W", {}),
    ("sum(softplus(W x))", "W W", {}),
    ("||y - V tanh(W x)||^2", "W W", {"V": "matrix(m,k)", "W": "matrix(k,n)"}),
    ("||y - V tanh(W x)||^2", "V W", {"V": "matrix(m,k)", "W": "matrix(k,n)"}),
    ("||A X B - C||_F^2 + lam ||X||_F^2", "X X", {"lam": "scalar"}),
    ("logdet(A + X X^T)", "X X", {"A": "matrix(n,n) spd", "X": "matrix(n,k)"}),
    ("sum(exp(X))", "X X", {"X": "matrix(n,m)"}),
    ("x^T A y", "x y", {}),
)  # fmt: skip


def _values(d: mc.Derivative, seed: int) -> tuple[dict[str, Array], dict[str, int]]:
    """Values near which everything is smooth, and the sizes."""
    table = d.expr.lowered.declarations
    names = sorted(sampling.size_names(table))
    sizes = {n: 2 + (k + seed) % 4 for k, n in enumerate(names)}
    rng = np.random.default_rng(seed)
    values = {}
    for name, declared in table.items():
        shape = sampling.shape_of(declared.sizes, sizes)
        v = rng.uniform(0.2, 1.2, shape)
        if len(shape) == 2 and shape[0] == shape[1]:
            v = 2 * np.eye(shape[0]) + 0.3 * (v + v.T)
        values[name] = np.asarray(v)
    return values, sizes


def _differences(f: Callable[..., Any], values: dict[str, Array], name: str) -> Array:
    """The derivative of an array by differences, the axes of the variable last."""
    x = values[name]
    columns = []
    for place in np.ndindex(x.shape):
        h = np.zeros(x.shape)
        h[place] = 1e-4
        points = [np.asarray(f(**{**values, name: x + c * h})) for c in (-2, -1, 1, 2)]
        columns.append((points[0] - 8 * points[1] + 8 * points[2] - points[3]) / 12e-4)
    return np.stack(columns, axis=-1).reshape((*columns[0].shape, *x.shape))


@pytest.mark.parametrize("expression, wrt, declared", HESSIANS, ids=[f"{e} by {w}" for e, w, _ in HESSIANS])
def test_all_forms_of_a_hessian_agree(expression: str, wrt: str, declared: dict[str, str]) -> None:
    d = mc.derive(expression, wrt.split(), **declared)
    values, sizes = _values(d, len(expression))
    dense = d.function()(**values)
    gradient = mc.derive(expression, wrt.split()[0], **declared).function()
    np.testing.assert_allclose(dense, _differences(gradient, values, wrt.split()[1]), rtol=1e-6, atol=1e-7)

    text = mc.parse(str(d), declare=d.declarations)
    np.testing.assert_allclose(evaluate(text.lowered.node, values, sizes), dense, rtol=1e-9, atol=1e-12)

    last = wrt.split()[1]
    direction = np.random.default_rng(0).normal(size=values[last].shape)
    product = np.tensordot(dense, direction, axes=direction.ndim)
    found = d.function(form="operator")(**values, **{f"d{last}": direction})
    np.testing.assert_allclose(found, product, rtol=1e-9, atol=1e-12)

    core = d.function(form="core")(**values)
    np.testing.assert_allclose(core.dense(), dense, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(core.apply(direction), product, rtol=1e-9, atol=1e-12)


def test_there_are_thirty() -> None:
    assert len({(e, w) for e, w, _ in HESSIANS}) >= 30


# --- texts ------------------------------------------------------------------------------------------

FORMS = (
    ("A X B", "X", "kron(B^T, A)", "dF = A dX B", "A dX B"),
    ("X^T", "X", "commutation(n, m)", "dF = dX^T", "dX^T"),
    ("A X^T B", "X", "kron(B^T, A) commutation(k, m)", "dF = A dX^T B", "A dX^T B"),
    ("X^-1", "X", "-kron(X^-T, X^-1)", "dF = -X^-1 dX X^-1", "-X^-1 dX X^-1"),
    ("X .* Y", "X", "diag(vec(Y))", "dF = Y .* dX", "Y .* dX"),
    ("X^2", "X", "kron(X^T, I_n) + kron(I_n, X)", "dF = X dX + dX X", "X dX + dX X"),
    ("vec(A X B)", "X", "kron(B^T, A)", "dy = vec(A dX B)", "vec(A dX B)"),
    ("W x", "W", "kron(x^T, I_n)", "dy = dW x", "dW x"),
    ("W x", "x", "W", "dy = W dx", "W dx"),
    ("x y^T", "x", "kron(y, I_n)", "dF = dx y^T", "dx y^T"),
    ("a^T X b", "X", "vec(a b^T)^T", "df = tr(b a^T dX)", "a^T dX b"),
    ("x^T A x", "x", "((A + A^T) x)^T", "df = ((A + A^T) x)^T dx", "dx^T (A + A^T) x"),
    ("s X", "s", "vec(X)", "dF = ds X", "ds X"),
    ("||X - U V||_F^2", "V V", "2 kron(I_m, U^T U)", "d2f = 2 ||U dV||_F^2", "2 U^T U dV"),
    ("tr(X)^2", "X X", "2 vec(I_n) vec(I_n)^T", "d2f = 2 tr(dX)^2", "2 tr(dX) I"),
    ("logdet(X)", "X X", "-kron(X^-1, X^-T) commutation(n, n)", "d2f = -tr((X^-1 dX)^2)", "-(X^-1 dX X^-1)^T"),
)


@pytest.mark.parametrize("expression, wrt, kron, differential, operator", FORMS)
def test_forms(expression: str, wrt: str, kron: str, differential: str, operator: str) -> None:
    d = mc.derive(expression, wrt.split())
    assert (d.kron(), d.differential(), d.operator()) == (kron, differential, operator)


def test_names_that_are_taken_are_not_used() -> None:
    assert mc.derive("F X", "X").differential() == "dG = F dX"
    assert mc.derive("y^T x", "x").differential() == "df = y^T dx"


def test_a_dense_result_may_be_too_large() -> None:
    d = mc.derive("||X - U V||_F^2", ["U", "U"])
    values = {"X": np.ones((2000, 3)), "U": np.ones((2000, 20)), "V": np.ones((20, 3))}
    with pytest.raises(
        mc.LimitError, match=r'2000x20x2000x20, more than 100,000,000 numbers; function\(form="operator"'
    ):
        d.function()(**values)
    direction = np.ones((2000, 20))
    product = d.function(form="operator")(**values, dU=direction)
    core = d.function(form="core")(**values)
    assert core.entries == 400
    np.testing.assert_allclose(core.apply(direction), product)
    with pytest.raises(mc.LimitError):
        core.dense()


def test_forms_that_are_not_there() -> None:
    with pytest.raises(mc.UnsupportedError, match="form is one of dense, operator, core"):
        mc.derive("A x", "x").function(form="sparse")
    with pytest.raises(mc.UnsupportedError, match="one of a matrix or a vector by a matrix or a vector"):
        mc.derive("T_ijk a_k", "T", T="tensor(n,m,k)").kron()


# --- laws -------------------------------------------------------------------------------------------


@st.composite
def tensors(draw: Callable[..., Any]) -> tuple[str, str]:
    """An expression, many of them in index notation, and a variable; the derivative has two to four axes."""
    made = draw(st.one_of(equations(1), expressions(2)))
    assume(made.names)
    wrt = draw(st.sampled_from(made.names))
    assume(2 <= len(made.kind) + len(TABLE[wrt].sizes) <= 4)
    return repr(made), wrt


LAWS = settings(derandomize=True, deadline=None, max_examples=200, suppress_health_check=list(HealthCheck))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@law(LAWS, tensors(), decided=680, undecided=5, refused=100)
def test_every_form_reads_back(tally: Tally, problem: tuple[str, str]) -> None:
    """The differential, the operator, the core and, where there is one, the Kronecker form: the answer itself is."""
    expression, wrt = problem
    try:
        d = mc.derive(expression, wrt, declare=DECLARED)
    except mc.ShapeError as error:
        tally.refused(error, "nothing fixes the size")
        return
    assert str(d)
    table = d.expr.lowered.declarations
    sizes = sampling.sizes_for(sampling.size_names(table), 0)
    rng = np.random.default_rng(0)
    values = sampling.draw(table, sizes, rng)
    direction = rng.normal(size=values[wrt].shape)
    dense = np.asarray(evaluate(d.node, values, sizes))
    if not np.all(np.isfinite(dense)) or np.max(np.abs(dense), initial=0.0) > 1e6:
        tally.undecided["too large"] += 1
        return
    product = np.tensordot(dense, direction, axes=direction.ndim)

    declared = {**d.declarations, f"d{wrt}": d.declarations[wrt].split(" ")[0]}
    for text in (d.differential(), d.operator()):
        node = mc.parse(text, declare=declared).lowered.node
        found = np.asarray(evaluate(node, {**values, f"d{wrt}": direction}, sizes))
        tally.compared(product, found, told=text)

    core = d.function(form="core")(**values)
    assert isinstance(core, Core)
    tally.compared(dense, core.dense(), tolerance=1e-9)

    try:
        kron = d.kron()
    except mc.UnsupportedError as error:
        tally.refused(error, "a matrix or a vector by a matrix", "has no vec/Kronecker form", "derivative is zero")
        return
    rank = d.expr.lowered.node.rank
    wanted = evaluate(vectorised(d.node, rank), values, sizes)
    node = mc.parse(kron, declare=d.declarations).lowered.node
    tally.compared(wanted, evaluate(node, values, sizes), told=kron)


def test_commutation() -> None:
    table = read_declarations({"X": "matrix(n,m)"})
    left, right = (mc.parse(text, X="matrix(n,m)").lowered.node for text in ("commutation(n,m) vec(X)", "vec(X^T)"))
    assert left is right
    values = sampling.draw(table, {"n": 3, "m": 2}, np.random.default_rng(0))
    assert evaluate(left, values, {"n": 3, "m": 2}).tolist() == values["X"].ravel().tolist()


# --- components -------------------------------------------------------------------------------------

COMPONENTS = (
    ("x^T A x", "x_1", "((A + A^T) x)_1"),
    ("x_1^2 x_2", "x_1", "2 x_1 x_2"),
    ("X_12^2 + X_11", "X_12", "2 X_12"),
    ("tr(A X)", "X_{1,2}", "A_21"),
    ("x^T x", "x x_2", "2 e(2, n)"),
    ("x^T x", "x_1 x_2", "0"),
    ("A x", "x_2", "A e(2, m)"),
    ("log(x_1 + x_2)", "x_2", "1 / (x_1 + x_2)"),
    ("x_3^2", "x", "2 x_3 e(3, n)"),
)


@pytest.mark.parametrize("expression, wrt, answer", COMPONENTS)
def test_derivatives_by_components(expression: str, wrt: str, answer: str) -> None:
    d = mc.derive(expression, wrt.split())
    assert str(d) == answer
    assert d.verify().ok
    assert d.wrt == tuple(wrt.split())
    whole = mc.derive(expression, [v.partition("_")[0] for v in wrt.split()])
    values, _ = _values(whole, 1)
    values = {n: np.pad(v, 2)[tuple(slice(2, None) for _ in v.shape)] for n, v in values.items()}
    place = tuple(
        index
        for name in wrt.split()
        for index in ([int(k) - 1 for k in name if k.isdigit()] or [slice(None)] * len(_sizes_of(whole, name)))
    )
    rank = len(whole.expr.shape)
    dense = np.asarray(whole.function()(**values))
    np.testing.assert_allclose(d.function()(**values), dense[(slice(None),) * rank + place], rtol=1e-9, atol=1e-12)


def _sizes_of(d: mc.Derivative, name: str) -> tuple[Any, ...]:
    return d.expr.lowered.declarations[name].sizes


def test_a_component_has_its_line_in_the_derivation() -> None:
    last = mc.derive("x^T A x", "x_1").steps[-1]
    assert (str(last.before), str(last.after), str(last.rule)) == ("d(x^T A x)/dx_1", "((A + A^T) x)_1", "by x_1")


@pytest.mark.parametrize(
    "expression, wrt, declared, message",
    [
        ("x^T x", "x_5", {"x": "vector(3)"}, r"'x_5' is out of range: x is vector\(3\)"),
        ("tr(A X)", "X_123", {}, "'X_123' has 3 indices, and X has 2 axes"),
        ("x^T x", "y_1", {}, "'y_1' is neither declared nor in the expression"),
    ],
)
def test_components_that_are_not_there(expression: str, wrt: str, declared: dict[str, str], message: str) -> None:
    with pytest.raises(mc.MatcalcError, match=message):
        mc.derive(expression, wrt, **declared)


def test_forms_of_whole_symbols_only() -> None:
    with pytest.raises(mc.UnsupportedError, match="not by x_1"):
        mc.derive("x^T A x", "x_1").differential()
