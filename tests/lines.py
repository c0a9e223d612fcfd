"""The value of a printed line of a derivation, found from its text alone: its derivatives are taken by differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from matcalc import ir, sampling
from matcalc.declarations import Declaration
from matcalc.derivation import Step
from matcalc.evaluate import evaluate
from matcalc.indices import LETTERS, letter_counts
from matcalc.ir import Node
from matcalc.lower import Lowered, lower_text
from matcalc.places import part_of
from matcalc.render.text import text
from matcalc.sampling import Array
from matcalc.sizes import Size
from matcalc.syntax import Differential, Equation, Name, Partial, Sub, Syntax, Where, children, walk, with_children
from matcalc.terms import size_form

STEP = 1e-4
KINDS = ("scalar", "vector", "matrix")


class Paper:
    """Random values for symbols, and a random direction for one of them."""

    def __init__(self, lowered: Lowered, variable: str, assignment: int) -> None:
        declarations = lowered.declarations
        root = lowered.node
        kind = KINDS[root.rank] if root.rank < len(KINDS) else "tensor"
        self.shown = text(lowered.syntax)
        self.named = {"f": root}  # what stands for an expression in index notation
        self.table = {"f": Declaration(kind, root.shape), **declarations}
        self.variable = variable
        self.sizes_of_variable = declarations[part_of(variable)[1]].sizes
        names = sampling.size_names(declarations)
        self.sizes = sampling.sizes_for(names, assignment)
        rng = np.random.default_rng(assignment)
        self.values: dict[str, Array] = sampling.draw(declarations, self.sizes, rng)
        self.direction = rng.uniform(-1, 1, self.values[variable].shape)
        self.marks: dict[str, str] = {}
        self.letters: tuple[str, ...] = ()
        self.last: Syntax | None = None
        self.extents: dict[str, Size] = {}

    def sides(self, step: Step) -> tuple[Array, Array]:
        """The values of both sides of a step. The free indices are those of the last line that began anew."""
        left, right = step.before.syntax, step.after.syntax
        if left != self.last:
            self.letters = free_letters(left)
        self.last = right
        if isinstance(left, Sub):
            self._whole(left)
        return self.value(left), self.value(right)

    def value(self, line: Syntax) -> Array:
        """The value of a line; its free indices are axes in the order of the alphabet of indices."""
        return self._evaluate(self._lower(self._marked(line), self.letters, self.extents), self.values)

    # --- derivatives become symbols with values ---

    def _marked(self, root: Syntax) -> Syntax:
        match root:
            case Differential(arg):
                node, own = self._whole(arg)
                name = self._symbol(text(root.arg), node.shape, lambda: self._along(node))
                return Sub(Name(name), own) if own else Name(name)
            case Partial(arg, wrt):
                return self._partial(arg, wrt)
            case _:
                return with_children(root, tuple(self._marked(c) for c in children(root)))

    def _whole(self, arg: Syntax) -> tuple[Node, tuple[str, ...]]:
        """(what has this component, its letters)."""
        if isinstance(arg, Sub) and text(arg) != self.shown:
            node, letters = self._lower(arg.base, ()), tuple(str(k) for k in arg.indices)
            self.extents |= zip(letters, node.shape, strict=True)
            return node, letters
        written = {str(k) for x in walk(arg) if isinstance(x, Sub) for k in x.indices}
        own = tuple(k for k in LETTERS if k in {*free_letters(arg), *(written & set(self.letters))})
        node = self._lower(arg, own)
        self.extents |= zip(own, node.shape)  # noqa: B905  (a whole matrix has no letters)
        return node, own

    def _partial(self, arg: Syntax, wrt: Syntax) -> Syntax:
        node, own = self._whole(arg)
        by = tuple(str(k) for k in wrt.indices) if isinstance(wrt, Sub) else ()
        sizes = self.sizes_of_variable
        self.extents |= zip(by, sizes)  # noqa: B905
        name = self._symbol(f"d{text(arg)}/{self.variable}", (*node.shape, *sizes), lambda: self._all(node))
        return Sub(Name(name), (*own, *by)) if own or by else Name(name)

    def _symbol(self, key: str, shape: tuple[Size, ...], value: Callable[[], Array]) -> str:
        if key not in self.marks:
            name = "D" + "q" * (1 + len(self.marks)) + "z"
            self.marks[key] = name
            self.table[name] = Declaration(KINDS[len(shape)] if len(shape) < 3 else "tensor", tuple(shape))
            self.values[name] = value()
        return self.marks[key]

    # --- numbers ---

    def _lower(self, form: Syntax, letters: tuple[str, ...], sizes: Mapping[str, Size] = MappingProxyType({})) -> Node:
        whole = isinstance(form, Equation | Where) or not any(isinstance(x, Sub) for x in walk(form))
        if letters and not whole:
            ranges = tuple((k, size_form(sizes[k]).syntax) for k in letters if k in sizes)
            form = Where(Equation("Zq", letters, form), (), ranges)
        node = lower_text(text(form), self.table, open_names=False).node
        return ir.substitute(node, self.named, {})

    def _evaluate(self, node: Node, values: Mapping[str, Array]) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(evaluate(node, values, self.sizes))

    def _along(self, node: Node, direction: Array | None = None) -> Array:
        d = self.direction if direction is None else direction
        x = self.values[self.variable]
        at = [self._evaluate(node, {**self.values, self.variable: x + k * STEP * d}) for k in (-2, -1, 1, 2)]
        return (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * STEP)

    def _all(self, node: Node) -> Array:
        x = self.values[self.variable]
        columns = []
        for place in np.ndindex(x.shape):
            unit = np.zeros(x.shape)
            unit[place] = 1.0
            columns.append(self._along(node, unit))
        shape = columns[0].shape
        return np.stack(columns, axis=-1).reshape((*shape, *x.shape))


def free_letters(form: Syntax) -> tuple[str, ...]:
    """The letters of a line that are not summed, in the order of the alphabet of indices."""
    if not any(isinstance(x, Sub) for x in walk(form)):
        return ()
    counts = letter_counts(_flat(form))
    return tuple(sorted((k for k, n in counts.items() if n == 1), key=LETTERS.index))


def _flat(root: Syntax) -> Syntax:
    """A derivative as one factor with all its letters."""
    if isinstance(root, Differential):
        return Sub(Name("D"), free_letters(root.arg)) if free_letters(root.arg) else Name("D")
    if isinstance(root, Partial):
        by = root.wrt.indices if isinstance(root.wrt, Sub) else ()
        letters = (*free_letters(root.arg), *by)
        return Sub(Name("D"), letters) if letters else Name("D")
    return with_children(root, tuple(_flat(c) for c in children(root)))
