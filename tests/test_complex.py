"""Complex symbols: derivatives against differences of the real and the imaginary part, printing, verdicts, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from deciding import Tally, law
from hypothesis import settings
from hypothesis import strategies as st

import matcalc as mc
from matcalc import ir
from matcalc.evaluate import evaluate
from matcalc.functions import FUNCTIONS, Function
from matcalc.length import length
from matcalc.places import PARTS, part_of
from matcalc.sampling import with_conjugates

DECLARED = {
    "A": "matrix(n,n) complex", "B": "matrix(n,n) complex", "G": "matrix(m,n) complex", "H": "matrix(n,n) hermitian",
    "R": "matrix(n,n)", "S": "matrix(n,n) complex symmetric", "Z": "matrix(n,m) complex",
    "b": "vector(n) complex", "h": "vector(n) complex", "w": "vector(n) complex", "z": "vector(n) complex",
    "x": "vector(n)", "c": "scalar complex", "s": "scalar positive", "t": "scalar",
}  # fmt: skip
SIZES = {"n": 4, "m": 3}
STEP = 1e-6

# Expression, what it is differentiated by, the derivative as it is printed.
GOLDEN = [
    ("||A z - b||^2", "grad(z)", "2 A^H (A z - b)"),
    ("||A z - b||^2", "z", "A^T conj(A z - b)"),
    ("||A z - b||", "grad(z)", "A^H (A z - b) / ||A z - b||"),
    ("z^H H z", "z", "conj(H z)"),
    ("z^H H z", "grad(z)", "2 H z"),
    ("z^H H z / (z^H z)", "grad(z)", "2 (H z - (z^H H z) z / (z^H z)) / (z^H z)"),
    ("re(z^H A z)", "grad(z)", "(A + A^H) z"),
    ("z^T z", "z", "2 z"),
    ("z^T z", "conj(z)", "zeros(n)"),
    ("abs(h^H w)^2", "grad(w)", "2 (h^H w) h"),
    ("log(1 + abs(h^H w)^2)", "grad(w)", "2 (h^H w) h / (1 + abs(h^H w)^2)"),
    ("-log(sigmoid(t re(w^H z)))", "grad(w)", "-t sigmoid(-t re(w^H z)) z"),
    ("logdet(I + Z Z^H / s)", "grad(Z)", "2 (I + Z Z^H / s)^-1 Z / s"),
    ("logdet(I + G H G^H)", "H", "(G^H (I + G H G^H)^-1 G)^T"),
    ("logdet(A)", "grad(A)", "A^-H"),
    ("log(det(A))", "A", "A^-T"),
    ("det(H)", "H", "det(H) H^-T"),
    ("tr(A^-H B)", "conj(A)", "-A^-H B A^-H"),
    ("tr((Z^H A Z)^-1)", "conj(Z)", "-A Z (Z^H A Z)^-2"),
    ("tr(S Z Z^H)", "Z", "S conj(Z)"),
    ("tr(Z Z^H)", "re(Z)", "2 re(Z)"),
    ("tr(Z Z^H)", "im(Z)", "2 im(Z)"),
    ("abs(det(A))^2", "grad(A)", "2 abs(det(A))^2 A^-H"),
    ("||Z||_F", "grad(Z)", "Z / ||Z||_F"),
    ("sum(abs(z))", "grad(z)", "z ./ abs(z)"),
    ("logsumexp(re(z))", "grad(z)", "softmax(re(z))"),
    ("sum(exp(re(z)))", "grad(z)", "exp(re(z))"),
    ("abs(c)", "grad(c)", "c / abs(c)"),
    ("im(c)", "c", "-1i / 2"),
    ("exp(c)", "c", "exp(c)"),
    ("exp(c)", "conj(c)", "0"),
    ("exp(2i c)", "c", "2i exp(2i c)"),
    ("abs(x^T z)^2", "x", "2 re((z^H x) z)"),
    ("x^T z", "x", "z"),
    ("H^H z", "z", "H"),
    ("conj(z)", "conj(z)", "I_n"),
    ("A^-1", "A", "-(A^-1)_ik (A^-1)_lj"),
    ("Z^H A Z", "conj(Z)", "delta_il (A Z)_kj where i = 1..m"),
]


def _values(seed: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    values: dict[str, Any] = {}
    for name, declared in DECLARED.items():
        inside = declared.partition("(")[2].partition(")")[0]
        shape = tuple(SIZES[n] for n in inside.split(",")) if inside else ()
        v = np.asarray(rng.normal(size=shape))
        if "complex" in declared or "hermitian" in declared:
            v = v + 1j * rng.normal(size=shape)
        if "hermitian" in declared:
            v = v + v.conj().T
        if "symmetric" in declared:
            v = v + v.T
        values[name] = np.abs(v) if "positive" in declared else v
    return values


def _difference(text: str, name: str, direction: Any) -> Any:
    """The change of an expression along a direction, divided by its length."""
    f, values = mc.parse(text, declare=DECLARED).function(), _values()
    above, below = ({**values, name: values[name] + sign * STEP * direction} for sign in (1, -1))
    return (np.asarray(f(**above)) - np.asarray(f(**below))) / (2 * STEP)


def _expected(text: str, by: str, place: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The derivative by one entry, from differences of the real and of the imaginary part."""
    part, name = part_of(by)
    unit = np.zeros(shape)
    unit[place] = 1.0
    if "complex" in DECLARED[name]:
        a, b = _difference(text, name, unit), _difference(text, name, 1j * unit)
        return {"": (a - 1j * b) / 2, "conj": (a + 1j * b) / 2, "re": a, "im": b, "grad": a + 1j * b}[part]
    if "hermitian" not in DECLARED[name]:
        return _difference(text, name, unit)
    even, odd = (unit + unit.T) / 2, 1j * (unit - unit.T) / 2
    return _difference(text, name, even) - 1j * _difference(text, name, odd)


