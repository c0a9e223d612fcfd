"""Every row of `identities/functions.mc`: it parses, it evaluates, and its derivative agrees with differences."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

import matcalc as mc
from matcalc.functions import FUNCTIONS, Function
from matcalc.numeric import PRIMITIVES
from matcalc.resources import folder

ROWS = [row for name in FUNCTIONS for row in FUNCTIONS.overloads(name)]
IDS = [f"{row.name}({', '.join(p.kind for p in row.parameters)})" for row in ROWS]
# Functions whose arguments are sizes, or places, not values.
OF_SIZES = {
    "ones": ("ones(n)", "ones(n,m)"),
    "zeros": ("zeros(n)", "zeros(n,m)"),
    "e": ("e(2)^T ones(n)", "e(2,n)"),
    "merge": ("M_aij = (merge(n,m))_aij",),
    "commutation": ("commutation(n,m)",),
    "pi": ("pi",),
    "1i": ("2i tr(Z)",),
}
# Values of matrices and vectors that no derivative is known of; elsewhere a derivative must be known.
NO_DERIVATIVE = frozenset({"eig", "polar"})
# Known in a trace only, alone or with what commutes with the argument.
PRIMARY = frozenset({"expm", "logm", "sqrtm", "sinm", "cosm"})
SIZES = {"n": 3, "m": 2, "p": 2, "q": 3}


def _attributes(row: Function) -> str:
    """What a draw needs so that the function has a value there, and so that it is smooth."""
    if row.name in ("log", "logm", "sqrt", "sqrtm", "prod", "normp"):
        return " spd" if row.name.endswith("m") else " positive"
    if row.name in ("asin", "acos"):
        return " contraction" if row.parameters[0].kind == "matrix" else ""
    return " symmetric" if row.fields.get("domain") == "symmetric" else ""


def _declared(row: Function, kinds: tuple[str, ...]) -> dict[str, str]:
    """Declarations of the parameters, of these kinds."""
    declared = {}
    for p, kind in zip(row.parameters, kinds, strict=True):
        sizes = ",".join(map(repr, p.sizes)) or {"scalar": "", "vector": "n", "matrix": "n,m"}[kind]
        attributes = _attributes(row) if kind != "scalar" or row.name in ("log", "sqrt") else ""
        declared[p.name] = f"{kind}({sizes}){attributes}" if sizes else f"{kind}{attributes}"
    if row.name == "normp":
        declared["p"] = "scalar positive"
    return declared


def _kinds(row: Function) -> Iterator[tuple[str, ...]]:
    """The kinds of arguments to try: for a function of every shape, a scalar, a vector and a matrix."""
    if any(p.kind == "any" for p in row.parameters):
        yield from ((kind,) * len(row.parameters) for kind in ("scalar", "vector", "matrix"))
    else:
        yield tuple(p.kind for p in row.parameters)


def _call(row: Function) -> str:
    arguments = [p.name for p in row.parameters]
    # asin and acos want arguments below one
    if row.name in ("asin", "acos"):
        arguments = [f"1/4 {arguments[0]}"]
    return f"{row.name}({', '.join(arguments)})" if row.name != "normp" else "||x||_p"


def _written(row: Function) -> str:
    """The call as a user writes it: the norms have bars, not names."""
    argument = row.parameters[0].name if row.parameters else ""
    bars = {
        **{"norm": "", "normone": "_1", "norminf": "_inf", "normmax": "_max"},
        **{"normspectral": "_2", "normnuclear": "_*", "normp": "_p"},
    }
    return f"||{argument}||{bars[row.name]}" if row.name in bars else _call(row)


def _value_of(declaration: str, rng: np.random.Generator) -> np.ndarray:
    sizes = re.search(r"\((.*?)\)", declaration)
    names = sizes[1].split(",") if sizes else []
    value = np.asarray(rng.uniform(0.3, 0.9, [int(np.prod([SIZES[k] for k in n.split("*")])) for n in names]))
    return value @ value.T + np.eye(len(value)) if "symmetric" in declaration or "spd" in declaration else value


CASES = [(row, kinds) for row in ROWS if row.name not in OF_SIZES for kinds in _kinds(row)]
CASE_IDS = [f"{row.name}({', '.join(kinds)})" for row, kinds in CASES]


@pytest.mark.parametrize("row, kinds", CASES, ids=CASE_IDS)
def test_it_parses_and_evaluates(row: Function, kinds: tuple[str, ...]) -> None:
    declared = _declared(row, kinds)
    expression = mc.parse(_written(row), declare=declared)
    rng = np.random.default_rng(1)
    value = expression.function()(**{name: _value_of(d, rng) for name, d in declared.items()})
    assert np.ndim(value) == len(expression.shape)
    assert np.all(np.isfinite(value))


@pytest.mark.parametrize("name, text", [(n, t) for n, texts in OF_SIZES.items() for t in texts])
def test_functions_of_sizes_are_read(name: str, text: str) -> None:
    assert name in FUNCTIONS
    declared = {"A": "matrix(n,m)", "Z": "matrix(n,n) complex"}
    expression = mc.parse(text, declare=declared)
    assert str(mc.parse(str(expression), declare=declared)) == str(expression)


@pytest.mark.parametrize("row, kinds", CASES, ids=CASE_IDS)
def test_its_derivative_agrees_with_differences(row: Function, kinds: tuple[str, ...]) -> None:
    declared = _declared(row, kinds)
    text = _written(row)
    if row.name in PRIMARY:
        text = f"tr({text})"
    if row.self_adjoint:
        text = f"||{text}||_F^2"
    wrt = row.parameters[0].name
    if row.name in NO_DERIVATIVE:
        with pytest.raises(mc.UnsupportedError, match=f"the derivative of {row.name}\\(.*\\) is not known"):
            mc.derive(text, wrt=wrt, declare=declared)
        return
    verdict = mc.derive(text, wrt=wrt, declare=declared).verify()
    assert verdict, str(verdict)


@pytest.mark.parametrize("row", [r for r in ROWS if r.aliases], ids=lambda r: r.name)
def test_aliases_mean_the_same(row: Function) -> None:
    declared = _declared(row, next(_kinds(row)))
    plain = str(mc.parse(_call(row), declare=declared))
    for alias in row.aliases:
        assert str(mc.parse(_call(row).replace(row.name, alias, 1), declare=declared)) == plain


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_a_row_says_how_to_compute(row: Function) -> None:
    """A function has a definition in older ones or a value in NumPy; what the lowering knows has neither."""
    built_in = row.name in OF_SIZES or row.name in ("vec", "kron", "conj", "re", "im")
    assert row.definition or row.name in PRIMITIVES or built_in


def test_nothing_is_said_twice() -> None:
    assert not [row.name for row in ROWS if row.definition and (row.derivative or row.differential)]


def test_every_row_of_the_file_is_read() -> None:
    text = (folder("identities") / "functions.mc").read_text(encoding="utf-8")
    assert sum(line.startswith("function ") for line in text.splitlines()) == len(ROWS)


@pytest.mark.parametrize("name", sorted(PRIMARY))
def test_functions_of_a_matrix_say_where_their_derivative_is_known(name: str) -> None:
    message = f"the derivative of {name}\\(X\\) is known in a trace, alone or with what commutes with X, and by s"
    for text in (f"{name}(X)", f"tr(A {name}(X))"):
        with pytest.raises(mc.UnsupportedError, match=message):
            mc.derive(text, wrt="X")
    assert mc.derive(f"tr(X {name}(X))", wrt="X", X="matrix(n,n) spd").verify()
