"""What a person sees when a text is wrong: the class, the place and the words of each message."""

from __future__ import annotations

import pytest

from matcalc.errors import LimitError, MatcalcError, ParseError, UnknownSymbolError
from matcalc.parsing import MAX_LENGTH, Vocabulary, parse

FUNCTIONS = {
    **{name: (name, 1, 1) for name in ("tr", "det", "log", "exp", "abs", "sum", "softmax", "pinv", "sqrt", "inv")},
    **{"trace": ("tr", 1, 1), "kron": ("kron", 2, 2), "ones": ("ones", 1, 2), "e": ("e", 1, 2)},
}
SYMBOLS = frozenset("ABXabcxy")
CLOSED = Vocabulary(SYMBOLS, frozenset({"n", "m"}), FUNCTIONS, open=False)
OPEN = Vocabulary(functions=FUNCTIONS)

# text, class, offset, message
WRONG: list[tuple[str, type[MatcalcError], int, str]] = [
    ("", ParseError, 0, "the text is empty; write an expression such as x^T A x"),
    ("  \n", ParseError, 0, "the text is empty; write an expression such as x^T A x"),
    ("A @", ParseError, 3, "an operand is missing after '@'"),
    ("@ A", ParseError, 0, "an operand is missing before '@'"),
    ("x + + ", ParseError, 4, "an operand is missing after '+', before '+'"),
    ("x + * y", ParseError, 4, "an operand is missing after '+', before '*'"),
    ("x +", ParseError, 3, "an operand is missing after '+'"),
    ("(", ParseError, 1, "a ')' is missing: the '(' at column 1 is not closed"),
    ("()", ParseError, 1, "there is nothing between the brackets"),
    ("(a + b", ParseError, 6, "a ')' is missing: the '(' at column 1 is not closed"),
    ("a + b)", ParseError, 5, "a closing ')' without an opening '('"),
    (
        "(a + b|",
        ParseError,
        6,
        "the '|' at column 7 is not closed; write abs(…) or det(…) for |…| and norm(…) for ||…||",
    ),
    ("{x}", ParseError, 0, "braces stand after ^ and _ only; use ( )"),
    ("x^", ParseError, 2, "an operand is missing after '^'"),
    ("x^{}", ParseError, 3, "there is nothing between the braces"),
    ("x^{2", ParseError, 4, "a '}' is missing: the '{' at column 3 is not closed"),
    ("a^2^3", ParseError, 3, "a chain of powers has two readings; write (a^2)^3 or a^(2^3)"),
    ("A^-1^2", ParseError, 4, "a chain of powers has two readings; write (a^b)^c or a^(b^c)"),
    ("(x^T x)^2^a", ParseError, 9, "a chain of powers has two readings; write (a^b)^c or a^(b^c)"),
    ("^T", ParseError, 0, "an operand is missing before '^'"),
    ("tr()", ParseError, 0, "tr takes 1 argument, not 0"),
    ("tr A", ParseError, 0, "'tr' is a function and needs a bracket: write tr(A)"),
    ("log det A", ParseError, 0, "'log' is a function and needs a bracket: write log(…)"),
    ("tr(A,)", ParseError, 5, "an argument is missing after ','"),
    ("tr(,A)", ParseError, 3, "an argument is missing before ','"),
    ("tr(A, B)", ParseError, 0, "tr takes 1 argument, not 2"),
    ("kron(A)", ParseError, 0, "kron takes 2 arguments, not 1"),
    ("sofmax(x)", UnknownSymbolError, 0, "unknown function 'sofmax'; did you mean softmax?"),
    ("xexp(y)", UnknownSymbolError, 0, "unknown function 'xexp'; did you mean x exp or exp?"),
    ("foo(x)", UnknownSymbolError, 0, "unknown function 'foo'; for a product write f o o (…)"),
    ("Tr(A)", UnknownSymbolError, 0, "unknown function 'Tr'; did you mean tr?"),
    ("a, b", ParseError, 1, "a comma stands between the arguments of a function only"),
    ("(a, b)", ParseError, 2, "a comma stands between the arguments of a function only"),
    ("xAQ", UnknownSymbolError, 2, "unknown name 'Q'; declared are A, B, X, a, b, c, x, y"),
    ("Q_ij x_j", UnknownSymbolError, 0, "unknown name 'Q_ij'; declared are A, B, X, a, b, c, x, y"),
    ("λ x", UnknownSymbolError, 0, "unknown name 'λ (lambda)'; declared are A, B, X, a, b, c, x, y"),
    ("alpha x", UnknownSymbolError, 0, "unknown name 'alpha'; declared are A, B, X, a, b, c, x, y"),
    ("lambda x: x", UnknownSymbolError, 0, "unknown name 'lambda'; declared are A, B, X, a, b, c, x, y"),
    ("x or y", UnknownSymbolError, 2, "unknown name 'or'; declared are A, B, X, a, b, c, x, y"),
    ("xhat", UnknownSymbolError, 1, "unknown name 'hat'; declared are A, B, X, a, b, c, x, y"),
    ("2 3", ParseError, 2, "two numbers stand side by side; write * between them for a product"),
    ("1.2.3", ParseError, 3, "a number has one decimal point at most"),
    ("1/0", ParseError, 2, "division by zero"),
    (". a", ParseError, 0, "unexpected character '.'"),
    ("1e999", LimitError, 0, "the exponent of a number may be 400 at most; write 10^k for larger powers"),
    ("x $ y", ParseError, 2, "unexpected character '$'"),
    ("x < y", ParseError, 2, "unexpected character '<'"),
    ("x = ", ParseError, 3, "an operand is missing after 'x ='"),
    ("x == y", ParseError, 3, "'=' stands after a name at the start or after 'where': D_ij = …, p = …"),
    ("a = b = c", ParseError, 6, "'=' stands after a name at the start or after 'where': D_ij = …, p = …"),
    ('"x"', ParseError, 0, "unexpected character '\"'"),
    ("!x", ParseError, 0, "unexpected character '!'"),
    ("[x, y; x]", ParseError, 0, "the rows have 1 and 2 entries"),
    ("a; b", ParseError, 1, "a semicolon stands between the rows of a matrix only: [a, b; c, d]"),
    ("[a, b", ParseError, 5, "a ']' is missing: the '[' at column 1 is not closed"),
    ("a]", ParseError, 1, "a closing ']' without an opening '['"),
    ("[a, (b]", ParseError, 6, "']' closes nothing: the '(' at column 5 is still open; a ')' is missing before it"),
    ("x^T А x", ParseError, 4, "unexpected character 'А' (U+0410, looks like Latin A)"),
    ("ｘ + y", ParseError, 0, "unexpected character 'ｘ' (U+FF58, looks like Latin x)"),
    ("x – y", ParseError, 2, "unexpected character '–' (U+2013, looks like -)"),
    ("∂x", ParseError, 0, "unexpected character '∂' (U+2202)"),
    ("😀", ParseError, 0, "unexpected character '😀' (U+1F600)"),
    ("x\u200dy", ParseError, 1, "unexpected character (U+200D, zero width joiner)"),
    ("x\ud800", ParseError, 1, "unexpected character (U+D800, no printable character)"),
    ("x\x00", ParseError, 1, "unexpected character (U+0000, no printable character)"),
    (
        "|a",
        ParseError,
        0,
        "the '|' at column 1 is not closed; write abs(…) or det(…) for |…| and norm(…) for ||…||",
    ),
    (
        "|x||",
        ParseError,
        2,
        "these bars have several readings, or none; write abs(…) or det(…) for |…| and norm(…) for ||…||",
    ),
    (
        "||||",
        ParseError,
        0,
        "these bars have several readings; write abs(…) or det(…) for |…| and norm(…) for ||…||",
    ),
    (
        "||a|-|c||",
        ParseError,
        3,
        "a single | within the || of column 1 has several readings; "
        "write abs(…) or det(…) for |…| and norm(…) for ||…||",
    ),
    (
        "||x||y||",
        ParseError,
        6,
        "the '||' at column 7 is not closed; write abs(…) or det(…) for |…| and norm(…) for ||…||",
    ),
    ("||x||_-1", ParseError, 5, "a norm's kind is not negative; kinds are 1, 2, p, F, *, inf, max"),
    ("||x||_", ParseError, 5, "the kind of the norm is missing after '_'; kinds are 1, 2, p, F, *, inf, max"),
    ("||x||_foo", ParseError, 5, "unknown norm 'foo'; kinds are 1, 2, p, F, *, inf, max"),
    ("X_i_j", ParseError, 1, "a double subscript; write X_ij for a component of X"),
    ("(X_i)_j_k", ParseError, 7, "a double subscript; write X_ij for a component of X"),
    ("X_", ParseError, 1, "an index is missing after '_'"),
    ("sum_ x_i", ParseError, 3, "an index is missing after sum_; write sum_i x_i"),
    ("sum_1 x_i", ParseError, 3, "the index of a sum is a letter"),
    ("sum_ii X_ii", ParseError, 3, "an index is summed twice"),
    ("sum_{i=1}^n x_i", ParseError, 3, "write the range at the end: sum_i x_i where i = 1..n"),
    ("x_0", ParseError, 1, "an index counts from 1"),
    ("X_{i,}", ParseError, 1, "an index is missing in the subscript"),
    ("X_Q", ParseError, 1, "'Q' is not an index; an index is a small letter or a number"),
    ("x where", ParseError, 2, "after 'where' stands a list such as p = softmax(x), i = 1..n"),
    ("x where y", ParseError, 2, "after 'where' stands a list such as p = softmax(x), i = 1..n"),
    (
        "x where y = 2 where c = 3",
        ParseError,
        14,
        "after 'where' stands a list such as p = softmax(x), i = 1..n",
    ),
    (
        "where x = y",
        ParseError,
        0,
        "'where' stands at the end, outside all brackets: p^T x where p = softmax(x)",
    ),
    (
        "(x where y = 2)",
        ParseError,
        3,
        "'where' stands at the end, outside all brackets: p^T x where p = softmax(x)",
    ),
    ("x where i = 2..n", ParseError, 12, "a range starts at 1, as in i = 1..n"),
    ("x where i = 1..", ParseError, 15, "an operand is missing after 'i = 1..'"),
    ("x where y = a, y = b", ParseError, 15, "'y' is given twice after 'where'"),
    ("1..n", ParseError, 1, "dots stand in a range only: … where i = 1..n"),
    (
        "D_ii = X_ij",
        ParseError,
        0,
        "an index stands twice on the left of '='; each axis needs a letter of its own",
    ),
    ("D_1 = x", ParseError, 0, "the indices on the left of '=' are letters, such as D_ij = …"),
    ("A^*", ParseError, 1, "write ^H for the conjugate transpose"),
    ("A⊤", ParseError, 1, "'⊤' stands after ^ only: write A^⊤"),
    ("\\foo x", ParseError, 0, "unknown command '\\foo'"),
    ("\\frac{x}", ParseError, 7, "a '{' is missing after this command"),
    ("x^+2", ParseError, 2, "^+ is the pseudo-inverse; for a power write ^2, without a plus"),
    (
        "I_k",
        UnknownSymbolError,
        2,
        "'k' is not the name of a size; sizes are m, n; for other sizes write eye(…)",
    ),
    ("I_0", ParseError, 0, "a size is at least 1"),
    ("vector(2)", ParseError, 0, "vector(1) is a vector of ones; other numbers are written before it"),
    ("x' '^2 3 '", ParseError, 7, "two numbers stand side by side; write * between them for a product"),
    ("y ** 2", ParseError, 3, "** is not in the language; write ^ for a power"),
    ("x__i", ParseError, 1, "a double subscript; write X_ij for a component of X"),
    ("a(b", ParseError, 3, "a ')' is missing: the '(' at column 2 is not closed"),
    ("3 . x", ParseError, 2, "unexpected character '.'"),
    ("x^sum_i y_i", ParseError, 2, "a big sum after '^' needs brackets: (sum_i …)"),
    ("sqrt x", ParseError, 0, "'sqrt' is a function and needs a bracket: write sqrt(x)"),
    ("a.^2.^3", ParseError, 4, "a chain of powers has two readings; write (a.^2).^3 or a.^(2.^3)"),
    ("x^T T'", UnknownSymbolError, 4, "unknown name 'T'; declared are A, B, X, a, b, c, x, y"),
    ("\ufeffx", ParseError, 0, "unexpected character (U+FEFF, zero width no-break space)"),
    ("a b(", ParseError, 4, "a ')' is missing: the '(' at column 4 is not closed"),
    ("|x|)", ParseError, 3, "a closing ')' without an opening '('"),
    ("x^(2", ParseError, 4, "a ')' is missing: the '(' at column 3 is not closed"),
    (
        "I_{n+1}",
        UnknownSymbolError,
        2,
        "'n+1' is not the name of a size; sizes are m, n; for other sizes write eye(…)",
    ),
    ("norm(x,y)", ParseError, 0, "norm takes 1 argument, not 2"),
]


