"""Letters: the Greek alphabet by name, and characters that only look like Latin ones."""

from __future__ import annotations

import unicodedata

_NAMES = [
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu"),
    *("nu", "xi", "omicron", "pi", "rho", "_", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega"),
]

GREEK: dict[str, str] = {
    **{chr(0x3B1 + k): name for k, name in enumerate(_NAMES) if name != "_"},
    **{chr(0x391 + k): name.capitalize() for k, name in enumerate(_NAMES) if name != "_"},
    **{"ς": "sigma", "ϕ": "phi", "ϵ": "epsilon", "ϑ": "theta", "ϱ": "rho", "ϖ": "pi", "µ": "mu"},
}
"""Greek letters and their names; variants have the name of the letter."""

GREEK_NAMES = frozenset(GREEK.values())

VARIANTS = {f"var{name}": name for name in ("epsilon", "theta", "phi", "rho", "sigma", "pi", "kappa")}
"""TeX's names for variants of letters."""

_LOOKALIKES = {
    **dict(zip("АВЕЗКМНОРСТУХЅІЈаеорсухѕіјѵ", "ABE3KMHOPCTYXSIJaeopcyxsijv", strict=True)),
    **{"–": "-", "—": "-", "‐": "-", "‑": "-", "’": "'", "′": "'", "‘": "'", "∣": "|", "∥": "||", "ˆ": "^"},
}

# The imaginary unit as a name, of which the first letter is a digit: it is no name that a symbol can have.
IMAGINARY = "1i"


def latin_names(text: str) -> str:
    """`text` with its Greek letters replaced by their names.

    >>> latin_names("λ1")
    'lambda1'
    """
    return text if text.isascii() else "".join(GREEK.get(c, c) for c in text)


def lookalike(character: str) -> str | None:
    """The ASCII character that a person may have meant by `character`.

    >>> lookalike("\\u0410"), lookalike("\\uff58"), lookalike("\\u2202")
    ('A', 'x', None)
    """
    plain = _LOOKALIKES.get(character) or unicodedata.normalize("NFKC", character)
    return plain if plain != character and plain.isascii() and plain.strip() else None


def describe(character: str) -> str:
    """A character as a message shows it: itself where that is plain, with its code point where it is not.

    >>> print(describe("$"), describe("\\u0410"))
    '$' 'А' (U+0410, looks like Latin A)
    """
    if character.isascii() and character.isprintable():
        return f"'{character}'"
    code = f"U+{ord(character):04X}"
    shown = f"'{character}' ({code}" if character.isprintable() else f"({code}"
    plain = lookalike(character)
    if plain is not None:
        return f"{shown}, looks like {'Latin ' if plain.isalpha() else ''}{plain})"
    if not character.isprintable():
        return f"{shown}, {unicodedata.name(character, 'no printable character').lower()})"
    return f"{shown})"
