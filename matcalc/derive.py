"""The pipeline: text to expression, expression to derivative, derivative to text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import ir
from .codegen import compile_numpy, numpy_source
from .confirm import folded, means
from .declarations import Declaration, read_declarations
from .differentiate import derivative
from .errors import LimitError, ShapeError, UnknownSymbolError, UnsupportedError
from .indices import einstein_form, index_form
from .ir import Node
from .length import length
from .lower import Lowered, free_symbol, lower_parsed, symbol_of, unfolded, without_structure
from .recognise import Recogniser, matrix_form
from .render.latex import latex
from .render.mathml import mathml
from .render.text import text
from .render.unicode import unicode
from .shapes import with_readings
from .shelf import SHELF
from .structure import MODES, within
from .syntax import Mul, Name, Num, Slash, Sub, Syntax, Transpose, Where, children, walk, with_children
from .verify import Verification, verify

MAX_ORDER = 4
LAYOUTS = ("mixed", "numerator", "denominator")
SHORT = 4
LONG = 24
MAX_NAMES = 30
LONGEST_PHRASE = 6
Declare: TypeAlias = Mapping[str, str | Declaration] | None


class Printable:
    """What has a syntax can be written in every language."""

    syntax: Syntax

    def __str__(self) -> str:
        return text(self.syntax)

    def unicode(self) -> str:
        """The text in Unicode mathematics."""
        return unicode(self.syntax)

    def latex(self) -> str:
        """The text in LaTeX, for mathematics mode."""
        return latex(self.syntax)

    def mathml(self) -> str:
        """The text in MathML Core."""
        return mathml(self.syntax)

    def _repr_latex_(self) -> str:
        return f"${self.latex()}$"


@dataclass(frozen=True, repr=False)
class Expr(Printable):
    """An expression that was read: its syntax, its shape, and what was assumed of its symbols."""

    lowered: Lowered

    @cached_property
    def syntax(self) -> Syntax:  # type: ignore[override]
        """As it was written, with every slash read."""
        return with_readings(self.lowered.syntax, self.lowered.reading.scope)

    @property
    def shape(self) -> tuple[str, ...]:
        """The sizes of the axes."""
        return tuple(repr(s) for s in self.lowered.node.shape)

    @property
    def declarations(self) -> dict[str, str]:
        """Every symbol with its kind, sizes and attributes, those assumed among them."""
        return {n: str(d) for n, d in self.lowered.declarations.items()}

    def index(self) -> str:
        """The expression in Einstein's index notation."""
        return text(_einstein(self.lowered, self.lowered.node))

    def function(self, backend: str = "numpy") -> Callable[..., NDArray[np.float64]]:
        """A function of one array a symbol, by keyword."""
        return _function(self.lowered.node, self.lowered.declarations, backend)

    def code(self, language: str = "numpy") -> str:
        """Source text of that function."""
        return _code(self.lowered.node, self.lowered.declarations, language)

    def __repr__(self) -> str:
        return f"Expr({str(self)!r})"


def _function(node: Node, declarations: Mapping[str, Declaration], backend: str) -> Callable[..., NDArray[np.float64]]:
    if backend != "numpy":
        raise UnsupportedError(f"functions are made for numpy; {backend} comes in a later version")
    return compile_numpy(unfolded(node), {n: d.sizes for n, d in declarations.items()})


def _code(node: Node, declarations: Mapping[str, Declaration], language: str) -> str:
    if language != "numpy":
        raise UnsupportedError(f"code is written for numpy; {language} comes in a later version")
    return numpy_source(node, {n: d.sizes for n, d in declarations.items()})


def _recogniser(lowered: Lowered, explicit: bool = False, wrt: Sequence[str] = ()) -> Recogniser:
    order: dict[str, int] = {}
    phrases: set[str] = set()
    for x in walk(lowered.syntax):
        if isinstance(x, Name):
            order.setdefault(x.name, len(order))
        elif isinstance(x, Mul) and len(x.factors) <= LONGEST_PHRASE and not any(isinstance(y, Slash) for y in walk(x)):
            runs = [x.factors[i:j] for j in range(len(x.factors) + 1) for i in range(j - 1)]
            phrases.update(text(Mul(run)) for run in runs)
    taken = frozenset(lowered.declarations)
    return Recogniser(lowered.written, order, explicit, frozenset(wrt), taken, frozenset(phrases))


