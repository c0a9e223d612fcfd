"""Random expressions: a text as people write it, and its value in plain NumPy, made together.

Nothing of the package is used, neither its parser nor its printer, so that what is read can be compared with what was
meant. A `Made` is one expression; `Grower` makes them, and the symbols in them, from a random generator.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any
Shape: TypeAlias = tuple[str, ...]
Values: TypeAlias = Mapping[str, Any]  # of symbols, and of sizes
SUM, MINUS, OPERATOR, JUXTAPOSED, POSTFIX, PRIMARY = range(1, 7)


@dataclass(frozen=True)
class Made:
    """A text, how tightly it holds together, the names of its sizes, and its value."""

    text: str
    level: int
    shape: Shape
    value: Callable[[Values], Array]

    def within(self, least: int) -> str:
        return self.text if self.level >= least else f"({self.text})"

    def factor(self, first: bool) -> str:
        """As a factor of a juxtaposed product."""
        return self.within(POSTFIX) if first or not self.text[0].isdigit() else f"({self.text})"


def of(f: Callable[..., Array], *parts: Made) -> Callable[[Values], Array]:
    return lambda v: f(*(p.value(v) for p in parts))


def call(name: str, f: Callable[..., Array], shape: Shape, *parts: Made) -> Made:
    return Made(f"{name}({', '.join(p.text for p in parts)})", PRIMARY, shape, of(f, *parts))


def times(*parts: Made, shape: Shape, f: Callable[..., Array] = np.matmul) -> Made:
    """A juxtaposed product."""
    return Made(" ".join(p.factor(k == 0) for k, p in enumerate(parts)), JUXTAPOSED, shape, of(f, *parts))


# --- functions, by NumPy ----------------------------------------------------------------------------------


def by_eigenvalues(f: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """A primary function of a matrix with distinct eigenvalues."""

    def value(a: Array) -> Array:
        w, q = np.linalg.eig(a)
        if np.linalg.cond(q) > 1e4:
            raise np.linalg.LinAlgError("near a matrix without a basis of eigenvectors")
        return np.real(q @ np.diag(f(w.astype(complex))) @ np.linalg.inv(q))

    return value


def inverse(a: Array) -> Array:
    if np.linalg.cond(a) > 1e4:
        raise np.linalg.LinAlgError("near a singular matrix")
    return np.linalg.inv(a)


def softmax(x: Array) -> Array:
    return np.exp(x - np.max(x)) / np.sum(np.exp(x - np.max(x)))


ELEMENTWISE: dict[str, Callable[[Array], Array]] = {
    "exp": np.exp, "sin": np.sin, "cos": np.cos, "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "softplus": lambda x: np.logaddexp(x, 0), "atan": np.arctan,
    "relu": lambda x: np.where(x > 0, x, 0), "abs": np.abs, "tan": np.tan,
    "erf": np.vectorize(math.erf, otypes=[float]),
}  # fmt: skip
ENTIRE = ("exp", "sin", "cos", "sinh", "cosh")
OF_POSITIVE: dict[str, Callable[[Array], Array]] = {"log": np.log, "sqrt": np.sqrt, "ln": np.log}
OF_SQUARE: dict[str, Callable[[Array], Array]] = {
    "tr": np.trace, "trace": np.trace, "det": np.linalg.det, "logdet": lambda a: np.log(np.abs(np.linalg.det(a))),
}  # fmt: skip
OF_ARRAY: dict[str, Callable[[Array], Array]] = {
    "sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min,
    "logsumexp": lambda x: np.max(x) + np.log(np.sum(np.exp(x - np.max(x)))),
}  # fmt: skip
NORMS: dict[str, tuple[int, Callable[[Array], Array]]] = {
    "": (1, np.linalg.norm), "_1": (1, lambda x: np.sum(np.abs(x))), "_inf": (1, lambda x: np.max(np.abs(x))),
    "_3": (1, lambda x: np.sum(np.abs(x) ** 3) ** (1 / 3)), "_F": (2, np.linalg.norm),
    "_2": (2, lambda a: np.linalg.norm(a, 2)), "_*": (2, lambda a: np.linalg.norm(a, "nuc")),
    "_max": (2, lambda a: np.max(np.abs(a))),
}  # fmt: skip

# --- growing ----------------------------------------------------------------------------------------------

NAMES = ("abcst", "xyzwu", "ABCDXYWVM")
ATTRIBUTES = ("", "", "", "", "symmetric", "symmetric", "skew", "diagonal", "lower", "upper", "spd", "toeplitz")


@dataclass
class Grower:
    """Makes expressions of a shape; the symbols it used, with their shapes and attributes."""

    r: random.Random
    sizes: tuple[str, ...]
    is_complex: bool = False
    symbols: dict[str, tuple[Shape, str]] = field(default_factory=dict)

    def size(self) -> str:
        return self.r.choice(self.sizes)

    def grow(self, shape: Shape, depth: int) -> Made:
        if depth <= 0 or self.r.random() < 0.08:
            return self.leaf(shape)
        own = (self.scalar, self.vector, self.matrix)[len(shape)]
        return self.common(shape, depth - 1) if self.r.random() < 0.25 else own(shape, depth - 1)

    # --- leaves ---

    def symbol(self, shape: Shape, attribute: str | None = None) -> Made:
        known = [n for n, (s, at) in self.symbols.items() if s == shape and attribute in (None, at)]
        fresh = [n for n in NAMES[len(shape)] if n not in self.symbols]
        if not fresh or (known and self.r.random() < 0.7):
            name = self.r.choice(known) if known else next(n + "2" for n in NAMES[len(shape)])
        else:
            name = self.r.choice(fresh[:4])
        if attribute is None:
            attribute = self.attribute(shape)
        self.symbols.setdefault(name, (shape, attribute))
        return Made(name, PRIMARY, shape, lambda v: v[name])

    def attribute(self, shape: Shape) -> str:
        if self.is_complex:
            return self.r.choice(("complex", "complex", "complex", ""))
        if len(shape) == 2 and shape[0] == shape[1]:
            return self.r.choice(ATTRIBUTES)
        return self.r.choice(("", "", "", "", "", "positive"))

    def number(self) -> Made:
        text = self.r.choice(("2", "3", "0.5", "4", "10", "1.5"))
        return Made(text, PRIMARY, (), lambda v: np.asarray(float(text)))

    def leaf(self, shape: Shape) -> Made:
        if self.r.random() > 0.06:
            return self.symbol(shape)
        if not shape:
            return self.number()
        if len(set(shape)) < len(shape):
            return Made(f"I_{shape[0]}", PRIMARY, shape, lambda v: np.eye(v[shape[0]]))
        return Made(f"ones({', '.join(shape)})", PRIMARY, shape, lambda v: np.ones([v[s] for s in shape]))

    def positive(self, shape: Shape, depth: int) -> Made:
        """What has positive entries only."""
        match self.r.choice("vefs" if shape else "vefn"):
            case "v":
                return self.symbol(shape, "positive")
            case "e":
                return call("exp", np.exp, shape, self.grow(shape, depth))
            case "f":
                name = self.r.choice(("softplus", "sigmoid", "cosh"))
                return call(name, ELEMENTWISE[name], shape, self.grow(shape, depth))
            case "n":
                x = self.grow((self.size(),), depth)
                return Made(f"1 + ||{x.text}||^2", SUM, (), of(lambda a: 1 + np.sum(np.abs(a) ** 2), x))
        a, b = self.positive(shape, depth - 1), self.positive(shape, depth - 1)
        return Made(f"{a.within(OPERATOR)} .* {b.within(JUXTAPOSED)}", OPERATOR, shape, of(np.multiply, a, b))

    # --- every shape ---

    def common(self, shape: Shape, depth: int) -> Made:
        r, grow = self.r, self.grow
        match r.choice(("add", "add", "sub", "sub", "neg", "scale", "scale", "div", "f", "f", "pos")):
            case "add" | "sub" as kind:
                a, b = grow(shape, depth), grow(shape, depth - r.choice((0, 1)))
                sign, f = ("+", np.add) if kind == "add" else ("-", np.subtract)
                return Made(f"{a.within(SUM)} {sign} {b.within(OPERATOR)}", SUM, shape, of(f, a, b))
            case "neg":
                a = grow(shape, depth)
                return Made(f"-{a.within(OPERATOR)}", MINUS, shape, of(np.negative, a))
            case "scale":
                c = self.grow((), depth - 1) if r.random() < 0.6 else self.number()
                return times(c, grow(shape, depth), shape=shape, f=np.multiply)
            case "div":
                a, b = grow(shape, depth), self.positive((), depth - 1)
                return Made(f"{a.within(OPERATOR)} / {b.within(POSTFIX)}", OPERATOR, shape, of(np.divide, a, b))
            case "f":
                name = r.choice(ENTIRE if self.is_complex else tuple(ELEMENTWISE))
                return call(name, ELEMENTWISE[name], shape, grow(shape, depth))
        if self.is_complex:
            name = r.choice(("conj", "re", "im"))
            return call(name, {"conj": np.conj, "re": np.real, "im": np.imag}[name], shape, grow(shape, depth))
        name = r.choice(tuple(OF_POSITIVE))
        return call(name, OF_POSITIVE[name], shape, self.positive(shape, depth))

    def transposed(self, a: Made) -> Made:
        """The transpose; of a vector the row, which has its value."""
        mark, f = self.r.choice(("^T", "^T", "'", "ᵀ", "^{\\top}")), np.transpose
        if self.is_complex and self.r.random() < 0.6:
            mark, f = "^H", lambda x: np.conj(np.transpose(x))
        return Made(a.within(PRIMARY) + mark, POSTFIX, a.shape[::-1], of(f, a))

    def elementwise_product(self, shape: Shape, depth: int) -> Made:
        a, b = self.grow(shape, depth), self.grow(shape, depth)
        sign = self.r.choice((" .* ", " .* ", " ⊙ ", " \\odot "))
        return Made(a.within(OPERATOR) + sign + b.within(JUXTAPOSED), OPERATOR, shape, of(np.multiply, a, b))

    def elementwise_power(self, shape: Shape, depth: int) -> Made:
        a, k = self.grow(shape, depth), self.r.choice((2, 3))
        return Made(f"{a.within(PRIMARY)}.^{k}", POSTFIX, shape, of(lambda x: x**k, a))

    # --- scalars ---

    def scalar(self, shape: Shape, depth: int) -> Made:
        r, grow, n, m = self.r, self.grow, self.size(), self.size()
        kinds = ["inner", "form", "form", "square", "square", "array", "norm", "norm", "norm", "power", "vec"]
        match r.choice(kinds if self.is_complex else [*kinds, "root", "matrix", "eig", "kron", "block"]):
            case "inner":
                return times(self.transposed(grow((n,), depth)), grow((n,), depth), shape=())
            case "form":
                parts = self.transposed(grow((n,), depth - 1)), grow((n, m), depth), grow((m,), depth - 1)
                return times(*parts, shape=(), f=lambda x, a, y: x @ a @ y)
            case "square":
                name = r.choice(("tr", "det", "trace") if self.is_complex else ("tr", "tr", *OF_SQUARE))
                return call(name, OF_SQUARE[name], (), grow((n, n), depth))
            case "array":
                name = r.choice(("sum",) if self.is_complex else ("sum", "sum", *OF_ARRAY))
                return call(name, OF_ARRAY[name], (), grow(r.choice(((n,), (n, m))), depth))
            case "norm":
                index = r.choice(("", "_F") if self.is_complex else ("", "", "_F", "_F", *NORMS))
                rank, f = NORMS[index]
                a = grow((n, m)[:rank], depth)
                if r.random() < 0.5:
                    return Made(f"||{a.text}||{index}^2", POSTFIX, (), of(lambda x: f(x) ** 2, a))
                return Made(f"||{a.text}||{index}", PRIMARY, (), of(f, a))
            case "power":
                a, k = grow((), depth), r.choice((2, 3))
                return Made(f"{a.within(PRIMARY)}^{k}", POSTFIX, (), of(lambda x: x**k, a))
            case "root":
                a, k = self.positive((), depth), r.choice(("(1/2)", "-1", "(-3/2)"))
                exponent = {"(1/2)": 0.5, "-1": -1.0, "(-3/2)": -1.5}[k]
                return Made(f"{a.within(PRIMARY)}^{k}", POSTFIX, (), of(lambda x: x**exponent, a))
            case "matrix":
                name = r.choice(("expm", "logm", "sqrtm"))
                inner = grow((n, n), depth - 1) if name == "expm" else self.symbol((n, n), "spd")
                f = by_eigenvalues({"expm": np.exp, "logm": np.log, "sqrtm": np.sqrt}[name])
                return call("tr", np.trace, (), call(name, f, (n, n), inner))
            case "eig":
                place, name = r.choice(((-1, "eigmax"), (0, "eigmin")))
                a = self.symbol((n, n), r.choice(("symmetric", "spd")))
                return call(name, lambda x: np.linalg.eigvalsh((x + x.T) / 2)[place], (), a)
            case "kron":
                a, b, name = grow((n, n), depth - 1), grow((m, m), depth - 1), r.choice(("tr", "det", "sum"))
                f = {"tr": np.trace, "det": np.linalg.det, "sum": np.sum}[name]
                return call(name, f, (), call("kron", np.kron, (), a, b))
            case "block":
                a, b, c, d = (grow(s, depth - 1) for s in ((n, n), (n, m), (m, n), (m, m)))
                text = f"det([{a.text}, {b.text}; {c.text}, {d.text}])"
                return Made(
                    text, PRIMARY, (), of(lambda w, x, y, z: np.linalg.det(np.block([[w, x], [y, z]])), a, b, c, d)
                )
        a, b = grow((n, m), depth), grow((n, m), depth)
        return Made(f"vec({a.text})^T vec({b.text})", JUXTAPOSED, (), of(lambda x, y: np.sum(x * y), a, b))

    # --- vectors and matrices ---

    def vector(self, shape: Shape, depth: int) -> Made:
        r, grow, n, m = self.r, self.grow, shape[0], self.size()
        kinds = ["product", "product", "product", "turned", "times", "power", "diag", "rows", "columns", "solved"]
        match r.choice(kinds if self.is_complex else [*kinds, "softmax", "divided"]):
            case "product":
                return times(grow((n, m), depth), grow((m,), depth), shape=shape)
            case "turned":
                return times(self.transposed(grow((m, n), depth)), grow((m,), depth), shape=shape)
            case "times":
                return self.elementwise_product(shape, depth)
            case "power":
                return self.elementwise_power(shape, depth)
            case "diag":
                return call("diag", np.diagonal, shape, grow((n, n), depth))
            case "rows":
                return call("rowsum", lambda a: np.sum(a, axis=1), shape, grow((n, m), depth))
            case "columns":
                return call("colsum", lambda a: np.sum(a, axis=0), shape, grow((m, n), depth))
            case "softmax":
                return call("softmax", softmax, shape, grow(shape, depth))
            case "divided":
                a, b = grow(shape, depth), self.positive(shape, depth)
                return Made(f"{a.within(OPERATOR)} ./ {b.within(JUXTAPOSED)}", OPERATOR, shape, of(np.divide, a, b))
        return times(self.inverted(grow((n, n), depth)), grow(shape, depth), shape=shape)

    def inverted(self, a: Made) -> Made:
        if self.r.random() < 0.3:
            return call("inv", inverse, a.shape, a)
        return Made(a.within(PRIMARY) + self.r.choice(("^-1", "^{-1}", "⁻¹")), POSTFIX, a.shape, of(inverse, a))

    def matrix(self, shape: Shape, depth: int) -> Made:
        r, grow, (n, m), k = self.r, self.grow, shape, self.size()
        kinds = ["product", "product", "product", "turned", "turned", "times", "power", "outer", "gram", "scaled"]
        match r.choice([*kinds, "inverse", "inverse", "whole", "diag"] if n == m else kinds):
            case "product":
                return times(grow((n, k), depth), grow((k, m), depth), shape=shape)
            case "turned":
                return self.transposed(grow((m, n), depth))
            case "times":
                return self.elementwise_product(shape, depth)
            case "power":
                return self.elementwise_power(shape, depth)
            case "outer":
                return call("outer", np.multiply.outer, shape, grow((n,), depth), grow((m,), depth))
            case "scaled":
                d = call("diag", np.diag, (n, n), grow((n,), depth))
                return times(d, grow(shape, depth), shape=shape)
            case "inverse":
                return self.inverted(grow(shape, depth))
            case "whole":
                a, p = grow(shape, depth), r.choice((2, 3))
                f = of(lambda x: np.linalg.matrix_power(x, p), a)
                return Made(f"{a.within(PRIMARY)}^{p}", POSTFIX, shape, f)
            case "diag":
                return call("diag", np.diag, shape, grow((n,), depth))
        return times(grow((n, k), depth), self.transposed(grow((m, k), depth)), shape=shape)