@pytest.mark.parametrize(("text", "kind", "position", "message"), WRONG)
def test_message(text: str, kind: type[MatcalcError], position: int, message: str) -> None:
    with pytest.raises(MatcalcError) as caught:
        parse(text, CLOSED)
    error = caught.value
    assert (type(error), error.position, error.message) == (kind, position, message)
    assert error.source == text


def test_the_caret_stands_under_the_place() -> None:
    with pytest.raises(UnknownSymbolError) as caught:
        parse("x^T Q x", CLOSED)
    assert str(caught.value).splitlines()[1:] == ["  x^T Q x", "      ^"]


LIMITS = [
    "$" * 1_000_000,
    "a" * 1_000_000,
    "x" * (MAX_LENGTH + 1),
    "(" * 9_000 + "x" + ")" * 9_000,
    "tr(" * 300 + "x" + ")" * 300,
    "x" + "'" * 5_000,
    "-" * 5_000 + "x",
    "x^{" * 300 + "2" + "}" * 300,
    "x/" * 5_000 + "x",
    "x.*x*" * 500 + "x",
    "sum_i " * 2_000 + "x_i",
    "1" * 1_001,
    "1e401",
    "1e-" + "9" * 900,
    "x_" + "i" * 1_000,
]


@pytest.mark.parametrize("text", LIMITS, ids=range(len(LIMITS)))
@pytest.mark.parametrize("vocabulary", [CLOSED, OPEN], ids=["closed", "open"])
def test_limits_are_said_in_a_short_message(text: str, vocabulary: Vocabulary) -> None:
    with pytest.raises(LimitError) as caught:
        parse(text, vocabulary)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("text", ["$" * 19_000, "Q" * 19_000, "α" * 19_000, "q" * 9_000 + "(x)", "|" * 9_999])
def test_a_message_is_short_whatever_the_text(text: str) -> None:
    with pytest.raises(MatcalcError) as caught:
        parse(text, CLOSED)
    assert len(str(caught.value)) < 400


def test_an_open_vocabulary_still_refuses_what_looks_like_a_function() -> None:
    for text in ("sofmax(x)", "Tr(A)", "tr A", "foo(x)", "log det A"):
        with pytest.raises(MatcalcError):
            parse(text, OPEN)