def parse(expr: str | Expr, declare: Declare = None, **symbols: str) -> Expr:
    """Read an expression.

    >>> parse("x^T A x").declarations
    {'x': 'vector(n)', 'A': 'matrix(n,n)'}

    `declare` is the whole table of symbols: a name that is not in it is an error. Keywords state what you want to
    say of some symbols, and the others are inferred from how they are used. Errors: ParseError,
    UnknownSymbolError, ShapeError, LimitError.
    """
    return _read(expr, declare, symbols, ())


def _read(expr: str | Expr, declare: Declare, symbols: Mapping[str, str], wrt: Sequence[str]) -> Expr:
    SHELF.open()  # a user's own functions
    if isinstance(expr, Expr):
        if not declare and not symbols:
            return expr
        expr = str(expr)
    if not isinstance(expr, str):
        raise UnsupportedError("expressions are read from text; SymPy expressions come in a later version")
    table = read_declarations({**(declare or {}), **symbols})
    return Expr(lower_parsed(expr, table, frozenset(wrt), open_names=not declare))


@dataclass(frozen=True, repr=False)
class Derivative(Printable):
    """A derivative: `str()` is its matrix notation, or index notation where there is no other.

    `node` has the axes of the expression and then those of each variable, whatever the layout of the text.
    """

    expr: Expr
    wrt: tuple[str, ...]
    layout: str
    node: Node
    free: tuple[Node, Node]  # the expression and its derivative with independent entries
    structure: str | None = None

    @cached_property
    def _form(self) -> tuple[Syntax, bool]:
        lowered = self.expr.lowered
        turned = _in_layout(self.node, lowered.node.rank, self.layout)
        syntax, is_matrix = _written(lowered, turned, self.wrt)
        if self.layout != "mixed" and turned.rank == 1 and _is_row(lowered.node.rank, self.layout):
            syntax = Transpose(syntax)
        return syntax, is_matrix

    @property
    def syntax(self) -> Syntax:  # type: ignore[override]
        """The derivative as it is written."""
        return self._form[0]

    @property
    def is_matrix_form(self) -> bool:
        """Whether it is written in matrix notation, without indices."""
        return self._form[1]

    @property
    def shape(self) -> tuple[str, ...]:
        """The sizes of the axes of the derivative in mixed layout."""
        return tuple(repr(s) for s in self.node.shape)

    @property
    def declarations(self) -> dict[str, str]:
        """Every symbol with its kind, sizes and attributes, those assumed among them."""
        return self.expr.declarations

    @property
    def note(self) -> str:
        """A remark on the answer, or an empty string."""
        absent = [w for w in self.wrt if not ir.depends(self.free[0], w)]
        return f"the expression does not depend on {', '.join(absent)}" if absent else ""

    @cached_property
    def identity(self) -> str | None:
        """The known identity that states this derivative, such as `Matrix Cookbook (81)`, or None.

        >>> derive("y^T Q y", wrt="y").identity
        'Matrix Cookbook (81)'
        """
        return SHELF.identity_of(self.expr.lowered.node, self.wrt)

    def index(self) -> str:
        """The derivative in Einstein's index notation."""
        return text(_einstein(self.expr.lowered, self.node))

    def pretty(self) -> str:
        """The derivative with its repeated parts named: `... where T_1 = ...`; `parse` reads it too."""
        return text(with_names(self.syntax, set(self.expr.lowered.declarations)))

    def function(self, backend: str = "numpy") -> Callable[..., NDArray[np.float64]]:
        """A function of one array a symbol, by keyword; its axes are those of the expression, then of each variable."""
        return _function(self.node, self.expr.lowered.declarations, backend)

    def code(self, language: str = "numpy") -> str:
        """Source text of that function."""
        return _code(self.node, self.expr.lowered.declarations, language)

    def derive(self, wrt: str | Sequence[str]) -> Derivative:
        """The derivative of this derivative."""
        more = (wrt,) if isinstance(wrt, str) else tuple(wrt)
        return _derive(self.expr, self.wrt + more, self.layout, self.structure)

    def verify(self, trials: int | None = None, seed: int = 0) -> Verification:
        """Compare with the original expression, in random directions at random points.

        Where a function of the expression cannot be evaluated there (the eigenvalues of a matrix that need not be
        symmetric), what the rewrites made of the expression is compared.
        """
        verdict = self._verified(self.free[0], trials or 10, seed)
        if verdict.ok or verdict.refuted or verdict.trials:
            return verdict
        return self._verified(self.folded, trials or 10, seed)

    @property
    def folded(self) -> Node:
        """What the rewrites of the library make of the expression."""
        return folded(self.free[0], self.expr.lowered.declarations)

    def _verified(self, root: Node, trials: int, seed: int) -> Verification:
        return verify(root, self.free[1], self.wrt, self.expr.lowered.declarations, trials, seed)

    def __repr__(self) -> str:
        return f"Derivative({str(self)!r})"


