"""Straight-line programs: steps in single-assignment form, and a builder that shares equal steps.

The builder folds what is trivial: products with one, transposes of transposes, differences of negatives.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from ..errors import LimitError
from ..floats import as_float
from ..ir import Labels, Rational
from ..sizes import Size

Value: TypeAlias = int
VIEWS = frozenset({"symbol", "T", "transpose", "expand", "reshape", "take", "diagonal", "diagonals", "broadcast"})
READ_ONLY = frozenset({"symbol", "broadcast", "diagonal", "diagonals"})
LEAVES = frozenset({"number", "size", "shape", "symbol"})
LETTERS = "ijklmnopqrstuvwxyzabcdefghABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Step:
    """`target` is the value of an operation on earlier values; `params` are known when the program is made."""

    target: Value
    op: str
    args: tuple[Value, ...]
    params: Any = None


@dataclass(frozen=True)
class Program:
    """Steps in order; step k makes value k. `symbols` and `sizes` are the names it reads, some of them complex."""

    steps: tuple[Step, ...]
    root: Value
    rank: int
    symbols: tuple[str, ...]
    sizes: tuple[str, ...]
    bases: tuple[tuple[int, Size], ...]
    complex: frozenset[str]

    def uses(self) -> Counter[Value]:
        """How often each value is read."""
        return Counter(a for s in self.steps for a in s.args)


class Builder:
    """A program under construction."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.known: dict[tuple[str, tuple[Value, ...], Any], Value] = {}

    def emit(self, op: str, args: tuple[Value, ...] = (), params: Any = None) -> Value:
        """The value of the operation: an earlier one where the same was asked before."""
        key = (op, args, params)
        if key not in self.known:
            self.known[key] = len(self.steps)
            self.steps.append(Step(len(self.steps), op, args, params))
        return self.known[key]

    def _is(self, value: Value, op: str) -> bool:
        return self.steps[value].op == op

    def number(self, value: Rational) -> Value:
        if as_float(value) in (math.inf, -math.inf) or (value and not as_float(value)):
            raise LimitError("a program counts in float64, and this holds a number beyond 1e308 or below 1e-323")
        return self.emit("number", (), Fraction(value))

    def is_one(self, value: Value) -> bool:
        return self._is(value, "number") and self.steps[value].params == 1

    def multiply(self, a: Value, b: Value) -> Value:
        if self.is_one(a):
            return b
        if self.is_one(b):
            return a
        if self._is(b, "reciprocal"):
            return self.divide(a, self.steps[b].args[0])
        if self._is(a, "reciprocal"):
            return self.divide(b, self.steps[a].args[0])
        if a == b:
            return self.emit("square", (a,))
        if self._is(b, "number"):
            a, b = b, a
        return self.emit("multiply", (a, b))

    def divide(self, a: Value, b: Value) -> Value:
        if self.is_one(b):
            return a
        if self.is_one(a):
            return self.emit("reciprocal", (b,))
        return self.emit("divide", (a, b))

    def scale(self, c: Rational, value: Value) -> Value:
        if c == 1:
            return value
        if self._is(value, "number"):
            return self.number(c * self.steps[value].params)
        if c == -1:
            return self.negate(value)
        if c.numerator in (1, -1) and c.denominator & (c.denominator - 1):
            quotient = self.divide(value, self.number(c.denominator))
            return quotient if c.numerator == 1 else self.negate(quotient)
        return self.multiply(self.number(c), value)

    def negate(self, value: Value) -> Value:
        if self._is(value, "negate"):
            return self.steps[value].args[0]
        if self._is(value, "number"):
            return self.number(-self.steps[value].params)
        return self.emit("negate", (value,))

    def add(self, a: Value, b: Value) -> Value:
        if self._is(b, "negate"):
            return self.emit("subtract", (a, self.steps[b].args[0]))
        if self._is(a, "negate"):
            return self.emit("subtract", (b, self.steps[a].args[0]))
        return self.emit("add", (a, b))

    def subtract(self, a: Value, b: Value) -> Value:
        if self._is(b, "negate"):
            return self.add(a, self.steps[b].args[0])
        return self.emit("subtract", (a, b))

    def conjugate(self, value: Value) -> Value:
        return self.steps[value].args[0] if self._is(value, "conj") else self.emit("conj", (value,))

    def transpose(self, value: Value, axes: Labels) -> Value:
        """Axis k of the result is axis `axes[k]` of the value."""
        if axes == tuple(range(len(axes))):
            return value
        step = self.steps[value]
        if step.op == "T":
            return step.args[0]
        if step.op == "transpose":
            return self.transpose(step.args[0], tuple(step.params[a] for a in axes))
        if len(axes) == 2:
            return self.emit("T", (value,))
        return self.emit("transpose", (value,), axes)

    def untransposed(self, value: Value, labels: Labels) -> tuple[Value, Labels]:
        """The array below a transpose, with its labels in its own order."""
        step = self.steps[value]
        if step.op == "T":
            return step.args[0], labels[::-1]
        if step.op == "transpose":
            own = dict(zip(step.params, labels, strict=True))
            return step.args[0], tuple(own[a] for a in range(len(labels)))
        return value, labels

    def align(self, value: Value, labels: Labels, order: Labels) -> Value:
        """The value with its axes in the order of `order`, and axes of one entry for labels it does not carry."""
        own = [k for k in order if k in labels]
        value = self.transpose(value, tuple(labels.index(k) for k in own))
        mask = tuple(k in labels for k in order)
        while mask and not mask[0]:  # leading axes NumPy adds itself
            mask = mask[1:]
        return value if all(mask) else self.emit("expand", (value,), mask)

    def count(self, op: str, value: Value) -> int:
        """How many steps below the value do the operation."""
        waiting, seen = [value], {value}
        total = 0
        while waiting:
            step = self.steps[waiting.pop()]
            total += step.op == op
            fresh = [a for a in step.args if a not in seen]
            seen.update(fresh)
            waiting += fresh
        return total

    def shape(self, sizes: tuple[Size, ...]) -> Value:
        return self.emit("shape", (), sizes)

    def sum_axes(self, value: Value, labels: Labels, gone: frozenset[int]) -> tuple[Value, Labels]:
        """The sum over the labels `gone`."""
        if not gone & set(labels):
            return value, labels
        value, labels = self.untransposed(value, labels)
        axes = tuple(a for a, k in enumerate(labels) if k in gone)
        rest = tuple(k for k in labels if k not in gone)
        return self.emit("sum", (value,), axes if rest else None), rest

    def subscripts(self, inputs: tuple[Labels, ...], output: Labels) -> str:
        """The labels in the letters of np.einsum."""
        letters: dict[int, str] = {}
        for k in (k for labels in inputs for k in labels):
            letters.setdefault(k, LETTERS[len(letters)])
        return ",".join("".join(letters[k] for k in ls) for ls in inputs) + "->" + "".join(letters[k] for k in output)

    def finish(
        self, root: Value, rank: int, bases: tuple[tuple[int, Size], ...], complex_names: frozenset[str]
    ) -> Program:
        """The steps that the root needs, numbered afresh; the result is an array of its own."""
        if self._is_borrowed(root):
            root = self.emit("copy", (root,))
        needed = {root}
        for step in reversed(self.steps):
            if step.target in needed:
                needed.update(step.args)
        fresh: dict[Value, Value] = {}
        steps: list[Step] = []
        for step in self.steps:
            if step.target in needed:
                fresh[step.target] = len(steps)
                steps.append(Step(len(steps), step.op, tuple(fresh[a] for a in step.args), step.params))
        symbols = tuple(sorted({s.params for s in steps if s.op == "symbol"}))
        sizes = {n for s in steps if s.op == "size" for n in s.params.names}
        sizes |= {n for s in steps if s.op == "shape" for size in s.params for n in size.names}
        # A real array has no room for a complex diagonal.
        done = tuple(steps) if complex_names else _in_place(steps)
        return Program(done, fresh[root], rank, symbols, tuple(sorted(sizes)), bases, complex_names)

    def _is_borrowed(self, value: Value) -> bool:
        """Whether a chain of views ends at an input, or passes where NumPy lets nobody write."""
        step = self.steps[value]
        while step.op in VIEWS - READ_ONLY:
            step = self.steps[step.args[0]]
        return step.op in READ_ONLY


def _in_place(steps: list[Step]) -> tuple[Step, ...]:
    """Additions on a diagonal write into the array before them where nothing else reads it."""
    uses = Counter(a for s in steps for a in s.args)

    def owned(value: Value) -> bool:
        return uses[value] == 1 and steps[value].op not in VIEWS and reads_input(steps, value)

    return tuple(
        Step(s.target, "add_at_in_place", s.args, s.params) if s.op == "add_at" and owned(s.args[0]) else s
        for s in steps
    )


def reads_input(steps: Sequence[Step], value: Value) -> bool:
    """Whether an input stands below the value; what stands above sizes and numbers alone may be kept."""
    waiting, seen = [value], {value}
    while waiting:
        step = steps[waiting.pop()]
        if step.op == "symbol":
            return True
        fresh = [a for a in step.args if a not in seen]
        seen.update(fresh)
        waiting += fresh
    return False
