"""The forms in which a derivative is shown, each as a claim about the expression as it was read.

What is judged is what the reader sees: the text of the form, read again. So a step after the derivation, a layout, a
rewrite, a notation, cannot make a wrong answer of a right one without being seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count

from . import ir, plain
from .actions import direction_of, with_directions
from .confirm import read_back
from .declarations import Declaration
from .draws import Claim
from .expanding import same_form
from .ir import Labels, Node
from .lower import Lowered, plain_node
from .places import base_of
from .syntax import Syntax


@dataclass(frozen=True)
class Asked:
    """What was asked: the expression, the variables in turn, and the derivative as it was computed, in mixed layout.

    `free` are the expression and its derivative with independent entries; `structure` as in `derive`.
    """

    lowered: Lowered
    wrt: tuple[str, ...]
    node: Node
    free: tuple[Node, Node]
    structure: str | None = None

    @property
    def table(self) -> Mapping[str, Declaration]:
        return self.lowered.declarations

    @property
    def rank(self) -> int:
        return self.lowered.node.rank


def whole(asked: Asked, form: Syntax, axes: Labels) -> Claim:
    """The derivative in a layout, whose axis k is axis `axes[k]` in the mixed one."""
    back = read_back(form, asked.table)
    order = tuple(axes.index(k) for k in range(len(axes)))
    folded = ir.transpose(back.node, order) if order != tuple(range(len(order))) else back.node
    return _claim(asked, plain.transpose(plain_node(back), order), folded)


def _claim(asked: Asked, right: Node, folded: Node) -> Claim:
    left = plain_node(asked.lowered)
    claim = Claim(left, right, asked.table, asked.wrt, within=asked.structure)
    if asked.free[1].rank != folded.rank:
        return claim
    one_form = asked.structure is None and same_form(folded, asked.node)
    return replace(claim, folded=(asked.free[0], folded), one_form=one_form)


def differential(asked: Asked, form: Syntax) -> Claim:
    """`dF = A dX B`, in which the directions are symbols."""
    names = list(dict.fromkeys(base_of(name, asked.table) for name in asked.wrt))
    return _along(asked, form, {n: [base_of(w, asked.table) for w in asked.wrt].index(n) for n in names}, True)


def operator(asked: Asked, form: Syntax) -> Claim:
    """What the derivative by the last variable makes of a direction."""
    return _along(asked, form, {asked.wrt[-1]: len(asked.wrt) - 1}, False)


def _along(asked: Asked, form: Syntax, places: Mapping[str, int], differential: bool) -> Claim:
    moved = with_directions(asked.lowered, list(places))
    named = {direction_of(n, asked.table)[0]: k for n, k in places.items()}
    right = plain_node(read_back(form, moved.declarations))
    wrt = tuple(base_of(w, asked.table) for w in asked.wrt) if differential else asked.wrt
    return Claim(plain_node(asked.lowered), right, moved.declarations, wrt, named, differential, within=asked.structure)


def kronecker(asked: Asked, form: Syntax, rows: int) -> Claim:
    """The Jacobian of vectors: its rows and its columns are axes of a matrix merged, columns below one another."""
    back = plain_node(read_back(form, asked.table))
    shape = asked.node.shape
    fresh = count(len(shape))
    factors: list[tuple[Node, Labels]] = []
    merged: list[int] = []
    for axes in (tuple(range(rows)), tuple(range(rows, len(shape)))):
        if len(axes) == 2:
            merged.append(next(fresh))
            i, j = axes
            factors.append((ir.merge(shape[j], shape[i]), (merged[-1], j, i)))
        else:
            merged += axes
    right = plain.einsum([(back, tuple(merged)), *factors], tuple(range(len(shape))))
    return Claim(plain_node(asked.lowered), right, asked.table, asked.wrt, within=asked.structure)
