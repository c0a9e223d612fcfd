"""Programs as text: a Python function that stands alone."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from inspect import getsource
from types import ModuleType

from .. import numeric
from ..errors import MatcalcError
from ..numeric import PRIMITIVES
from ..sizes import Size
from . import helpers
from .operations import ATOM, NEGATIVE, OPERATIONS, PRODUCT, SUM, call_name
from .steps import Program, Step, Value

SAFE = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
RESERVED = frozenset(keyword.kwlist) | frozenset(keyword.softkwlist) | frozenset(dir(builtins)) | {"np", "math"}
MAX_TEXT = 76


def source(program: Program, declarations: Mapping[str, Sequence[Size]], name: str) -> str:
    """The text of a function of the symbols that the program needs, in the order of their declarations."""
    reads = _Reads(program, declarations)
    helped = _helpers(program)
    names = _Names({name, *helped})
    symbols = {s: names.own(s, "v") for s in declarations if s in program.symbols or s in reads.symbols}
    sizes = {n: names.own(n, "size") for n in reads.order}
    lines = [f"{sizes[n]} = {reads.text(n, symbols, sizes)}" for n in reads.order]
    lines += _Writer(program, symbols, sizes, names).lines()
    blocks = _helper_texts(helped)
    body = "".join(f"    {line}\n" for line in lines)
    function = f"def {name}({', '.join(symbols.values())}):\n{body}"
    text = "\n\n".join([*(b + "\n" for b in blocks), function])
    imports = ["import math\n"] if "math." in text else []
    return "".join([*imports, "import numpy as np\n\n\n", text])


class _Names:
    """Names in one function, no two alike."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = set(taken)

    def own(self, name: str, prefix: str) -> str:
        """The name itself where Python can have it."""
        if SAFE.fullmatch(name) and name not in RESERVED and name not in self.taken:
            self.taken.add(name)
            return name
        marked = name + "_"
        if SAFE.fullmatch(name) and SAFE.fullmatch(marked) and marked not in self.taken:
            self.taken.add(marked)
            return marked
        return self.fresh(prefix)

    def fresh(self, prefix: str) -> str:
        count = 1
        while f"{prefix}{count}" in self.taken:
            count += 1
        self.taken.add(f"{prefix}{count}")
        return f"{prefix}{count}"


# --- sizes ----------------------------------------------------------------------------------------


class _Reads:
    """Where the sizes that a program needs are read: from an axis, or from a product with known sizes."""

    def __init__(self, program: Program, declarations: Mapping[str, Sequence[Size]]) -> None:
        places = [(s, n, k) for n, axes in declarations.items() for k, s in enumerate(axes)]
        # Arrays that the program reads anyway come first.
        places.sort(key=lambda p: p[1] not in program.symbols)
        found: dict[str, tuple[Size, str, int]] = {}
        grown = True
        while grown and not set(program.sizes) <= found.keys():
            grown = False
            for size, symbol, axis in sorted(places, key=lambda p: len(p[0].names)):
                unknown = size.names - found.keys()
                if len(unknown) == 1 and _is_linear(size, *unknown):
                    found[next(iter(unknown))] = (size, symbol, axis)
                    grown = True
        missing = [n for n in program.sizes if n not in found]
        if missing:
            raise MatcalcError(f"no array tells the size {missing[0]}")
        self.places = found
        wanted = set(program.sizes)
        for n in reversed(found):
            if n in wanted:
                wanted |= found[n][0].names
        self.order = [n for n in found if n in wanted]
        self.symbols = {found[n][1] for n in self.order}

    def text(self, name: str, symbols: Mapping[str, str], sizes: Mapping[str, str]) -> str:
        size, symbol, axis = self.places[name]
        whole = f"{symbols[symbol]}.shape[{axis}]"
        rest = _part(size, [(m, c) for m, c in size.terms if name not in m])
        factor = _part(size, [(tuple(x for x in m if x != name), c) for m, c in size.terms if name in m])
        if rest.terms:
            whole = f"({whole} - ({size_text(rest, sizes)}))"
        return whole if factor.number == 1 else f"{whole} // ({size_text(factor, sizes)})"


def _part(size: Size, terms: Iterable[tuple[tuple[str, ...], int]]) -> Size:
    total = Size.of(0)
    for monomial, c in terms:
        product = Size.of(c)
        for n in monomial:
            product = product * Size.of(n)
        total = total + product
    return total


def _is_linear(size: Size, name: str) -> bool:
    return all(m.count(name) <= 1 for m, _ in size.terms)


def size_text(size: Size, names: Mapping[str, str]) -> str:
    """The size as a Python expression."""
    terms = []
    for monomial, c in reversed(size.terms):
        factors = [names[n] for n in monomial]
        terms.append(" * ".join(([] if c == 1 and factors else [str(c)]) + factors))
    return " + ".join(terms).replace("+ -", "- ") or "0"