@pytest.mark.parametrize("text, by, answer", GOLDEN)
def test_it_is_the_derivative(text: str, by: str, answer: str) -> None:
    d = mc.derive(text, wrt=by, declare=DECLARED)
    assert str(d) == answer
    got = np.asarray(d.function()(**_values()))
    shape = _values()[part_of(by)[1]].shape
    for place in np.ndindex(shape):
        want = _expected(text, by, place, shape)
        assert np.max(np.abs(got[(..., *place)] - want), initial=0.0) < 1e-5 * (1 + np.max(np.abs(want), initial=0.0))


@pytest.mark.parametrize("text, by, answer", GOLDEN)
def test_every_form_has_the_same_value(text: str, by: str, answer: str) -> None:
    d = mc.derive(text, wrt=by, declare=DECLARED)
    values = _values()
    want = np.asarray(d.function()(**values))
    for form in (str(d), d.unicode(), d.index()):
        back = mc.parse(form, declare=d.declarations).function()(**values)
        assert np.allclose(np.reshape(back, want.shape), want)
    scope: dict[str, Any] = {}
    exec(d.code(), scope)
    names = scope["f"].__code__.co_varnames[: scope["f"].__code__.co_argcount]
    assert np.allclose(scope["f"](**{n: values[n] for n in names}), want)
    assert d.verify().ok, str(d.verify())
    assert d.note or part_of(by)[1] == "x"


@pytest.mark.parametrize("by", ["z", "conj(z)", "grad(z)", "re(z)", "im(z)"])
def test_the_convention_is_named(by: str) -> None:
    note = mc.derive("||z||^2", wrt=by, z="vector(n) complex").note
    assert (
        note
        == {
            "z": "Wirtinger derivative by z: conj(z) is held fixed",
            "conj(z)": "Wirtinger derivative by conj(z): z is held fixed",
            "grad(z)": "complex gradient by z: 2 d/dconj(z)",
            "re(z)": "derivative by the real part of z",
            "im(z)": "derivative by the imaginary part of z",
        }[by]
    )


def test_names_of_the_conjugate() -> None:
    answers = {
        str(mc.derive("tr(Z Z^H)", wrt=w, Z="matrix(n,m) complex")) for w in ("conj(Z)", "Z*", "Z^*", "conj( Z )")
    }
    assert answers == {"Z"}


def test_a_name_is_needed_for_the_note_of_a_hermitian_matrix() -> None:
    assert mc.derive("tr(A H)", wrt="H", declare=DECLARED).note == "derivative by H with conj(H) = H^T"


