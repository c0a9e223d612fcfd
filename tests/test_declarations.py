"""Reading declarations, and the messages about wrong ones."""

from __future__ import annotations

import pytest

from matcalc.declarations import Declaration, read_declaration, read_declarations
from matcalc.errors import LimitError, MatcalcError, ParseError, ShapeError
from matcalc.sizes import Size

RIGHT = [
    ("scalar", "scalar"),
    (" scalar  positive ", "scalar positive"),
    ("vector(n)", "vector(n)"),
    ("vector( 3 )", "vector(3)"),
    ("vector(n*p)", "vector(n*p)"),
    ("vector(2*n+1)", "vector(2*n+1)"),
    ("matrix(n,m)", "matrix(n,m)"),
    ("matrix(n, n) spd", "matrix(n,n) spd"),
    ("matrix(n,n) constant, symmetric", "matrix(n,n) symmetric constant"),
    ("matrix(n*p,p*n) lower", "matrix(n*p,n*p) lower"),
    ("matrix(n,m) contraction", "matrix(n,m) contraction"),
    ("tensor(n,m,k)", "tensor(n,m,k)"),
    ("tensor(2,2,2,2) integer", "tensor(2,2,2,2) integer"),
    ("vector(ν)", "vector(nu)"),
]


@pytest.mark.parametrize(("text", "printed"), RIGHT)
def test_read_and_print(text: str, printed: str) -> None:
    declaration = read_declaration("A", text)
    assert str(declaration) == printed
    assert read_declaration("A", printed) == declaration


OF_X, OF_A = "in the declaration of 'x': ", "in the declaration of 'A': "
SIZE_HINT = "a size is a name or a number, or products and sums of these, such as n, 3, 2*n, n+1"

# name, text, class, offset, message
WRONG: list[tuple[str, str, type[MatcalcError], int, str]] = [
    ("x", "", ParseError, 0, f"{OF_X}it is empty; kinds are scalar, vector, matrix, tensor"),
    ("x", "matrx(n,n)", ParseError, 0, f"{OF_X}unknown kind 'matrx'; did you mean matrix?"),
    (
        "x",
        "spd(n)",
        ParseError,
        0,
        f"{OF_X}unknown kind 'spd'; kinds are scalar, vector, matrix, tensor",
    ),
    ("x", "scalar(3)", ShapeError, 7, f"{OF_X}a scalar has no size"),
    ("x", "vector", ShapeError, 6, f"{OF_X}a vector has one size, as in vector(n); none given"),
    ("x", "vector(0)", ShapeError, 7, f"{OF_X}a size is at least 1"),
    ("x", "vector(0*n)", ShapeError, 7, f"{OF_X}a size is at least 1"),
    ("x", "vector(-1)", ParseError, 7, f"{OF_X}{SIZE_HINT}"),
    ("x", "vector()", ParseError, 7, f"{OF_X}{SIZE_HINT}"),
    ("x", "vector(n,)", ParseError, 9, f"{OF_X}{SIZE_HINT}"),
    (
        "x",
        "vector(n p)",
        ParseError,
        9,
        f"{OF_X}')' or ',' is missing here; the '(' at column 7 is not closed",
    ),
    (
        "x",
        "vector(n",
        ParseError,
        8,
        f"{OF_X}')' or ',' is missing here; the '(' at column 7 is not closed",
    ),
    (
        "A",
        "matrix(n)",
        ShapeError,
        7,
        f"{OF_A}a matrix has two sizes, as in matrix(n,m); 1 given",
    ),
    (
        "A",
        "matrix(n,m,k)",
        ShapeError,
        11,
        f"{OF_A}a matrix has two sizes, as in matrix(n,m); 3 given",
    ),
    (
        "A",
        "tensor(n,m)",
        ShapeError,
        9,
        f"{OF_A}a tensor has three sizes or more, as in tensor(n,m,k); 2 given",
    ),
    (
        "A",
        "matrix(n,m) symmetric",
        ShapeError,
        12,
        f"{OF_A}a matrix that is symmetric is square, as in matrix(n,n) symmetric",
    ),
    ("x", "vector(n) spd", ShapeError, 10, f"{OF_X}only a matrix can be spd"),
    (
        "A",
        "matrix(n,n) symetric",
        ParseError,
        12,
        f"{OF_A}unknown attribute 'symetric'; did you mean symmetric?",
    ),
    (
        "A",
        "matrix(n,n) = 3",
        ParseError,
        12,
        f"{OF_A}'=' does not belong here; attributes such as symmetric follow the sizes",
    ),
    (
        "A",
        "matrix(n,n) hermitian symmetric",
        ShapeError,
        22,
        f"{OF_A}hermitian and symmetric do not go together; declare one of them",
    ),
    (
        "A",
        "matrix(n,n) complex orthogonal",
        ShapeError,
        20,
        f"{OF_A}complex and orthogonal do not go together; declare one of them",
    ),
    (
        "z",
        "scalar positive complex",
        ShapeError,
        16,
        "in the declaration of 'z': complex and positive do not go together; declare one of them",
    ),
    ("A", "vector(" + "9" * 20 + ")", LimitError, 7, "a size may have 9 digits at most"),
]


@pytest.mark.parametrize(("name", "text", "kind", "position", "message"), WRONG)
def test_message(name: str, text: str, kind: type[MatcalcError], position: int, message: str) -> None:
    with pytest.raises(MatcalcError) as caught:
        read_declaration(name, text)
    error = caught.value
    assert (type(error), error.position, error.message, error.source) == (kind, position, message, text)


@pytest.mark.parametrize(
    "name", ["", " ", "x y", 'x"]', "<script>", "\\alpha}\\input{p}", "1x", "x-", "_x", "ñ", "x\n"]
)
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(ParseError) as caught:
        read_declarations({name: "scalar"})
    assert caught.value.position is not None


def test_names_are_normalised() -> None:
    table = read_declarations({"λ": "scalar", "\\beta": "vector(n)", "True": "scalar", "__x__": "scalar"})
    assert list(table) == ["lambda", "beta", "True", "__x__"]


def test_a_symbol_is_declared_once() -> None:
    with pytest.raises(ParseError, match="'lambda' is declared twice"):
        read_declarations({"λ": "scalar", "lambda": "scalar"})


def test_a_declaration_passes_through() -> None:
    given = Declaration("vector", (Size.of("n"),))
    assert read_declarations({"x": given}) == {"x": given}
