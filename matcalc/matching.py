"""Is one expression another with its symbols renamed? The canonical form makes that a lookup and a check.

`skeleton` is a number that no renaming changes: what has another skeleton cannot match. What has the same is
confirmed by putting the actual symbols in, since then equal expressions are one object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from . import ir
from .ir import Basis, Call, Einsum, Map, Node, Number, Sum, Symbol
from .simplify import simplify
from .sizes import Size

MAX_SYMBOLS = 7
MAX_TRIES = 5_000
# What need not be declared of a symbol for a fact about it to be meant.
ASSUMED = frozenset({"invertible", "contraction"})
IMPLIED = {"spd": frozenset({"spd", "symmetric", "invertible"}), "diagonal": frozenset({"diagonal", "symmetric"})}


def skeleton(root: Node) -> int:
    """A number that depends on the structure alone, not on names, sizes, signs or the order of operands.

    >>> x, y = (ir.symbol(name, (Size.of("n"),)) for name in "xy")
    >>> skeleton(ir.einsum([(x, (0,)), (x, (0,))], ())) == skeleton(ir.einsum([(y, (0,)), (y, (0,))], ()))
    True
    """
    known: dict[Node, int] = {}
    for node in ir.topological(root):
        if isinstance(node, Einsum) and len(node.operands) == 1 and set(node.labels[0]) == set(node.output):
            known[node] = known[node.operands[0]]  # how a matrix is turned depends on names
            continue
        known[node] = hash((type(node).__name__, node.rank, *_own(node, known)))
    return known[root]


def _own(node: Node, known: Mapping[Node, int]) -> tuple[object, ...]:
    match node:
        case Number(value):
            return (value,)
        case Basis(index):
            return (index,)
        case ir.Inject(_, place):
            return (place,)
        case Sum(terms):
            return tuple(sorted(hash((abs(c), known[n])) for c, n in terms))
        case Map(function, args) | Call(function, args):
            return (function, *(known[a] for a in args))
        case Einsum(operands):
            return tuple(sorted(known[o] for o in operands))
    return tuple(known[n] for n in ir.operands_of(node))


def symbols_of(root: Node) -> list[Symbol]:
    """The symbols of a node, by name; of Z and conj(Z), Z alone."""
    found = {n: None for n in ir.topological(root) if isinstance(n, Symbol)}
    plain = {ir.conjugate(n) if ir.is_conjugate(n.name) else n: None for n in found}
    return sorted((n for n in plain if isinstance(n, Symbol)), key=lambda s: s.name)


def match(pattern: Node, actual: Node, fixed: Sequence[tuple[str, str]] = ()) -> dict[str, str] | None:
    """The renaming of the pattern's symbols that makes it the actual node, or None; `fixed` are pairs that must hold.

    >>> x, y = (ir.symbol(name, (Size.of(name + "n"),)) for name in "xy")
    >>> match(ir.apply("exp", [x]), ir.apply("exp", [y]))
    {'x': 'y'}
    """
    own, others = symbols_of(pattern), symbols_of(actual)
    if len(own) != len(others) or len(own) > MAX_SYMBOLS:
        return None
    given = dict(fixed)
    for tries, chosen in enumerate(_bijections(own, others, given)):
        if tries == MAX_TRIES:
            break
        sizes = _sizes(own, chosen)
        if sizes is None:
            continue
        renamed = ir.substitute(pattern, {p.name: a for p, a in zip(own, chosen, strict=True)}, sizes)
        if renamed is actual or simplify(renamed) is actual:
            return {p.name: a.name for p, a in zip(own, chosen, strict=True)}
    return None


def _bijections(
    own: Sequence[Symbol], others: Sequence[Symbol], given: Mapping[str, str]
) -> Iterator[tuple[Symbol, ...]]:
    if not own:
        yield ()
        return
    first, *rest = own
    for k, other in enumerate(others):
        if given.get(first.name, other.name) == other.name and _fits(first, other):
            for more in _bijections(rest, [*others[:k], *others[k + 1 :]], given):
                yield (other, *more)


def _fits(pattern: Symbol, actual: Symbol) -> bool:
    has = frozenset().union(*(IMPLIED.get(a, frozenset({a})) for a in actual.attributes))
    if pattern.attributes & ir.COMPLEX != actual.attributes & ir.COMPLEX:
        return False
    return pattern.rank == actual.rank and pattern.attributes - ASSUMED <= has


def _sizes(own: Sequence[Symbol], chosen: Sequence[Symbol]) -> dict[str, Size] | None:
    """What the names of sizes stand for, or None where the shapes do not fit."""
    sizes: dict[str, Size] = {}
    pairs = [pair for p, a in zip(own, chosen, strict=True) for pair in zip(p.shape, a.shape, strict=True)]
    for size, actual in pairs:
        if size.name is not None and sizes.setdefault(size.name, actual) is not actual:
            return None
    return sizes if all(size.substitute(sizes) is actual for size, actual in pairs) else None