@pytest.mark.parametrize("part", [part for part in PARTS if part != "grad"])
def test_second_derivatives(part: str) -> None:
    by = f"{part}(z)" if part else "z"
    d = mc.derive("||A z - b||^2 + re(c z^T z)", wrt=["grad(z)", by], declare=DECLARED)
    assert d.verify().ok
    c, A = "conj(c)", "A^H A"
    want = {"": f"2 {A}", "conj": f"2 {c} I_n", "re": f"2 ({A} + {c} I)", "im": f"2i ({A} - {c} I)"}
    assert mc.equal(str(d), want[part], declare=DECLARED)


def test_a_gradient_of_a_gradient_is_refused() -> None:
    with pytest.raises(mc.UnsupportedError, match="the complex gradient is of a real function, and this has axes"):
        mc.derive("||z||^4", wrt=["grad(z)", "grad(z)"], z="vector(n) complex")


# --- differentials, Kronecker products, derivations ---------------------------------------------------


@pytest.mark.parametrize(
    "text, by, answer",
    [
        ("||z||^2", "z", "df = 2 re(z^H dz)"),
        ("||A z - b||^2", "grad(z)", "df = 2 re((A z - b)^H A dz)"),
        ("Z^H A Z", "Z", "dF = Z^H A dZ + dZ^H A Z"),
        ("A^-H", "A", "dF = -(A^-1 dA A^-1)^H"),
        ("log(det(A))", "A", "df = tr(A^-1 dA)"),
        ("logdet(H)", "H", "df = tr(H^-1 dH)"),
    ],
)
def test_differentials(text: str, by: str, answer: str) -> None:
    assert mc.derive(text, wrt=by, declare=DECLARED).differential() == answer


def test_kronecker_forms() -> None:
    assert mc.derive("Z^H A Z", wrt="Z", declare=DECLARED).kron() == "kron(I_m, Z^H A)"
    assert mc.derive("Z^H A Z", wrt="conj(Z)", declare=DECLARED).kron() == "kron((A Z)^T, I_m) commutation(n, m)"


def test_a_derivation() -> None:
    steps = mc.derive("tr(Z Z^H)", wrt="re(Z)", steps="differential", Z="matrix(n,m) complex").steps
    assert str(steps) == "\n".join(
        [
            "d tr(Z Z^H)",
            "  = tr(Z^H dZ)           constant factors",
            "d tr(Z Z^H)/dZ",
            "  = conj(Z)              in matrix notation [Matrix Cookbook (246)]",
            "d tr(Z Z^H)",
            "  = tr(Z^T d conj(Z))    constant factors",
            "d tr(Z Z^H)/d conj(Z)",
            "  = Z                    in matrix notation [Matrix Cookbook (247)]",
            "d tr(Z Z^H)/d re(Z)",
            "  = 2 re(Z)              d/dre(Z) = d/dZ + d/dconj(Z)",
        ]
    )


def test_latex() -> None:
    d = mc.derive("||A z - b||^2", wrt="z", declare=DECLARED)
    assert d.latex() == r"A^{\top} \overline{A z - b}"
    assert mc.parse("2i conj(Z) + re(Z)", declare=DECLARED).latex() == (
        r"2 \mathrm{i} \overline{Z} + \operatorname{Re}(Z)"
    )
    assert (
        mc.parse(r"\overline{Z}^{\mathsf{H}}", declare=DECLARED).lowered.node
        is mc.parse("Z^T", declare=DECLARED).lowered.node
    )


def test_programs_know_what_is_real() -> None:
    values = _values()
    assert mc.parse("||z||^2", declare=DECLARED).function()(z=values["z"]).dtype == float
    assert mc.derive("||z||^2", wrt="grad(z)", declare=DECLARED).function()(z=values["z"]).dtype == complex
    with pytest.raises(mc.MatcalcError, match="'x' is not an array of real numbers"):
        mc.parse("x^T z", declare=DECLARED).function()(x=1j * values["x"], z=values["z"])


# --- the library of functions --------------------------------------------------------------------------

KNOWN = [row for name in FUNCTIONS for row in FUNCTIONS.overloads(name) if row.on_complex]


def _call(row: Function) -> tuple[str, dict[str, str]]:
    (p,) = row.parameters
    shape = {"matrix": "matrix(n,n)", "vector": "vector(n)"}.get(p.kind, "vector(n)")
    return f"{row.name}(X)", {"X": f"{shape} complex"}


