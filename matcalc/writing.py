"""A node is written the way its reader would write it, and only in a form that reads back to the same value."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from . import ir
from .confirm import means
from .draws import Claim
from .entrywise import entrywise
from .errors import LimitError, UnsupportedError
from .expanding import multiplied_out
from .forms import LONG
from .indices import einstein_form, index_form
from .ir import Node
from .judge import judge
from .length import length
from .letters import IMAGINARY
from .lower import Lowered
from .recognise import Recogniser, is_clearer, matrix_form
from .render.text import text
from .simplify import simplify
from .syntax import Add, Call, Listed, Mul, Name, Neg, Num, Pow, Slash, Sub, Syntax, walk

SEED = 1  # answers are the same each time
LONGEST_PHRASE = 6
LONGER = 1.3  # how much longer a sum of products may be than a product with sums in it


def recogniser(lowered: Lowered, explicit: bool = False, wrt: Sequence[str] = ()) -> Recogniser:
    """A recogniser that keeps to the order and the phrases of the input."""
    order: dict[str, int] = {}
    phrases: set[str] = set()
    for x in walk(lowered.syntax):
        if isinstance(x, Name):
            order.setdefault(x.name, len(order))
        elif isinstance(x, Mul) and len(x.factors) <= LONGEST_PHRASE and not any(isinstance(y, Slash) for y in walk(x)):
            runs = [x.factors[i:j] for j in range(len(x.factors) + 1) for i in range(j - 1)]
            phrases.update(text(Mul(run)) for run in runs if sum(map(length, run)) <= LONG)
    taken = frozenset(lowered.declarations)
    listed = _holds_entries(lowered.syntax)
    names = {n for n, d in lowered.declarations.items() if d.attributes & ir.COMPLEX}
    complex_names = frozenset({*names, IMAGINARY} if names or lowered.node.is_complex else ())
    return Recogniser(
        lowered.written, order, explicit, frozenset(wrt), taken, frozenset(phrases), listed, complex_names
    )


def written(lowered: Lowered, node: Node, wrt: Sequence[str]) -> tuple[Syntax, bool]:
    """(syntax, whether it is matrix notation): the shortest that reads back to the same value."""
    for explicit in (False, True):
        form = matrix_form(recogniser(lowered, explicit, wrt), node)
        if form is None:
            break
        if means(form, node, lowered.declarations):
            return _by_entries(lowered, node, wrt, form), True
    plain, terms = _in_indices(lowered, node, node, wrt), _expanded(node)
    expanded = _in_indices(lowered, terms, node, wrt) if terms is not node else None
    if plain is None or (expanded is not None and length(expanded) <= LONGER * length(plain)):
        plain = expanded
    if plain is None:
        raise UnsupportedError("the result could not be written so that it reads back")
    entries = _by_entries(lowered, node, wrt, plain)
    return entries, entries is not plain


def _by_entries(lowered: Lowered, node: Node, wrt: Sequence[str], form: Syntax) -> Syntax:
    """The form, or what becomes of it entry by entry: of what is written out, where that is clearer."""
    if not _holds_entries(lowered.syntax) or _is_plain(form):
        return form
    better = entrywise(node, lowered.declarations)
    entries = None if better is None else matrix_form(recogniser(lowered, False, wrt), better)
    if better is None or entries is None or not is_clearer(entries, form):
        return form
    equal = judge(Claim(node, better, lowered.declarations), SEED).status == "equal"
    return entries if equal and means(entries, better, lowered.declarations) else form


def _holds_entries(form: Syntax) -> bool:
    return any(isinstance(x, Listed) for x in walk(form))


def _is_plain(form: Syntax) -> bool:
    """Whether each entry is a sum of products of names, numbers, their powers and functions of names."""
    parts = [x for row in form.rows for x in row] if isinstance(form, Listed) else [form]
    terms = [t.arg if isinstance(t, Neg) else t for p in parts for t in (p.terms if isinstance(p, Add) else (p,))]
    return all(_is_simple(f) for t in terms for f in (t.factors if isinstance(t, Mul) else (t,)))


def _is_simple(factor: Syntax) -> bool:
    match factor:
        case Name() | Num():
            return True
        case Pow(base, Num()):
            return _is_simple(base)
        case Call(_, (arg,)) | Sub(arg, _):
            return isinstance(arg, Name)
        case _:
            return False


def _in_indices(lowered: Lowered, node: Node, meant: Node, wrt: Sequence[str]) -> Syntax | None:
    """The index notation of a node, if it has the value of what is meant."""
    for explicit, ranges in product((False, True), repeat=2):
        form = index_form(recogniser(lowered, explicit, wrt), node, ranges)
        if means(form, meant, lowered.declarations):
            return form
    return None


def _expanded(node: Node) -> Node:
    """A tensor term by term; as it is where that has too many terms."""
    try:
        return simplify(ir.add(multiplied_out(node), node.shape))
    except LimitError:
        return node


def einstein(lowered: Lowered, node: Node) -> Syntax:
    """Every product in components; where that does not read back, in the shorter index notation."""
    for writer in (einstein_form, index_form):
        for explicit, ranges in product((False, True), repeat=2):
            form = writer(recogniser(lowered, explicit), node, ranges)
            if means(form, node, lowered.declarations):
                return form
    raise UnsupportedError("the result could not be written so that it reads back")
