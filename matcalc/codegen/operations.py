"""The operations of programs: what each calls in NumPy and how it is written. To add one, add a row.

`written` gives the text for the texts of the arguments, which stand in brackets where they bind less than
`needs` asks; `level` is how the text itself binds.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from ..numeric import PRIMITIVES
from . import helpers

SUM, PRODUCT, NEGATIVE, POWER, ATOM = range(1, 6)
Texts: TypeAlias = Sequence[str]
Function: TypeAlias = Callable[..., Any]


@dataclass(frozen=True)
class Operation:
    """How an operation is run and written; both know its parameters."""

    function: Callable[[Any], Function]
    written: Callable[[Any, Texts], str]
    level: int = ATOM
    needs: tuple[int, ...] = (0, 0)
    helper: Function | None = None


def _plain(function: Function, template: str, level: int = ATOM, needs: tuple[int, ...] = (0, 0)) -> Operation:
    """An operation without parameters."""
    return Operation(lambda _: function, lambda _, args: template.format(*args), level, needs)


def _binary(function: Function, sign: str, level: int, right: int) -> Operation:
    return _plain(function, f"{{0}} {sign} {{1}}", level, (level, right))


def _helped(helper: Function) -> Operation:
    """A helper that takes the parameter last."""
    return Operation(
        lambda p: lambda *args: helper(*args, p),
        lambda p, args: f"{helper.__name__}({', '.join(args)}, {p!r})",
        helper=helper,
    )


def _index(entries: Sequence[str]) -> str:
    return f"[{', '.join(entries)}]"


def _expanded(mask: tuple[bool, ...]) -> Function:
    return operator.itemgetter(tuple(slice(None) if there else None for there in mask))


def _taken(params: tuple[int, int]) -> Function:
    axis, index = params
    return operator.itemgetter((slice(None),) * axis + (index,))


def _summed(axes: tuple[int, ...] | None) -> Function:
    return partial(np.add.reduce, axis=axes[0] if axes is not None and len(axes) == 1 else axes)


def _sum_text(axes: tuple[int, ...] | None, args: Texts) -> str:
    if axes is None:
        return f"np.sum({args[0]})"
    return f"np.sum({args[0]}, axis={axes[0] if len(axes) == 1 else axes})"


def _full_text(_: Any, args: Texts) -> str:
    value, shape = args
    if value in ("0", "1"):
        return f"np.{'zeros' if value == '0' else 'ones'}({shape})"
    return f"np.full({shape}, {value}{'.0' if value.lstrip('-').isdigit() else ''})"


def call_name(name: str) -> str:
    """The name of a primitive function in a printed program."""
    function = PRIMITIVES[name]
    if isinstance(function, np.ufunc):
        return f"np.{function.__name__}"
    module, name = function.__module__, function.__name__
    return f"{module.replace('numpy', 'np', 1)}.{name}" if module.startswith("numpy") else name


EINSUM = Operation(
    lambda subscripts: partial(np.einsum, subscripts),
    lambda subscripts, args: f"np.einsum({subscripts!r}, {', '.join(args)})",
)
OPERATIONS: Mapping[str, Operation] = {
    "add": _binary(operator.add, "+", SUM, PRODUCT),
    "subtract": _binary(operator.sub, "-", SUM, PRODUCT),
    "multiply": _binary(operator.mul, "*", PRODUCT, NEGATIVE),
    "divide": _binary(operator.truediv, "/", PRODUCT, NEGATIVE),
    "dot": _binary(np.dot, "@", PRODUCT, NEGATIVE),
    "matmul": _binary(np.matmul, "@", PRODUCT, NEGATIVE),
    "negate": _plain(operator.neg, "-{0}", NEGATIVE, (NEGATIVE,)),
    "square": _plain(np.square, "{0}**2", POWER, (ATOM,)),
    "reciprocal": _plain(np.reciprocal, "1 / {0}", PRODUCT, (NEGATIVE,)),
    "sqrt": _plain(np.sqrt, "np.sqrt({0})"),
    "power": _plain(np.power, "{0}**{1}", POWER, (ATOM, ATOM)),
    "T": _plain(operator.attrgetter("T"), "{0}.T", ATOM, (ATOM,)),
    "transpose": Operation(
        lambda axes: operator.methodcaller("transpose", *axes),
        lambda axes, args: f"{args[0]}.transpose{axes}",
        needs=(ATOM,),
    ),
    "expand": Operation(
        _expanded,
        lambda mask, args: args[0] + _index([":" if there else "None" for there in mask]),
        needs=(ATOM,),
    ),
    "take": Operation(_taken, lambda p, args: args[0] + _index([":"] * p[0] + [str(p[1])]), needs=(ATOM,)),
    "reshape": _plain(np.reshape, "{0}.reshape({1})", ATOM, (ATOM, 0)),
    "broadcast": _plain(np.broadcast_to, "np.broadcast_to({0}, {1})"),
    "copy": _plain(np.array, "np.array({0})"),
    "sum": Operation(_summed, _sum_text),
    "trace": _plain(operator.methodcaller("trace"), "np.trace({0})"),
    "diagonal": _plain(operator.methodcaller("diagonal"), "np.diagonal({0})"),
    "diag": _plain(np.diag, "np.diag({0})"),
    "vdot": _plain(np.vdot, "np.vdot({0}, {1})"),
    "outer": _plain(np.multiply.outer, "np.outer({0}, {1})"),
    "tensor": _plain(np.multiply.outer, "np.multiply.outer({0}, {1})"),
    "einsum": EINSUM,
    "diagonals": EINSUM,
    "tensordot": Operation(
        lambda axes: partial(np.tensordot, axes=axes),
        lambda axes, args: f"np.tensordot({args[0]}, {args[1]}, axes={axes})",
    ),
    "solve": _plain(np.linalg.solve, "np.linalg.solve({0}, {1})"),
    "inverse": _plain(np.linalg.inv, "np.linalg.inv({0})"),
    "matrix_power": Operation(
        lambda times: lambda A: np.linalg.matrix_power(A, times),
        lambda times, args: f"np.linalg.matrix_power({args[0]}, {times})",
    ),
    "matrix_power_by": Operation(
        lambda _: helpers.matrix_power,
        lambda _, args: f"matrix_power({args[0]}, {args[1]})",
        helper=helpers.matrix_power,
    ),
    "full": Operation(lambda _: lambda value, shape: np.full(shape, value), _full_text),
    "eye": Operation(lambda _: lambda shape: np.eye(shape[0]), lambda _, args: f"np.eye{args[0].replace(',)', ')')}"),
    "basis": _helped(helpers.basis),
    "inject": Operation(
        lambda _: helpers.inject,
        lambda _, args: f"inject({args[0]}, {args[1]})",
        helper=helpers.inject,
    ),
    "embed": _helped(helpers.embed),
    "add_at": _helped(helpers.add_at),
    "add_at_in_place": _helped(helpers.add_at_in_place),
    "pi": _plain(lambda: math.pi, "np.pi"),
    "1i": _plain(lambda: 1j, "1j"),
    "conj": _plain(np.conjugate, "np.conj({0})"),
    "real": _plain(np.real, "np.real({0})"),
    "call": Operation(PRIMITIVES.__getitem__, lambda name, args: f"{call_name(name)}({', '.join(args)})"),
}