def _direct(row: Function, X: Any) -> Any:
    """The value by NumPy itself, where NumPy has it."""
    own = {"abs": np.abs, "sign": lambda v: v / np.abs(v), "logdet": lambda v: np.linalg.slogdet(v)[1]}
    own |= {"softplus": lambda v: np.log(1 + np.exp(v)), "sigmoid": lambda v: 1 / (1 + np.exp(-v))}
    own |= {"logsumexp": lambda v: np.log(np.sum(np.exp(v))), "softmax": lambda v: np.exp(v) / np.sum(np.exp(v))}
    own |= {"asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "det": np.linalg.det, "pinv": np.linalg.pinv}
    return own[row.name](X) if row.name in own else getattr(np, row.name)(X) if hasattr(np, row.name) else None


@pytest.mark.parametrize("row", KNOWN, ids=lambda r: r.name)
def test_a_function_of_complex_arguments(row: Function) -> None:
    """F(conj(X)) is conj(F(X)); its value is NumPy's; a holomorphic one has i times the change along i dX."""
    text, declared = _call(row)
    f = mc.parse(text, declare=declared).function()
    X = _values()["A" if "matrix" in declared["X"] else "z"]
    value = np.asarray(f(X=X))
    assert np.allclose(f(X=X.conj()), value.conj())
    direct = _direct(row, X)
    assert direct is None or np.allclose(value, direct)
    if row.on_complex in ("holomorphic", "branches"):
        d = np.random.default_rng(3).normal(size=X.shape)
        real, imaginary = (np.asarray(f(X=X + STEP * e) - f(X=X - STEP * e)) for e in (d, 1j * d))
        assert np.allclose(imaginary, 1j * real, atol=1e-8)


@pytest.mark.parametrize("name", ["relu", "erf", "step", "max", "eigmax", "eig", "polar"])
def test_a_function_of_real_arguments_refuses_complex_ones(name: str) -> None:
    kind = "matrix(n,n)" if name in ("eigmax", "eig", "polar") else "vector(n)"
    with pytest.raises(mc.UnsupportedError, match="is known for real arguments only, and a complex symbol is in this"):
        mc.parse(f"{name}(X)", X=f"{kind} complex")


# --- the language, errors ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, value",
    [
        ("2i c", lambda v: 2j * v["c"]),
        ("1j c", lambda v: 1j * v["c"]),
        ("0.5i c", lambda v: 0.5j * v["c"]),
        ("1/2 1i c", lambda v: 0.5j * v["c"]),
        ("(1i)^3 c", lambda v: -1j * v["c"]),
        ("(2i)^-1 c", lambda v: v["c"] / 2j),
        ("c/(2i)", lambda v: v["c"] / 2j),
        ("exp(1i t)", lambda v: np.exp(1j * v["t"])),
        ("Z^H Z", lambda v: v["Z"].conj().T @ v["Z"]),
        ("A^-H", lambda v: np.linalg.inv(v["A"]).conj().T),
        ("conj(A) z", lambda v: v["A"].conj() @ v["z"]),
        ("sum_i conj(z_i) w_i", lambda v: np.vdot(v["z"], v["w"])),
        ("Y_ij = conj(A)_ij z_j", lambda v: v["A"].conj() * v["z"]),
        ("abs(z)", lambda v: np.abs(v["z"])),
        ("|c|", lambda v: np.abs(v["c"])),
        ("||A||_F", lambda v: np.linalg.norm(v["A"])),
        ("||z||_1", lambda v: np.sum(np.abs(v["z"]))),
        ("im(z)^T re(z)", lambda v: v["z"].imag @ v["z"].real),
        ("logdet(A)", lambda v: np.log(np.abs(np.linalg.det(v["A"])))),
        ("dot(z, w)", lambda v: np.dot(v["z"], v["w"])),
    ],
)
def test_the_language(text: str, value: Any) -> None:
    values = _values()
    assert np.allclose(mc.parse(text, declare=DECLARED).function()(**values), value(values))


def test_a_symbol_i_is_a_symbol() -> None:
    assert mc.parse("2i x", declare={"i": "scalar", "x": "vector(n)"}).declarations == {
        "i": "scalar",
        "x": "vector(n)",
    }
    assert "i" in mc.parse("2i x").declarations
    for text in ("1i x", "exp(1i t)"):
        assert "i" not in mc.parse(text).declarations
    d = mc.derive("re(exp(2 1i t) exp(1i s))", wrt="t")
    assert str(d) == "-2 im(exp(1i (2 t + s)))"
    back = mc.parse(str(d), declare=d.declarations).function()(t=0.7, s=0.4)
    assert np.isclose(back, d.function()(t=0.7, s=0.4))


