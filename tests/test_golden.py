"""Golden answers: what a textbook prints for its own problems, in `golden.txt`, and ten of them in other notations."""

from __future__ import annotations

from pathlib import Path

import pytest

import matcalc as mc

GOLDEN = Path(__file__).with_name("golden.txt")


def _cases() -> list[tuple[str, dict[str, str], list[str], str]]:
    """(expression, declarations, variables, answer) of each line."""
    cases = []
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        expression, declared, wrt, answer = line.rsplit(" | ", 3)
        pairs = (item.split(":", 1) for item in declared.split(";") if item.strip())
        cases.append((expression, {name.strip(): kind.strip() for name, kind in pairs}, wrt.split(), answer))
    return cases


CASES = _cases()
IDS = [f"{expression} by {' '.join(wrt)}" for expression, _, wrt, _ in CASES]


def test_there_are_enough() -> None:
    assert len(CASES) >= 80
    assert len({(e, str(d), str(w)) for e, d, w, _ in CASES}) == len(CASES)


@pytest.mark.parametrize("expression, declared, wrt, answer", CASES, ids=IDS)
def test_golden(expression: str, declared: dict[str, str], wrt: list[str], answer: str) -> None:
    d = mc.derive(expression, wrt=wrt, **declared)
    assert str(d) == answer
    assert d.verify()


@pytest.mark.parametrize("expression, declared, wrt, answer", CASES, ids=IDS)
def test_an_answer_reads_back(expression: str, declared: dict[str, str], wrt: list[str], answer: str) -> None:
    d = mc.derive(expression, wrt=wrt, **declared)
    again = mc.parse(answer, declare=d.declarations)
    assert str(again) == answer
    assert again.shape == d.shape


# (expression, declarations, variable, Unicode, LaTeX, index notation)
NOTATIONS = (
    ("||X - U V||_F^2", {}, "V", "−2 Uᵀ (X − U V)", r"-2 U^{\top} (X - U V)", None),
    ("logdet(X)", {}, "X", "X⁻ᵀ", r"X^{-\top}", "(X^-1)_ji"),
    ("det(X)", {}, "X", "det(X) X⁻ᵀ", r"\det(X) X^{-\top}", "det(X) (X^-1)_ji"),
    ("||x||", {}, "x", "x / ‖x‖", r"\frac{x}{\lVert x\rVert}", "x_i / ||x||"),
    ("1/2 a^T X b", {}, "X", "1/2 a bᵀ", r"\frac{1}{2} a b^{\top}", "1/2 a_i b_j"),
    ("X^-1", {}, "X", "−(X⁻¹)ᵢₖ (X⁻¹)ₗⱼ", "-(X^{-1})_{ik} (X^{-1})_{lj}", "-(X^-1)_ik (X^-1)_lj"),
    ("tr(X^k)", {}, "X", "k (X^(k − 1))ᵀ", r"k (X^{k - 1})^{\top}", "k (X^(k - 1))_ji"),
    ("beta^T x", {}, "x", "β", r"\beta", "beta_i"),
    ("x .* y", {"x": "vector(n)", "y": "vector(n)"}, "x", "diag(y)", r"\operatorname{diag}(y)", "D_ij = delta_ij y_i"),
    ("||x||_1", {}, "x", "sign(x)", r"\operatorname{sign}(x)", "sign(x_i)"),
    ("log(sum(exp(A x)))", {}, "x", "Aᵀ softmax(A x)", r"A^{\top} \operatorname{softmax}(A x)", None),
    ("T_ijk x_i y_j z_k", {}, "y", "Tⱼᵢₖ xⱼ zₖ", "T_{jik} x_{j} z_{k}", "T_jik x_j z_k"),
)


@pytest.mark.parametrize("expression, declared, wrt, unicode, latex, index", NOTATIONS, ids=[n[0] for n in NOTATIONS])
def test_notations(
    expression: str, declared: dict[str, str], wrt: str, unicode: str, latex: str, index: str | None
) -> None:
    d = mc.derive(expression, wrt=wrt, **declared)
    assert d.unicode() == unicode
    assert d.latex() == latex
    assert d._repr_latex_() == f"${latex}$"
    if index is not None:
        assert d.index() == index


@pytest.mark.parametrize("expression, declared, wrt, answer", CASES, ids=IDS)
def test_index_notation_reads_back(expression: str, declared: dict[str, str], wrt: list[str], answer: str) -> None:
    d = mc.derive(expression, wrt=wrt, **declared)
    if "where" not in answer:  # ranges that nothing but a delta shows are left out
        assert mc.parse(d.index(), declare=d.declarations).shape == d.shape


LAYOUTS = (
    ("a^T x", "x", {}, ("a", "a^T", "a")),
    ("A x", "x", {}, ("A", "A", "A^T")),
    ("tr(A X)", "X", {}, ("A^T", "A", "A^T")),
    ("x^T A x", "x", {"A": "matrix(n,n) symmetric"}, ("2 A x", "(2 A x)^T", "2 A x")),
)


@pytest.mark.parametrize("expression, wrt, declared, answers", LAYOUTS, ids=[c[0] for c in LAYOUTS])
def test_layouts(expression: str, wrt: str, declared: dict[str, str], answers: tuple[str, ...]) -> None:
    layouts = ("mixed", "numerator", "denominator")
    assert tuple(str(mc.derive(expression, wrt=wrt, layout=layout, **declared)) for layout in layouts) == answers


def _two_layers() -> mc.Derivative:
    sizes = {"W1": "matrix(k,n)", "W2": "matrix(l,k)", "W3": "matrix(m,l)"}
    return mc.derive("||y - W3 tanh(W2 tanh(W1 x))||^2", wrt="x", **sizes)


def test_pretty_names_what_is_repeated() -> None:
    assert _two_layers().pretty() == (
        "-2 W1^T ((1 - tanh(W1 x).^2) .* W2^T ((1 - T_1.^2) .* W3^T (y - W3 T_1))) where T_1 = tanh(W2 tanh(W1 x))"
    )


def test_pretty_reads_back() -> None:
    d = _two_layers()
    assert mc.parse(d.pretty(), declare=d.declarations).shape == d.shape
