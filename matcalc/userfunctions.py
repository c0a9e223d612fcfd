"""Functions that a user's file defines: known by name in expressions, answers and programs.

Such a function stands in answers under its name; its value is that of its definition, and so is its derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from . import ir
from .codegen import compile_numpy, numpy_source
from .functions import FUNCTIONS, Function
from .ir import Node, Shape
from .lower import expand
from .numeric import PRIMITIVES, Array
from .sizes import Size


def register(row: Function) -> None:
    """Make a function known; errors: IdentityError where its name is taken."""
    named = replace(row, named=True)
    FUNCTIONS.add(named)
    PRIMITIVES[row.name] = Defined(named)


def forget(name: str) -> None:
    """Undo `register`."""
    FUNCTIONS.remove(name)
    del PRIMITIVES[name]


class Defined:
    """The value of a function by its definition: a callable of arrays, and its source text."""

    def __init__(self, row: Function) -> None:
        self.row = row
        self.__name__ = row.name
        self.__module__ = __name__
        self._at = cache(self._compiled)

    def __call__(self, *args: Any) -> Array:
        values: Array = self._at(tuple(getattr(a, "ndim", 0) for a in args))(*args)
        return values

    def _compiled(self, ranks: tuple[int, ...]) -> Callable[..., Array]:
        body, shapes = self._body(ranks)
        f = compile_numpy(body, shapes)
        names = list(shapes)
        return lambda *args: f(**dict(zip(names, args, strict=True)))

    def _body(self, ranks: tuple[int, ...]) -> tuple[Node, dict[str, Shape]]:
        assert self.row.definition is not None
        shapes = {
            p.name: p.sizes if p.kind != "any" else tuple(Size.of(f"d{k}") for k in range(rank))
            for p, rank in zip(self.row.parameters, ranks, strict=True)
        }
        args: list[Node] = [ir.symbol(name, shape) for name, shape in shapes.items()]
        return expand(self.row, self.row.definition, args), shapes

    @property
    def source(self) -> str:
        """A program that defines the function; an elementwise one is written for scalars and takes any array."""
        ranks = tuple(0 if p.kind == "any" else len(p.sizes) for p in self.row.parameters)
        body, shapes = self._body(ranks)
        return numpy_source(body, shapes, self.row.name)
