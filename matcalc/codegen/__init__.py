"""Programs in other languages from the intermediate representation."""

from __future__ import annotations

from .numpy import compile_numpy, numpy_source, require_small
from .source import is_taken

__all__ = ["compile_numpy", "is_taken", "numpy_source", "require_small"]
