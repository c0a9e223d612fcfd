"""The words of a command: options are those that are known, and all else, a minus in front or not, is mathematics."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, ClassVar, NoReturn

from .errors import ParseError

# Stands before a word that argparse would take for an option; no argument of a process can hold it.
MARK = "\0"
OPTION_LIKE = re.compile(r"--?[a-z][a-z-]+(?:=.*)?", re.DOTALL)
ALIKE = 0.75


class Parser(argparse.ArgumentParser):
    """A parser of a program or of one of its commands; all know the options of all."""

    # Each option -> how many words follow it: None is one, "?" one or none, 0 none.
    options: ClassVar[dict[str, Any]] = {}

    def add_argument(self, *args: Any, **keywords: Any) -> argparse.Action:
        """As ever; the option is noted."""
        action = super().add_argument(*args, **keywords)
        self.options.update(dict.fromkeys(action.option_strings, action.nargs))
        return action

    def error(self, message: str) -> NoReturn:
        super().error(message.replace(MARK, ""))

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments, where a word that begins with a minus may be an expression.

        >>> parser = Parser()
        >>> _ = parser.add_argument("expr"), parser.add_argument("--wrt")
        >>> parser.parse(["-x^T x", "--wrt", "x"]).expr
        '-x^T x'
        """
        found = self.parse_args(self._marked(words))
        for key, value in vars(found).items():
            if isinstance(value, str):
                setattr(found, key, value.removeprefix(MARK))
            elif isinstance(value, list):
                setattr(found, key, [v.removeprefix(MARK) for v in value])
        return found

    def _marked(self, words: Sequence[str]) -> list[str]:
        marked: list[str] = []
        left = list(reversed(words))
        while left:
            word = left.pop()
            if word == "--":
                marked += map(_marked, reversed(left))
                break
            if not word.startswith("-") or word == "-" or self._is_option(word):
                marked.append(word)
                if word in self.options and self.options[word] is None and left:
                    marked.append(_marked(left.pop()))
            else:
                self._refuse_mistyped(word)
                marked.append(_marked(word))
        return marked

    def _is_option(self, word: str) -> bool:
        """A known option, alone, shortened, or with its value: --layout, --lay, --layout=mixed, -d'A: matrix(n,n)'."""
        name = word.partition("=")[0]
        if word in self.options or (name in self.options and name.startswith("--")):
            return True
        if name.startswith("--") and len(name) > len("--x"):
            return any(option.startswith(name) for option in self.options)
        return word[:2] in self.options and self.options[word[:2]] is None and ":" in word

    def _refuse_mistyped(self, word: str) -> None:
        """What is like an option, and no expression that anybody would write."""
        if not OPTION_LIKE.fullmatch(word):
            return
        name = word.partition("=")[0]
        long = [option for option in self.options if option.startswith("--")]
        near = get_close_matches("--" + name.lstrip("-"), long, 1, ALIKE)
        if near or name.startswith("--"):
            hint = f"did you mean {near[0]}?" if near else f"the options are {', '.join(sorted(long))};"
            raise ParseError(f"there is no option {name}; {hint} an expression can stand in brackets: '({word})'")


def _marked(word: str) -> str:
    return MARK + word if word.startswith("-") else word
