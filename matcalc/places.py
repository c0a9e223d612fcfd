"""What one may differentiate by: a symbol, a component of it as `x_3`, `X_12` or `X_{10,2}`, a part of it as `conj(Z)`.

With Z and conj(Z) taken as independent (Wirtinger), the derivatives by the real and the imaginary part of Z are
d/dZ + d/dconj(Z) and i (d/dZ - d/dconj(Z)); the complex gradient of a real function is 2 d/dconj(Z) (Matrix Cookbook,
section 4.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import ir
from .declarations import Declaration
from .errors import ShapeError, UnsupportedError
from .ir import Node

PART = re.compile(r"(conj|re|im|grad)\(\s*(\S+)\s*\)")
STARRED = re.compile(r"(.+?)\s*\^?\*")
POWERS_OF_I: tuple[complex, ...] = (1, 1j, -1, -1j)
# Of each part the derivatives that it is made of: (a number, a power of i, whether it is the one by the conjugate).
PARTS: dict[str, tuple[tuple[int, int, bool], ...]] = {
    "": ((1, 0, False),),
    "conj": ((1, 0, True),),
    "re": ((1, 0, False), (1, 0, True)),
    "im": ((1, 1, False), (1, 3, True)),
    "grad": ((2, 0, True),),
}
CONVENTIONS = {
    "": "Wirtinger derivative by {0}: conj({0}) is held fixed",
    "conj": "Wirtinger derivative by conj({0}): {0} is held fixed",
    "re": "derivative by the real part of {0}",
    "im": "derivative by the imaginary part of {0}",
    "grad": "complex gradient by {0}: 2 d/dconj({0})",
}
COMPONENT = re.compile(r"(.*[A-Za-z])_(?:(\d+)|\{\s*(\d+(?:\s*,\s*\d+)*)\s*\})")


@dataclass(frozen=True)
class Variable:
    """What is differentiated by: a symbol, its component at `indices`, counted from 1, or a part of it."""

    name: str
    base: str
    indices: tuple[int, ...] = ()
    part: str = ""

    @property
    def whole(self) -> str:
        """The variable that this is a component of; itself where it is none."""
        return f"{self.part}({self.base})" if self.part else self.base

    @property
    def moves(self) -> list[tuple[str, complex]]:
        """The symbols that vary with a direction, each with the factor of the direction.

        >>> Variable("im(Z)", "Z", part="im").moves
        [('Z', 1j), ('conj(Z)', -1j)]
        """
        names = (self.base, ir.conjugate_name(self.base))
        return [(names[bar], POWERS_OF_I[k] * c) for c, k, bar in PARTS[self.part]]


def plain_name(name: str) -> str:
    """The name of a variable as it is known inside.

    >>> plain_name("Z*"), plain_name(" re( Z ) "), plain_name("x_3")
    ('conj(Z)', 're(Z)', 'x_3')
    """
    name = name.strip()
    part, starred = PART.fullmatch(name), STARRED.fullmatch(name)
    if part is not None:
        return f"{part[1]}({part[2]})"
    return f"conj({starred[1]})" if starred is not None else name


def part_of(name: str) -> tuple[str, str]:
    """(part, symbol) of a variable.

    >>> part_of("conj(Z)"), part_of("Z")
    (('conj', 'Z'), ('', 'Z'))
    """
    found = PART.fullmatch(name)
    return ("", name) if found is None else (found[1], found[2])


def base_of(name: str, declared: Mapping[str, object]) -> str:
    """The symbol of which the name is a component or a part; the name itself where it is a symbol."""
    _, name = part_of(name)
    found = COMPONENT.fullmatch(name)
    return name if found is None or name in declared else found[1]


def variable(name: str, declarations: Mapping[str, Declaration]) -> Variable:
    """The variable of this name.

    >>> from matcalc.declarations import read_declarations
    >>> variable("X_12", read_declarations({"X": "matrix(n,m)"})).indices
    (1, 2)
    """
    part, symbol = part_of(name)
    if part:
        return _part(name, part, symbol, declarations)
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


def _part(name: str, part: str, symbol: str, declarations: Mapping[str, Declaration]) -> Variable:
    inner = variable(symbol, declarations)
    base = inner.base
    d = declarations.get(base)
    if d is not None and "hermitian" in d.attributes:
        raise UnsupportedError(f"'{base}' is Hermitian, and conj({base}) is {base}^T: take the derivative by {base}")
    if d is not None and "complex" not in d.attributes:
        raise UnsupportedError(
            f"'{name}' is for a complex {base}, and {base} is real: declare '{d} complex', or take {base}"
        )
    return Variable(name, base, inner.indices, part)


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
