"""The pipeline: text to expression, expression to derivative, derivative to text."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from numbers import Rational
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import ir, shown
from .actions import complex_differential, contracted, core_function, differential_form, direction_of, with_directions
from .byvalue import ByValue
from .codegen import compile_numpy, numpy_source
from .confirm import agree, folded
from .declarations import Declaration, read_declarations
from .derivation import KINDS, Derivation, Formula, Remark, Step, derivation
from .differentiate import derivative, require_inverses
from .draws import Claim
from .errors import InternalError, LimitError, ParseError, ShapeError, UnknownSymbolError, UnsupportedError
from .ir import Node
from .judge import judge_program
from .lower import STRUCTURE, Lowered, free_symbol, lower_parsed, plain_node, symbol_of, unfolded, without_structure
from .naming import with_names
from .places import CONVENTIONS, PARTS, Variable, at_components, base_of, part_of, plain_name, variable
from .printable import Printable
from .render.text import text
from .shapes import with_readings
from .shelf import SHELF
from .shown import Asked
from .structure import MODES, within
from .syntax import Call, Mul, Name, Num, Partial, Sub, Syntax, Transpose
from .tape import Event, Record, Rewritten, ignore
from .vectorised import kronecker_form
from .verify import TRIALS, Verification, drawn, verification, verify
from .writing import einstein, written

MAX_ORDER = 4
COMBINED = frozenset({"re", "im", "grad"})  # parts whose derivatives follow from others
PROGRAMS = ("function", "core", "apply")
FORMS = ("text", "index", "kron", "differential", "operator", *PROGRAMS)
LAYOUTS = ("mixed", "numerator", "denominator")
Declare: TypeAlias = Mapping[str, str | Declaration] | None


@dataclass(frozen=True, repr=False, eq=False)
class Expr(ByValue, Printable):
    """An expression that was read: its syntax, its shape, and what was assumed of its symbols."""

    lowered: Lowered

    @property
    def _value(self) -> Hashable:  # type: ignore[override]
        return (str(self), self.lowered.node, frozenset(self.declarations.items()))

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

    @property
    def taken(self) -> Set[str]:
        return self.lowered.declarations.keys()

    @property
    def _scalars(self) -> frozenset[str]:
        return frozenset(n for n, d in self.lowered.declarations.items() if d.kind == "scalar")

    def index(self) -> str:
        """The expression in Einstein's index notation."""
        return self._text(einstein(self.lowered, self.lowered.node))

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


def parse(expr: str | Expr, declare: Declare = None, **symbols: str) -> Expr:
    """Read an expression.

    >>> parse("x^T A x").declarations
    {'x': 'vector(n)', 'A': 'matrix(n,n)'}

    `declare` is the whole table of symbols: a name that is not in it is an error. Keywords state what you want to
    say of some symbols, and the others are inferred from how they are used. Errors: ParseError,
    UnknownSymbolError, ShapeError, LimitError.
    """
    return read(expr, declare, symbols)


def read(expr: str | Expr, declare: Declare, symbols: Mapping[str, str], wrt: Sequence[str] = ()) -> Expr:
    SHELF.open()  # a user's own functions
    require_table(declare)
    if isinstance(expr, Expr):
        if not declare and not symbols:
            return expr
        expr = str(expr)
    if not isinstance(expr, str):
        raise UnsupportedError("expressions are read from text; SymPy expressions come in a later version")
    table = read_declarations({**(declare or {}), **symbols})
    known = frozenset(base_of(name, table) for name in wrt)
    return Expr(lower_parsed(expr, table, known, open_names=not declare))


def require_table(declare: object) -> None:
    """Refuse a table of symbols that is none."""
    if declare is not None and not isinstance(declare, Mapping):
        raise ParseError(f"declare is a table such as {{'A': 'matrix(n,n)'}}, not of the type {type(declare).__name__}")


def text_of(expr: object) -> str:
    """The text of an expression, or of a number."""
    if isinstance(expr, (str, Printable, Rational)):
        return str(expr)
    raise UnsupportedError(f"expressions are read from text, not from the type {type(expr).__name__}")


