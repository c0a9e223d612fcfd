"""Text from strangers: nothing is ever executed, and what is wrong gets one error that says what and where."""

from __future__ import annotations

import ast
import keyword
import re
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

import matcalc as mc

PACKAGE = Path(mc.__file__).parent

# --- our own sources --------------------------------------------------------------------------------

FORBIDDEN_CALLS = frozenset({"eval", "exec", "compile", "__import__", "input", "breakpoint", "globals"})
FORBIDDEN_NAMES = frozenset({"sympify", "parse_expr", "lambdify", "literal_eval", "popen", "import_module"})
FORBIDDEN_MODULES = frozenset(
    {"pickle", "marshal", "shelve", "subprocess", "ctypes", "importlib", "socket", "tempfile"}
)


def _offences(path: Path) -> list[str]:
    """The uses of forbidden functions and modules in a file. `re.compile` is a method, not the builtin."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(name) if name in FORBIDDEN_CALLS | FORBIDDEN_NAMES:
                found.append(name)
            case ast.Attribute(_, name) if name in FORBIDDEN_NAMES:
                found.append(name)
            case ast.Attribute(ast.Name("os"), "system" as name):
                found.append(name)
            case ast.Import(aliases):
                found += [a.name for a in aliases if a.name.split(".")[0] in FORBIDDEN_MODULES]
            case ast.ImportFrom(module, aliases):
                found += [module or ""] * ((module or "").split(".")[0] in FORBIDDEN_MODULES)
                found += [a.name for a in aliases if a.name in FORBIDDEN_NAMES]
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_is_executed(path: Path) -> None:
    assert _offences(path) == []


def test_the_search_finds_offences(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("import subprocess\nimport os\nfrom sympy import sympify\neval('1')\nos.system('ls')\n")
    assert sorted(_offences(path)) == ["eval", "subprocess", "sympify", "system"]


# --- names ------------------------------------------------------------------------------------------

NAMES = (
    *("lambda", "np", "import", "def", "None", "return", "class", "print", "self", "numpy", "f", "T_1"),
    *("__class__", "__init__", "x1", "x_1", "beta", "e", "n_1"),
)


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_a_symbol(name: str) -> None:
    d = mc.derive(f"{name}^T A {name}", wrt=name, declare={name: "vector(m)", "A": "matrix(m,m)"})
    assert str(d) == f"(A + A^T) {name}"
    assert str(mc.parse(str(d), declare=d.declarations)) == str(d)
    value, A = np.array([1.0, 2.0]), np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(d.function()(**{name: value, "A": A}), (A + A.T) @ value)


@pytest.mark.parametrize("name", NAMES)
def test_no_name_breaks_an_output(name: str) -> None:
    d = mc.derive(f"||A {name}||^2", wrt=name, declare={name: "vector(m)", "A": "matrix(k,m)"})
    ElementTree.fromstring(d.mathml())
    latex = d.latex()
    assert latex.count("{") == latex.count("}")
    assert not re.search(r"(?<!\\)[$#%&~]", latex)
    # an underscore is a subscript, which takes one letter or a group, or it is escaped
    assert all(after[:1] == "{" or after[:1].isalnum() for after in re.split(r"(?<!\\)_", latex)[1:])
    _check_source(d.code("numpy"))


def _check_source(source: str) -> None:
    """The program parses, defines one function, and calls nothing but NumPy's functions and its own."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.FunctionDef):
            name = node.arg if isinstance(node, ast.arg) else node.name
            assert not keyword.iskeyword(name)
            assert name != "np"
        if isinstance(node, ast.Attribute):
            assert not node.attr.startswith("__")
        if isinstance(node, ast.Name):
            assert node.id not in FORBIDDEN_CALLS


