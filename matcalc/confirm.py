"""What is printed is read again and compared with what was computed, before anybody sees it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from . import sampling
from .declarations import Declaration
from .duals import evaluate
from .errors import LimitError, MatcalcError
from .ir import Node, base_name
from .length import length
from .lower import STRUCTURE, Lowered, lower_shared, lower_text
from .render.text import text
from .simplify import simplify
from .syntax import Syntax
from .systems import ACCEPT, CANCELLED, Array, Inexact, NoPoint, machine_numbers
from .tape import Event, Record, Rewritten, ignore

DRAWS = 12
DECIDING = 2
PLAIN = 5  # draws that are taken as they are
LONG = 1_000  # symbols; a longer form is compared without printing it


def means(form: Syntax, node: Node, declarations: Mapping[str, Declaration]) -> bool:
    """Whether the form, printed and read as a user would read it, has the value of the node."""
    try:
        back = read_back(form, declarations).node
    except MatcalcError:
        return False
    if back.shape != node.shape:
        return False
    return back is node or agree(back, node, declarations)


def read_back(form: Syntax, declarations: Mapping[str, Declaration]) -> Lowered:
    """The form, printed and read as a user would read it; a long one as it stands."""
    if length(form) > LONG:
        return lower_shared(form, declarations)
    return lower_text(text(form), declarations, open_names=False)


def folded(node: Node, declarations: Mapping[str, Declaration], record: Record = ignore) -> Node:
    """The node as the rewrites of the library fold it, if that has its value at a random point; else the node."""
    events: list[Event] = []
    better = simplify(node, events.append)
    if better is not node and _agree(better, node, declarations) is False:
        return node
    for event in events:
        record(event)
    if better is not node:
        record(Rewritten("", node, better))
    return better


def agree(a: Node, b: Node, declarations: Mapping[str, Declaration]) -> bool:
    """Whether two nodes have equal values at random points; points where either has none do not count.

    Where no matrix of the declared structure is such a point (1 ./ L of a triangular L, the root of a skew matrix),
    the nodes are compared at matrices without structure, and then at positive ones; where no point has a value, they
    are equal if the first folds to the second.
    """
    general = {n: replace(d, attributes=d.attributes - STRUCTURE) for n, d in declarations.items()}
    positive = {n: replace(d, attributes=d.attributes | {"positive"}) for n, d in general.items()}
    for table in (declarations, general, positive):
        verdict = _agree(a, b, table)
        if verdict is not None:
            return verdict
    return a is b or simplify(a) is b


def _of_size_one(x: Array, d: Declaration) -> Array:
    """A matrix without structure with eigenvalues of about one, so that the products of hundreds have a value."""
    return x / np.sqrt(max(x.shape)) if x.ndim == 2 and not d.attributes & STRUCTURE else x


def _agree(a: Node, b: Node, declarations: Mapping[str, Declaration]) -> bool | None:
    """The same at random values of these declarations; None where no two points decide.

    A point decides where the values stand out from the rounding of what they are made of, or are nought exactly.
    """
    rng = np.random.default_rng(0)
    names = sampling.size_names(declarations)
    least = sampling.least_size(a, b)
    decided = 0
    for draw in range(DRAWS):
        sizes = sampling.sizes_for(names, draw, least)
        try:
            drawn = sampling.draw(declarations, sizes, rng)
            if draw >= PLAIN:
                drawn = {n: _of_size_one(x, declarations[base_name(n)]) for n, x in drawn.items()}
            has_complex = a.is_complex or b.is_complex or any(map(np.iscomplexobj, drawn.values()))
            system = machine_numbers(has_complex)
            symbols = {n: {0: system.reduce(x)} for n, x in drawn.items()}
            left, right = (x[0] for x in evaluate([a, b], symbols, sizes, system))
        except (NoPoint, Inexact, LimitError, np.linalg.LinAlgError):
            continue
        scale = float(max(np.max(np.abs(left), initial=0.0), np.max(np.abs(right), initial=0.0)))
        if not math.isfinite(scale) or 0.0 < scale <= CANCELLED * system.largest:
            continue
        if not np.max(np.abs(left - right), initial=0.0) <= ACCEPT * scale:
            return False
        decided += 1
        if decided == DECIDING:
            return True
    return None