def test_components() -> None:
    assert str(mc.derive("tr(Z^H A Z)", wrt="conj(Z_12)", declare=DECLARED)) == "(A Z)_12"
    assert mc.derive("tr(Z^H A Z)", wrt="re(Z_12)", declare=DECLARED).verify().ok


@pytest.mark.parametrize(
    "text, by, message",
    [
        ("tr(A)", "grad(A)", "the complex gradient is of a real function, and this is not real; its derivatives are"),
        ("A z", "grad(z)", "the complex gradient is of a real function, and this has axes"),
        ("x^T x", "conj(x)", "'conj(x)' is for a complex x, and x is real: declare 'vector(n) complex', or take x"),
        ("tr(H)", "conj(H)", "'H' is Hermitian, and conj(H) is H^T: take the derivative by H"),
        ("||A^+||_F^2", "grad(A)", "pinv(X) of a complex X depends on conj(X) too; its derivatives are not known"),
        ("1/2i c", "c", "write (1/2) 1i, or a bracket around the denominator"),
        ("2 3i c", "c", "two numbers stand side by side; write * between them for a product"),
        ("tr(Z^H Z)", "conj(Z_5)", "'Z_5' has 1 indices, and Z has 2 axes"),
        ("c", "conj(q)", "'q' is neither declared nor in the expression"),
    ],
)
def test_messages(text: str, by: str, message: str) -> None:
    with pytest.raises(mc.MatcalcError) as error:
        mc.derive(text, wrt=by, declare=DECLARED)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "text, by, claim, verdict, reason",
    [
        ("||A z - b||^2", "grad(z)", "2 A^H (A z - b)", "correct", ""),
        ("||A z - b||^2", "z", "2 re((A z - b)^H A dz)", "correct", ""),
        ("||A z - b||^2", "z", "2 A^H (A z - b)", "wrong", "this is the complex gradient by z: 2 d/dconj(z)"),
        ("tr(Z Z^H)", "conj(Z)", "conj(Z)", "wrong", "this is the Wirtinger derivative by Z: conj(Z) is held fixed"),
        ("logdet(A)", "grad(A)", "A^-T", "wrong", "a conjugate is wrong: A^-T should be A^-H"),
        ("abs(c)^2", "grad(c)", "2 conj(c)", "wrong", "a conjugate is too many: conj(c) should be c"),
        ("re(z^H A z)", "grad(z)", "2 A z", "only if A hermitian", "it is right only if A is hermitian"),
        ("tr(Z Z^H)", "re(Z)", "3 conj(Z) + t Z", "wrong", "no small change makes it right"),
        ("z^H A z", "conj(z)", "2 A z", "wrong factor", "the factor is wrong: the right answer is 1/2 times this"),
    ],
)
def test_verdicts(text: str, by: str, claim: str, verdict: str, reason: str) -> None:
    found = mc.check(text, claim, wrt=by, declare=DECLARED)
    assert (found.verdict, found.reason if reason else "") == (verdict, reason)


# On which branch a function is makes these false.
FALSE = ["log(exp(c)) = c", "sqrt(c^2) = c", "exp(c)^(1/2) = exp(c/2)", "log(c^2) = 2 log(c)", "asin(sin(c)) = c"]
FALSE += ["softplus(c) - c = softplus(-c)", "logm(expm(A)) = A", "(c^2)^(1/2) = abs(c)", "A^H = A^T", "A A^H = A^H A"]
TRUE = ["exp(log(c)) = c", "sqrt(c)^2 = c", "sin(asin(c)) = c", "abs(c)^2 = c conj(c)", "re(c)^2 + im(c)^2 = abs(c)^2"]
TRUE += ["(A B)^H = B^H A^H", "det(A^H) = conj(det(A))", "re(det(H)) = det(H)", "exp(1i t) = cos(t) + 1i sin(t)"]
TRUE += ["A A^+ A = A", "logdet(A B) = logdet(A) + logdet(B)", "||x + 1i x||^2 = 2 ||x||^2"]