def derive(
    expr: str | Expr,
    wrt: str | Sequence[str],
    *,
    declare: Declare = None,
    layout: str = "mixed",
    structure: str | None = None,
    **symbols: str,
) -> Derivative:
    """The derivative of an expression by a symbol, or by several in turn.

    >>> print(derive("||X - U V||_F^2", wrt="V"))
    -2 U^T (X - U V)
    >>> print(derive("x^T A x", wrt="x", A="matrix(n,n) symmetric"))
    2 A x
    >>> print(derive("x^T A x", wrt=["x", "x"]))
    A + A^T

    In the mixed layout the gradient of a scalar has the shape of the variable, and the Jacobian of a vector is
    J[i,j] = dy_i/dx_j. `declare` is as in `parse`. Errors: those of `parse`, and UnsupportedError for a derivative
    that is not known.
    """
    if layout not in LAYOUTS:
        raise UnsupportedError(f"the layout is one of {', '.join(LAYOUTS)}")
    if structure is not None and structure not in MODES:
        raise UnsupportedError(f"structure is one of {', '.join(MODES)}, or None")
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt) if isinstance(wrt, Sequence) else (wrt,)
    if not all(isinstance(n, str) for n in names):
        raise UnknownSymbolError("wrt is the name of a symbol, or a list of names")
    return _derive(_read(expr, declare, symbols, names), names, layout, structure)


def _derive(expr: Expr, wrt: tuple[str, ...], layout: str, structure: str | None) -> Derivative:
    if not wrt:
        raise UnknownSymbolError("name the symbol to differentiate by")
    if len(wrt) > MAX_ORDER:
        raise LimitError(f"derivatives are taken up to order {MAX_ORDER}")
    lowered = expr.lowered
    variables = _variables(lowered, wrt)
    structured = [v.name for v in variables if v is not symbol_of(v.name, lowered.declarations[v.name])]
    root = without_structure(lowered, structured) if structured else lowered.node
    table = lowered.declarations
    free = folded(root, table)
    for v in variables:
        free = folded(derivative(free, v), table)
    node = free
    if structured:
        whole = {n: symbol_of(n, lowered.declarations[n]) for n in structured}
        node = folded(ir.substitute(free, whole, {}), table)
    if structure is not None:
        node = _structured(node, lowered, wrt, structure)
    return Derivative(expr, wrt, layout, node, (unfolded(root), unfolded(free)), structure)


def _structured(node: Node, lowered: Lowered, wrt: Sequence[str], structure: str) -> Node:
    if len(wrt) != 1:
        raise UnsupportedError("structure= is for first derivatives")
    (name,) = wrt
    d = lowered.declarations[name]
    if d.kind != "matrix":
        raise UnsupportedError(f"'{name}' is no matrix; structure= is for derivatives by a matrix")
    return folded(within(node, d.attributes, structure, name), lowered.declarations)


def _variables(lowered: Lowered, wrt: Sequence[str]) -> list[ir.Symbol]:
    variables = []
    for name in wrt:
        d = lowered.declarations.get(name)
        if d is None:
            raise UnknownSymbolError(f"'{name}' is neither declared nor in the expression")
        for attribute in ("constant", "integer"):
            if attribute in d.attributes:
                raise ShapeError(f"'{name}' is declared {attribute}; there is no derivative by it")
        variables.append(free_symbol(name, d))
    return variables


