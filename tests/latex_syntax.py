r"""A reader of the LaTeX that matcalc writes: what it refuses, TeX would too, or some engine of the web.

It knows the commands that LaTeX, KaTeX and MathJax have in common, their arguments, scripts (two on one base are an
error), `\left` with its `\right`, the rows of `align*`, and words with formulas among them.
"""

from __future__ import annotations

import re

TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[{}^_&$]|\s+|[^\\{}^_&$\s]", re.DOTALL)
ARGUMENTS = {"frac": 2, "sqrt": 1, "mathrm": 1, "mathbf": 1, "mathsf": 1, "operatorname": 1, "text": 1, "overline": 1}
GREEK = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi "
    "varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
SYMBOLS = set(
    f"{GREEK} partial top odot oslash otimes circ cdot times sum infty max min ldots vdots quad exp log sin cos tan "
    "sinh cosh tanh arcsin arccos arctan det lvert rvert lVert rVert".split()
)
CHARACTERS = set(r"\,;_#$%&{}\ ")


class Refused(Exception):
    """What TeX would not compile."""


class Reader:
    """Reads one formula or one `align*`."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = TOKEN.findall(text)
        if "".join(self.tokens) != text:
            raise Refused("a character that is not read")
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted: str = "") -> str:
        token = self.peek()
        if not token or (wanted and token != wanted):
            raise Refused(f"{wanted or 'something'} expected, {token or 'the end'} found at {self.at}")
        self.at += 1
        return token

    def spaces(self) -> None:
        while self.peek().isspace():
            self.at += 1

    def whole(self) -> None:
        if self.tokens[:1] == ["\\begin"]:
            self.align()
        else:
            self.formula(("",))
        if self.peek():
            raise Refused(f"{self.peek()} at {self.at}")

    def align(self) -> None:
        self.environment("\\begin")
        while True:
            for separator in ("&", "&", "&", ""):
                self.formula(("&", "\\\\", "\\end"))
                if separator:
                    self.take(separator)
            if self.peek() != "\\\\":
                break
            self.take()
        self.environment("\\end")

    def environment(self, command: str) -> None:
        for token in (command, "{", *"align*", "}"):
            self.take(token)
        self.spaces()

    def formula(self, ends: tuple[str, ...]) -> None:
        self.spaces()
        while self.peek() not in (*ends, "", "}", "\\right", "$"):
            self.nucleus()
            marks = set()
            while self.peek() in ("^", "_"):
                mark = self.take()
                if mark in marks:
                    raise Refused(f"two scripts {mark} on one base at {self.at}")
                marks.add(mark)
                self.nucleus()
            self.spaces()

    def nucleus(self) -> None:
        token = self.take()
        if token == "{":
            self.formula(())
            self.take("}")
        elif token == "\\left":
            self.delimiter()
            self.formula(())
            self.take("\\right")
            self.delimiter()
        elif token.startswith("\\") and token[1:].isalpha():
            self.command(token[1:])
        elif token.startswith("\\"):
            if token[1:] not in CHARACTERS:
                raise Refused(f"unknown {token}")
        elif token in "^_&$}#%~" or token.isspace():
            raise Refused(f"{token!r} at {self.at}")
        elif not token.isascii():
            raise Refused(f"{token!r} is not ASCII")

    def delimiter(self) -> None:
        if self.take() not in ("(", ")", "[", "]", ".", "|"):
            raise Refused(f"a delimiter expected at {self.at}")

    def command(self, name: str) -> None:
        if name == "text":
            self.words()
        elif name in ARGUMENTS:
            for _ in range(ARGUMENTS[name]):
                self.spaces()
                self.take("{")
                self.formula(())
                self.take("}")
        elif name not in SYMBOLS:
            raise Refused(f"unknown command \\{name}")

    def words(self) -> None:
        self.take("{")
        while self.peek() != "}":
            token = self.take()
            if token == "$":
                self.formula(("$",))
                self.take("$")
            elif token in "^_&{" or (token.startswith("\\") and token[1:] not in CHARACTERS and token != "\\^"):
                raise Refused(f"{token} in words")
        self.take("}")


def check(text: str) -> None:
    """Refuse what would not compile."""
    Reader(text).whole()