@pytest.mark.parametrize("statement", TRUE + FALSE)
def test_equations(statement: str) -> None:
    left, right = statement.split(" = ")
    assert bool(mc.equal(left, right, declare=DECLARED)) == (statement in TRUE)


# --- laws ----------------------------------------------------------------------------------------------

LAWS = settings(derandomize=True, deadline=None, max_examples=200)
LEAVES = ("A", "B", "H", "R", "S", "(2i I_n)", "(c I_n)", "(I_n + z w^H)")
UNARY = ("{}^H", "{}^T", "conj({})", "({}^-1)")


def _matrices(leaves: tuple[str, ...], unary: tuple[str, ...]) -> st.SearchStrategy[str]:
    binary = ("({} {})", "({} + {})", "({} - {})", "({} .* {})")
    return st.recursive(
        st.sampled_from(leaves),
        lambda inner: st.one_of(
            st.builds(lambda form, a, b: form.format(a, b), st.sampled_from(binary), inner, inner),
            st.builds(lambda form, a: form.format(a), st.sampled_from(unary), inner),
        ),
        max_leaves=4,
    )


matrices = _matrices(LEAVES, (*UNARY, "re({})", "im({})"))


def _by_hand(text: str, values: Mapping[str, Any]) -> Any:
    """The value of the text, by NumPy, one operation at a time."""
    node = mc.parse(text, declare=DECLARED).lowered.node
    return evaluate(node, with_conjugates(dict(values)), SIZES)


ZERO = ("zero", "singular")  # the inverse of a matrix that is zero, or has rank one


@law(LAWS, matrices, decided=780, undecided=5, refused=2)
def test_conjugates_are_conjugates(tally: Tally, text: str) -> None:
    """The value of conj(X), X^H, re(X) and im(X) is what NumPy makes of the value of X."""
    values = _values()
    try:
        X = _by_hand(text, values)
    except mc.UnsupportedError as error:
        tally.refused(error, *ZERO)
        return
    if not np.all(np.isfinite(X)) or np.max(np.abs(X)) > 1e6:
        tally.undecided["too large"] += 1
        return
    want = {"conj({})": X.conj(), "re({})": X.real, "im({})": X.imag, "{}^H": X.conj().T}
    for form, value in want.items():
        tally.compared(value, _by_hand(form.format(text), values), float(np.max(np.abs(X))))
    node = mc.parse(text, declare=DECLARED).lowered.node
    assert ir.conjugate(ir.conjugate(node)) is node


@law(
    LAWS,
    st.tuples(matrices, st.sampled_from(["A", "conj(A)", "grad(A)", "re(A)", "im(A)"])),
    decided=395,
    undecided=5,
    refused=2,
)
def test_random_derivatives(tally: Tally, problem: tuple[str, str]) -> None:
    """What is printed reads back, and the derivative is verified."""
    text, by = problem
    try:
        d = mc.derive(f"re(tr({text}))", wrt=by, declare=DECLARED)
    except mc.UnsupportedError as error:
        tally.refused(error, *ZERO)
        return
    back = mc.parse(str(d), declare=d.declarations)
    tally.verified(d.verify(seed=0))
    values = _values()
    tally.compared(d.function()(**values), back.function()(**values), told=str(d))


@law(
    LAWS,
    _matrices(("A", "B", "H", "R", "S", "(2i I_n)", "(c I_n)", "(I_n + b h^H)"), UNARY),
    decided=195,
    undecided=5,
    refused=5,
)
def test_hermitian_matrices_have_answers_that_are_no_longer(tally: Tally, text: str) -> None:
    """With A declared Hermitian the answer has the value of the general one at Hermitian A, and is never longer.

    The matrices are constant, without real parts: how sums are factored may differ by a symbol otherwise.
    """
    expression = f"re(z^H {text} w)"
    try:
        general = mc.derive(expression, wrt="grad(z)", declare=DECLARED)
        special = mc.derive(expression, wrt="grad(z)", declare={**DECLARED, "A": "matrix(n,n) hermitian"})
        lengths = length(special.syntax), length(general.syntax)
    except mc.UnsupportedError as error:
        tally.refused(error, *ZERO)
        return
    assert lengths[0] <= lengths[1], (str(special), str(general))
    values = _values()
    values["A"] = values["A"] + values["A"].conj().T
    tally.compared(general.function()(**values), special.function()(**values), told=expression)
