"""What is printed: golden lines, brackets, strangers' names, and that plain text parses back."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcalc.length import length
from matcalc.parsing import Vocabulary, parse
from matcalc.render.latex import latex
from matcalc.render.mathml import mathml
from matcalc.render.precedence import Style
from matcalc.render.text import text
from matcalc.render.unicode import unicode
from matcalc.syntax import (
    MINUS_ONE,
    Add,
    Adjoint,
    Bars,
    BigSum,
    Call,
    Div,
    Equation,
    Hadamard,
    HadamardDiv,
    HadamardPow,
    Identity,
    Listed,
    Mul,
    Name,
    Neg,
    Norm,
    Num,
    Pow,
    Slash,
    Sub,
    Syntax,
    Transpose,
    Where,
    walk,
)


def num(value: int | str) -> Num:
    return Num(Fraction(value))


def mul(*factors: Syntax) -> Mul:
    return Mul(factors)


def add(*terms: Syntax) -> Add:
    return Add(terms)


def had(*factors: Syntax) -> Hadamard:
    return Hadamard(factors)


def call(function: str, *args: Syntax) -> Call:
    return Call(function, args)


def inv(node: Syntax) -> Pow:
    return Pow(node, MINUS_ONE)


def sub(node: Syntax, indices: str) -> Sub:
    return Sub(node, tuple(indices))


T = Transpose
A, B, G, P, U, V, X, a, b, c, k, m, n, p, w, x, y = map(Name, "ABGPUVXabckmnpwxy")
lam = Name("lambda")
I = Identity()  # noqa: E741
TWO, ONE, HALF = num(2), num(1), num("1/2")

# (tree, plain text, its length or None where score.py counts otherwise)
GOLDEN: list[tuple[Syntax, str, int | None]] = [
    (mul(TWO, X), "2 X", 2),
    (Neg(mul(TWO, T(U), add(X, Neg(mul(U, V))))), "-2 U^T (X - U V)", 8),
    (mul(HALF, T(x), A, x), "1/2 x^T A x", 7),
    (Neg(mul(HALF, T(x), A, x)), "-1/2 x^T A x", 8),
    (mul(x, HALF), "x (1/2)", 4),
    (mul(x, TWO), "x 2", 2),
    (mul(TWO, num(3)), "2 (3)", 2),
    (mul(Pow(x, TWO), num(3)), "x^2 (3)", 4),
    (mul(x, Pow(TWO, n)), "x 2^n", 4),
    (mul(inv(A), T(ONE)), "A^-1 (1^T)", 4),
    (Div(mul(x, num(3)), TWO), "(x 3) / 2", 4),
    (add(x, HALF), "x + 1/2", 5),
    (had(x, mul(HALF, y)), "x .* (1/2 y)", 6),
    (had(mul(HALF, x), y), "1/2 x .* y", 6),
    (num("1e-12"), "1e-12", 1),
    (num("1.5e-6"), "1.5e-6", 1),
    (num("0.001"), "1/1000", 3),
    (num("1/3"), "1/3", 3),
    (num("1/4096"), "1/4096", 3),
    (num(10**30), "1e30", 1),
    (num(10**15 + 1), "1000000000000001", 1),
    (Pow(HALF, k), "(1/2)^k", 5),
    (Neg(Neg(x)), "-(-x)", 3),
    (Neg(add(x, y)), "-(x + y)", 4),
    (add(Neg(x), y, Neg(b)), "-x + y - b", 6),
    (add(x, Neg(add(y, b))), "x - (y + b)", 5),
    (add(x, add(y, b)), "x + (y + b)", 5),
    (add(x, Neg(Neg(y))), "x - (-y)", 4),
    (mul(TWO, Neg(x)), "2 (-x)", 3),
    (mul(mul(A, B), X), "(A B) X", 3),
    (Div(V, Norm(V)), "V / ||V||", 5),
    (Div(mul(T(X), y), mul(m, n)), "X^T y / (m n)", 6),
    (mul(Div(a, b), x), "(a / b) x", 4),
    (mul(Div(TWO, m), X), "(2 / m) X", 4),
    (Div(Div(a, b), c), "a / b / c", 5),
    (Div(a, Div(b, c)), "a / (b / c)", 5),
    (Div(a, Pow(b, TWO)), "a / b^2", 5),
    (Div(add(a, b), c), "(a + b) / c", 5),
    (had(P, mul(G, T(G))), "P .* G G^T", 5),
    (had(A, Div(b, c)), "A .* (b / c)", 5),
    (Div(had(A, b), c), "A .* b / c", 5),
    (had(had(A, B), X), "(A .* B) .* X", 5),
    (had(A, had(B, X)), "A .* (B .* X)", 5),
    (had(A, B, X), "A .* B .* X", 5),
    (mul(had(A, B), X), "(A .* B) X", 4),
    (HadamardDiv(x, mul(A, y)), "x ./ (A y)", 5),
    (HadamardDiv(had(x, y), b), "x .* y ./ b", 6),
    (HadamardPow(x, TWO), "x.^2", 4),
    (HadamardPow(x, MINUS_ONE), "x.^-1", 3),
    (HadamardPow(add(x, y), k), "(x + y).^k", 6),
    (HadamardPow(mul(X, w), HALF), "(X w).^(1/2)", 7),
    (inv(A), "A^-1", 2),
    (T(inv(A)), "A^-T", 3),
    (inv(T(A)), "(A^T)^-1", 3),
    (T(T(A)), "(A^T)^T", 3),
    (T(Pow(A, TWO)), "(A^2)^T", 4),
    (Pow(Pow(a, TWO), num(3)), "(a^2)^3", 5),
    (Pow(T(A), TWO), "(A^T)^2", 4),
    (Pow(A, Neg(TWO)), "A^-2", 4),
    (Pow(A, Neg(k)), "A^-k", 4),
    (Pow(x, add(k, Neg(ONE))), "x^(k - 1)", 5),
    (Pow(x, HALF), "x^(1/2)", 5),
    (Pow(x, Neg(HALF)), "x^(-1/2)", None),
    (Pow(A, Name("T")), "A^(T)", None),
    (Pow(Neg(x), TWO), "(-x)^2", 4),
    (T(mul(A, B)), "(A B)^T", 3),
    (call("pinv", A), "A^+", 3),
    (T(call("pinv", A)), "(A^+)^T", 4),
    (Adjoint(A), "A^H", 3),
    (call("kron", A, B), "kron(A, B)", 3),
    (call("tr", mul(A, X)), "tr(A X)", 3),
    (mul(call("det", A), T(inv(A))), "det(A) A^-T", 5),
    (call("ones", n, m), "ones(n, m)", 3),
    (call("e", ONE, n), "e(1, n)", 3),
    (I, "I", 1),
    (Identity(n), "I_n", None),
    (Identity(mul(n, p)), "eye(n p)", None),
    (Bars(A), "|A|", 3),
    (Bars(Bars(x)), "|(|x|)|", 5),
    (Norm(Bars(x)), "||(|x|)||", 5),
    (Pow(Norm(x), TWO), "||x||^2", 5),
    (Pow(Norm(add(X, Neg(mul(U, V))), "F"), TWO), "||X - U V||_F^2", 9),
    (Norm(x, "1"), "||x||_1", 4),
    (Norm(A, "*"), "||A||_*", None),
    (Norm(x, "inf"), "||x||_inf", None),
    (Norm(x, "alpha"), "||x||_{alpha}", None),
    (sub(X, "ij"), "X_ij", None),
    (Pow(sub(X, "ij"), TWO), "X_ij^2", None),
    (sub(mul(A, X), "lj"), "(A X)_lj", None),
    (sub(inv(X), "ki"), "(X^-1)_ki", None),
    (sub(sub(X, "ij"), "k"), "(X_ij)_k", None),
    (sub(I, "ij"), "delta_ij", None),
    (sub(Name("x1"), "i"), "x1_i", None),
    (Sub(A, (1, 2)), "A_12", None),
    (Sub(A, (1, "j")), "A_1j", None),
    (Sub(A, (10, 2)), "A_{10,2}", None),
    (BigSum(("i", "j"), sub(X, "ij")), "sum_ij X_ij", None),
    (BigSum(("i",), add(x, y)), "sum_i (x + y)", None),
    (BigSum(("i",), Neg(x)), "sum_i (-x)", None),
    (mul(TWO, BigSum(("i",), sub(x, "i"))), "2 sum_i x_i", None),
    (mul(BigSum(("i",), sub(x, "i")), y), "(sum_i x_i) y", None),
    (had(mul(TWO, BigSum(("i",), sub(x, "i"))), y), "(2 sum_i x_i) .* y", None),
    (add(BigSum(("i",), sub(x, "i")), y), "sum_i x_i + y", None),
    (Equation("D", ("i", "j"), mul(sub(p, "i"), sub(I, "ij"))), "D_ij = p_i delta_ij", None),
    (Where(p, (("p", call("softmax", mul(X, w))),), (("i", n),)), "p where p = softmax(X w), i = 1..n", None),
]  # fmt: skip


@pytest.mark.parametrize("tree, expected", [row[:2] for row in GOLDEN])
def test_text(tree: Syntax, expected: str) -> None:
    assert text(tree) == expected


@pytest.mark.parametrize("tree, expected", [(t, count) for t, _, count in GOLDEN if count is not None])
def test_length_is_what_readers_count(tree: Syntax, expected: int) -> None:
    assert length(tree) == expected


LENGTHS_OF_COMPONENTS = [
    (sub(I, "ij"), 3),
    (sub(X, "ij"), 3),
    (Identity(n), 2),
    (Norm(A, "*"), 4),
    (Norm(x, "inf"), 4),
    (BigSum(("i",), sub(x, "i")), 4),
    (Equation("D", ("i", "j"), mul(sub(p, "i"), sub(I, "ij"))), 8),
    (Where(p, (("p", call("softmax", w)),), (("i", n),)), 7),
]


@pytest.mark.parametrize("tree, expected", LENGTHS_OF_COMPONENTS)
def test_length_counts_an_index_once(tree: Syntax, expected: int) -> None:
    assert length(tree) == expected


LANGUAGES = [
    (Neg(mul(TWO, T(U), add(X, Neg(mul(U, V))))), "−2 Uᵀ (X − U V)", r"-2 U^{\top} (X - U V)"),
    (mul(HALF, T(x), A, x), "1/2 xᵀ A x", r"\frac{1}{2} x^{\top} A x"),
    (mul(Div(a, b), x), "(a / b) x", r"\frac{a}{b} x"),
    (Pow(Div(a, b), TWO), "(a / b)²", r"\left(\frac{a}{b}\right)^{2}"),
    (Pow(x, Neg(HALF)), "x^(−1/2)", "x^{-1/2}"),
    (Pow(x, Neg(num(12))), "x⁻¹²", "x^{-12}"),
    (T(inv(X)), "X⁻ᵀ", r"X^{-\top}"),
    (T(call("pinv", A)), "(A⁺)ᵀ", r"(A^{+})^{\top}"),
    (Adjoint(A), "Aᴴ", r"A^{\mathsf{H}}"),
    (had(P, mul(G, T(G))), "P ⊙ G Gᵀ", r"P \odot G G^{\top}"),
    (HadamardDiv(x, y), "x ⊘ y", r"x \oslash y"),
    (HadamardPow(x, TWO), "x.^2", r"x^{\circ 2}"),
    (call("kron", A, add(B, I)), "A ⊗ (B + I)", r"A \otimes (B + I)"),
    (mul(call("kron", A, B), x), "(A ⊗ B) x", r"(A \otimes B) x"),
    (call("kron", A, call("kron", B, X)), "A ⊗ (B ⊗ X)", r"A \otimes (B \otimes X)"),
    (Pow(Norm(add(X, Neg(B)), "F"), TWO), "‖X − B‖_F²", r"\lVert X - B\rVert_{F}^{2}"),
    (Norm(x, "inf"), "‖x‖_∞", r"\lVert x\rVert_{\infty}"),
    (Norm(x, "1"), "‖x‖₁", r"\lVert x\rVert_{1}"),
    (Bars(A), "|A|", r"\lvert A\rvert"),
    (mul(lam, Identity(n)), "λ Iₙ", r"\lambda I_{n}"),
    (call("sqrt", x), "√x", r"\sqrt{x}"),
    (Pow(call("sqrt", add(x, ONE)), TWO), "(√(x + 1))²", r"\sqrt{x + 1}^{2}"),
    (call("tr", A), "tr(A)", r"\operatorname{tr}(A)"),
    (call("exp", Div(x, n)), "exp(x / n)", r"\exp\left(\frac{x}{n}\right)"),
    (call("ones", n), "ones(n)", r"\mathbf{1}_{n}"),
    (call("ones", n, m), "ones(n, m)", r"\mathbf{1}_{n \times m}"),
    (call("e", Name("i"), n), "e(i, n)", "e_{i}"),
    (sub(I, "ij"), "δᵢⱼ", r"\delta_{ij}"),
    (sub(X, "bi"), "X_bi", "X_{bi}"),
    (BigSum(("i", "j"), sub(X, "ij")), "∑ᵢⱼ Xᵢⱼ", r"\sum_{i, j} X_{ij}"),
    (sub(Name("x1"), "i"), "x1ᵢ", "{x_{1}}_{i}"),
    (mul(Name("alpha2"), Name("beta_hat")), "α2 beta_hat", r"\alpha_{2} \mathrm{beta\_hat}"),
    (num("1e-12"), "1e-12", "10^{-12}"),
    (mul(num("1.5e-6"), x), "1.5e-6 x", r"1.5 \cdot 10^{-6} x"),
]


@pytest.mark.parametrize("tree, expected, _", LANGUAGES)
def test_unicode(tree: Syntax, expected: str, _: str) -> None:
    assert unicode(tree) == expected


@pytest.mark.parametrize("tree, _, expected", LANGUAGES)
def test_latex(tree: Syntax, _: str, expected: str) -> None:
    assert latex(tree) == expected


CORE = {"math", "mrow", "mi", "mn", "mo", "msup", "msub", "msubsup", "mfrac", "msqrt", "mtext"} | {
    "mtable",
    "mtr",
    "mtd",
}
ARITY = {"msup": 2, "msub": 2, "mfrac": 2, "math": 1, "msqrt": 1, "mtd": 1}
HELD = {"mtable": {"mtr"}, "mtr": {"mtd"}}  # what alone may stand in it


def check_mathml(tree: Syntax) -> None:
    for element in ET.fromstring(mathml(tree)).iter():
        tag = element.tag.rpartition("}")[2]
        assert tag in CORE
        assert len(element) == ARITY.get(tag, len(element))
        assert {child.tag.rpartition("}")[2] for child in element} <= HELD.get(tag, CORE)


@pytest.mark.parametrize("tree", [row[0] for row in GOLDEN] + [row[0] for row in LANGUAGES])
def test_mathml_is_well_formed(tree: Syntax) -> None:
    check_mathml(tree)


def test_mathml() -> None:
    assert mathml(mul(TWO, inv(A))).endswith(
        "<mrow><mn>2</mn><mo>&#x2062;</mo><msup><mi>A</mi><mrow><mo>−</mo><mn>1</mn></mrow></msup></mrow></math>"
    )


@given(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=3), st.text(max_size=5))
def test_names_of_strangers_are_harmless(name: str, index: str, kind: str) -> None:
    tree = add(Sub(Name(name), (index,)), call(name, Norm(Name(name), kind)), BigSum((index,), x))
    check_mathml(tree)
    written = latex(tree)
    assert not set(written) & set("$%#&~\n\r")
    depth = 0
    for character in written:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0


def test_slash_is_never_printed() -> None:
    for language in (text, unicode, latex, mathml):
        with pytest.raises(TypeError, match="Slash"):
            language(Slash(a, (b, c)))


def test_every_language_has_every_join() -> None:
    assert all(not s.__abstractmethods__ for s in Style.__subclasses__())


def test_depth_of_200_fits_the_stack() -> None:
    deep: Syntax = x
    for step in range(100):
        deep = call("f", mul(TWO, deep)) if step % 2 else T(add(deep, y))
    for language in (text, unicode, latex, mathml, length):
        language(deep)


def test_long_integers() -> None:
    assert len(text(num(7**6000))) > 4300
    assert text(num(7**6000))[-4:] == str(7**6000 % 10_000).zfill(4)


# --- parsing gives the tree back -------------------------------------------------------------------------

SYMBOLS = ("A", "B", "X", "a", "x", "y", "x1", "lambda")
FUNCTIONS = ("tr", "exp", "pinv", "softmax", "sqrt")
INDICES = ("i", "j", "k")
names = st.sampled_from([*map(Name, SYMBOLS), I, Identity(n)])
numbers = st.sampled_from([num(v) for v in (1, 2, 3, 12, "1/2", "3/7", "1e-12", "2.5e-7")])
components = st.one_of(
    st.builds(lambda t, i, j: Sub(t, (i, j)), st.sampled_from([I, A, X]), *[st.sampled_from(INDICES)] * 2),
    st.builds(lambda i: sub(x, i), st.sampled_from(INDICES)),
)


def _tuples(parts: st.SearchStrategy[Syntax]) -> st.SearchStrategy[tuple[Syntax, ...]]:
    return st.lists(parts, min_size=2, max_size=3).map(tuple)


def _grow(parts: st.SearchStrategy[Syntax]) -> st.SearchStrategy[Syntax]:
    exponents = st.one_of(parts, st.builds(Neg, numbers), st.just(MINUS_ONE), st.just(TWO))
    return st.one_of(
        st.builds(Add, _tuples(parts)),
        st.builds(Mul, _tuples(parts)),
        st.builds(Hadamard, _tuples(parts)),
        st.builds(HadamardDiv, parts, parts),
        st.builds(Div, parts, parts),
        st.builds(Pow, parts, exponents),
        st.builds(HadamardPow, parts, exponents),
        st.builds(Neg, parts),
        st.builds(Transpose, parts),
        st.builds(Adjoint, parts),
        st.builds(Bars, parts),
        st.builds(Norm, parts, st.sampled_from(["", "F", "1", "2", "*", "inf"])),
        st.builds(BigSum, st.sampled_from([("i",), ("i", "j")]), parts),
        st.builds(Sub, parts, st.just(("i", "j"))),
        st.builds(lambda f, t: Call(f, (t,)), st.sampled_from(FUNCTIONS), parts),
        st.builds(lambda s, t: Call("kron", (s, t)), parts, parts),
    )


trees = st.recursive(st.one_of(names, numbers, components), _grow, max_leaves=12)


rows = _tuples(trees)
lists = st.one_of(
    st.builds(lambda r: Listed((r,), False), rows),
    st.builds(lambda a, b, c, d: Listed(((a, b), (c, d)), True), *[trees] * 4),
    st.builds(lambda a, b: Listed(((a,), (b,)), True), trees, trees),
)
within = st.one_of(
    lists,
    st.builds(Transpose, lists),
    st.builds(lambda m, t: Mul((m, t)), lists, trees),
    st.builds(lambda t, m: Add((t, Neg(m))), trees, lists),
    st.builds(lambda m: Sub(m, ("i", "j")), lists),
    st.builds(lambda m: Pow(m, MINUS_ONE), lists),
)


@settings(max_examples=300, deadline=None)
@given(within)
def test_what_is_written_out_parses_back(tree: Syntax) -> None:
    assert parse(text(tree), WORDS) == tree
    assert parse(unicode(tree), WORDS) == tree
    assert latex(tree).count("{") == latex(tree).count("}")
    check_mathml(tree)


@settings(max_examples=300, deadline=None)
@given(trees)
def test_every_language_prints_every_tree(tree: Syntax) -> None:
    assert text(tree)
    assert unicode(tree)
    assert latex(tree).count("{") == latex(tree).count("}")
    check_mathml(tree)
    assert length(tree) >= 1


ARITIES = {
    **{f: (f, 1, 1) for f in ("tr", "det", "exp", "softmax", "sqrt", "pinv")},
    **{"kron": ("kron", 2, 2), "ones": ("ones", 1, 2), "e": ("e", 1, 2)},
}
WORDS = Vocabulary(frozenset({*SYMBOLS, *"GPUVbckmnpwxyTi", "alpha", "beta_hat"}), frozenset("nmp"), ARITIES)


@pytest.mark.parametrize("tree", [row[0] for row in GOLDEN])
def test_golden_lines_parse_back(tree: Syntax) -> None:
    assert parse(text(tree), WORDS) == tree


@pytest.mark.parametrize("tree", [row[0] for row in LANGUAGES])
def test_unicode_parses_back(tree: Syntax) -> None:
    assert parse(unicode(tree), WORDS) == tree


@settings(max_examples=600, deadline=None)
@given(trees)
def test_text_parses_back(tree: Syntax) -> None:
    assert parse(text(tree), WORDS) == tree


@settings(max_examples=500, deadline=None)
@given(trees)
def test_unicode_of_any_tree_parses_back(tree: Syntax) -> None:
    assert parse(unicode(tree), WORDS) == tree


# what the parser does not read yet, or reads otherwise: `x_{1}` is a component, `10^{-12}` a power
NOT_READ = ("x_{1}", "10^{")


def is_fraction(node: Syntax) -> bool:
    """A quotient of two numbers, which LaTeX writes like a number."""
    return isinstance(node, Div) and isinstance(node.numerator, Num) and isinstance(node.denominator, Num)


@settings(max_examples=500, deadline=None)
@given(trees)
def test_latex_parses_back_to_the_same_text(tree: Syntax) -> None:
    written = latex(tree)
    if not any(command in written for command in NOT_READ) and not any(map(is_fraction, walk(tree))):
        assert text(parse(written, WORDS)) == text(tree)
