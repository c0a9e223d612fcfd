"""Variables that are one component of a symbol: `x_3`, `X_12`, `X_{10,2}`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import ir
from .declarations import Declaration
from .errors import ShapeError
from .ir import Node

COMPONENT = re.compile(r"(.*[A-Za-z])_(?:(\d+)|\{\s*(\d+(?:\s*,\s*\d+)*)\s*\})")


@dataclass(frozen=True)
class Variable:
    """What is differentiated by: a symbol, or its component at `indices`, counted from 1."""

    name: str
    base: str
    indices: tuple[int, ...] = ()


def base_of(name: str, declared: Mapping[str, object]) -> str:
    """The symbol of which the name is a component; the name itself where it is a symbol."""
    found = COMPONENT.fullmatch(name)
    return name if found is None or name in declared else found[1]


def variable(name: str, declarations: Mapping[str, Declaration]) -> Variable:
    """The variable of this name.

    >>> from matcalc.declarations import read_declarations
    >>> variable("X_12", read_declarations({"X": "matrix(n,m)"})).indices
    (1, 2)
    """
    found = COMPONENT.fullmatch(name)
    if found is None or name in declarations or found[1] not in declarations:
        return Variable(name, name)
    base = declarations[found[1]]
    rank = len(base.sizes)
    digits, listed = found[2], found[3]
    if listed is not None:
        indices = tuple(int(k) for k in listed.split(","))
    else:
        indices = (int(digits),) if rank == 1 else tuple(int(k) for k in digits)
    if len(indices) != rank:
        raise ShapeError(f"'{name}' has {len(indices)} indices, and {found[1]} has {rank} axes; write X_{{10,2}}")
    for k, size in zip(indices, base.sizes, strict=True):
        if k == 0 or (size.number is not None and k > size.number):
            raise ShapeError(f"'{name}' is out of range: {found[1]} is {base}; components are counted from 1")
    return Variable(name, found[1], indices)


def at_components(node: Node, rank: int, variables: Sequence[Variable], table: Mapping[str, Declaration]) -> Node:
    """The derivative by whole symbols, taken at the components that are asked for; `rank` axes stay in front."""
    labels = tuple(range(node.rank))
    kept = list(labels[:rank])
    factors: list[tuple[Node, tuple[int, ...]]] = [(node, labels)]
    at = rank
    for v in variables:
        sizes = table[v.base].sizes
        own = labels[at : at + len(sizes)]
        at += len(sizes)
        if not v.indices:
            kept += own
            continue
        factors += [(ir.basis(k, s), (axis,)) for k, s, axis in zip(v.indices, sizes, own, strict=True)]
    return node if len(factors) == 1 else ir.einsum(factors, tuple(kept))
