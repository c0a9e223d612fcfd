"""Programs in other languages from the intermediate representation."""

from __future__ import annotations

from .numpy import compile_numpy, numpy_source, require_small

__all__ = ["compile_numpy", "numpy_source", "require_small"]
