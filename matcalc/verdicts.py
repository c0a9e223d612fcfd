"""Is an entry true? Facts are derived by the engine and compared with what they state, functions with differences.

A verdict is `verified`, `false` (with the numbers that refute it), `undecided` or `pending` (with the reason).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from . import functions, ir, points, sampling, statements
from .declarations import Declaration
from .derive import Derivative, derive
from .differentiate import derivative
from .entries import Record
from .errors import MatcalcError
from .functions import Function, Parameter
from .ir import Node
from .numeric import PRIMITIVES
from .points import Comparison, Condition
from .sampling import Array
from .simplify import simplify
from .statements import Side, Statement
from .verify import verify as differences

TRIALS = 3


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


def verify(record: Record) -> Verdict:
    """Decide one entry.

    >>> from matcalc import entries
    >>> (fact,) = entries.read("fact f\\n    states: d(x^T x)/dx = x\\n    declare: x: vector(n)", "my.mc")
    >>> verify(fact).verdict
    'false'
    """
    name = record.title
    if "pending" in record.fields:
        found = Comparison("pending", record.text("pending"))
    elif record.kind == "function":
        name = record.title.partition("(")[0].strip()
        found = _function(record)
    else:
        found = _statement(statements.read(record))
    return Verdict(record.kind, name, found.verdict, found.reason, record.text("section"))


def _conditions(record: Record) -> tuple[Condition, ...]:
    try:
        return points.conditions(record.text("sizes"))
    except MatcalcError as error:
        raise record.error(error.message, "sizes") from None


def _statement(s: Statement) -> Comparison:
    wanted = _conditions(s.record)
    try:
        if s.wrt:
            return _derivative(s, wanted)
        left, _ = s.nodes
        if s.differential:
            left = _differential(s, left)
        return points.compare(left, s.pair(left), s.relation, s.declarations, wanted)
    except MatcalcError as error:
        if error.source is s.record.source.text:
            raise
        return Comparison("undecided", error.message)


# --- facts with a derivative --------------------------------------------------------------------------


def _derivative(s: Statement, wanted: Sequence[Condition]) -> Comparison:
    s.left.lower(s.declarations)
    d = derive(_written(s.left), s.wrt, declare=s.declarations, structure=s.record.text("structure") or None)
    right = None if s.right is None else s.pair(d.node)
    independent = by_differences(d, wanted)
    if independent.verdict != "verified" or right is None:
        return independent
    stated = points.compare(d.node, right, s.relation, s.declarations, wanted)
    if stated.verdict != "verified":
        return stated
    return Comparison("verified", f"derived: {stated.reason}; {independent.reason}")


def _written(side: Side) -> str:
    where = side.record.text("where")
    return f"{side.text} where {where}" if where else side.text


def by_differences(d: Derivative, wanted: Sequence[Condition] = ()) -> Comparison:
    """A derivative against differences of its expression, at sizes that meet the conditions."""
    lowered = d.expr.lowered
    names = sampling.size_names(lowered.declarations)
    choices = points.size_choices(names, wanted, sampling.least_size(*d.free))
    found = _agreement(d.free[0], d.free[1], d.wrt, lowered.declarations, choices)
    if found.verdict != "undecided":
        return found
    return _agreement(d.folded, d.free[1], d.wrt, lowered.declarations, choices)


def _agreement(
    root: Node,
    answer: Node,
    wrt: Sequence[str],
    table: Mapping[str, Declaration],
    choices: Sequence[Mapping[str, int]],
) -> Comparison:
    trials, worst = 0, 0.0
    for sizes in choices[:2]:
        (f, g), fixed = points.at_sizes([root, answer], table, sizes)
        verdict = differences(f, g, wrt, fixed, TRIALS, points.SEED)
        if verdict.refuted:
            shown = ", ".join(f"{n} = {v}" for n, v in sorted(sizes.items()))
            return Comparison("false", f"the derivation is {verdict}" + (f" at {shown}" if shown else ""))
        if verdict.ok:
            trials, worst = trials + verdict.trials, max(worst, verdict.max_error)
    if not trials:
        return Comparison("undecided", "too few random points could be evaluated for dual numbers")
    return Comparison("verified", f"dual numbers agree at {trials} points (largest relative error {worst:.0e})")


def _differential(s: Statement, root: Node) -> Node:
    """The change of a node where each symbol X with a declared dX changes by that."""
    table = s.declarations
    total: list[tuple[int, Node]] = []
    for name, d in table.items():
        if "d" + name not in table:
            continue
        along = ir.symbol("d" + name, d.sizes, table["d" + name].attributes)
        whole = ir.symbol(name, d.sizes, d.attributes)
        axes, rank = tuple(range(root.rank)), len(d.sizes)
        inner = tuple(range(root.rank, root.rank + rank))
        for moved in dict.fromkeys((whole, ir.conjugate(whole))):
            assert isinstance(moved, ir.Symbol)
            gradient = simplify(derivative(root, moved))
            change = along if moved is whole else ir.conjugate(along)
            total.append((1, ir.einsum([(gradient, axes + inner), (change, inner)], axes)))
    return simplify(ir.add(total, root.shape))


# --- functions ----------------------------------------------------------------------------------------


def _function(record: Record) -> Comparison:
    row = functions.row(record)
    claims = [*_formulas(row), *_symmetries(row)]
    worst = next((c for v in ("false", "undecided") for c in claims if c.verdict == v), None)
    if worst is not None:
        return worst
    if not claims:
        return Comparison("verified", "a primitive of which nothing is claimed")
    return Comparison("verified", "; ".join(dict.fromkeys(c.reason for c in claims)))


def _formulas(row: Function) -> list[Comparison]:
    """Its derivatives by all arguments, against differences."""
    if not row.parameters or not (row.definition or row.derivative or row.differential):
        return []
    found = []
    for p in row.parameters:
        for attribute in _domains(row):
            comparison = _by_argument(row, p, attribute)
            if comparison.verdict != "undecided":
                break
        found.append(comparison)
    return found


def _domains(row: Function) -> Sequence[str]:
    """Attributes of the arguments to try: a logarithm has no value at most points."""
    if row.fields.get("domain") == "symmetric":
        return ("symmetric",)
    return ("", "spd") if row.parameters[0].kind == "matrix" else ("", "positive")


def _by_argument(row: Function, p: Parameter, attribute: str) -> Comparison:
    table = {q.name: formal(q, attribute) for q in row.parameters}
    call = f"{row.name}({', '.join(table)})"
    primary = row.derivative is not None and not row.elementwise
    try:
        text = f"tr({call})" if primary else f"||{call}||_F^2" if row.self_adjoint else call
        return by_differences(derive(text, p.name, declare=table))
    except MatcalcError as error:
        return Comparison("undecided", error.message)


def formal(p: Parameter, attribute: str = "") -> Declaration:
    """The declaration of a parameter; one of every shape is a scalar."""
    kind = "scalar" if p.kind == "any" else p.kind
    square = len(p.sizes) == 2 and p.sizes[0] is p.sizes[1]
    fits = attribute == "positive" or (attribute and square)
    return Declaration(kind, p.sizes, frozenset({attribute} if fits else ()))


def _symmetries(row: Function) -> list[Comparison]:
    """What the row says of transposes, signs and the range, at random values of a primitive."""
    stated = row.fields.keys() & {"transpose", "parity", "range"}
    if not stated or row.name not in PRIMITIVES or len(row.parameters) != 1:
        return []
    rng = np.random.default_rng(points.SEED)
    claims: list[Comparison] = []
    for attribute in ("", "spd"):
        d = formal(row.parameters[0], attribute)
        sizes = {n: k for k, n in enumerate(sorted({n for s in d.sizes for n in s.names}), 3)}
        values = [sampling.draw_one(d, sampling.shape_of(d.sizes, sizes), rng) for _ in range(points.ENOUGH)]
        with np.errstate(all="ignore"):
            claims.extend(claim for x in values if (claim := _symmetry(row, x)) is not None)
        if claims:
            break
    refuted = next((c for c in claims if c.verdict == "false"), None)
    return [refuted] if refuted else claims[:1]


def _symmetry(row: Function, x: Array) -> Comparison | None:
    f = PRIMITIVES[row.name]
    value = np.asarray(f(x))
    if not np.all(np.isfinite(value)):
        return None
    others = {
        **({"transpose": np.asarray(f(x.T)).T} if row.transpose else {}),
        **({"parity": row.parity * np.asarray(f(-x))} if row.parity else {}),
    }
    for key, other in others.items():
        if other.shape != value.shape or not np.allclose(value, other, rtol=points.ACCEPT, atol=points.ACCEPT):
            return Comparison("false", f"'{key}: {row.fields[key]}' does not hold at {x.tolist()}")
    if row.not_negative and np.any(value < 0):
        return Comparison("false", f"'range: {row.fields['range']}' does not hold at {x.tolist()}")
    return Comparison("verified", "symmetries and range hold at random values")