@dataclass(frozen=True, repr=False, eq=False)
class Derivative(ByValue, Printable):
    """A derivative: `str()` is its matrix notation, or index notation where there is no other.

    `node` has the axes of the expression and then those of each variable, whatever the layout of the text.
    """

    expr: Expr
    wrt: tuple[str, ...]
    layout: str
    node: Node
    free: tuple[Node, Node]  # the expression and its derivative with independent entries
    structure: str | None = None
    steps_as: str = "index"

    @property
    def _value(self) -> Hashable:  # type: ignore[override]
        return (self.expr, self.wrt, self.layout, self.structure, self.steps_as, self.node)

    @cached_property
    def bases(self) -> tuple[str, ...]:
        """The symbols differentiated by; of a component x_3 the symbol x."""
        return tuple(v.base for v in self._variables)

    @property
    def _of_component(self) -> bool:
        return any(v.indices for v in self._variables)

    @property
    def _variables(self) -> list[Variable]:
        return _resolved(self.expr.lowered, self.wrt)

    @property
    def _directions(self) -> tuple[str, ...]:
        """What varies with the directions: of a component its symbol."""
        return tuple(v.whole for v in self._variables)

    @cached_property
    def steps(self) -> Derivation:
        """The derivation: a tuple of steps, each a rule with the line before it and the line after it.

        >>> print(derive("a^T x", wrt="x").steps)
        a^T x
          = a_i x_i         in index notation
        d(a^T x)/dx_j
          = a_i delta_ij    constant factors, dx_i/dx_j = delta_ij
          = a_j             contract the deltas: delta_ij renames i to j
        d(a^T x)/dx
          = a               in matrix notation [Matrix Cookbook (69)]
        in one dimension: d/dx (a x) = a

        The record comes from the pipeline, which is run once more for it. Every line is compared with the line before
        it at random points. With `steps="differential"` it goes by differentials, `dF = A dX B`.
        """
        events: list[Event] = []
        lowered = self.expr.lowered
        _differentiated(lowered, self.wrt, self.structure, events.append)
        found = derivation(lowered, self.bases, self.expr.syntax, events, self.steps_as)
        answer = Formula(self.syntax)
        if any(v.indices or v.part in COMBINED for v in self._variables):
            remark = Remark((", ".join(_how(v) for v in self._variables if v.indices or v.part in COMBINED),))
            return Derivation([*found, Step(remark, Formula(self._left), answer)])
        if self.layout == "mixed" or str(answer) == str(found[-1].after):
            return found
        turned = Step(Remark((f"in {self.layout} layout",)), found[-1].before, answer)
        return Derivation([*found, turned], found.ones)

    @property
    def _left(self) -> Syntax:
        """The derivative as a task: d f/dx, 2 d f/d conj(z)."""
        left: Syntax = self.expr.syntax
        for v in self._variables:
            by: Syntax = Sub(Name(v.base), v.indices) if v.indices else Name(v.base)
            if v.part == "grad":
                left = Mul((Num(Fraction(2)), Partial(left, Call("conj", (by,)))))
            else:
                left = Partial(left, Call(v.part, (by,)) if v.part else by)
        return left

    @cached_property
    def _turned(self) -> Node:
        return _in_layout(self.node, self.expr.lowered.node.rank, self.layout)

    @cached_property
    def _form(self) -> tuple[Syntax, bool]:
        lowered = self.expr.lowered
        syntax, is_matrix = written(lowered, self._turned, self.bases)
        if is_matrix and self.layout != "mixed" and self.node.rank == 1 and _is_row(lowered.node.rank, self.layout):
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
        """The sizes of the axes of the derivative, in its layout."""
        return tuple(repr(s) for s in self._turned.shape)

    @property
    def declarations(self) -> dict[str, str]:
        """Every symbol with its kind, sizes and attributes, those assumed among them."""
        return self.expr.declarations

    @property
    def _scalars(self) -> frozenset[str]:
        return self.expr._scalars

    @property
    def note(self) -> str:
        """A remark on the answer, or an empty string."""
        root = self.free[0]
        absent = [w for w in self.bases if not ir.depends(root, w) and not ir.depends(root, ir.conjugate_name(w))]
        if absent:
            return f"the expression does not depend on {', '.join(absent)}"
        if self.structure is None:
            return self._convention
        kinds = " ".join(sorted(self.expr.lowered.declarations[self.bases[0]].attributes & STRUCTURE))
        how = "by the free entries of" if self.structure == "entries" else "projected to the structure of"
        convention = f"; {self._convention}" if self._convention else ""
        return f"{how} {self.bases[0]}, declared {kinds}{convention}"

    @property
    def _convention(self) -> str:
        """What a derivative by a complex symbol means."""
        table = self.expr.lowered.declarations
        said = []
        for v in self._variables:
            known = table[v.base].attributes & ir.COMPLEX
            if "hermitian" in known:
                said.append(f"derivative by {v.base} with conj({v.base}) = {v.base}^T")
            elif known:
                said.append(CONVENTIONS[v.part].format(v.base))
        real = [n for n, d in self.expr.lowered.reading.assumed.items() if said and not d.attributes & ir.COMPLEX]
        if real:
            said.append(f"assumed to be real: {', '.join(real)}")
        return "; ".join(dict.fromkeys(said))

    @cached_property
    def identity(self) -> str | None:
        """The known identity that states this derivative, such as `Matrix Cookbook (81)`, or None.

        >>> derive("y^T Q y", wrt="y").identity
        'Matrix Cookbook (81)'
        """
        return None if self._of_component else SHELF.identity_of(self.expr.lowered.node, self.wrt)

    @property
    def taken(self) -> Set[str]:
        return self.expr.taken

    def index(self) -> str:
        """The derivative in Einstein's index notation, its axes in the layout that was asked for."""
        return self._text(self._index_form)

    @property
    def _index_form(self) -> Syntax:
        return einstein(self.expr.lowered, self._turned)

    def kron(self) -> str:
        """The Jacobian of vec(Y) by vec(X), vec putting columns below one another; of a gradient, its Hessian.

        >>> derive("A X B", wrt="X").kron()
        'kron(B^T, A)'
        >>> derive("A X^T B", wrt="X").kron()
        'kron(B^T, A) commutation(k, m)'

        `commutation(n,m)` is the matrix K with vec(X^T) = K vec(X) for X of n rows and m columns. Errors:
        UnsupportedError where a term is no Kronecker product, no vec(P) vec(Q)^T and no diag(vec(S)).
        """
        return self._text(self._kron_form)

    @property
    def _kron_form(self) -> Syntax:
        self._refuse(any(v.indices for v in self._variables))
        return kronecker_form(self.expr.lowered, self.node, self._kron_rows)

    @property
    def _kron_rows(self) -> int:
        """How many axes make the rows: those of the expression; of the Hessian of a scalar those of a variable."""
        rank = self.expr.lowered.node.rank
        return len(self._table[self.bases[0]].sizes) if len(self.wrt) == 2 and rank == 0 else rank

    def pretty(self) -> str:
        """The derivative with its repeated parts named: `... where T_1 = ...`; `parse` reads it too."""
        return text(with_names(self.syntax, self.taken))

    def differential(self) -> str:
        """The derivative as the change of the expression: `dF = A dX B`; of a Hessian the second differential.

        >>> derive("A X B", wrt="X").differential()
        'dF = A dX B'
        >>> derive("||X - U V||_F^2", wrt=["V", "V"]).differential()
        'd2f = 2 ||U dV||_F^2'

        By a complex symbol it is the whole differential, in its change and in the conjugate of that:

        >>> derive("||z||^2", wrt="z", z="vector(n) complex").differential()
        'df = 2 re(z^H dz)'
        """
        return self._text(self._differential_form)

    @property
    def _differential_form(self) -> Syntax:
        lowered = self.expr.lowered
        self._require_direction()
        if "complex" in lowered.declarations[self.bases[0]].attributes:
            self._refuse(len(self.wrt) > 1 or any(v.indices for v in self._variables))
            (v,) = _variables(lowered, self.bases)
            return complex_differential(lowered, [_by_part(self.free[0], v, p, ignore) for p in ("", "conj")], v)
        self._require_whole()
        return differential_form(lowered, self.node, self.wrt)

    def operator(self) -> str:
        """What the derivative by the last variable makes of a direction: the product of a Hessian with dX.

        >>> derive("||X - U V||_F^2", wrt=["V", "V"]).operator()
        '2 U^T U dV'
        """
        return self._text(self._operator_form)

    @property
    def _operator_form(self) -> Syntax:
        lowered = with_directions(self.expr.lowered, self.bases[-1:])
        return written(lowered, self._applied, self.wrt)[0]

    def _require_direction(self) -> None:
        if self.structure == "entries":
            raise UnsupportedError(
                "this form is along a change of the whole matrix, and a derivative by free entries is not: "
                "take it without structure, or within structure='projection'"
            )

    def _require_whole(self) -> None:
        self._refuse(any(v.indices or v.part for v in self._variables))

    def _refuse(self, condition: bool) -> None:
        if condition:
            raise UnsupportedError(f"this form is for derivatives by whole symbols, not by {', '.join(self.wrt)}")

    @property
    def _applied(self) -> Node:
        self._require_direction()
        self._refuse(any(v.indices for v in self._variables) or self._variables[-1].part != "")
        last = self.wrt[-1]
        table = self.expr.lowered.declarations
        rank = self.node.rank - len(table[last].sizes)
        return folded(
            contracted(self.node, rank, (last,), table), with_directions(self.expr.lowered, [last]).declarations
        )

    def function(self, backend: str = "numpy", form: str = "dense") -> Callable[..., Any]:
        """A function of one array a symbol, by keyword; its axes are those of the expression, then of each variable.

        `form="operator"` takes a direction for the last variable besides, dX for X, and returns the product with it;
        `form="core"` returns a `Core`, the tensor without its Kronecker deltas.
        """
        table = self.expr.lowered.declarations
        if form == "operator":
            return _function(self._applied, with_directions(self.expr.lowered, self.wrt[-1:]).declarations, backend)
        if form == "core":
            return core_function(self.node, table)
        if form != "dense":
            raise UnsupportedError("form is one of dense, operator, core")
        return _function(self.node, table, backend)

    def code(self, language: str = "numpy") -> str:
        """Source text of that function."""
        return _code(self.node, self.expr.lowered.declarations, language)

    def derive(self, wrt: str | Sequence[str]) -> Derivative:
        """The derivative of this derivative."""
        return _derive(self.expr, self.wrt + variable_names(wrt), self.layout, self.structure, self.steps_as)

    def verify(self, trials: int | None = None, seed: int | None = None, form: str = "text") -> Verification:
        """Whether the answer as it is shown is the derivative of the expression as it was read.

        >>> derive("x^T A x", wrt="x").verify(seed=7).note
        'exact in random prime fields, 3 trials, error below 1e-48, for all sizes, seed 7'

        Both are read from their texts without any folding and compared along random directions at random points, by
        rules that share nothing with the derivation. `form` is what is shown: `text`, `index`, `kron`,
        `differential`, `operator`, or one of the programs `function`, `core` and `apply`. The seed is drawn and told;
        given, it repeats the verdict. Errors: InternalError for an answer that is refuted, which is a fault of ours.
        """
        if form not in FORMS:
            raise UnsupportedError(f"form is one of {', '.join(FORMS)}")
        if trials is not None and not isinstance(trials, int):
            raise UnsupportedError(f"trials are a whole number, not of the type {type(trials).__name__}")
        seed = drawn(seed)
        trials = trials or TRIALS
        if form in PROGRAMS:
            verdict = verification(judge_program(*self._program(form), seed), seed)
        else:
            verdict = verify(self.claim(form), trials, seed)
        if verdict.refuted:
            raise InternalError(
                f"the answer to '{self.expr.lowered.source}' by {', '.join(self.wrt)} is refuted by its own "
                f"verification ({verdict.note}); this is a fault of matcalc, please report it: {self._form_text(form)}"
            )
        return verdict

    @property
    def _table(self) -> Mapping[str, Declaration]:
        return self.expr.lowered.declarations

    def _form_text(self, form: str) -> str:
        return str(self) if form in ("text", *PROGRAMS) else str(getattr(self, form)())

    def claim(self, form: str = "text") -> Claim:
        """A form of the derivative, as it is shown, as a claim about the expression as it was read."""
        asked = Asked(self.expr.lowered, self.wrt, self.node, self.free, self.structure)
        match form:
            case "text":
                return shown.whole(asked, self.syntax, layout_axes(self.layout, asked.rank, self.node.rank))
            case "index":
                return shown.whole(asked, self._index_form, layout_axes(self.layout, asked.rank, self.node.rank))
            case "kron":
                return shown.kronecker(asked, self._kron_form, self._kron_rows)
            case "differential":
                return shown.differential(asked, self._differential_form)
            case _:
                return shown.operator(asked, self._operator_form)

    def _program(self, form: str) -> tuple[Claim, Callable[[Mapping[str, Any], Sequence[Any]], Any]]:
        """(what the program of a form claims, the program as a function of the symbols and of the directions)."""
        claim = Claim(plain_node(self.expr.lowered), ir.ONE, self._table, self.wrt, within=self.structure)
        if form == "apply":
            program = self.function(form="operator")
            name = direction_of(self.wrt[-1], self._table)[0]
            named = replace(claim, named={name: len(self.wrt) - 1})
            return named, lambda symbols, along: program(**symbols, **{name: along[-1]})
        if form == "core":
            core = self.function(form="core")
            return claim, lambda symbols, _: core(**symbols).dense()
        dense = self.function()
        return claim, lambda symbols, _: dense(**symbols)

    def __repr__(self) -> str:
        return f"Derivative({str(self)!r})"


