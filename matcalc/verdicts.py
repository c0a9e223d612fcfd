"""Is an entry true? Facts are derived by the engine and compared with what they state; the judge compares.

A verdict is `verified`, `false` (with the numbers that refute it), `undecided` or `pending` (with the reason).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from . import draws, functions, ir, plain, points, statements
from .declarations import Declaration
from .derive import derive
from .draws import Claim
from .entries import Record
from .errors import MatcalcError
from .expanding import same_form
from .functions import Function, Parameter
from .ir import Node
from .lower import apply_function
from .points import Comparison, Condition
from .statements import Side, Statement
from .verify import drawn


@dataclass(frozen=True)
class Verdict:
    """The verdict on an entry, in one word, and what it rests on."""

    kind: str
    name: str
    verdict: str
    reason: str
    section: str = ""

    def __str__(self) -> str:
        return f"{self.verdict}  {self.kind} {self.name}: {self.reason}"


def verify(record: Record, seed: int | None = None) -> Verdict:
    """Decide one entry, at random points whose seed is drawn where it is not given.

    >>> from matcalc import entries
    >>> (fact,) = entries.read("fact f\\n    states: d(x^T x)/dx = x\\n    declare: x: vector(n)", "my.mc")
    >>> verify(fact).verdict
    'false'
    """
    seed = drawn(seed)
    name = record.title
    if "pending" in record.fields:
        found = Comparison("pending", record.text("pending"))
    elif record.kind == "function":
        name = record.title.partition("(")[0].strip()
        found = _function(record, seed)
    else:
        found = _statement(statements.read(record), seed)
    return Verdict(record.kind, name, found.verdict, found.reason, record.text("section"))


def _conditions(record: Record) -> tuple[Condition, ...]:
    try:
        return points.conditions(record.text("sizes"))
    except MatcalcError as error:
        raise record.error(error.message, "sizes") from None


def _statement(s: Statement, seed: int) -> Comparison:
    wanted = _conditions(s.record)
    try:
        return _derivative(s, wanted, seed) if s.wrt else _comparison(s, wanted, seed)
    except MatcalcError as error:
        if error.source is s.record.source.text:
            raise
        return Comparison("undecided", error.message)


def _comparison(s: Statement, wanted: Sequence[Condition], seed: int) -> Comparison:
    """The two sides of a fact or a rewrite; of a differential, the left one moved along all directions that it has."""
    left, right = s.nodes[0], s.pair(s.nodes[0])
    plain_left, plain_right = s.plain
    assert plain_right is not None
    if right.rank > plain_right.rank:
        plain_right = right  # a nought of another shape
    claim = Claim(plain_left, plain_right, s.declarations)
    if s.differential:
        claim = _differential(claim)
    else:
        claim = replace(claim, folded=(left, right), one_form=same_form(left, right))
    return _compared(claim, wanted, s.relation, seed)


def _compared(claim: Claim, wanted: Sequence[Condition], relation: str, seed: int) -> Comparison:
    if wanted:
        choices = points.size_choices(claim.names, wanted, draws.least_size(claim))
        if not choices:
            return Comparison("undecided", "no small sizes meet the conditions")
        claim = replace(claim, choices=tuple(choices))
    return points.compare(claim, relation, seed)


# --- facts with a derivative --------------------------------------------------------------------------


def _derivative(s: Statement, wanted: Sequence[Condition], seed: int) -> Comparison:
    """What the engine derives is judged, and then what the entry states of it."""
    s.left.lower(s.declarations)
    d = derive(_written(s.left), s.wrt, declare=s.declarations, structure=s.record.text("structure") or None)
    claim = d.claim()
    independent = _compared(claim, wanted, "=", seed)
    if independent.verdict == "false":
        return Comparison("false", f"the derivation is wrong: {independent.reason}")
    if independent.verdict != "verified" or s.right is None:
        return independent
    right, plain_right = s.pair(d.node), s.plain[1]
    assert plain_right is not None
    as_written = plain_right if plain_right.rank == right.rank else right
    folded = None if claim.folded is None else (claim.folded[0], right)
    stated = replace(claim, right=as_written, folded=folded, one_form=same_form(right, d.node))
    found = _compared(stated, wanted, s.relation, seed)
    return found if found.verdict != "verified" else Comparison("verified", f"derived: {found.reason}")


def _written(side: Side) -> str:
    where = side.record.text("where")
    return f"{side.text} where {where}" if where else side.text


def _differential(claim: Claim) -> Claim:
    """The change of the left side where each symbol X with a declared dX changes by that: d/dt of it at X + t dX."""
    table = claim.declarations
    t = next(name for name in ("t", *(f"t{k}" for k in range(len(table) + 1))) if name not in table)
    step = plain.symbol(t)
    moved: dict[str, Node] = {}
    for name, d in table.items():
        if "d" + name in table:
            x = plain.symbol(name, d.sizes, d.attributes)
            along = plain.symbol("d" + name, d.sizes, table["d" + name].attributes)
            moved[name] = plain.add([(1, x), (1, plain.hadamard([step, along], d.sizes))], d.sizes)
    left, right = (plain.substitute(side, moved, {}) for side in (claim.left, claim.right))
    return replace(claim, left=left, right=right, declarations={**table, t: Declaration("scalar", ())}, wrt=(t,))


# --- functions ----------------------------------------------------------------------------------------


def _function(record: Record, seed: int) -> Comparison:
    row = functions.row(record)
    claims = [*_formulas(row, seed), *_symmetries(row, seed)]
    worst = next((c for v in ("false", "undecided") for c in claims if c.verdict == v), None)
    if worst is not None:
        return worst
    if not claims:
        return Comparison("verified", "a primitive of which nothing is claimed")
    return Comparison("verified", "; ".join(dict.fromkeys(c.reason for c in claims)))


def _formulas(row: Function, seed: int) -> list[Comparison]:
    """Its derivatives by all arguments."""
    if not row.parameters or not (row.definition or row.derivative or row.differential):
        return []
    found = []
    for p in row.parameters:
        for attribute in _domains(row):
            comparison = _by_argument(row, p, attribute, seed)
            if comparison.verdict != "undecided":
                break
        found.append(comparison)
    return found


def _domains(row: Function) -> Sequence[str]:
    """Attributes of the arguments to try: a logarithm has no value at most points."""
    if row.fields.get("domain") == "symmetric":
        return ("symmetric",)
    return ("", "spd") if row.parameters[0].kind == "matrix" else ("", "positive")


def _by_argument(row: Function, p: Parameter, attribute: str, seed: int) -> Comparison:
    table = {q.name: formal(q, attribute) for q in row.parameters}
    call = f"{row.name}({', '.join(table)})"
    primary = row.derivative is not None and not row.elementwise
    try:
        text = f"tr({call})" if primary else f"||{call}||_F^2" if row.self_adjoint else call
        return _compared(derive(text, p.name, declare=table).claim(), (), "=", seed)
    except MatcalcError as error:
        return Comparison("undecided", error.message)


def formal(p: Parameter, attribute: str = "") -> Declaration:
    """The declaration of a parameter; one of every shape is a scalar."""
    kind = "scalar" if p.kind == "any" else p.kind
    square = len(p.sizes) == 2 and p.sizes[0] is p.sizes[1]
    fits = attribute == "positive" or (attribute and square)
    return Declaration(kind, p.sizes, frozenset({attribute} if fits else ()))


def _symmetries(row: Function, seed: int) -> list[Comparison]:
    """What the row says of transposes, signs and the range."""
    if not row.fields.keys() & {"transpose", "parity", "range"} or len(row.parameters) != 1:
        return []
    claims: list[Comparison] = []
    for attribute in ("", "spd"):
        d = formal(row.parameters[0], attribute)
        x = plain.symbol("x", d.sizes)
        stated = [_compared(Claim(*pair, {"x": d}), (), relation, seed) for pair, relation in _stated(row, x)]
        refuted = next((c for c in stated if c.verdict == "false"), None)
        if refuted is not None:
            return [Comparison("false", f"what it says of its {_fields(row)} does not hold: {refuted.reason}")]
        claims += stated
        if any(c.verdict == "verified" for c in stated):
            break
    verified = [c for c in claims if c.verdict == "verified"]
    return [Comparison("verified", "symmetries and range hold at random values")] if verified else claims[:1]


def _fields(row: Function) -> str:
    return " and ".join(sorted(row.fields.keys() & {"transpose", "parity", "range"}))


def _stated(row: Function, x: Node) -> Iterator[tuple[tuple[Node, Node], str]]:
    """Pairs of nodes, and how the row says that they are related."""
    value = apply_function(row, [x], plain)
    if row.transpose:
        turned = apply_function(row, [plain.turn(x)], plain)
        yield (turned, plain.turn(value) if row.transpose == "commutes" and value.rank == 2 else value), "="
    if row.parity:
        yield (apply_function(row, [plain.scale(-1, x)], plain), plain.scale(row.parity, value)), "="
    if row.not_negative:
        relation = "<" if row.fields.get("range") == "positive" else "<="
        yield (plain.zero(value.shape) if value.shape else ir.number(0), value), relation
