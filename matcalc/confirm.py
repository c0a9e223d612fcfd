"""What is printed is read again and compared with what was computed, before anybody sees it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from . import sampling
from .declarations import Declaration
from .errors import MatcalcError
from .evaluate import evaluate
from .ir import Node
from .lower import lower_text
from .simplify import simplify

TOLERANCE = 1e-8
DRAWS = 8


def means(text: str, node: Node, declarations: Mapping[str, Declaration]) -> bool:
    """Whether the text, read as a user would read it in, has the value of the node."""
    try:
        lowered = lower_text(text, declarations, open_names=False)
    except MatcalcError:
        return False
    if lowered.node.shape != node.shape:
        return False
    return simplify(lowered.node) is node or agree(lowered.node, node, declarations)


def agree(a: Node, b: Node, declarations: Mapping[str, Declaration]) -> bool:
    """Whether two nodes have equal values at random points; points where either has none do not count."""
    rng = np.random.default_rng(0)
    names = sampling.size_names(declarations)
    least = sampling.least_size(a, b)
    for draw in range(DRAWS):
        sizes = sampling.sizes_for(names, draw, least)
        with np.errstate(all="ignore"):
            symbols = sampling.draw(declarations, sizes, rng)
            try:
                left, right = evaluate(a, symbols, sizes), evaluate(b, symbols, sizes)
            except np.linalg.LinAlgError:
                continue
        if not (np.all(np.isfinite(left)) and np.all(np.isfinite(right))):
            continue
        scale = max(np.max(np.abs(left), initial=0.0), np.max(np.abs(right), initial=0.0))
        if scale > 1e12:
            continue
        return bool(np.max(np.abs(left - right), initial=0.0) <= TOLERANCE * scale)
    return a is b
