"""A function of `any` is its definition at every entry: the same as the function of a scalar, and nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

import matcalc as mc
from matcalc.shelf import Entry

POINT = np.array([0.7, 1.3, 0.4])
A = np.array([[0.6, 0.3, 0.2], [0.1, 0.8, 0.5]])
DEFINITIONS = (
    "sum([x, x, 1])", "det([x, 1; 1, x]) + x", "logsumexp([x, 0])", "x^x", "sum([1, 2].^x)", "sum(2.^[x, 1])",
    "tr([x, 1; 2, x]^2)", "tr([x, 1; -1, x]^-1)", "tr([x, 1, 2; 0, 3, x; 1, x, 5]^-2)", "logdet([x, 3; 1, x])",
    "prod([x, 2, sin(x)])", "sum(softmax([x, 1, 2 x]) .* [1, x, 3])", "||[x, 1]||", "||[x, 2]||_1",
    "[x, 1; 2, x]_12 x", "e(1,2)^T [x, 1; 2, 3]^-1 e(2,2)", "det([x, 1; 2, 3]^0) x",
)  # fmt: skip
REFUSED = (
    ("max([x, 0])", "max has no formula in the entries"),
    ("tr(expm([x, 1; 1, x]))", "expm has no formula in the entries"),
    ("det(x ones(5) ones(5)^T)", "entries written out, 4 rows at most"),
    ("tr([x, 1; 1, x]^50)", "the power of a matrix has no formula in the entries"),
)
pytestmark = pytest.mark.usefixtures("shelf")


def _load(folder: Path, name: str, signature: str, definition: str) -> tuple[Entry, ...]:
    path = folder / f"{name}.mc"
    path.write_text(f"function {name}(x: {signature}\n    definition: {definition}\n", encoding="utf-8")
    return mc.library.load(path)


def _same(folder: Path, definition: str, name: str) -> None:
    """Value, first and second derivative at every entry are those of the scalar function there."""
    for own, signature in ((name, "any) -> same"), (f"{name}s", "scalar) -> scalar")):
        assert [e.status for e in _load(folder, own, signature, definition)] == ["verified"], definition
    d = mc.derive(f"sum({name}(A^T y))", "y", A="matrix(n,m)", y="vector(n)")
    second = mc.derive(f"sum({name}(z))", ["z", "z"], z="vector(m)")
    value = mc.parse(f"{name}(z)", z="vector(m)").function()(z=POINT)
    matrix = mc.parse(f"{name}(Z)", Z="matrix(m,k)").function()(Z=POINT[:, None])
    one, slope, bend = (
        [float(f.function()(t=t)) for t in POINT]
        for f in (
            mc.parse(f"{name}s(t)", t="scalar"),
            mc.derive(f"{name}s(t)", "t", t="scalar"),
            mc.derive(f"{name}s(t)", ["t", "t"], t="scalar"),
        )
    )
    assert np.all(np.isfinite([one, slope, bend])), definition
    np.testing.assert_allclose(value, one, rtol=1e-10, atol=1e-12, err_msg=definition)
    np.testing.assert_allclose(matrix[:, 0], one, rtol=1e-10, atol=1e-12, err_msg=definition)
    y = np.linalg.lstsq(A.T, POINT, rcond=None)[0]
    at = [float(mc.derive(f"{name}s(t)", "t", t="scalar").function()(t=t)) for t in A.T @ y]
    np.testing.assert_allclose(d.function()(A=A, y=y), A @ at, rtol=1e-9, atol=1e-11, err_msg=definition)
    np.testing.assert_allclose(second.function()(z=POINT), np.diag(bend), rtol=1e-9, atol=1e-11, err_msg=definition)
    assert not d.verify().refuted
    again = mc.parse(str(d), declare=d.declarations).function()(A=A, y=y)
    np.testing.assert_allclose(again, A @ at, rtol=1e-9, atol=1e-11, err_msg=str(d))


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_any_is_scalar_at_every_entry(definition: str, tmp_path: Path) -> None:
    _same(tmp_path, definition, "entrywise")


@pytest.mark.parametrize("definition, reason", REFUSED)
def test_what_has_no_meaning_at_every_entry_is_refused(definition: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(mc.IdentityError, match=reason):
        _load(tmp_path, "entrywise", "any) -> same", definition)
    assert _load(tmp_path, "onlyone", "scalar) -> scalar", definition)


def test_large_entries_do_not_overflow(tmp_path: Path) -> None:
    _load(tmp_path, "positivepart", "any) -> same", "logsumexp([x, 0])")
    f = mc.parse("positivepart(z)", z="vector(m)").function()
    np.testing.assert_allclose(f(z=np.array([-800.0, 800.0])), [0.0, 800.0])


def _scalar(r: random.Random, depth: int) -> str:
    """A formula in x with a value, positive or not, at every positive x."""
    if depth == 0:
        return r.choice(("x", "x", "2", "1/2", "(x + 1)"))
    a, b = _scalar(r, depth - 1), _scalar(r, 0)
    forms = (
        f"({a} + {b})", f"({a} - {b})", f"{a} {b}", f"sin({a})", f"exp(-({a})^2)", f"({a} / (1 + ({b})^2))",
        f"softplus({a})", f"(1 + ({a})^2)^(1/2)", f"(2 + sin({a}))^({b})", f"sum([{a}, {b}])",
        f"det([{a}, {b}; 1, x])", f"||[{a}, 1]||^2", f"logsumexp([{a}, {b}])", f"sum([{a}, {b}].^2)",
        f"tr([{a}, 1; {b}, 2]^2)", f"dot([{a}, 1], softmax([{b}, x]))",
    )  # fmt: skip
    return r.choice(forms)


def test_random_definitions(tmp_path: Path) -> None:
    r = random.Random(5)
    made = dict.fromkeys(_scalar(r, r.choice((1, 2, 2))) for _ in range(40))
    definitions = [d for d in made if "x" in d.replace("exp", "")]
    assert len(definitions) >= 20
    for k, definition in enumerate(definitions[:20]):
        _same(tmp_path, definition, f"random{k}f")
