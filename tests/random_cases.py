"""Random problems: an expression, what to differentiate it by, and how; a case is made from its mode and number."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from random_trees import Array, Grower, Shape, Values

MODES = {"first": 150, "index": 40, "hessian": 40, "structure": 25, "complex": 25, "written": 20}
STRUCTURED = ("symmetric", "skew", "diagonal", "lower", "upper", "toeplitz", "spd")
MAX_TEXT = 120


@dataclass(frozen=True)
class Case:
    """What is asked, and the value of the expression."""

    name: str
    text: str
    symbols: dict[str, tuple[Shape, str]]
    wrt: tuple[str, ...]
    value: Callable[[Values], Array]
    part: str = "{}"  # of a complex symbol, what is differentiated by
    layout: str = "mixed"
    structure: str | None = None

    @property
    def by(self) -> list[str]:
        return [self.part.format(w) for w in self.wrt]

    @property
    def declare(self) -> dict[str, str]:
        kinds = ("scalar", "vector", "matrix", "tensor")
        sizes = {n: f"({','.join(s)})" if s else "" for n, (s, _) in self.symbols.items()}
        return {n: f"{kinds[len(s)]}{sizes[n]} {at}".strip() for n, (s, at) in self.symbols.items()}

    @property
    def asked(self) -> dict[str, Any]:
        """The arguments of `derive` and of `check`."""
        found: dict[str, Any] = {"wrt": self.by, "declare": self.declare, "layout": self.layout}
        return found if self.structure is None else {**found, "structure": self.structure}


def cases(mode: str, count: int) -> Iterator[Case]:
    for number in range(count):
        tries = (random.Random(f"{mode}/{number}/{k}") for k in range(200))
        yield next(case for r in tries if (case := MAKERS[mode](r, f"{mode}/{number}")) is not None)


def _grown(r: random.Random, name: str, mode: str) -> Case | None:
    grower = Grower(r, r.choice((("n", "m"), ("n", "m"), ("n",), ("n", "m", "k"))), mode == "complex")
    depth = r.choice((1, 2, 2, 3)) if mode in ("hessian", "complex") else r.choice((1, 2, 2, 3, 3))
    shapes: list[Shape] = [(), (), (), ("n",), ("n", r.choice(grower.sizes))]
    made = grower.grow(() if mode == "hessian" else r.choice(shapes), depth)
    used = set(re.findall(r"[A-Za-z]\w*", made.text, re.ASCII))
    symbols = {n: what for n, what in grower.symbols.items() if n in used}
    sizes = {s for shape, _ in symbols.values() for s in shape}
    named = {w.removeprefix("I_") for w in re.findall(r"I_\w|(?<=[(, ])[nmk](?=[,)])", made.text)}
    wanted = {"structure": STRUCTURED, "complex": ("complex",)}.get(mode)
    variables = [n for n, (_, at) in symbols.items() if wanted is None or at in wanted]
    if not variables or not 4 < len(made.text) <= MAX_TEXT or not named <= sizes:
        return None
    w = r.choice(variables)
    case = Case(name, made.text, symbols, (w,), made.value)
    if mode == "complex":
        parts = ("{}", "{}", "conj({})", "re({})", "im({})")
        return Case(name, made.text, symbols, (w,), made.value, part=r.choice(parts))
    if mode == "structure":
        return Case(name, made.text, symbols, (w,), made.value, structure=r.choice(("entries", "projection")))
    if mode == "hessian":
        return Case(name, made.text, symbols, (w, r.choice((w, r.choice(variables)))), made.value)
    if r.random() < 0.2:
        return Case(name, made.text, symbols, (w,), made.value, layout=r.choice(("numerator", "denominator")))
    return case


def _indexed(r: random.Random, name: str) -> Case | None:
    """Sums of products of entries."""
    dims = {k: r.choice("nm") for k in "ijkl"}
    free = "ijkl"[: r.choice((0, 0, 1, 1, 2, 2, 3))]
    symbols: dict[str, tuple[Shape, str]] = {}
    terms = []
    for _ in range(r.choice((1, 1, 2))):
        term = _term(r, free, dims, symbols)
        if term is None:
            return None
        terms.append(term)
    text = " + ".join(" ".join(f"{v}_{ls}" if not f else f"{f}({v}_{ls})" for v, ls, f in term) for term in terms)
    left = free if not free or r.random() < 0.6 else "".join(r.sample(free, len(free)))
    used = {v for term in terms for v, _, _ in term}

    def value(v: Values) -> Array:
        total = 0.0
        for term in terms:
            factors = [getattr(np, f)(v[s]) if f else v[s] for s, _, f in term]
            total = total + np.einsum(",".join(ls for _, ls, _ in term) + "->" + left, *factors)
        return total

    wrt = tuple(r.choice(sorted(used)) for _ in range(r.choice((1, 1, 1, 2))))
    text = f"Q_{left} = {text}" if free else text
    return Case(name, text, {s: w for s, w in symbols.items() if s in used}, wrt, value)


def _term(
    r: random.Random, free: str, dims: dict[str, str], symbols: dict[str, tuple[Shape, str]]
) -> list[tuple[str, str, str]] | None:
    """Symbols with their letters and functions, such that just the free letters stand once; None where they do not."""
    term = []
    for _ in range(r.choice((1, 2, 2, 3))):
        letters = "".join(r.sample("ijkl"[: r.choice((2, 3, 4))], r.choice((1, 1, 2))))
        shape = tuple(dims[k] for k in letters)
        pool = [s for s in ("xyzw", "ABXY")[len(letters) - 1] if symbols.get(s, (shape, ""))[0] == shape]
        if not pool:
            return None
        symbol = r.choice(pool)
        symbols[symbol] = (shape, "")
        term.append((symbol, letters, r.choice(("", "", "", "", "exp", "tanh", "sin"))))
    counts = Counter("".join(ls for _, ls, _ in term))
    fits = "".join(sorted(k for k, n in counts.items() if n == 1)) == free and max(counts.values()) <= 2
    return term if fits else None


ENTRIES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "x_1": lambda x, a, b: x[0], "x_2": lambda x, a, b: x[1], "a": lambda x, a, b: a, "b": lambda x, a, b: b,
    "x_1 x_2": lambda x, a, b: x[0] * x[1], "x_1^2": lambda x, a, b: x[0] ** 2, "1": lambda x, a, b: 1.0,
    "sin(x_1)": lambda x, a, b: np.sin(x[0]), "a x_1": lambda x, a, b: a * x[0], "0": lambda x, a, b: 0.0,
    "x_1 + x_2": lambda x, a, b: x[0] + x[1], "a b": lambda x, a, b: a * b, "-x_2": lambda x, a, b: -x[1],
    "x_1 / (1 + x_2^2)": lambda x, a, b: x[0] / (1 + x[1] ** 2), "a x_2 - b": lambda x, a, b: a * x[1] - b,
}  # fmt: skip


def _written(r: random.Random, name: str) -> Case | None:
    """Vectors and matrices with their entries written out."""
    rows, columns = r.choice((2, 2, 3)), r.choice((1, 2, 2, 3))
    entries = [[r.choice(tuple(ENTRIES)) for _ in range(columns)] for _ in range(rows)]
    used = " ".join(t for row in entries for t in row)
    literal = "[" + "; ".join(", ".join(row) for row in entries) + "]"
    if columns == 1:
        literal = literal.replace(";", ",")
    shapes: dict[str, Shape] = {"x": ("2",), "a": (), "b": ()}
    symbols: dict[str, tuple[Shape, str]] = {s: (h, "") for s, h in shapes.items() if re.search(rf"\b{s}(\b|_)", used)}

    def value(v: Values) -> Array:
        x, a, b = v.get("x", np.zeros(2)), v.get("a", 0.0), v.get("b", 0.0)
        found = np.array([[ENTRIES[t](x, a, b) for t in row] for row in entries], dtype=float)
        return found[:, 0] if columns == 1 else found

    square = [("det({})", np.linalg.det), ("{}^-1", np.linalg.inv)] if rows == columns else []
    norm = "||{}||^2" if columns == 1 else "||{}||_F^2"
    form, f = r.choice([("{}", np.asarray), (norm, lambda a: np.sum(a**2)), *square])
    if not symbols:
        return None
    wrt = tuple(r.choice(sorted(symbols)) for _ in range(r.choice((1, 1, 1, 2))))
    return Case(name, form.format(literal), symbols, wrt, lambda v: f(value(v)))


MAKERS: dict[str, Callable[[random.Random, str], Case | None]] = {
    **{mode: lambda r, name, mode=mode: _grown(r, name, mode) for mode in ("first", "hessian", "structure", "complex")},
    "index": _indexed,
    "written": _written,
}
