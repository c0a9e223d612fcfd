"""What the parser makes of a text."""

from __future__ import annotations

import random
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark

from matcalc.errors import MatcalcError
from matcalc.parsing import Vocabulary, parse
from matcalc.resources import folder
from matcalc.syntax import (
    MINUS_ONE,
    ONE,
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

ONE_ARGUMENT = "tr det log exp abs sum softmax inv sqrt mean diag vec norm3".split()  # noqa: SIM905
FUNCTIONS = {
    **{name: (name, 1, 1) for name in ONE_ARGUMENT},
    **{"trace": ("tr", 1, 1), "kron": ("kron", 2, 2), "ones": ("ones", 1, 2), "e": ("e", 1, 2)},
}
SYMBOLS = frozenset({*"ABCUVXabclmpqxyz", "lambda", "alpha", "Sigma", "lam", "x_hat", "w_1", "x3", "__builtins__"})
CLOSED = Vocabulary(SYMBOLS, frozenset({"n", "k", "batch"}), FUNCTIONS, open=False)
OPEN = Vocabulary(functions=FUNCTIONS)

A, B, C, U, V, X = map(Name, "ABCUVX")
a, b, c, m, n, p, q, x, y, z = map(Name, "abcmnpqxyz")
k, w, lam = Name("k"), Name("w_1"), Name("lam")
I = Identity()  # noqa: E741


def num(numerator: int, denominator: int = 1) -> Num:
    return Num(Fraction(numerator, denominator))


def mul(*factors: Syntax) -> Mul:
    return Mul(factors)


def add(*terms: Syntax) -> Add:
    return Add(terms)


def had(*factors: Syntax) -> Hadamard:
    return Hadamard(factors)


def call(name: str, *args: Syntax) -> Call:
    return Call(name, args)


def t(arg: Syntax) -> Transpose:
    return Transpose(arg)


def sub(base: Syntax, *indices: str | int) -> Sub:
    return Sub(base, indices)


INVERSE = Pow(A, MINUS_ONE)
TWO = num(2)

TABLE: list[tuple[str, Syntax]] = [
    # Products, sums, ranks
    ("x^T A x", mul(t(x), A, x)),
    ("x^TAy", mul(t(x), A, y)),
    ("xAy", mul(x, A, y)),
    ("-2U^T(X-UV)", Neg(mul(TWO, t(U), add(X, Neg(mul(U, V)))))),
    ("-x^T x", Neg(mul(t(x), x))),
    ("A*B C", mul(A, B, C)),
    ("A @ B · C × X", mul(A, B, C, X)),
    ("A (B C)", mul(A, mul(B, C))),
    ("(A B) C", mul(mul(A, B), C)),
    ("a + b - c", add(a, b, Neg(c))),
    ("a - (b - c)", add(a, Neg(add(b, Neg(c))))),
    ("+a - b", add(a, Neg(b))),
    ("a −b", add(a, Neg(b))),
    ("a + -b", add(a, Neg(b))),
    ("a - -b", add(a, Neg(Neg(b)))),
    ("2 * -x", mul(TWO, Neg(x))),
    ("A .* B", had(A, B)),
    ("A ⊙ B ∘ C", had(A, B, C)),
    ("A .* B X", had(A, mul(B, X))),
    ("A B .* X", had(mul(A, B), X)),
    ("A .* B * C", mul(had(A, B), C)),
    ("A * B .* C", had(mul(A, B), C)),
    ("A ./ B", HadamardDiv(A, B)),
    ("A ./ B .* C", had(HadamardDiv(A, B), C)),
    ("A ⊗ B", call("kron", A, B)),
    ("A ⊗ B C", call("kron", A, mul(B, C))),
    ("a(b+c)", mul(a, add(b, c))),
    ("x^T\r\n\tA x", mul(t(x), A, x)),
    # Numbers and fractions
    ("0.5", num(1, 2)),
    (".5", num(1, 2)),
    ("1e-12", num(1, 10**12)),
    ("2.*x", had(TWO, x)),
    ("2x3", mul(TWO, Name("x3"))),
    ("1/2 x^T A x", mul(num(1, 2), t(x), A, x)),
    ("1/2/3", num(1, 6)),
    ("3/4 x", mul(num(3, 4), x)),
    ("x/2", Div(x, TWO)),
    ("x/1/2", Div(Div(x, ONE), TWO)),
    ("x^1/2", Div(Pow(x, ONE), TWO)),
    ("x^-1/2", Div(Pow(x, MINUS_ONE), TWO)),
    ("x^(1/2)", Pow(x, num(1, 2))),
    ("1/2^2", Div(ONE, Pow(TWO, TWO))),
    ("x^T A x / x^T x", Slash(mul(t(x), A, x), (t(x), x))),
    ("lam/n X", Slash(lam, (n, X))),
    ("a/b c", Slash(a, (b, c))),
    ("a/(b c)", Div(a, mul(b, c))),
    ("a/b*c", mul(Div(a, b), c)),
    ("a/-b c", Slash(a, (Neg(b), c))),
    ("A * b / c", Div(mul(A, b), c)),
    ("a/b/c", Div(Div(a, b), c)),
    ("1 / |a|", Div(ONE, Bars(a))),
    # Postfix
    *[(s, t(A)) for s in ("A^T", "A'", "A.T", "Aᵀ", "A^{T}", r"A^\top", r"A^{\top}", "A^⊤", "A ^ T", "A^{⊤}")],
    *[(s, INVERSE) for s in ("A^-1", "A^{-1}", "A^(-1)", "A⁻¹", "inv(A)", "A^−1")],
    *[(s, t(INVERSE)) for s in ("A^-T", "A^{-T}", "A⁻ᵀ", r"A^{-\top}")],
    *[(s, call("pinv", A)) for s in ("A^+", "A⁺", "A^{+}", r"A^\dagger", "A^†")],
    *[(s, Adjoint(A)) for s in ("A^H", "Aᴴ", "A^{H}")],
    ("X^TAX", mul(t(X), A, X)),
    ("X^-1A", mul(Pow(X, MINUS_ONE), A)),
    ("X^-TA", mul(t(Pow(X, MINUS_ONE)), A)),
    ("X^Tx_hat", mul(t(X), Name("x_hat"))),
    ("x'y'", mul(t(x), t(y))),
    ("A''", t(t(A))),
    ("x²", Pow(x, TWO)),
    ("x¹²", Pow(x, num(12))),
    ("A^2^T", t(Pow(A, TWO))),
    ("A^T^2", Pow(t(A), TWO)),
    ("A⁻¹ᵀ", t(INVERSE)),
    ("A^k", Pow(A, k)),
    ("x^{n+1}", Pow(x, add(n, ONE))),
    ("x^ny", mul(Pow(x, n), y)),
    ("x^-2", Pow(x, Neg(TWO))),
    ("(a^2)^3", Pow(Pow(a, TWO), num(3))),
    ("a^(2^3)", Pow(a, Pow(TWO, num(3)))),
    ("tr(A B)^2", Pow(call("tr", mul(A, B)), TWO)),
    ("x .^ 2", HadamardPow(x, TWO)),
    ("(y - X x).^2", HadamardPow(add(y, Neg(mul(X, x))), TWO)),
    ("x.^-1", HadamardPow(x, MINUS_ONE)),
    ("x.^(a+1)", HadamardPow(x, add(a, ONE))),
    # Names
    ("__builtins__ x", mul(Name("__builtins__"), x)),
    ("x_hat^T x_hat", mul(t(Name("x_hat")), Name("x_hat"))),
    ("Aw_1", mul(A, w)),
    ("λ x", mul(Name("lambda"), x)),
    (r"\lambda x", mul(Name("lambda"), x)),
    ("αx", mul(Name("alpha"), x)),
    ("Σ_ij", sub(Name("Sigma"), "i", "j")),
    (r"\Sigma^{-1}", Pow(Name("Sigma"), MINUS_ONE)),
    # Identities
    ("I", I),
    ("AI", mul(A, I)),
    ("I_n", Identity(n)),
    ("I_{n}", Identity(n)),
    ("I_3", Identity(num(3))),
    ("I_{batch}", Identity(Name("batch"))),
    ("eye(n)", Identity(n)),
    ("eye", I),
    *[(s, sub(I, "i", "j")) for s in ("I_ij", "delta_ij", "δ_ij", "delta_{ij}", "delta_{i,j}", r"\delta_{ij}", "δᵢⱼ")],
    # Subscripts
    ("X_ij", sub(X, "i", "j")),
    ("X_{ij}", sub(X, "i", "j")),
    ("X_{i, j}", sub(X, "i", "j")),
    ("Xᵢⱼ", sub(X, "i", "j")),
    ("X_12", sub(X, 1, 2)),
    ("X_{12,3}", sub(X, 12, 3)),
    ("A_1j", sub(A, 1, "j")),
    ("x_3", sub(x, 3)),
    ("(X^-1)_ki", sub(Pow(X, MINUS_ONE), "k", "i")),
    ("(A X)_lj", sub(mul(A, X), "l", "j")),
    ("A^T_ij", sub(t(A), "i", "j")),
    ("X_ij^2", Pow(sub(X, "i", "j"), TWO)),
    ("y_i(x_i + 1)", mul(sub(y, "i"), add(sub(x, "i"), ONE))),
    # Big sums
    ("sum_i x_i y_i + z", add(BigSum(("i",), mul(sub(x, "i"), sub(y, "i"))), z)),
    ("sum_i (x_i)^2", BigSum(("i",), Pow(sub(x, "i"), TWO))),
    ("sum_i(x_i)", BigSum(("i",), sub(x, "i"))),
    ("sum(x)", call("sum", x)),
    *[
        (s, BigSum(("i", "j"), sub(X, "i", "j")))
        for s in (
            "sum_ij X_ij",
            "sum_{i,j} X_ij",
            "sum_{ij} X_ij",
            "∑_ij X_ij",
            r"\sum_{ij} X_{ij}",
            "∑ᵢⱼ Xᵢⱼ",
        )
    ],
    ("1/m sum_i x_i", mul(Div(ONE, m), BigSum(("i",), sub(x, "i")))),
    ("1/2 sum_i x_i", mul(num(1, 2), BigSum(("i",), sub(x, "i")))),
    ("a / sum_i x_i", Div(a, BigSum(("i",), sub(x, "i")))),
    ("a * -sum_i x_i", mul(a, Neg(BigSum(("i",), sub(x, "i"))))),
    ("a b sum_i x_i * y", mul(a, b, BigSum(("i",), mul(sub(x, "i"), y)))),
    ("sum_k sum_l X_kl", BigSum(("k",), BigSum(("l",), sub(X, "k", "l")))),
    ("-sum_i -x_i", Neg(BigSum(("i",), Neg(sub(x, "i"))))),
    # Calls
    ("trace(A)", call("tr", A)),
    ("tr (A)", call("tr", A)),
    ("kron(A, B)", call("kron", A, B)),
    ("ones(n,k) ones(3)", mul(call("ones", n, k), call("ones", num(3)))),
    ("e(1,n)", call("e", ONE, n)),
    ("norm1(x)", Norm(x, "1")),
    ("norm2(x)", Norm(x, "")),
    ("norm(x)", Norm(x, "")),
    ("vector(1)", call("ones_like_vector")),
    ("matrix(1)", call("ones_like_matrix")),
    # Bars
    ("||x||", Norm(x)),
    ("‖x‖", Norm(x)),
    ("||A||_F^2", Pow(Norm(A, "F"), TWO)),
    ("||x||_1 ||y||_2", mul(Norm(x, "1"), Norm(y, "2"))),
    ("||x||_p^p", Pow(Norm(x, "p"), p)),
    ("||A||_*", Norm(A, "*")),
    ("||A||_{*}", Norm(A, "*")),
    *[
        (s, Norm(x, "inf"))
        for s in ("||x||_inf", "||x||_∞", r"||x||_\infty", r"\|x\|_{\infty}", r"\lVert x\rVert_\infty")
    ],
    ("||A||_max", Norm(A, "max")),
    ("|A||B|", mul(Bars(A), Bars(B))),
    ("|a| ||x||", mul(Bars(a), Norm(x))),
    ("|a|||x||", mul(Bars(a), Norm(x))),
    ("||x||||y||", mul(Norm(x), Norm(y))),
    ("|-a|", Bars(Neg(a))),
    ("| |a| |", Bars(Bars(a))),
    ("| ||x|||", Bars(Norm(x))),
    ("|| |x| y||", Norm(mul(Bars(x), y))),
    ("|x| y |z|", mul(Bars(x), y, Bars(z))),
    ("a |b|", mul(a, Bars(b))),
    ("abs(a) |tr(A)|", mul(call("abs", a), Bars(call("tr", A)))),
    (r"\left| a \right| \left\| x \right\|", mul(Bars(a), Norm(x))),
    # TeX
    (r"\frac{1}{2} \mathbf{x}^\top A \, \mathbf{x}", mul(num(1, 2), t(x), A, x)),
    (r"\frac{a}{b} c", mul(Div(a, b), c)),
    (r"\log\left(A_{ij}\right)", call("log", sub(A, "i", "j"))),
    (r"\operatorname{tr}(A \cdot B)", call("tr", mul(A, B))),
    (r"\sqrt{x^T x}", call("sqrt", mul(t(x), x))),
    (r"A \odot B \otimes C", call("kron", had(A, B), C)),
    # Left sides and where
    ("D_ij = p_i delta_ij", Equation("D", ("i", "j"), mul(sub(p, "i"), sub(I, "i", "j")))),
    ("D_{i,j} = X_ij", Equation("D", ("i", "j"), sub(X, "i", "j"))),
    ("y = A x", Equation("y", (), mul(A, x))),
    (
        "X^T (r - y) where r = softmax(X w), w = a x, i = 1..n",
        Where(
            mul(t(X), add(Name("r"), Neg(y))),
            (("r", call("softmax", mul(X, Name("w")))), ("w", mul(a, x))),
            (("i", n),),
        ),
    ),
    ("sum_i x_i where i = 1 .. n+1", Where(BigSum(("i",), sub(x, "i")), (), (("i", add(n, ONE)),))),
    ("D_i = s_i where s = x", Where(Equation("D", ("i",), sub(Name("s"), "i")), (("s", x),))),
    ("x where P_ij = X_ij", Where(x, (("P", Equation("P", ("i", "j"), sub(X, "i", "j"))),))),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_syntax(text: str, expected: Syntax) -> None:
    assert parse(text, CLOSED) == expected


OPEN_TABLE: list[tuple[str, Syntax]] = [
    ("UV", mul(U, V)),
    ("x1x2", mul(Name("x1"), Name("x2"))),
    ("alpha x", mul(Name("alpha"), x)),
    ("β_i", sub(Name("beta"), "i")),
    ("I_p", Identity(p)),
    ("e^{x}", Pow(Name("e"), x)),
    ("e(1)", call("e", ONE)),
    ("f(x)", mul(Name("f"), x)),
    ("X_ij", sub(X, "i", "j")),
    ("AI", mul(A, I)),
    ("T x", mul(Name("T"), x)),
]


@pytest.mark.parametrize(("text", "expected"), OPEN_TABLE)
def test_names_that_are_not_declared(text: str, expected: Syntax) -> None:
    assert parse(text, OPEN) == expected


def test_a_declared_symbol_beats_a_function_and_a_constant() -> None:
    names = Vocabulary(frozenset({"tr", "I", "delta", "sum", "x", "e"}), functions=FUNCTIONS)
    assert parse("tr(x)", names) == mul(Name("tr"), x)
    assert parse("e(x)", names) == mul(Name("e"), x)
    assert parse("I_ij", names) == sub(Name("I"), "i", "j")
    assert parse("delta_ij", names) == sub(Name("delta"), "i", "j")
    assert parse("sum_i", names) == sub(Name("sum"), "i")


def test_the_transpose_mark_beats_a_symbol_named_T() -> None:
    names = Vocabulary(frozenset({"T", "x", "TAX"}))
    assert parse("x^T x", names) == mul(t(x), x)
    assert parse("x^TAX", names) == Pow(x, Name("TAX"))


def test_longest_names_first_with_a_way_back() -> None:
    names = Vocabulary(frozenset({"ab", "abc", "cd"}), open=False)
    assert parse("abcd", names) == mul(Name("ab"), Name("cd"))


@pytest.mark.parametrize("text", [text for text, _ in TABLE])
def test_spans_lie_within_the_text(text: str) -> None:
    root = parse(text, CLOSED)
    for node in walk(root):
        assert 0 <= node.span[0] <= node.span[1] <= len(text)


def test_spans() -> None:
    text = "a + 2 (x - y)^T tr(A)"
    root = parse(text, CLOSED)
    parts = {text[i:j] for i, j in (node.span for node in walk(root))}
    assert {text, "2 (x - y)^T tr(A)", "(x - y)^T", "(x - y)", "- y", "tr(A)", "A"} <= parts


class _NoPass:
    """Stands for the token pass, so that lark accepts tokens that the lexer does not make."""

    always_accept = ()

    def process(self, stream: object) -> object:
        return stream


def test_the_grammar_has_no_conflicts() -> None:
    pytest.importorskip("interegular")
    grammar = (folder("grammar") / "expression.lark").read_text(encoding="utf-8")
    Lark(grammar, parser="lalr", lexer="basic", strict=True, start=["text", "lexemes"], postlex=_NoPass())  # type: ignore[arg-type]


PIECES = [
    *"()|{}^_*/.'+-, =\\xAI0",
    *(
        "||",
        "^T",
        "_ij",
        "sum_i ",
        "where ",
        "..",
        "1..n",
        "‖",
        "⊙",
        "ᵀ",
        "²",
        "I_n",
        "\\frac",
        "\\sum",
        "\\left|",
    ),
    *(
        "\\sqrt",
        "1e5",
        ".^",
        "tr(",
        "e(",
        "λ",
        "∑",
        "{}",
        "_{}",
        "\x00",
        "\ud800",
        "ᵢ",
        "\\rVert",
        "⊤",
        "†",
        "∞",
        "…",
    ),
]


def _holds(text: str, vocabulary: Vocabulary) -> None:
    """A text is parsed, or refused with a place in it and a message that can be printed."""
    answer: Syntax | MatcalcError
    try:
        answer = parse(text, vocabulary)
    except MatcalcError as error:
        answer = error
    if isinstance(answer, Syntax):
        assert all(0 <= i <= j <= len(text) for i, j in (node.span for node in walk(answer)))
    else:
        assert answer.source is not None
        assert answer.position is not None
        assert 0 <= answer.position <= len(text)
        assert len(str(answer)) < 500
        assert all(ch.isprintable() or ch == "\n" for ch in answer.message)


def _mutated(rng: random.Random) -> str:
    text = rng.choice(TABLE)[0]
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(text) + 1)
        match rng.randrange(3):
            case 0:
                text = text[:at] + rng.choice(PIECES) + text[at:]
            case 1:
                text = text[:at] + text[at + rng.randint(1, 4) :]
            case _:
                other = rng.choice(TABLE)[0]
                start = rng.randrange(len(other))
                text = text[:at] + other[start : start + rng.randint(1, 12)] + text[at:]
    return text


@pytest.mark.parametrize("seed", range(8))
def test_mutated_texts_are_parsed_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(500):
        text = _mutated(rng)
        _holds(text, CLOSED)
        _holds(text, OPEN)


@given(st.one_of(st.text(max_size=30), st.lists(st.sampled_from(PIECES), max_size=15).map("".join)))
@settings(max_examples=300, deadline=None)
def test_any_text_is_parsed_or_refused(text: str) -> None:
    _holds(text, CLOSED)
    _holds(text, OPEN)


def test_a_short_expression_is_parsed_in_well_under_a_millisecond() -> None:
    def once() -> float:
        start = time.perf_counter()
        parse("x^T A x + tr(A B)^2", CLOSED)
        return time.perf_counter() - start

    assert min(once() for _ in range(50)) < 1e-3


def test_long_texts_are_flat_and_quick() -> None:
    start = time.perf_counter()
    assert len(parse("A " * 9_999 + "x", CLOSED).factors) == 10_000  # type: ignore[attr-defined]
    assert len(parse("x+" * 9_999 + "x", CLOSED).terms) == 10_000  # type: ignore[attr-defined]
    assert time.perf_counter() - start < 5
