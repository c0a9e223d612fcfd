"""Answers of known sizes entry by entry: every entry as a formula of scalars, simplified by SymPy.

SymPy is loaded here when it is first needed, and never sees text.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import reduce
from itertools import product
from math import comb, prod
from typing import Any

import numpy as np

from . import ir
from .declarations import Declaration
from .duals import evaluate
from .errors import MatcalcError
from .ir import Node
from .systems import Array, Inexact, NoPoint

MOST_ENTRIES = 16
MOST_NODES = 400
MOST_OPERATIONS = 80
MOST_VARIABLES = 6
MOST_TRIGONOMETRY = 40
MOST_TERMS = 400
LARGEST_DETERMINANT = 4
LARGEST_INVERSE = 3
# Functions that SymPy has under the same name; others are unknown functions to it.
SHARED = frozenset({"exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "sign", "erf"})


def entrywise(root: Node, declarations: Mapping[str, Declaration]) -> Node | None:
    """The node as a sum of scalars times unit vectors, each scalar simplified; None where there is no such form.

    >>> r, t = ir.symbol("r"), ir.symbol("t")
    >>> x, y = (ir.einsum([(r, ()), (ir.apply(f, [t]), ())], ()) for f in ("cos", "sin"))
    >>> square = ir.add([(1, ir.power(x, 2)), (1, ir.power(y, 2))], ())
    >>> entrywise(square, {"r": Declaration("scalar"), "t": Declaration("scalar")}) is ir.power(r, 2)
    True
    """
    sizes = [s.number for s in root.shape]
    if root.is_complex or any(n is None for n in sizes) or ir.written_size(root) > MOST_NODES:
        return None
    if np.prod([n or 0 for n in sizes], dtype=int) > MOST_ENTRIES:
        return None
    try:
        algebra = _Algebra(declarations)
        (value,) = evaluate([root], algebra.point, _Known(), algebra)
        terms = []
        for place in product(*(range(n or 0) for n in sizes)):
            units = [(ir.basis(k + 1, s), (axis,)) for axis, (k, s) in enumerate(zip(place, root.shape, strict=True))]
            entry = algebra.node(algebra.simplified(value[0][place]))
            terms.append((1, ir.einsum([(entry, ()), *units], tuple(range(root.rank)))))
        return ir.add(terms, root.shape)
    except (Inexact, NoPoint, MatcalcError):
        return None


def _minor(x: Array, i: int, j: int) -> Array:
    return np.delete(np.delete(x, i, axis=0), j, axis=1)


def _determinant(x: Array) -> Any:
    """Along the first row; SymPy's own would simplify on the way."""
    if not len(x):
        return 1
    return sum((-1) ** j * x[0, j] * _determinant(_minor(x, 0, j)) for j in range(len(x)))


class _Known(dict[str, Any]):
    """What stands for names here: of symbols and sizes that are not in it there are no entries to write."""

    def __missing__(self, name: str) -> Any:
        raise Inexact(f"{name} has no entries of a known number")


