"""Programs run by NumPy: a prepared list of calls, and nothing searched for or compiled when it runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import LimitError, MatcalcError, ShapeError
from ..evaluate import sizes_from
from ..ir import Node
from ..sizes import Size
from .operations import OPERATIONS
from .program import plan
from .source import source
from .steps import LEAVES, VIEWS, Program, Step, Value

Array: TypeAlias = NDArray[Any]
Declared: TypeAlias = Mapping[str, Sequence[Size]]
Call: TypeAlias = tuple[Value, Callable[..., Any], Value, Value]

FLOAT = np.dtype(float)
NONE = -1
MOST_ENTRIES = 10**8


def compile_numpy(root: Node, declarations: Declared) -> Callable[..., Array]:
    """The node's value as a function of one array a symbol, by keyword.

    >>> from matcalc import ir
    >>> n = Size.of("n")
    >>> x = ir.symbol("x", (n,))
    >>> f = compile_numpy(ir.einsum([(x, (0,)), (x, (0,))], ()), {"x": (n,)})
    >>> float(f(x=np.array([1.0, 2.0])))
    5.0
    """
    return NumpyFunction(plan(root), declarations, root.shape)


def numpy_source(root: Node, declarations: Declared, name: str = "f") -> str:
    """The node's value as the text of a Python function, with what it needs above it.

    >>> from matcalc import ir
    >>> n = Size.of("n")
    >>> A, x = ir.symbol("A", (n, n)), ir.symbol("x", (n,))
    >>> print(numpy_source(ir.einsum([(A, (0, 1)), (x, (1,))], (0,), coefficient=2), {"A": (n, n), "x": (n,)}))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def f(A, x):
        return 2 * (A @ x)
    <BLANKLINE>
    """
    return source(plan(root), declarations, name)


@dataclass(frozen=True)
class _State:
    """What depends on the shapes of the arguments alone: kept from call to call."""

    names: tuple[str, ...]
    shapes: list[tuple[int, ...]]
    slots: list[Value]
    values: list[Any]


class NumpyFunction:
    """A program with its calls bound."""

    def __init__(self, program: Program, declarations: Declared, shape: Sequence[Size]) -> None:
        self.program = program
        self.shape = tuple(shape)
        self.declarations = {n: tuple(axes) for n, axes in declarations.items()}
        undeclared = [n for n in program.symbols if n not in self.declarations]
        if undeclared:
            raise MatcalcError(f"not declared: {', '.join(undeclared)}")
        constant = _constant(program)
        self.once = [_call(s) for s in program.steps if s.target in constant and s.op not in LEAVES]
        self.calls = [_call(s) for s in program.steps if s.target not in constant and s.op not in LEAVES]
        self.slots = {s.params: s.target for s in program.steps if s.op == "symbol"}
        self.state = _State((), [(-1,)], [], [])

    def __call__(self, /, **symbols: Any) -> Array:
        arrays = [
            v if type(v) is np.ndarray and v.dtype is FLOAT and v.ndim else self.number(n, v)
            for n, v in symbols.items()
        ]
        shapes = [a.shape for a in arrays]
        state = self.state
        if shapes != state.shapes or tuple(symbols) != state.names:
            state = self.state = self.prepared(tuple(symbols), arrays)
        values = state.values.copy()
        for slot, array in zip(state.slots, arrays, strict=True):
            values[slot] = array
        with np.errstate(all="ignore"):
            try:
                _run(self.calls, values)
            except np.linalg.LinAlgError as error:
                raise MatcalcError(f"there is no value at these arguments: {str(error).lower()}") from None
        result = values[self.program.root]
        if self.program.rank:
            return result  # type: ignore[no-any-return]
        return np.complex128(result) if np.iscomplexobj(result) else np.float64(result)  # type: ignore[return-value]

    def number(self, name: str, value: Any) -> Any:
        """The argument as an array of floats; of complex numbers where the symbol is complex, or not read at all."""
        may_be_complex = name in self.program.complex or name not in self.program.symbols
        return _as_complex(name, value) if may_be_complex and np.iscomplexobj(value) else _as_float(name, value)

    def prepared(self, names: tuple[str, ...], arrays: Sequence[Any]) -> _State:
        """The names and shapes checked, and all values that sizes alone decide."""
        self.check_names(names)
        sizes = self.sizes(dict(zip(names, arrays, strict=True)))
        for index, size in self.program.bases:
            if size.names <= sizes.keys() and index > size.evaluate(sizes):
                raise ShapeError(f"e({index}) is asked for where the size {size!r} is {size.evaluate(sizes)}")
        require_small([s.evaluate(sizes) for s in self.shape if s.names <= sizes.keys()])
        # One place more, for arguments that the program does not read.
        values: list[Any] = [None] * (len(self.program.steps) + 1)
        for s in self.program.steps:
            if s.op in LEAVES and s.op != "symbol":
                values[s.target] = _leaf(s, sizes)
        with np.errstate(all="ignore"):
            _run(self.once, values)
        slots = [self.slots.get(n, len(self.program.steps)) for n in names]
        return _State(names, [a.shape for a in arrays], slots, values)

    def check_names(self, names: Sequence[str]) -> None:
        unknown = [n for n in names if n not in self.declarations]
        if unknown:
            known = ", ".join(self.declarations) or "none"
            raise MatcalcError(f"no such argument: {', '.join(unknown)}; the arguments are {known}")
        missing = [n for n in self.declarations if n in self.program.symbols and n not in names]
        if missing:
            raise MatcalcError(f"missing: {', '.join(missing)}")

    def sizes(self, arrays: Mapping[str, Any]) -> dict[str, int]:
        sizes = sizes_from(self.declarations, arrays)
        for n in self.program.sizes:
            if n not in sizes:
                carriers = [name for name, axes in self.declarations.items() if any(n in s.names for s in axes)]
                if not carriers:
                    raise MatcalcError(f"the size {n} stands in no declaration, so that no array tells it")
                raise MatcalcError(f"pass {' or '.join(carriers)} too: the size {n} is read from it")
        return sizes


def require_small(shape: Sequence[int]) -> None:
    """Refuse a dense result of more entries than memory is for."""
    if math.prod(shape) > MOST_ENTRIES:
        size = "x".join(map(str, shape))
        raise LimitError(
            f"the result is {size}, more than {MOST_ENTRIES:,} numbers; "
            'function(form="operator") multiplies with it, and form="core" leaves its deltas out'
        )


def _constant(program: Program) -> set[Value]:
    """The values that sizes decide, except those the result is a view of: a result is nobody else's."""
    constant: set[Value] = set()
    for s in program.steps:
        if s.op != "symbol" and all(a in constant for a in s.args):
            constant.add(s.target)
    step = program.steps[program.root]
    while step.op not in LEAVES:
        constant.discard(step.target)
        if step.op not in VIEWS:
            break
        step = program.steps[step.args[0]]
    return constant