def derive(
    expr: str | Expr,
    wrt: str | Sequence[str],
    *,
    declare: Declare = None,
    layout: str = "mixed",
    structure: str | None = None,
    steps: str = "index",
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
    J[i,j] = dy_i/dx_j. `declare` is as in `parse`, and `steps` says how `.steps` derives: in `index` notation, or by
    the `differential`. Errors: those of `parse`, and UnsupportedError for a derivative that is not known.
    """
    return derived(expr, wrt, declare, layout, structure, steps, symbols)


def derived(
    expr: str | Expr,
    wrt: str | Sequence[str],
    declare: Declare,
    layout: str,
    structure: str | None,
    steps: str,
    symbols: Mapping[str, str],
) -> Derivative:
    """`derive` with what is said of some symbols as a table, in which a name may be that of an argument."""
    require_options(layout, structure)
    names = variable_names(wrt)
    return _derive(read(expr, declare, symbols, names), names, layout, structure, steps)


def require_options(layout: object, structure: object) -> None:
    """Refuse a layout or a way to keep within a structure that does not exist."""
    if layout not in LAYOUTS:
        raise UnsupportedError(f"the layout is one of {', '.join(LAYOUTS)}")
    if structure is not None and structure not in MODES:
        raise UnsupportedError(f"structure is one of {', '.join(MODES)}, or None")


def variable_names(wrt: str | Sequence[str]) -> tuple[str, ...]:
    """What is differentiated by, each by the name that is printed: conj(Z) for Z*."""
    names = (wrt,) if isinstance(wrt, str) else tuple(wrt) if isinstance(wrt, Sequence) else (wrt,)
    if not all(isinstance(n, str) for n in names):
        raise UnknownSymbolError("wrt is the name of a symbol, or a list of names")
    return tuple(map(plain_name, names))


def _derive(expr: Expr, wrt: tuple[str, ...], layout: str, structure: str | None, steps: str) -> Derivative:
    if not wrt:
        raise UnknownSymbolError("name the symbol to differentiate by")
    if len(wrt) > MAX_ORDER:
        raise LimitError(f"derivatives are taken up to order {MAX_ORDER}")
    if steps not in KINDS:
        raise UnsupportedError(f"steps is one of {', '.join(KINDS)}")
    root, free, node = _differentiated(expr.lowered, wrt, structure)
    return Derivative(expr, wrt, layout, node, (unfolded(root), unfolded(free)), structure, steps)


def _differentiated(
    lowered: Lowered, wrt: Sequence[str], structure: str | None, record: Record = ignore
) -> tuple[Node, Node, Node]:
    """(the expression, its derivative) with independent entries, and the derivative as it was asked for."""
    resolved = _resolved(lowered, wrt)
    variables = _variables(lowered, [v.base for v in resolved])
    structured = [v.name for v in variables if v is not symbol_of(v.name, lowered.declarations[v.name])]
    root = without_structure(lowered, structured) if structured else lowered.node
    require_inverses(root)
    table = lowered.declarations
    free = folded(root, table, record)
    for v, how in zip(variables, resolved, strict=True):
        if how.part == "grad":
            _require_real(free, how, table)
        free = folded(_by_part(free, v, how.part, record), table, record)
    node = free
    if structured:
        whole = {n: symbol_of(n, lowered.declarations[n]) for n in structured}
        node = ir.substitute(free, whole, {})
        record(Rewritten(_declared(lowered, structured), free, node))
        node = folded(node, table, record)
    if structure is not None:
        free_entries = node
        node = _structured(node, lowered, wrt, structure)
        record(Rewritten(f"structure: {structure}", free_entries, node, equal=False))
    node = folded(at_components(node, root.rank, resolved, table), table)
    return root, free, node


def _how(v: Variable) -> str:
    """How the derivative by a component or by a part follows from those by symbols."""
    return {
        "re": f"d/dre({v.base}) = d/d{v.base} + d/dconj({v.base})",
        "im": f"d/dim({v.base}) = 1i (d/d{v.base} - d/dconj({v.base}))",
        "grad": "the complex gradient",
    }.get(v.part, f"by {v.name}")


def _by_part(root: Node, v: ir.Symbol, part: str, record: Record) -> Node:
    """The derivative by a symbol, or by a part of a complex one."""
    terms = []
    for c, times, bar in PARTS[part]:
        by = ir.conjugate(v) if bar else v
        assert isinstance(by, ir.Symbol)
        found = derivative(root, by, record)
        terms.append((c, ir.hadamard([ir.power(ir.imaginary(), times), found], found.shape)))
    return ir.add(terms, root.shape + v.shape)


def _require_real(node: Node, v: Variable, table: Mapping[str, Declaration]) -> None:
    bar = ir.conjugate(node)
    if node.shape or not (bar is node or agree(bar, node, table)):
        what = "this has axes" if node.shape else "this is not real"
        raise UnsupportedError(
            f"the complex gradient is of a real function, and {what}; "
            f"its derivatives are those by {v.base} and by conj({v.base})"
        )


def _resolved(lowered: Lowered, wrt: Sequence[str]) -> list[Variable]:
    return [variable(name, lowered.declarations) for name in wrt]


def _declared(lowered: Lowered, names: Iterable[str]) -> str:
    """What is declared of some symbols, in words."""
    kinds = {n: lowered.declarations[n].attributes & STRUCTURE for n in dict.fromkeys(names)}
    return ", ".join(f"{n} is {' and '.join(sorted(kinds[n]))}" for n in kinds)


def _structured(node: Node, lowered: Lowered, wrt: Sequence[str], structure: str) -> Node:
    if len(wrt) != 1:
        raise UnsupportedError("structure= is for first derivatives")
    (name,) = wrt
    if part_of(name)[0]:
        raise UnsupportedError(f"structure= is for derivatives by a matrix, not by {name}")
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
    axes = layout_axes(layout, rank, node.rank)
    return node if axes == tuple(range(node.rank)) else ir.transpose(node, axes)


def layout_axes(layout: str, rank: int, total: int) -> tuple[int, ...]:
    """Axis k in the layout is axis `layout_axes(...)[k]` in the mixed one; `rank` axes are those of the expression."""
    own, rest = tuple(range(rank)), tuple(range(rank, total))
    return {"mixed": own + rest, "numerator": own + rest[::-1], "denominator": rest + own[::-1]}[layout]


def _is_row(rank: int, layout: str) -> bool:
    return (rank == 0) == (layout == "numerator")