@pytest.mark.parametrize("name", ["", "x]", "<b>", "a b", "x;y", "\\input{p}", "1x", "x'", "${x}", "x\0", "é"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(mc.MatcalcError):
        mc.derive("x", wrt="x", declare={"x": "scalar", name: "scalar"})


# --- hostile input ----------------------------------------------------------------------------------

DECLARED = {
    **{"A": "matrix(n,n)", "C": "matrix(n,n)", "B": "matrix(n,m)"},
    **{"x": "vector(n)", "y": "vector(m)", "a": "scalar", "b": "scalar", "k": "scalar integer"},
}
# Each entry: the text, the class of the error, the offset of the caret, the message.
MESSAGES: tuple[tuple[str, type[mc.MatcalcError], int, str], ...] = (
    ("", mc.ParseError, 0, "the text is empty; write an expression such as x^T A x"),
    ("(A x", mc.ParseError, 4, "a ')' is missing: the '(' at column 1 is not closed"),
    ("A x)", mc.ParseError, 3, "a closing ')' without an opening '('"),
    (
        "||x||^2 + ||x",
        mc.ParseError,
        10,
        "the '||' at column 11 is not closed; write abs(…) or det(…) for |…| and norm(…) for ||…||",
    ),
    ("A x +", mc.ParseError, 5, "an operand is missing after '+'"),
    ("^T", mc.ParseError, 0, "an operand is missing before '^'"),
    ("x ** 2", mc.ParseError, 3, "** is not in the language; write ^ for a power"),
    ("()", mc.ParseError, 1, "there is nothing between the brackets"),
    ("foo(x)", mc.UnknownSymbolError, 0, "unknown function 'foo'; for a product write f o o (…)"),
    ("tr A", mc.ParseError, 0, "'tr' is a function and needs a bracket: write tr(A)"),
    ("tr(x)", mc.ShapeError, 0, "tr(...) takes a matrix: x is n×1"),
    ("tr(B)", mc.ShapeError, 0, "tr(...) wants a square matrix: B is n×m"),
    ("B^-1", mc.ShapeError, 0, "only a square matrix has an inverse: B is n×m; the pseudo-inverse is ^+"),
    ("B^2", mc.ShapeError, 0, "only a square matrix has powers: B is n×m; the elementwise power is .^"),
    ("A y", mc.ShapeError, 2, "the sizes n and m do not fit in the product: A is n×n, y is m×1"),
    ("A + B", mc.ShapeError, 4, "the terms of a sum have different shapes: A is n×n, B is n×m"),
    ("A + 2", mc.ShapeError, 4, "a number is added to a matrix: A is n×n; write 2 I or 2 ones(n,n)"),
    (
        "x + a",
        mc.ShapeError,
        4,
        "the terms of a sum have different shapes: x is n×1, a is a scalar; to add it to every entry, write a ones(n)",
    ),
    ("x x", mc.ShapeError, 2, "these can not be multiplied: x is n×1, x is n×1; write x^T x, x x^T or x .* x"),
    ("x A", mc.ShapeError, 2, "these can not be multiplied: x is n×1, A is n×n; write x^T A"),
    ("A + x", mc.ShapeError, 4, "the terms of a sum have different shapes: A is n×n, x is n×1"),
    ("x_i x_i x_i", mc.ShapeError, 0, "the index i stands 3 times in a product; write sum_i (...) if it is summed"),
    (
        "A_ij + A_ik",
        mc.ShapeError,
        7,
        "the free indices differ across the sum: A_ij is a component with free indices i, j, "
        "A_ik is a component with free indices i, k",
    ),
    ("A_ij x_i y_i", mc.ShapeError, 9, "the index i runs to n and to m"),
    ("sum_k x_i", mc.ShapeError, 0, "the index k does not occur in the sum, so its range is unknown"),
    ("a/b a", mc.ParseError, 4, "'a/b a' can be read in two ways: write a/(b a) or (a/b) a"),
    ("a^2^3", mc.ParseError, 3, "a chain of powers has two readings; write (a^2)^3 or a^(2^3)"),
    ("A^a", mc.ShapeError, 2, "the exponent of a matrix must be a whole number: declare a as 'scalar integer'"),
    (
        "A^(1/2)",
        mc.ShapeError,
        2,
        "the exponent of a matrix must be a whole number; there are sqrtm(A) and the elementwise power .^",
    ),
    (
        "x/x",
        mc.ShapeError,
        2,
        "the divisor is not a scalar: x is n×1; multiply by its inverse instead, or divide elementwise with ./",
    ),
    ("x $ y", mc.ParseError, 2, "unexpected character '$'"),
    ("x.__class__", mc.ParseError, 1, "unexpected character '.'"),
    ("1/0", mc.ParseError, 2, "division by zero"),
    ("exp(a,b)", mc.ParseError, 0, "exp takes 1 argument, not 2"),
    ("z + x", mc.UnknownSymbolError, 0, "unknown name 'z'; declared are A, B, C, a, b, k, x, y"),
    ("[1,2", mc.ParseError, 4, "a ']' is missing: the '[' at column 1 is not closed"),
    ("\u202ex", mc.ParseError, 0, "unexpected character (U+202E, right-to-left override)"),
)


@pytest.mark.parametrize("text, kind, position, message", MESSAGES, ids=[m[0] or "empty" for m in MESSAGES])
def test_messages(text: str, kind: type[mc.MatcalcError], position: int, message: str) -> None:
    with pytest.raises(kind) as caught:
        mc.derive(text, wrt="x", declare=DECLARED)
    assert (caught.value.message, caught.value.position) == (message, position)
    caret = str(caught.value).splitlines()[-1]
    assert caret.strip() == "^"


def test_the_caret_stands_under_the_place() -> None:
    with pytest.raises(mc.ShapeError) as caught:
        mc.derive("x + A y", wrt="x", declare=DECLARED)
    first, line, caret = str(caught.value).splitlines()
    assert first == "the sizes n and m do not fit in the product: A is n×n, y is m×1"
    assert line[caret.index("^") :] == "y"


REFUSED = {
    "null bytes": "x\0+ x",
    "a surrogate": "x + \ud800",
    "an override of direction": "x\u202e",
    "brackets": "(" * 100_000 + "x" + ")" * 100_000,
    "opening brackets": "(" * 100_000,
    "bars": "|" * 100_000,
    "a megabyte of letters": "x" * 1_000_000,
    "a megabyte of blanks": " " * 1_000_000,
    "a megabyte of terms": "x+" * 500_000 + "x",
    "signs": "-" * 19_000 + "x",
    "primes": "x" + "'" * 19_000,
    "transposes": "A" + "^T" * 9_000,
    "a power too large to unroll": "A^(10^10)",
    "a number too long": "9" * 5_000 + " x",
    "a number too large": "1e999999999 x",
    "a power of a number": "10^(10^10) x",
    "a tower of powers": "x^" * 5_000 + "2",
    "a product too long": "A " * 9_000 + "x",
    "a division by zero": "x / (a - a)",
    "Python": "__import__('os').system('ls')",
    "a format string": "{0.__class__}",
    "a script": "<script>alert(1)</script>",
    "TeX": "\\input{/etc/passwd}",
    "a lambda": "(lambda: x)()",
    "an index that is not bound": "x_",
    "an open subscript": "A_{ij",
    "an unfinished fraction": "\\frac{a}{",
    "an identity of no size": "I",
    "a unit vector at nought": "e(0)",
    "the 0-norm": "||x||_0",
    "a circle of names": "p where p = q, q = p",
    "eigenvalues of any matrix": "eigmax(A)",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_hostile_text_is_refused_in_time(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(mc.MatcalcError) as caught:
        str(mc.derive(text, wrt="x" if "x" in text else "A", declare=DECLARED))
    assert time.perf_counter() - start < 1
    shown = str(caught.value)
    assert 0 < len(shown) < 2_000
    assert all(c.isprintable() or c == "\n" for c in shown)


ANSWERED = {
    "tr(A^1000000)": ("A", "1000000 (A^999999)^T"),
    "tr(A^(10^10))": ("A", "10000000000 (A^9999999999)^T"),
    "a^1000000": ("a", "1000000 a^999999"),
    "(a^T b)^100": ("a", "100 a^99 b^100"),
    "tr(A^k)": ("A", "k (A^(k - 1))^T"),
    "(" * 90 + "a" + ")" * 90: ("a", "1"),
    " + ".join(["a"] * 4_000): ("a", "4000"),
    "b": ("a", "0"),
    "y": ("x", "zeros(m, n)"),
}


@pytest.mark.parametrize("text", ANSWERED, ids=lambda t: t[:20])
def test_large_but_sound_input_is_answered_in_time(text: str) -> None:
    wrt, answer = ANSWERED[text]
    start = time.perf_counter()
    assert str(mc.derive(text, wrt=wrt, declare=DECLARED)) == answer
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("wrt", ["w", "", [], ["x"] * 9, "x x", "k"])
def test_variables_that_are_none(wrt: str | list[str]) -> None:
    with pytest.raises(mc.MatcalcError):
        mc.derive("x^T x + k", wrt=wrt, declare=DECLARED)


def test_a_derivative_by_something_absent_is_zero_with_a_note() -> None:
    d = mc.derive("x^T x", wrt="y", declare=DECLARED)
    assert (str(d), d.note) == ("zeros(m)", "the expression does not depend on y")