class _Algebra:
    """Formulas of scalars as a number system."""

    dtype: Any = object
    ordered = False
    nan = None

    def __init__(self, declarations: Mapping[str, Declaration]) -> None:
        import sympy  # type: ignore[import-untyped]  # noqa: PLC0415

        self.sympy = sympy
        self.nodes: dict[Any, Node] = {}
        self.point: dict[str, dict[int, Array]] = _Known()
        for name, d in declarations.items():
            sizes = [s.number for s in d.sizes]
            if all(n is not None and n <= MOST_ENTRIES for n in sizes):
                self.point[name] = {0: self._symbols(name, d, [n or 0 for n in sizes])}

    def _symbols(self, name: str, d: Declaration, sizes: list[int]) -> Array:
        """A symbol for each entry, independent but for a structure that shows in entries."""
        if d.attributes - {"positive", "integer", "invertible", "constant", "contraction"}:
            raise Inexact("a matrix with a structure")
        known = {a: True for a in ("positive", "integer") if a in d.attributes}
        whole = ir.symbol(name, d.sizes, d.attributes)
        found = np.empty(sizes, dtype=object)
        for place in product(*map(range, sizes)):
            label = "_".join([name, *(str(k + 1) for k in place)])
            entry = self.sympy.Symbol(label, real=True, **known)
            units = [(ir.basis(k + 1, s), (axis,)) for axis, (k, s) in enumerate(zip(place, d.sizes, strict=True))]
            self.nodes[entry] = ir.einsum([(whole, tuple(range(len(sizes)))), *units], ())
            found[place] = entry
        return found

    # --- a number system ---

    def number(self, value: Fraction | int) -> Any:
        return self.sympy.Rational(value.numerator, value.denominator)

    def complex(self, value: complex) -> Any:
        raise Inexact("a complex number")

    def reduce(self, array: Any) -> Array:
        return np.asarray(array, dtype=object)

    def formula(self, value: Any) -> Any:
        """A formula of SymPy's, of what may be a whole number of Python's."""
        return value if isinstance(value, self.sympy.Basic) else self.sympy.Integer(int(value))

    def _each(self, f: Any, x: Array) -> Array:
        return np.array([f(self.formula(v)) for v in x.ravel()], dtype=object).reshape(x.shape)

    def reciprocal(self, x: Array) -> Array:
        if any(v == 0 for v in x.ravel()):
            raise NoPoint("a division by nought")
        return self._each(lambda v: 1 / v, x)

    def root(self, x: Array) -> Array:
        return self._each(self.sympy.sqrt, x)

    def power(self, x: Array, y: Array) -> Array:
        return self._each(lambda v: v ** self.formula(y[()]), x)

    def inverse(self, x: Array) -> Array:
        if len(x) > LARGEST_INVERSE:
            raise Inexact("the inverse of a large matrix")
        determinant = self.simplified(_determinant(x))
        if determinant == 0:
            raise NoPoint("a singular matrix")
        places = range(len(x))
        cofactors = [[(-1) ** (i + j) * _determinant(_minor(x, i, j)) for i in places] for j in places]
        return np.asarray(np.array(cofactors, dtype=object) / determinant, dtype=object)

    def determinant(self, x: Array) -> Array:
        if len(x) > LARGEST_DETERMINANT:
            raise Inexact("the determinant of a large matrix")
        return np.asarray(self.simplified(_determinant(x)), dtype=object)

    def function(self, name: str, x: Array) -> Array:
        f = getattr(self.sympy, name) if name in SHARED else self.sympy.Function(name, real=True)
        return self._each(self.sympy.Abs if name == "abs" else f, x)

    def matrix_function(self, name: str, x: Array) -> Array:
        raise Inexact(f"{name} has no formula")

    def eigen(self, x: Array, largest: bool) -> tuple[Any, Array]:
        raise Inexact("eigenvalues have no formula")

    def pseudo_inverse(self, x: Array) -> Array:
        raise Inexact("a pseudo-inverse has no formula")

    def constant(self, name: str) -> Any:
        return self.sympy.pi

    def whole(self, x: Array) -> int:
        if not getattr(x[()], "is_Integer", False):
            raise Inexact("a power of a matrix with a symbolic exponent")
        return int(x[()])

    def note(self, array: Array) -> None:
        if any(getattr(v, "is_Add", False) and len(v.args) > MOST_OPERATIONS for v in array.ravel()):
            raise Inexact("too large to simplify")

    def compare(self, least: Any, most: Any) -> None:
        pass

    # --- formulas ---

    def simplified(self, value: Any) -> Any:
        """The shortest of what a person would try: over one denominator, factored, sines and cosines joined."""
        s = self.sympy
        value = self.formula(value)
        if value.count_ops() > MOST_OPERATIONS:
            raise Inexact("too large to simplify")
        forms = [value]
        # What polynomials in many variables cost is not bounded by their length.
        variables = (
            value.free_symbols | value.atoms(s.Function) | {p for p in value.atoms(s.Pow) if not p.exp.is_Integer}
        )
        if len(variables) > MOST_VARIABLES or self._terms(value) > MOST_TERMS:
            return value
        joined = s.cancel(value)
        forms += [joined, s.factor(joined)]
        if joined.count_ops() <= MOST_TRIGONOMETRY and self._has_pairs(joined):
            forms.append(s.trigsimp(joined))
        return min(forms, key=lambda f: (f.count_ops(visual=False), str(f)))

    def _terms(self, value: Any) -> int:
        """At least how many terms it has multiplied out; a power counts as its exponent."""
        args = value.args
        if value.is_Add:
            return sum(self._terms(a) for a in args)
        if value.is_Mul:
            return prod(self._terms(a) for a in args)
        if value.is_Pow and value.exp.is_Integer:
            base, exponent = self._terms(value.base), abs(int(value.exp))
            return max(exponent, comb(base + exponent - 1, exponent)) if base < MOST_TERMS > exponent else MOST_TERMS
        return max([1, *(self._terms(a) for a in args)])

    def _has_pairs(self, value: Any) -> bool:
        """Whether a sine and a cosine of one argument stand in it, circular or hyperbolic."""
        s = self.sympy
        pairs = ((s.sin, s.cos), (s.sinh, s.cosh))
        return any({f.args for f in value.atoms(a)} & {f.args for f in value.atoms(b)} for a, b in pairs)

    def node(self, value: Any) -> Node:
        """A formula in the intermediate representation."""
        s = self.sympy
        if value in self.nodes:
            return self.nodes[value]
        if value.is_Rational:
            return ir.number(Fraction(int(value.p), int(value.q)))
        if value is s.pi:
            return ir.call("pi", [])
        if value is s.E:
            return ir.apply("exp", [ir.ONE])
        args = [self.node(a) for a in value.args]
        if value.is_Add:
            return ir.add([(1, a) for a in args], ())
        if value.is_Mul:
            return reduce(lambda a, b: ir.einsum([(a, ()), (b, ())], ()), args)
        if value.is_Pow:
            return ir.power(*args)
        name = "abs" if value.func is s.Abs else value.func.__name__
        if value.is_Function and len(args) == 1:
            return ir.apply(name, args)
        raise Inexact(f"{name} is not in the language")
