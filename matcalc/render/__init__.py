"""From the syntax tree to what a person reads: one file a language, one table of ranks for all of them."""

from . import latex, mathml, text, unicode

__all__ = ["latex", "mathml", "text", "unicode"]
