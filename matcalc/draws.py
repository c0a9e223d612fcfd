"""Random points in any number system: sizes that differ from one another and between trials, structure as declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice
from random import Random

import numpy as np

from . import ir, sampling
from .declarations import Declaration
from .duals import Dual
from .ir import Einsum, MatPow, Node, Number
from .lower import has_complex, unfolded
from .places import Variable, variable
from .sizes import Size
from .structured import structured
from .systems import Array, Digits, Field, Inexact, NoPoint, System

MOST = 8
LEVELS = 4


@dataclass(frozen=True)
class Claim:
    """What is judged: the derivative of `left` along directions, one for each of `wrt`, against `right`.

    `right` has the axes of each variable; of a component it has none. Or it holds directions as symbols: `named` says
    which, by their places among `wrt`; then it lacks these axes. As a `differential` it holds them all, one symbol for
    each variable however often that is differentiated by. Without `wrt` the sides themselves are compared.

    The sides are nodes as they are written. `folded` are the two in canonical form, where they are known: `one_form`
    is whether these show that the claim holds for all sizes. `within` is how `right` takes the structure of the
    variable: by its free `entries`, or as a `projection`; then the directions have that structure. `choices` are the
    sizes to try, where not all will do. With `pattern` the variables keep the noughts of their structure, at
    which a function with a kink has no derivative.

    What holds for all complex Z holds for independent Z and conj(Z), and the reverse, since the sides are analytic in
    both; and for all Hermitian H if and only if for all H, with H^T for the conjugate.
    """

    left: Node
    right: Node
    declarations: Mapping[str, Declaration]
    wrt: tuple[str, ...] = ()
    named: Mapping[str, int] | None = None
    differential: bool = False
    folded: tuple[Node, Node] | None = None
    one_form: bool = False
    within: str | None = None
    choices: tuple[Mapping[str, int], ...] = ()
    pattern: bool = False

    @property
    def is_complex(self) -> bool:
        """Whether a symbol or a side is complex."""
        return has_complex(self.declarations) or self.left.is_complex or self.right.is_complex

    @property
    def is_complex_differential(self) -> bool:
        """Whether the right side holds the change of a complex symbol: its conjugate changes with it."""
        return self.differential and any("complex" in self.declarations[v.base].attributes for v in self.variables)

    @property
    def variables(self) -> list[Variable]:
        """What is differentiated by, resolved."""
        return [variable(name, self.declarations) for name in self.wrt]

    @property
    def direction_shapes(self) -> list[tuple[Size, ...]]:
        return [() if v.indices else self.declarations[v.base].sizes for v in self.variables]

    @property
    def names(self) -> set[str]:
        """The names of all sizes of the symbols and of the sides."""
        shapes = {s for x in (self.left, self.right) for s in x.shape}
        return sampling.size_names(self.declarations) | {n for s in shapes for n in s.names}


def expanded(claim: Claim) -> Claim:
    """The claim with the functions that a user defined replaced by their definitions."""
    left, right = unfolded(claim.left), unfolded(claim.right)
    return claim if left is claim.left and right is claim.right else replace(claim, left=left, right=right)


def assignments(claim: Claim, rng: Random | None = None, wanted: int = 3) -> Iterator[dict[str, int]]:
    """Sizes, one assignment a trial: all different, from 3 on, in turns of which each is the larger.

    With a generator they come in random order; each name takes `wanted` values, or more, before one comes again.
    """
    if claim.choices:
        yield from (dict(sizes) for sizes in islice(cycle(claim.choices), 10_000))
        return
    names = sorted(claim.names)
    least = least_size(claim)
    count = max(wanted, len(names) + (rng is not None))
    values = list(range(least, least + count))
    if rng is not None:
        rng.shuffle(values)
    for turn in range(10_000):
        yield {n: values[(k + turn) % count] for k, n in enumerate(names)}


def least_size(claim: Claim) -> int:
    """The least size at which all unit vectors exist and no identity holds for small matrices only: n by n matrices
    satisfy identities of degree 2 n, so that n is above half the number of factors, up to 8."""
    factors = max(longest_product(claim.left), longest_product(claim.right))
    components = [k for v in claim.variables for k in v.indices]
    return max(3, *components, sampling.least_size(claim.left, claim.right), min(MOST, factors // 2 + 1))


def longest_product(root: Node) -> int:
    """The number of matrices in the longest product in a node."""
    longest = 0
    for node in ir.topological(root):
        if isinstance(node, Einsum):
            longest = max(longest, sum(_exponent(o) for o in node.operands if o.rank >= 2))
    return longest


def _exponent(node: Node) -> int:
    if isinstance(node, MatPow) and isinstance(node.exponent, Number):
        return min(64, abs(int(node.exponent.value)))
    return 1


@dataclass(frozen=True)
class Raw:
    """Random entries of the symbols and of the directions, before structure is put on them."""

    symbols: Mapping[str, Array]
    directions: Sequence[Array]


def raw_field(claim: Claim, sizes: Mapping[str, int], rng: Random, field: Field) -> Raw:
    """Elements of a prime field."""

    def entries(axes: tuple[Size, ...]) -> Array:
        shape = sampling.shape_of(axes, sizes)
        count = int(np.prod(shape, dtype=int))
        return np.array([rng.randrange(1, field.prime) for _ in range(count)], dtype=object).reshape(shape)

    symbols: dict[str, Array] = {}
    for n, d in claim.declarations.items():
        whole = "integer" in d.attributes
        symbols[n] = np.asarray(rng.randrange(2, 5), dtype=object) if whole else entries(d.sizes)
        if "complex" in d.attributes and "hermitian" not in d.attributes:
            symbols[ir.conjugate_name(n)] = entries(d.sizes)
    if claim.is_complex_differential:
        raise Inexact("a change and its conjugate are not independent")
    return Raw(symbols, [entries(axes) for axes in claim.direction_shapes])


def raw_floats(claim: Claim, sizes: Mapping[str, int], rng: np.random.Generator, trial: int, level: int = 0) -> Raw:
    """Entries of both signs with moduli from 0.3 to 2; the signs of scalars go through all cases, trial by trial.

    From level 1 on entries are positive, then square matrices are near a multiple of I, then all is small: for
    functions that have no value elsewhere. Complex entries have random angles, from level 1 on small ones; every third
    time they are so large that logarithms of exponentials are on another branch.
    """
    symbols: dict[str, Array] = {}
    scalars = 0
    for name, d in claim.declarations.items():
        shape = sampling.shape_of(d.sizes, sizes)
        if "integer" in d.attributes:
            symbols[name] = np.asarray(float(rng.integers(2, 5)))
            continue
        values = rng.uniform(0.3, 2.0, shape)
        if d.attributes & ir.COMPLEX:
            widest = 0.2 if level else np.pi
            values = (4.0 if trial % 3 == 2 else 1.0) * values * np.exp(1j * rng.uniform(-widest, widest, shape))
        elif level == 0 and "positive" not in d.attributes:
            if shape:
                values = values * rng.choice((-1.0, 1.0), shape)
            else:
                values = values * (-1.0 if trial >> scalars % 3 & 1 else 1.0)
                scalars += 1
        if level == 3:
            values = values / 5
        if level >= 2 and len(shape) == 2 and shape[0] == shape[1]:
            values = np.eye(shape[0]) * (2.0 if level == 2 else 1.0) + values * 0.3 / shape[0]
        symbols[name] = np.asarray(values)
    shapes = [sampling.shape_of(axes, sizes) for axes in claim.direction_shapes]
    directions = [np.asarray(rng.uniform(-1.0, 1.0, s)) for s in shapes]
    if claim.is_complex_differential:
        directions = [d + 1j * rng.uniform(-1.0, 1.0, d.shape) for d in directions]
    return Raw(symbols, directions)


def point(claim: Claim, raw: Raw, system: System) -> tuple[dict[str, Dual], dict[str, Dual], list[Array]]:
    """(symbols with their directions, symbols alone, directions) in a number system."""
    lift = system.lift if isinstance(system, Digits) else np.asarray
    directions = [np.asarray(lift(d)) for d in raw.directions]
    if claim.within is not None:
        kinds = [claim.declarations[v.base].attributes for v in claim.variables]
        directions = [structured(d, a, system, linear=True) for d, a in zip(directions, kinds, strict=True)]
    if claim.differential:
        first = [claim.wrt.index(name) for name in claim.wrt]
        directions = [directions[k] for k in first]
    plain: dict[str, Dual] = {}
    for name, values in raw.symbols.items():
        d = claim.declarations[ir.base_name(name)]
        plain[name] = {0: system.reduce(structured(np.asarray(lift(values)), d.attributes, system))}
        bar = ir.conjugate_name(name)
        if claim.is_complex and bar not in raw.symbols:
            plain[bar] = {0: _conjugate(plain[name][0], d)}
    varied = dict(plain)
    if claim.pattern:
        kept = [plain[v.base][0] != 0 for v in claim.variables]
        directions = [d * keep if keep.shape == d.shape else d for keep, d in zip(kept, directions, strict=True)]
    for k, v in enumerate(claim.variables):
        along = _at_component(v, directions[k], plain[v.base][0])
        for name, factor in v.moves:
            varied[name] = {**varied[name], 1 << k: system.reduce(system.complex(factor) * along)}
        if claim.is_complex_differential:
            varied[v.base] = {**varied[v.base], 1 << k: directions[k]}
            bar = ir.conjugate_name(v.base)
            varied[bar] = {**varied[bar], 1 << k: _bar(directions[k])}
    for name, k in (claim.named or {}).items():
        plain[name] = {0: directions[k]}
        plain[ir.conjugate_name(name)] = {0: _bar(directions[k])}
    return varied, plain, directions


def _at_component(v: Variable, direction: Array, value: Array) -> Array:
    """A change of one component as a change of the whole symbol."""
    if not v.indices:
        return direction
    place = tuple(k - 1 for k in v.indices)
    if any(k >= n for k, n in zip(place, value.shape, strict=True)):
        raise NoPoint("a component that is beyond the size")
    along = np.zeros(value.shape, dtype=int).astype(direction.dtype)
    along[place] = direction
    return along


def _conjugate(value: Array, d: Declaration) -> Array:
    if "hermitian" in d.attributes:
        return value.T
    return _bar(value) if "complex" in d.attributes else value


def _bar(value: Array) -> Array:
    return np.asarray(np.conj(value), dtype=value.dtype)
