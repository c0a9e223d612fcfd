"""Where the grammar and the identities lie, installed or in a checkout."""

from __future__ import annotations

from pathlib import Path

_KNOWN = {"grammar": "expression.lark", "identities": "*.mc"}


def folder(name: str) -> Path:
    """The folder `grammar` or `identities`: inside the installed package, else beside it in a checkout.

    A folder of that name beside the package may be anybody's, so it must hold the file that is expected.

    >>> (folder("grammar") / "expression.lark").is_file()
    True
    """
    package = Path(__file__).resolve().parent
    for place in (package / name, package.parent / name):
        if any(place.glob(_KNOWN[name])):
            return place
    raise FileNotFoundError(f"the folder '{name}' of matcalc is missing: install the package again")