def _in_layout(node: Node, rank: int, layout: str) -> Node:
    """Numerator layout turns the axes of the variables round; denominator layout puts them first."""
    own, rest = tuple(range(rank)), tuple(range(rank, node.rank))
    axes = {"mixed": own + rest, "numerator": own + rest[::-1], "denominator": rest + own[::-1]}[layout]
    return node if axes == own + rest else ir.transpose(node, axes)


def _is_row(rank: int, layout: str) -> bool:
    return (rank == 0) == (layout == "numerator")


def _written(lowered: Lowered, node: Node, wrt: Sequence[str]) -> tuple[Syntax, bool]:
    """(syntax, whether it is matrix notation): the shortest that reads back to the same value."""
    for explicit in (False, True):
        form = matrix_form(_recogniser(lowered, explicit, wrt), node)
        if form is None:
            break
        if means(form, node, lowered.declarations):
            return form, True
    for explicit, ranges in product((False, True), repeat=2):
        form = index_form(_recogniser(lowered, explicit, wrt), node, ranges)
        if means(form, node, lowered.declarations):
            return form, False
    raise UnsupportedError("the result could not be written so that it reads back")


def _einstein(lowered: Lowered, node: Node) -> Syntax:
    """Every product in components; where that does not read back, in the shorter index notation."""
    for writer in (einstein_form, index_form):
        for explicit, ranges in product((False, True), repeat=2):
            form = writer(_recogniser(lowered, explicit), node, ranges)
            if means(form, node, lowered.declarations):
                return form
    raise UnsupportedError("the result could not be written so that it reads back")


# --- names for repeated parts -----------------------------------------------------------------------


def with_names(root: Syntax, taken: set[str]) -> Syntax:
    """The expression with parts that stand in it more than once named in a `where` list."""
    if length(root) < LONG or isinstance(root, Where):
        return root
    bindings: list[tuple[str, Syntax]] = []
    names = (f"T_{k}" for k in range(1, MAX_NAMES + 1) if f"T_{k}" not in taken)
    for name in names:
        numbers = Numbering()
        part = numbers.most_repeated([root, *(v for _, v in bindings)])
        if part is None:
            break
        root = numbers.replaced(root, part, Name(name))
        bindings = [(n, numbers.replaced(v, part, Name(name))) for n, v in bindings]
        bindings.append((name, part))
    return Where(root, tuple(bindings)) if bindings else root


def _has_indices(part: Syntax) -> bool:
    """Whether components stand in it: a name for them would hide their indices."""
    return any(isinstance(x, Sub) and any(isinstance(k, str) for k in x.indices) for x in walk(part))


class Numbering:
    """Numbers for parts of syntax: equal parts have equal numbers."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._seen: dict[int, int] = {}
        self._count: Counter[int] = Counter()
        self._parts: dict[int, Syntax] = {}
        self._kept: list[Syntax] = []

    def number(self, node: Syntax) -> int:
        if id(node) not in self._seen:
            below = tuple(self.number(c) for c in children(node))
            leaf = node if not below else with_children(node, tuple(Name("") for _ in below))
            self._seen[id(node)] = self._numbers.setdefault((leaf, below), len(self._numbers))
            self._kept.append(node)
        return self._seen[id(node)]

    def _visit(self, node: Syntax) -> None:
        key = self.number(node)
        self._count[key] += 1
        if self._count[key] == 1:  # what stands in a repeated part counts once
            self._parts[key] = node
            for c in children(node):
                self._visit(c)

    def most_repeated(self, roots: Sequence[Syntax]) -> Syntax | None:
        """The part whose name saves most symbols."""
        for root in roots:
            self._visit(root)
        best, saved = None, 0
        for key, count in self._count.items():
            part = self._parts[key]
            if count < 2 or isinstance(part, Name | Num) or _has_indices(part):
                continue
            cost = length(part)
            gain = (count - 1) * (cost - 1) - 2
            if cost >= SHORT and gain > saved:
                best, saved = part, gain
        return best

    def replaced(self, node: Syntax, part: Syntax, name: Syntax) -> Syntax:
        wanted = self.number(part)
        memo: dict[int, Syntax] = {}

        def walk_down(x: Syntax) -> Syntax:
            key = self.number(x)
            if key == wanted:
                return name
            if key not in memo:
                memo[key] = with_children(x, tuple(walk_down(c) for c in children(x)))
            return memo[key]

        return walk_down(node)