def _call(step: Step) -> Call:
    args = (*step.args, NONE, NONE)
    if len(args) > 4:
        raise TypeError(f"{step.op} of {len(step.args)} arguments")
    return step.target, OPERATIONS[step.op].function(step.params), args[0], args[1]


def _run(calls: Sequence[Call], values: list[Any]) -> None:
    for target, function, a, b in calls:
        if b >= 0:
            values[target] = function(values[a], values[b])
        elif a >= 0:
            values[target] = function(values[a])
        else:
            values[target] = function()


def _leaf(step: Step, sizes: Mapping[str, int]) -> Any:
    match step.op:
        case "number":
            return float(step.params)
        case "size":
            return np.float64(step.params.evaluate(sizes))
        case "shape":
            return tuple(s.evaluate(sizes) for s in step.params)
    raise TypeError(f"no leaf: {step.op}")


def _as_complex(name: str, value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.kind != "c":
        raise MatcalcError(f"'{name}' is not an array of numbers")
    array = array.astype(complex)
    return array if array.ndim else array[()]


def _as_float(name: str, value: Any) -> Any:
    """The argument as an array of floats; a scalar as a NumPy scalar, which counts faster."""
    if type(value) is np.float64:
        return value
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biufO":
            raise TypeError
        array = array.astype(float)
    except (TypeError, ValueError):
        raise MatcalcError(f"'{name}' is not an array of real numbers") from None
    return array if array.ndim else array[()]
