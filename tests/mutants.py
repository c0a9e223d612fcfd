"""Wrong copies of what the library states: a transpose dropped, a sign flipped, a factor changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from matcalc import points, statements, verdicts
from matcalc.draws import Claim
from matcalc.entries import Field, Record
from matcalc.errors import MatcalcError
from matcalc.render.text import text
from matcalc.shapes import with_readings
from matcalc.statements import Side, Statement
from matcalc.syntax import Add, Equation, Mul, Neg, Num, Syntax, Transpose, Where, children, with_children

FACTOR = Num(Fraction(3, 2))


@dataclass(frozen=True)
class Mutant:
    """A record that states something else than its original, which may have the same value all the same."""

    change: str
    record: Record


def mutants(record: Record) -> Iterator[Mutant]:
    """The mutants of a fact or a rewrite; of an inequality the larger side changes its sign only."""
    statement = statements.read(record)
    right = statement.right
    if right is None or statement.relation == "!=":
        return
    side = statement.left if right.text == "0" else right
    lowered = side.lower(statement.declarations)
    body, ranges = _body(with_readings(lowered.syntax, lowered.reading.scope))
    for change, changed in _changes(body):
        if statement.relation == "<=" and change != "sign":
            continue
        if side is statement.left and change in ("sign", "factor"):
            continue  # what is nought stays nought
        written = text(Where(changed, (), ranges) if ranges else changed)
        yield Mutant(change, _with(record, side, written))


def _body(syntax: Syntax) -> tuple[Syntax, tuple[tuple[str, Syntax], ...]]:
    return (syntax.body, syntax.ranges) if isinstance(syntax, Where) else (syntax, ())


def _with(record: Record, side: Side, written: str) -> Record:
    old = record.fields["states"]
    value = old.value[: side.start] + written + old.value[side.start + len(side.text) :]
    return replace(record, fields={**record.fields, "states": Field("states", value, old.position)})


def _changes(node: Syntax) -> Iterator[tuple[str, Syntax]]:
    if isinstance(node, Equation):
        for change, body in _changes(node.body):
            yield change, replace(node, body=body)
        return
    yield "sign", Neg(node)
    yield "factor", Mul((FACTOR, node))
    for change, changed in _inside(node):
        yield change, changed


def _inside(node: Syntax) -> Iterator[tuple[str, Syntax]]:
    """A transpose dropped, or the sign of a term changed, in one place anywhere in the tree."""
    match node:
        case Transpose(arg):
            yield "transpose", arg
        case Add(terms):
            for k, term in enumerate(terms):
                flipped = term.arg if isinstance(term, Neg) else Neg(term)
                yield "term", Add((*terms[:k], flipped, *terms[k + 1 :]))
    parts = children(node)
    for k, part in enumerate(parts):
        for change, changed in _inside(part):
            yield change, with_children(node, (*parts[:k], changed, *parts[k + 1 :]))


def refused(mutant: Mutant) -> bool:
    """Whether the mutant would not be used: it is false, undecided or no statement at all."""
    try:
        return verdicts.verify(mutant.record).verdict != "verified"
    except MatcalcError:
        return True


def keeps_value(original: Record, mutant: Mutant) -> bool:
    """Whether the mutant states the same: its changed side has the value of the original's."""
    before, after = (statements.read(r) for r in (original, mutant.record))
    old, new = (s.plain[_changed(s)] for s in (before, after))
    assert old is not None
    assert new is not None
    if old.shape != new.shape:
        return False
    claim = Claim(old, new, before.declarations)
    wanted = points.conditions(original.text("sizes"))
    choices = points.size_choices(claim.names, wanted, 3) if wanted else []
    return points.compare(replace(claim, choices=tuple(choices)), "=", 0).verdict == "verified"


def _changed(s: Statement) -> int:
    return 0 if s.right is not None and s.right.text == "0" else 1
