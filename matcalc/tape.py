"""What the pipeline tells of its work to whoever wants a derivation: one event for each node that it treats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .ir import Node, Symbol


@dataclass(frozen=True, slots=True)
class Started:
    """The derivative of a node by a variable is asked for."""

    node: Node
    variable: Symbol


@dataclass(frozen=True, slots=True)
class Found:
    """The derivative that was asked for last."""

    result: Node


@dataclass(frozen=True, slots=True)
class Pulled:
    """Reverse mode: a node and its adjoint gave these operands these parts of their adjoints."""

    node: Node
    adjoint: Node
    parts: Sequence[tuple[Node, Node]]


@dataclass(frozen=True, slots=True)
class Pushed:
    """Forward mode: the change of a node."""

    node: Node
    tangent: Node


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A rule made one node of another; without a name, the rules before it made the whole expression so.

    `equal` is whether they are equal: another convention gives another derivative.
    """

    rule: str
    before: Node
    after: Node
    equal: bool = True


Event: TypeAlias = Started | Found | Pulled | Pushed | Rewritten
Record: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Nobody asked."""
