"""Stand-in until the generator is here: the slow meaning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import MatcalcError
from ..evaluate import evaluate, sizes_from
from ..ir import Node, Symbol, topological
from ..sizes import Size


def compile_numpy(root: Node, declarations: Mapping[str, Sequence[Size]]) -> Callable[..., Any]:
    used = {n.name for n in topological(root) if isinstance(n, Symbol)}

    def run(**symbols: Any) -> Any:
        missing = sorted(used - symbols.keys())
        if missing:
            raise MatcalcError(f"missing: {', '.join(missing)}")
        unknown = sorted(symbols.keys() - declarations.keys())
        if unknown:
            raise MatcalcError(f"unknown: {', '.join(unknown)}")
        values = {k: np.asarray(v, dtype=float) for k, v in symbols.items()}
        return evaluate(root, values, sizes_from(declarations, values)).copy()

    return run


def numpy_source(root: Node, declarations: Mapping[str, Sequence[Size]], name: str = "f") -> str:
    raise NotImplementedError
