"""Derivations: what the pipeline did, line by line, as a textbook would show it."""

from __future__ import annotations

from .build import KINDS, derivation
from .step import Derivation, Formula, Remark, Step

__all__ = ["KINDS", "Derivation", "Formula", "Remark", "Step", "derivation"]
