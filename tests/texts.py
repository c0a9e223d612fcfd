"""Mutated texts through `parse` and `derive`: what is raised is a MatcalcError, and nothing takes long.

Run as a script it counts, and prints each text that fails:

    python tests/texts.py --count 200000 --seed 1
"""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import matcalc as mc

ROOT = Path(__file__).parents[1]
LIMIT = 5.0  # seconds of CPU for one text
LEXEME = re.compile(r"\\?[A-Za-z_]+|\d+|\.[*/^]|\|\||.", re.DOTALL)
QUOTED = re.compile(r"'([^'\n]{1,200})'|\"([^\"\n]{1,200})\"|`([^`\n]{1,200})`")
PIECES = (
    *("A", "x", "y", "a", "B", "X", "n", "i", "(", ")", "[", "]", "{", "}", "^", "^T", "'", "^-1", "_ij", "_i", "_"),
    *(
        "+",
        "-",
        "*",
        "/",
        ".*",
        "./",
        ".^",
        "|",
        "||",
        "||_F",
        "tr(",
        "det(",
        "diag(",
        "exp(",
        "sum(",
        "sum_i ",
        "log(",
    ),
    *(
        "norm(",
        "I",
        "I_n",
        "ones(n)",
        "e(1,n)",
        "kron(",
        "⊗",
        "=",
        " where ",
        ",",
        ";",
        "2",
        "0",
        "1/2",
        "1e-3",
        "1e400",
    ),
    *("delta_ij", "inv(", "softmax(", "vec(", "Y_ij =", "T", "H", "^+", "\\frac{", "\\alpha", "α", "²", "ᵀ", "pi", "√"),
    *("merge(n,m)", "outer(", "max(", "T_1", "A_ij", "x_i", "||x||_p", "\0", "é", "1i", "10^30", "\\begin{pmatrix}"),
    *("&", "\\\\", "\\end{pmatrix}", "\\mathbf{1}_{n}", "..", "@", "∑_i", "conj(", "re(", "expm(", "eigmax(", "\u202e"),
)


class TooLong(BaseException):
    """A text that takes more than the limit."""


@dataclass(frozen=True)
class Failure:
    """A text that raised something else than a MatcalcError, or that took too long."""

    action: str
    text: str
    wrt: str
    what: str

    def __str__(self) -> str:
        by = f" by {self.wrt}" if self.action == "derive" else ""
        return f"{self.action} {self.text!r}{by}: {self.what}"


def small_corpus() -> list[str]:
    """The expressions of the golden lines and of the identities."""
    found: dict[str, None] = {}
    for line in (ROOT / "tests" / "golden.txt").read_text(encoding="utf-8").splitlines():
        found[line.partition(" | ")[0]] = None
    for file in sorted((ROOT / "identities").glob("*.mc")):
        for line in file.read_text(encoding="utf-8").splitlines():
            key, _, value = line.strip().partition(": ")
            if key in ("states", "definition"):
                found.update(dict.fromkeys(value.split(" = ")))
    return [text for text in found if text]


def corpus(extra: Path | None = None) -> list[str]:
    """These and what README, docs and tests quote, and the inputs of files of cases in `extra`; what parses."""
    found = dict.fromkeys(small_corpus())
    files = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "tests").glob("test_*.py"))]
    for file in files:
        for groups in QUOTED.findall(file.read_text(encoding="utf-8")):
            found[next(g for g in groups if g)] = None
    for file in sorted(extra.glob("*.jsonl")) if extra else ():
        found.update(dict.fromkeys(_inputs(file)))
    return list(filter(_parses, found))


def _parses(text: str) -> bool:
    try:
        mc.parse(text)
    except mc.MatcalcError:
        return False
    return True


def _inputs(file: Path) -> Iterator[str]:
    for line in file.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        record = {**record, **(record["input"] if isinstance(record.get("input"), dict) else {})}
        yield from (v for k in ("input", "expr", "lhs", "rhs", "claim") if isinstance(v := record.get(k), str))


def mutated(texts: list[str], r: random.Random) -> str:
    """A text with a few of its lexemes changed, or anything at all."""
    if r.random() < 0.05:
        return bytes(r.randrange(256) for _ in range(r.randint(1, 40))).decode("utf-8", "replace")
    lexemes = LEXEME.findall(r.choice(texts))
    for _ in range(r.choice((1, 1, 1, 2, 2, 3, 4))):
        i, j = r.randrange(len(lexemes) + 1), r.randrange(len(lexemes) + 1)
        match r.randrange(5):
            case 0:
                del lexemes[i : i + 1]
            case 1:
                lexemes.insert(i, r.choice(PIECES))
            case 2:
                lexemes[i : i + 1] = [r.choice(PIECES)]
            case 3:
                lexemes[i:i] = lexemes[min(i, j) : max(i, j)]
            case _:
                other = LEXEME.findall(r.choice(texts))
                k = r.randrange(len(other) + 1)
                lexemes[i:j] = other[k : k + r.randint(1, 8)]
    return "".join(lexemes)


def variable(text: str, r: random.Random) -> str:
    """A name to differentiate by: one that stands in the text, most of the time."""
    names = re.findall(r"[A-Za-zα-ω]\w*", text)
    return r.choice(names) if names and r.random() < 0.9 else "x"


def attempt(action: str, text: str, wrt: str) -> str | None:
    """What went wrong, or None."""
    try:
        if action == "parse":
            str(mc.parse(text))
        else:
            order = [wrt, wrt] if len(text) % 4 == 0 else [wrt]
            str(mc.derive(text, order))
    except mc.MatcalcError as error:
        return None if str(error) else "an error without words"
    except TooLong:
        return f"more than {LIMIT:g} s"
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"
    return None


def failures(count: int, seed: int, texts: list[str]) -> Iterator[Failure | None]:
    """For each of that many texts its failure, or None; the same for a seed."""
    r = random.Random(seed)
    signal.signal(signal.SIGVTALRM, _ring)
    try:
        for k in range(count):
            text = mutated(texts, r)
            action, wrt = ("parse", "derive")[k % 2], variable(text, r)
            signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
            try:
                what = attempt(action, text, wrt)
            except TooLong:  # between the attempt and its end
                what = f"more than {LIMIT:g} s"
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            yield Failure(action, text, wrt, what) if what else None
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, signal.SIG_DFL)


def _ring(_signal: int, _frame: FrameType | None) -> None:
    raise TooLong


def main() -> int:
    """Count, and print what fails."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=Path, help="a folder with files of cases, a JSON object a line")
    options = parser.parse_args()
    kinds: Counter[str] = Counter()
    start = time.process_time()
    for k, failure in enumerate(failures(options.count, options.seed, corpus(options.cases)), 1):
        if failure is not None:
            kinds[failure.what] += 1
            print(failure, flush=True)
        if k % 5_000 == 0:
            print(f"{k} texts, {sum(kinds.values())} failures, {time.process_time() - start:.0f} s", file=sys.stderr)
    print(f"{options.count} texts of seed {options.seed}: {sum(kinds.values())} failures")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
