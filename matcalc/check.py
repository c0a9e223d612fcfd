"""Is this the derivative? Are these two equal? The verdict, and if it is no, what is wrong and what is right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from . import ir, plain
from .claims import VARIABLE_FIRST, Written, axes_of, in_components, is_row, readable, readings, written
from .counterexample import counterexample
from .declarations import Declaration
from .derive import (
    Declare,
    Derivative,
    Expr,
    derived,
    parse,
    read,
    require_options,
    require_table,
    text_of,
    variable_names,
)
from .draws import Claim
from .errors import LimitError, MatcalcError, ShapeError, UnsupportedError
from .expanding import same_form
from .ir import Node
from .judge import judge
from .lower import Lowered, free_symbol, plain_node, symbol_of, without_structure
from .nearest import Finding, Problem, nearest, repaired
from .places import CONVENTIONS, base_of, part_of, variable
from .simplify import simplify
from .sizes import Size
from .syntax import Syntax
from .verify import Verification, drawn, verification

UNKNOWN = "no small change makes it right"


@dataclass(frozen=True)
class Check:
    """The verdict on a claim, why, what is right, and a small example that shows the difference."""

    ok: bool
    verdict: str
    reason: str
    right: str = ""
    counterexample: str = ""
    verification: Verification = field(default=Verification(False, "", 0, math.nan), compare=False, repr=False)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        lines = [f"{self.verdict}: {self.reason}"]
        if not self.ok and self.right:
            lines.append(f"right: {self.right}")
        if self.counterexample:
            lines.append(f"example: {self.counterexample}")
        return "\n".join(lines)


def check(
    expr: str | Expr,
    claimed: str | Expr,
    wrt: str | Sequence[str],
    *,
    declare: Declare = None,
    layout: str | None = None,
    structure: str | None = None,
    seed: int | None = None,
    **symbols: str,
) -> Check:
    """Whether `claimed` is the derivative of an expression.

    >>> print(check("x^T A x", "2 A x", wrt="x"))
    only if A symmetric: it is right only if A is symmetric
    right: (A + A^T) x
    example: for x = [-2, -2], A = [[-2, 2], [1, 2]]: entry 1 of the derivative is 2, and of the claim 0
    >>> check("||A X - B||_F^2", "2 tr((A X - B)^T A dX)", wrt="X").verdict
    'correct'

    The claim may be in any layout, in index notation, or a differential in dX; with a layout given it must be in that.
    The random points come from a seed that is drawn and told; given, it repeats the verdict. Errors are those of
    `derive` and of reading the claim.
    """
    return checked(expr, claimed, wrt, declare, layout, structure, seed, symbols)


def checked(
    expr: str | Expr,
    claimed: str | Expr,
    wrt: str | Sequence[str],
    declare: Declare,
    layout: str | None,
    structure: str | None,
    seed: int | None,
    symbols: Mapping[str, str],
) -> Check:
    """`check` with what is said of some symbols as a table, in which a name may be that of an argument."""
    return _Checker(expr, wrt, declare, layout, structure, drawn(seed), symbols).check(text_of(claimed))


class _Checker:
    """One derivative that is asked for, and claims about it."""

    def __init__(
        self,
        expr: str | Expr,
        wrt: str | Sequence[str],
        declare: Declare,
        layout: str | None,
        structure: str | None,
        seed: int,
        symbols: Mapping[str, str],
    ) -> None:
        require_options("mixed" if layout is None else layout, structure)
        self.names = variable_names(wrt)
        self.is_bound = layout is not None  # whether the claim must be in one layout
        self.layout = layout or "mixed"
        self.seed = seed
        self.structure = structure
        self.answer: Derivative | None = None
        try:
            self.answer = derived(expr, self.names, declare, self.layout, structure, "index", symbols)
            self.expr = self.answer.expr
        except UnsupportedError:
            self.expr = read(expr, declare, symbols)
            unknown = any(base_of(n, self.expr.declarations) not in self.expr.declarations for n in self.names)
            if structure is not None or unknown or any(part_of(n)[0] for n in self.names):
                raise
        self.table = self.expr.lowered.declarations
        self.variables = [variable(n, self.table) for n in self.names]
        self.bases = tuple(v.base for v in self.variables)
        self.plain = plain_node(self.expr.lowered)
        self.root = self.answer.free[0] if self.answer else _free_root(self.expr.lowered, self.bases)
        self.rank = self.root.rank
        shapes = [() if v.indices else self.table[v.base].sizes for v in self.variables]
        self.shape = self.root.shape + tuple(s for shape in shapes for s in shape)

    def check(self, text: str) -> Check:
        variable = self.names[0] if len(self.names) == 1 else None
        claim = written(text, self.table, variable, self.root.shape, self.shape)
        if claim.differential and self.structure is not None:
            raise UnsupportedError("a differential within a structure")
        syntax = claim.syntax
        try:
            lowered = claim.lower(syntax)
        except ShapeError as error:
            return self._unfit(claim, syntax, error)
        fitting = self._fitting(claim, lowered)
        if not fitting:
            return self._wrong_shape(claim, lowered)
        undecided: Check | None = None
        for layout, node, as_written in fitting:
            found = judge(self._judged(claim, node, as_written), self.seed)
            verdict = verification(found, self.seed)
            if found.status == "equal":
                return self._right(claim, lowered, layout, verdict)
            if found.status == "undecided" and undecided is None:
                undecided = Check(False, "not verified", verdict.note, self._answer_text(), verification=verdict)
        return undecided if undecided is not None else self._wrong(claim, readable(lowered), fitting[0][1])

    # --- reading ---

    def _fitting(self, claim: Written, lowered: Lowered) -> list[tuple[str, Node, Node]]:
        """The claim in mixed layout, for each layout in which it has the shape of the derivative: in canonical form,
        and as it is written."""
        node = lowered.node
        wanted = self.root.shape if claim.differential else self.shape
        if ir.is_zero(node) and not node.shape and wanted:
            return [(self.layout, ir.zero(wanted), ir.zero(wanted))]
        as_written = plain_node(lowered)
        if claim.differential:
            return [(self.layout, node, as_written)] if node.shape == wanted else []
        if node.rank != len(wanted):
            return []
        found = readings(node.rank, self.rank, self.layout, in_components(lowered))
        return [
            (name, ir.transpose(node, axes), plain.transpose(as_written, axes))
            for name, axes in found
            if tuple(node.shape[k] for k in axes) == wanted
        ]

    def _judged(self, claim: Written, node: Node, as_written: Node) -> Claim:
        """The claim as it is written about the expression as it is written."""
        rest = self._claim(claim, node)
        one_form = self.answer is not None and not claim.differential and same_form(node, self.answer.node)
        folded = None if self.structure is not None or claim.differential else (self.root, node)
        return replace(
            rest, left=self.plain, right=as_written, wrt=self.names, folded=folded, one_form=one_form,
            within=self.structure,
        )  # fmt: skip

    def _claim(self, claim: Written, node: Node) -> Claim:
        if self.structure is not None and self.answer is not None:
            return Claim(self.answer.node, node, self.table)
        named = {"d" + self.bases[0]: 0} if claim.differential else None
        return Claim(self.root, node, claim.table, self.names, named, claim.differential)

    # --- verdicts ---

    def _right(self, claim: Written, lowered: Lowered, layout: str, verdict: Verification) -> Check:
        right = self._answer_text()
        if layout == self.layout and not self._lies_wrong(claim, lowered):
            return Check(True, "correct", str(verdict), right, verification=verdict)
        if self.is_bound and layout != self.layout:
            reason = f"it is the derivative in another layout than the {self.layout} one"
            return Check(False, "transposed", reason, right, self._example(claim, lowered.node), verdict)
        how = f"in {layout} layout"
        if layout == self.layout:
            how = f"written in another layout than the {self.layout} one"
        if layout == VARIABLE_FIRST:
            how = "with the indices of the variable first"
        reason = f"it is the derivative, {how}; {verdict}"
        return Check(True, "correct in the other layout", reason, right, verification=verdict)

    def _lies_wrong(self, claim: Written, lowered: Lowered) -> bool:
        """Whether it is a row where the layout wants a column, or the other way round."""
        if claim.differential or in_components(lowered):
            return False
        return lowered.is_row != is_row(self.rank, lowered.node.rank, self.layout)

    def _wrong(self, claim: Written, syntax: Syntax, node: Node) -> Check:
        problem = self._problem(claim, syntax, node)
        finding = self._of_another_part(claim, node) or nearest(problem) or Finding("wrong", UNKNOWN)
        verdict = verification(judge(problem.claim, self.seed), self.seed)
        example = self._example(claim, node)
        return Check(False, finding.verdict, finding.reason, self._answer_text(), example, verdict)

    def _of_another_part(self, claim: Written, node: Node) -> Finding | None:
        """Whether it is the derivative by another part of a complex symbol: by conj(Z) in the place of Z."""
        own = variable(self.names[0], self.table)
        if len(self.names) > 1 or claim.differential or "complex" not in self.table[own.base].attributes:
            return None
        for part in CONVENTIONS:
            if part == own.part or (part == "grad" and not ir.is_real(self.root)):
                continue
            name = f"{part}({own.base})" if part else own.base
            if judge(Claim(self.root, node, claim.table, (name,)), self.seed).status == "equal":
                return Finding("wrong", f"this is the {CONVENTIONS[part].format(own.base)}")
        return None

    def _unfit(self, claim: Written, syntax: Syntax, error: ShapeError) -> Check:
        problem = self._problem(claim, syntax, ir.ONE)
        finding = repaired(problem) if self.answer is not None else None
        if finding is None:
            finding = Finding("wrong shape", f"the parts of the claim do not fit: {error.message}")
        return Check(False, finding.verdict, finding.reason, self._answer_text())

    def _wrong_shape(self, claim: Written, lowered: Lowered) -> Check:
        problem = self._problem(claim, readable(lowered), ir.ONE)
        finding = repaired(problem) if self.answer is not None else None
        wanted = self.root.shape if claim.differential else tuple(self.shape[a] for a in self._axes())
        row = not claim.differential and is_row(self.rank, len(self.shape), self.layout)
        own = "the differential" if claim.differential else "the derivative"
        shapes = f"{own} is {_shape(wanted, row)}, and the claim is {_shape(lowered.node.shape, lowered.is_row)}"
        near = f"; {finding.reason}" if finding is not None else self._lost_trace(claim, lowered.node)
        return Check(False, "wrong shape", shapes + near, self._answer_text())

    def _lost_trace(self, claim: Written, node: Node) -> str:
        """A hint where the trace of a matrix would be right."""
        if node.rank != 2 or node.shape[0] is not node.shape[1] or self.root.shape or not claim.differential:
            return ""
        trace = ir.einsum([(node, (0, 0))], ())
        return (
            "; the trace around it is missing" if judge(self._claim(claim, trace), self.seed).status == "equal" else ""
        )

    def _axes(self) -> tuple[int, ...]:
        return axes_of(self.layout, self.rank, len(self.shape))

    def _problem(self, claim: Written, syntax: Syntax, node: Node) -> Problem:
        def lower(changed: Syntax) -> Node | None:
            try:
                lowered = claim.lower(changed)
            except MatcalcError:
                return None
            fitting = self._fitting(claim, lowered)
            if not fitting or fitting[0][0] != self.layout or self._lies_wrong(claim, lowered):
                return None
            return fitting[0][1]

        target = self._target(claim)
        return Problem(
            self._claim(claim, node),
            syntax,
            target,
            self.answer.syntax if self.answer is not None and target is not None else None,
            lower,
            lambda n: _text(self.expr, claim, n, self.names),
            "derivative",
        )

    def _target(self, claim: Written) -> Node | None:
        """The right answer with the axes of the claim, unless it is refuted."""
        if self.answer is None:
            return None
        if not claim.differential:
            return self.answer.node
        axes, inner = tuple(range(self.rank)), tuple(range(self.rank, len(self.shape)))
        name = "d" + self.bases[0]
        direction = symbol_of(name, claim.table[name])
        if "complex" in claim.table[name].attributes:
            return parse(self.answer.differential(), declare=claim.table).lowered.node
        return ir.einsum([(self.answer.node, axes + inner), (direction, inner)], axes)

    def _example(self, claim: Written, node: Node) -> str:
        target = self._target(claim)
        if target is None or target.shape != node.shape:
            return ""
        words = ("the differential" if claim.differential else "the derivative", "the claim")
        return counterexample(target, node, claim.table, words)

    def _answer_text(self) -> str:
        """The right answer, which its own verification must not refute."""
        if self.answer is None:
            return ""
        self.answer.verify(seed=self.seed)
        return str(self.answer)


def _free_root(lowered: Lowered, names: Sequence[str]) -> Node:
    """The expression with the entries of the variables independent."""
    table = lowered.declarations
    structured = [n for n in names if free_symbol(n, table[n]) is not symbol_of(n, table[n])]
    return simplify(without_structure(lowered, structured) if structured else lowered.node)


def _text(expr: Expr, claim: Written, node: Node, names: tuple[str, ...]) -> str:
    """A node in matrix notation."""
    whole = Expr(replace(expr.lowered, declarations=claim.table))
    try:
        return str(Derivative(whole, names, "mixed", node, (node, node)))
    except (UnsupportedError, LimitError):
        return "(it has no short form)"


def _shape(shape: Sequence[Size], row: bool) -> str:
    if not shape:
        return "a scalar"
    if len(shape) == 1:
        return f"1×{shape[0]!r}" if row else f"{shape[0]!r}×1"
    return "×".join(map(repr, shape))


# --- identities -----------------------------------------------------------------------------------


def equal(
    lhs: str | Expr, rhs: str | Expr, *, declare: Declare = None, seed: int | None = None, **symbols: str
) -> Check:
    """Whether two expressions are equal for all values of their symbols.

    >>> bool(equal("(A B)^-1", "B^-1 A^-1", A="matrix(n,n)", B="matrix(n,n)"))
    True
    >>> print(equal("A", "A^T", A="matrix(n,n)"))
    transposed: a factor is transposed that should not be: A^T should be A
    right: A
    example: for A = [[-2, 2], [1, 2]]: entry 1,2 of the left side is 2, and of the right side 1
    """
    return compared(lhs, rhs, declare, seed, symbols)


def compared(lhs: str | Expr, rhs: str | Expr, declare: Declare, seed: int | None, symbols: Mapping[str, str]) -> Check:
    """`equal` with what is said of some symbols as a table, in which a name may be that of an argument."""
    seed = drawn(seed)
    left, right = _both(lhs, rhs, declare, symbols)
    table = right.lowered.declarations
    a, b = left.lowered, right.lowered
    node = ir.zero(a.node.shape) if ir.is_zero(b.node) and not b.node.shape and a.node.shape else b.node
    rows = a.is_row != b.is_row and not in_components(a) and not in_components(b) and not ir.is_zero(node)
    if a.node.shape != node.shape or rows:
        shapes = (
            f"the left side is {_shape(a.node.shape, a.is_row)}, and the right side {_shape(b.node.shape, b.is_row)}"
        )
        return Check(False, "wrong shape", shapes, str(left))
    claim = Claim(a.node, node, table)
    as_written = node if node is not b.node else plain_node(b)
    same = same_form(a.node, node)
    judged = replace(claim, left=plain_node(a), right=as_written, folded=(a.node, node), one_form=same)
    found = judge(judged, seed)
    verdict = verification(found, seed)
    if found.status == "equal":
        return Check(True, "correct", str(verdict), str(left), verification=verdict)
    if found.status == "undecided":
        return Check(False, "not verified", verdict.note, str(left), verification=verdict)
    example = counterexample(a.node, node, table, ("the left side", "the right side"))
    finding = nearest(_identity(left, right, claim)) or Finding("wrong", UNKNOWN)
    return Check(False, finding.verdict, finding.reason, str(left), example, verdict)


def _both(lhs: str | Expr, rhs: str | Expr, declare: Declare, symbols: Mapping[str, str]) -> tuple[Expr, Expr]:
    """Both sides with one table of symbols, inferred from both where they are not declared."""
    require_table(declare)
    known: dict[str, str] = {}
    for side in (lhs, rhs):
        known.update(side.declarations if isinstance(side, Expr) else {})
    known.update(symbols)
    if declare and known:
        declare = {**known, **declare}
    a, b = text_of(lhs), text_of(rhs)
    if declare:
        return parse(a, declare=declare), parse(b, declare=declare)
    try:
        both = parse(f"({a}) - ({b})", None, **known).lowered.declarations
        if _reads_each_as(parse(a, None, **known), parse(b, None, **known), both):
            return parse(a, declare=both), parse(b, declare=both)
    except MatcalcError:
        pass  # the sides do not fit, or one has a list of names
    left = parse(a, None, **known)
    right = parse(b, None, **{**known, **left.declarations})
    return parse(a, declare=right.lowered.declarations), right


def _reads_each_as(left: Expr, right: Expr, both: Mapping[str, Declaration]) -> bool:
    """Whether no symbol has one kind in each side and another in the two together: x^T y is not x y^T of scalars."""
    one, other = left.lowered.declarations, right.lowered.declarations
    return not any(one[n].kind == other[n].kind != both[n].kind for n in one.keys() & other.keys())


def _identity(left: Expr, right: Expr, claim: Claim) -> Problem:
    reading = written(str(right), claim.declarations, None, shape=claim.left.shape)

    def lower(changed: Syntax) -> Node | None:
        try:
            node = reading.lower(changed).node
        except MatcalcError:
            return None
        return node if node.shape == claim.left.shape else None

    return Problem(
        claim, right.syntax, claim.left, left.syntax, lower, lambda n: _text(right, reading, n, ()), "identity"
    )
