"""What all lines of a derivation share: the symbols, the letters, and how nodes are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from .. import ir
from ..confirm import means
from ..declarations import Declaration
from ..errors import LimitError, UnsupportedError
from ..forms import add_form
from ..ir import Node, Power, Symbol
from ..lower import Lowered, as_typed
from ..recognise import Recogniser, matrix_form
from ..shapes import with_readings
from ..syntax import Mul, Name, Neg, Sub, Syntax, Transpose, children, walk, with_children
from ..writing import recogniser, written
from .checks import CONTRADICTION, Point, points
from .components import component, write

KINDS = ("scalar", "vector", "matrix")
LONGEST = 1_000


@dataclass
class Sheet:
    """The paper that a derivation is written on: `names` are the symbols that stand for derivatives of nodes."""

    lowered: Lowered
    wrt: Sequence[str]
    root: Node | None = None  # what is differentiated: it is written as it is
    names: dict[Node, Symbol] = field(default_factory=dict)
    _points: dict[tuple[Node, str], tuple[Point, ...]] = field(default_factory=dict)
    _forms: dict[Node, Syntax | None] = field(default_factory=dict)

    @cached_property
    def recogniser(self) -> Recogniser:
        return recogniser(self.lowered, False, self.wrt)

    @cached_property
    def typed(self) -> Mapping[Node, Syntax]:
        """The parts of the input as they were written."""
        scope = self.lowered.reading.scope
        found = as_typed(self.lowered, self.wrt).items()
        return {n: with_readings(s, scope) for n, s in found if not letters_in(s)}

    @property
    def declarations(self) -> Mapping[str, Declaration]:
        """The symbols, those for derivatives among them."""
        table = dict(self.lowered.declarations)
        for symbol in self.names.values():
            kind = KINDS[symbol.rank] if symbol.rank < len(KINDS) else "tensor"
            table[symbol.name] = Declaration(kind, symbol.shape, symbol.attributes)
        return table

    def symbol_for(self, node: Node, more: ir.Shape) -> Symbol:
        """The symbol that stands for the derivative of a node; `more` are the axes that it has besides its own."""
        if node not in self.names:
            count = len(self.names)
            taken = self.lowered.declarations
            name = "D" + "".join(chr(ord("a") + int(digit)) for digit in str(count)) + "z"
            while name in taken:
                name += "z"
            swap = () if more else {1: ("symmetric",), -1: ("skew",)}.get(node.swap, ())
            self.names[node] = ir.symbol(name, node.shape + more, frozenset(swap))
        return self.names[node]

    @property
    def nodes(self) -> dict[str, Node]:
        """The nodes whose derivatives the symbols stand for."""
        return {symbol.name: node for node, symbol in self.names.items()}

    def points(self, root: Node, name: str) -> tuple[Point, ...]:
        """Where lines about the derivative of the root are compared."""
        key = (root, name)
        if key not in self._points:
            self._points[key] = points(root, name, self.lowered.declarations)
        return self._points[key]

    def form(self, node: Node) -> Syntax:
        """The node in matrix notation, else in index notation."""
        return self.written(node)[0]

    def written(self, node: Node) -> tuple[Syntax, bool]:
        """The same, and whether it is matrix notation."""
        return written(self._with_names, node, self.wrt)

    @property
    def _with_names(self) -> Lowered:
        return replace(self.lowered, declarations=self.declarations)

    def matrix(self, node: Node) -> Syntax | None:
        """The node in matrix notation, if it has one that reads back."""
        if node not in self._forms:
            self._forms[node] = self._matrix(node)
        return self._forms[node]

    def _matrix(self, node: Node) -> Syntax | None:
        for known, shown in ((node, lambda s: s), (ir.turn(node) if node.rank == 2 else node, _turned)):
            if known in self.typed:
                return shown(self.typed[known])
        lowered = self._with_names
        for explicit in (False, True):
            form = matrix_form(recogniser(lowered, explicit, self.wrt), node)
            if form is None:
                return None
            if means(form, node, lowered.declarations):
                return form
        return None

    def upright(self, node: Node) -> tuple[int, Node, bool]:
        """(sign, node, turned): what is written without a leading minus or a mark for the transpose."""
        plain = node is self.root or isinstance(node, Symbol)
        form = self.matrix(node) if node.rank in (1, 2) and not plain else None
        sign, turned = 1, False
        if isinstance(form, Neg):
            sign, form = -1, form.arg
        if isinstance(form, Transpose) and node.rank == 2:
            turned = True
        upright = ir.scale(sign, ir.turn(node) if turned else node)
        return sign, upright, turned

    def component(self, node: Node, letters: tuple[str, ...], reserved: frozenset[str]) -> Syntax:
        """The component of a node, in matrix notation where it has one."""
        form = None if isinstance(node, Power) and letters else self.matrix(node)
        if form is not None:
            return component(form, letters)
        plus, shown, _ = write(self.recogniser, node, letters, reserved)
        return add_form([(plus, shown)]).syntax

    def require_short(self, node: Node) -> None:
        """Refuse to write what fills pages."""
        if ir.written_size(node) > LONGEST:
            raise LimitError(f"a line of the derivation has more than {LONGEST} symbols; the answer itself is there")

    def require(self, form: Syntax, node: Node) -> None:
        """Refuse to show what does not read back as the node."""
        if not means(form, node, self.declarations):
            raise UnsupportedError(CONTRADICTION)


def letters_in(form: Syntax) -> set[str]:
    """The index letters that stand in it."""
    return {k for x in walk(form) if isinstance(x, Sub) for k in x.indices if isinstance(k, str)}


def _turned(form: Syntax) -> Syntax:
    return form.arg if isinstance(form, Transpose) else Transpose(form)


def with_components(root: Syntax, make: Callable[[str, tuple[str, ...]], Syntax | None]) -> Syntax:
    """The syntax with the components of some symbols written as `make` says of (name, letters)."""
    match root:
        case Sub(Name(name), letters):
            return make(name, tuple(str(k) for k in letters)) or root
        case Name(name):
            return make(name, ()) or root
        case Mul(factors):
            parts: list[Syntax] = []
            for f in factors:
                new = with_components(f, make)
                parts += new.factors if isinstance(new, Mul) and not isinstance(f, Mul) else (new,)
            return Mul(tuple(parts))
        case _:
            return with_children(root, tuple(with_components(c, make) for c in children(root)))