# --- steps ----------------------------------------------------------------------------------------


class _Writer:
    """Expressions for the values of a program; those read more than once get a line and a name."""

    def __init__(self, program: Program, symbols: Mapping[str, str], sizes: Mapping[str, str], names: _Names) -> None:
        self.program = program
        self.symbols, self.sizes, self.names = symbols, sizes, names
        self.texts: dict[Value, tuple[str, int]] = {}

    def lines(self) -> Iterator[str]:
        uses = self.program.uses()
        for step in self.program.steps:
            text, level = self.expression(step)
            if step.target == self.program.root:
                yield f"return {text}"
            elif self.is_short(step) or (uses[step.target] == 1 and len(text) <= MAX_TEXT):
                self.texts[step.target] = (text, level)
            else:
                name = self.names.fresh("t")
                self.texts[step.target] = (name, ATOM)
                yield f"{name} = {text}"

    def is_short(self, step: Step) -> bool:
        """Whether the text costs nothing to repeat."""
        if step.op == "T":
            return self.texts[step.args[0]][0].isidentifier()
        return step.op in ("symbol", "number", "size", "shape", "pi", "1i")

    def expression(self, step: Step) -> tuple[str, int]:
        match step.op:
            case "symbol":
                return self.symbols[step.params], ATOM
            case "number":
                return number_text(step.params)
            case "size":
                terms = step.params.terms
                level = ATOM if len(terms) == 1 and len(terms[0][0]) + (terms[0][1] != 1) <= 1 else SUM
                return size_text(step.params, self.sizes), level
            case "shape":
                parts = [size_text(s, self.sizes) for s in step.params]
                return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})", ATOM
        row = OPERATIONS[step.op]
        args = [self.argument(a, row.needs[k] if k < len(row.needs) else SUM) for k, a in enumerate(step.args)]
        return row.written(step.params, args), row.level

    def argument(self, value: Value, need: int) -> str:
        text, level = self.texts[value]
        return f"({text})" if level < need else text


def number_text(value: Fraction) -> tuple[str, int]:
    """A number and how it binds.

    >>> number_text(Fraction(-1, 2)), number_text(Fraction(1, 3))
    (('-0.5', 3), ('1 / 3', 2))
    """
    if Fraction(float(value)) != value and value.denominator != 1:
        return f"{value.numerator} / {value.denominator}", PRODUCT
    text = str(value.numerator) if value.denominator == 1 and abs(value) < 10**15 else repr(float(value))
    return text, NEGATIVE if value < 0 else ATOM


# --- helpers --------------------------------------------------------------------------------------


def _helpers(program: Program) -> set[str]:
    """The helpers that a program calls, and those that they call."""
    found: set[str] = set()
    waiting = [h.__name__ for s in program.steps if (h := OPERATIONS[s.op].helper if s.op in OPERATIONS else None)]
    waiting += [
        PRIMITIVES[s.params].__name__ for s in program.steps if s.op == "call" and "." not in call_name(s.params)
    ]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        known = _definitions() | _own_definitions(name)
        waiting += [n.id for n in ast.walk(known[name]) if isinstance(n, ast.Name) and n.id in known]
    return found


def is_taken(name: str) -> bool:
    """Whether a program means something of its own by the name, so that no function of a user can have it."""
    return name in RESERVED or name in _definitions()


@cache
def _definitions() -> dict[str, ast.stmt]:
    """The functions and constants of the modules that programs may call, by name."""
    found: dict[str, ast.stmt] = {}
    for module in (numeric, helpers):
        found.update(_top_level(module))
    return found


def _own_definitions(name: str) -> dict[str, ast.stmt]:
    """What the source of a function that a user defined holds: the function, and the helpers it calls."""
    text = getattr(PRIMITIVES.get(name), "source", "")
    return {node.name: node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


def _top_level(module: ModuleType) -> Iterator[tuple[str, ast.stmt]]:
    for node in ast.parse(getsource(module)).body:
        match node:
            case ast.FunctionDef(name):
                yield name, _bare(node)
            case ast.Assign([ast.Name(name)]):
                yield name, node


def _bare(function: ast.FunctionDef) -> ast.FunctionDef:
    """The function without annotations, and with the first line of its docstring."""
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    text = ast.get_docstring(function)
    if text:
        function.body[0] = ast.Expr(ast.Constant(text.splitlines()[0]))
    return function


def _helper_texts(names: set[str]) -> list[str]:
    """Their texts in the order of the modules, constants first."""
    chosen = [node for name, node in _definitions().items() if name in names]
    chosen += [_own_definitions(name)[name] for name in sorted(names - _definitions().keys())]
    chosen.sort(key=lambda node: isinstance(node, ast.FunctionDef))
    return [ast.unparse(node) for node in chosen]
