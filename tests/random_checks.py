"""Everything that an answer has is compared with the truth: programs, texts, forms, verdicts on it and on mutants."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
from deciding import differ
from random_cases import Case
from random_oracle import Truth, truths
from random_trees import Array

import matcalc as mc

SLOW = 10.0  # seconds of the processor
TOLERANCE = {True: 2e-4, False: 1e-5}  # of a second and of a first derivative, by differences
KINDS = re.compile(r"(scalar|vector|matrix|tensor)(\([^)]*\))?")
Meant = Callable[[Truth], Array]


@dataclass
class Found:
    """The counts of a run, and what went wrong, with the case it went wrong in."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)

    @contextmanager
    def trying(self, case: Case, what: str) -> Iterator[None]:
        """Counts what is refused, what ends in another error, and what takes long."""
        started = time.process_time()
        try:
            yield
        except mc.MatcalcError as error:
            self.counts[f"{what} refused"] += 1
            self.counts[f"{what} refused: {type(error).__name__}: {error.message[:70]}"] += 1
        except Exception as error:  # what a person would see as a traceback
            self.crashed.append(f"{told(case)} {what}: {type(error).__name__}: {error}")
        if time.process_time() - started > SLOW:
            self.slow.append(f"{told(case)} {what}")


def told(case: Case) -> str:
    return f"{case.name} {case.text!r} by {case.by} {case.declare} {case.layout} {case.structure}"


@dataclass
class Checker:
    """All checks of one case; the costly ones take turns over the cases."""

    case: Case
    found: Found
    turn: int
    truths: list[Truth] = field(default_factory=list)

    @property
    def tolerance(self) -> float:
        return TOLERANCE[len(self.case.wrt) > 1]

    def run(self) -> None:
        self.truths = truths(self.case, 2)
        if not self.truths:
            self.found.counts["no point"] += 1
            return
        answers: list[tuple[mc.Derivative, str]] = []
        with self.found.trying(self.case, "derive"):
            d = mc.derive(self.case.text, **self.case.asked)
            answers.append((d, str(d)))
        for d, written in answers:
            self._answer(d, written)

    def _answer(self, d: mc.Derivative, written: str) -> None:
        with self.found.trying(self.case, "function"):
            self._compared("function", written, lambda t: d.function()(**t.arguments(self.case)), self._mixed)
            self._reads("str", d, written, self._in_layout)
        self._verdicts(d, written)
        if self.turn % 3 == 0:
            self._forms(d)

    # --- values ---

    def _mixed(self, t: Truth) -> Array:
        return t.derivative

    def _in_layout(self, t: Truth) -> Array:
        axes = [*range(t.rank), *range(t.derivative.ndim - 1, t.rank - 1, -1)]
        match self.case.layout:
            case "numerator":
                return np.transpose(t.derivative, axes)
            case "denominator":
                return np.transpose(t.derivative, axes[::-1])
        return t.derivative

    def _compared(self, what: str, written: str, f: Callable[[Truth], Array], meant: Meant) -> None:
        for t in self.truths:
            got, want = np.asarray(f(t)), np.asarray(meant(t))
            if got.size == want.size and max(got.ndim, want.ndim) <= 2 and 1 in (*got.shape, *want.shape, got.size):
                got = got.reshape(want.shape)  # a row or a column is read as a vector
            if self._differ(got, want):
                self.found.wrong.append(f"{told(self.case)} {what}: {written}\ngives {got}\nnot {want}")
                return
        self.found.counts[what] += 1

    def _differ(self, got: Array, want: Array) -> bool:
        """By more than the differences are good for, against 1 or what is larger."""
        if np.max(np.abs(want), initial=0.0) < 1 and got.shape == want.shape and np.all(np.isfinite(got)):
            return bool(np.max(np.abs(got - want), initial=0.0) > self.tolerance)
        return differ(want, got, tolerance=self.tolerance)

    def _reads(self, what: str, d: mc.Derivative, written: str, meant: Meant, more: str = "") -> None:
        """A text of the answer, read again; `more` is a direction that stands in it."""
        declared = dict(d.declarations)
        if more:
            kind = KINDS.match(declared[self.case.wrt[-1]])
            assert kind is not None
            declared[more] = kind[0]
        with self.found.trying(self.case, f"{what} read"):
            f = mc.parse(written, declare=declared).function()
            own = [more] if more else []
            self._compared(what, written, lambda t: f(**t.arguments(self.case), **{n: t.values[n] for n in own}), meant)

    # --- forms ---

    def _forms(self, d: mc.Derivative) -> None:
        """Index notation, the Kronecker form, differential and operator, and the programs of the operator."""
        case, last = self.case, self.case.wrt[-1]
        if case.part != "{}" or case.structure or case.symbols[last][1] == "complex":
            return
        with self.found.trying(case, "index()"):
            self._reads("index()", d, d.index(), self._in_layout)
        axes, dx = len(case.symbols[last][0]), f"d{last}"
        for t in self.truths:
            t.values[dx] = np.random.default_rng(7).uniform(-1, 1, np.shape(t.values[last]))

        def along(t: Truth) -> Array:
            return np.tensordot(t.derivative, t.values[dx], axes)

        with self.found.trying(case, "operator()"):
            self._reads("operator()", d, d.operator(), along, dx)
        if len(set(case.wrt)) == 1:
            with self.found.trying(case, "differential()"):
                every = len(case.wrt) == 1
                meant = along if every else lambda t: np.tensordot(along(t), t.values[dx], axes)
                self._reads("differential()", d, d.differential(), meant, dx)
        if axes <= 2 and self.truths[0].derivative.ndim - axes <= 2:
            with self.found.trying(case, "kron()"):
                self._reads("kron()", d, d.kron(), lambda t: _kron(t.derivative, axes))
        with self.found.trying(case, "core"):
            core, operator = d.function(form="core"), d.function(form="operator")
            self._compared("core", str(d), lambda t: core(**t.arguments(case)).dense(), self._mixed)
            self._compared("core.apply", str(d), lambda t: core(**t.arguments(case)).apply(t.values[dx]), along)
            with_dx = lambda t: operator(**t.arguments(case), **{dx: t.values[dx]})  # noqa: E731
            self._compared("operator", str(d), with_dx, along)

    # --- verdicts ---

    def _verdicts(self, d: mc.Derivative, written: str) -> None:
        """The answer is right, as the checks before say: it is not refuted, nor is a claim that is the answer."""
        if self.turn % 5 == 0:
            with self.found.trying(self.case, "verify"):
                verdict = d.verify(seed=self.turn)
                self._judged("verify", written, verdict.ok, verdict.refuted, True)
        if self.turn % 5 == 1 and not self.case.structure and " where " not in written and "=" not in written:
            r = random.Random(self.case.name)
            wrong = list(mutants(written, r))
            for kind, claim in [("answer", written), *r.sample(wrong, min(2, len(wrong)))]:
                self._claim(kind, claim, d)

    def _claim(self, kind: str, claim: str, d: mc.Derivative) -> None:
        try:
            f = mc.parse(claim, declare=d.declarations).function()
            values = [np.asarray(f(**t.arguments(self.case))) for t in self.truths]
        except (mc.MatcalcError, np.linalg.LinAlgError):
            return  # the mutant is no claim
        pairs = list(zip(values, self.truths, strict=True))
        worst = max(_distance(v, self._in_layout(t)) for v, t in pairs)
        turned = min(max(_distance(v, np.transpose(t.derivative, axes(t))) for v, t in pairs) for axes in _LAYOUTS)
        with self.found.trying(self.case, "check"):
            found = mc.check(self.case.text, claim, seed=self.turn, **self.case.asked)
            refuted = not found.ok and found.verdict != "not verified"
            if worst < self.tolerance:
                self._judged(f"check of {kind}", claim, found.ok, refuted, True)
            elif min(worst, turned) > 1e-3:
                self._judged("check of a wrong claim", claim, found.ok, refuted, False)

    def _judged(self, what: str, claim: str, accepted: bool, refuted: bool, right: bool) -> None:
        if refuted if right else accepted:
            self.found.wrong.append(f"{told(self.case)} {what}: {claim} is {'right' if right else 'wrong'}")
        elif accepted or refuted:
            self.found.counts[f"{what} decided"] += 1
        else:
            self.found.counts[f"{what} undecided"] += 1


_LAYOUTS: tuple[Callable[[Truth], list[int]], ...] = (
    lambda t: [*range(t.derivative.ndim)],
    lambda t: [*range(t.rank), *range(t.derivative.ndim - 1, t.rank - 1, -1)],
    lambda t: [*range(t.rank, t.derivative.ndim), *range(t.rank - 1, -1, -1)],
    lambda t: [*range(t.rank, t.derivative.ndim), *range(t.rank)],
)


def _distance(a: Array, b: Array) -> float:
    """Against 1 or what is larger; shapes that differ are far apart."""
    if a.size == b.size == 1:
        a = a.reshape(b.shape)
    if a.shape != b.shape:
        return 9.0
    return float(np.max(np.abs(a - b), initial=0.0) / (1 + np.max(np.abs(b), initial=0.0)))


def _kron(derivative: Array, axes: int) -> Array:
    """vec of the value by vec of the variable, both by columns; one row is a row of a matrix."""
    head = derivative.ndim - axes
    order = [*range(head - 1, -1, -1), *range(derivative.ndim - 1, head - 1, -1)]
    rows = int(np.prod(derivative.shape[:head]))
    return np.transpose(derivative, order).reshape(rows, -1)


def mutants(written: str, r: random.Random) -> Iterator[tuple[str, str]]:
    """Claims near an answer: a sign, a factor, a factor transposed, a term dropped."""
    yield "sign", f"-({written})"
    yield "factor", f"2 ({written})"
    yield "factor", f"1/2 ({written})"
    yield "transpose", f"({written})^T"
    capitals = list(re.finditer(r"\b([A-Z])(\^T|\^-1|\^-T)?(?![\w(])", written))
    if capitals:
        m = r.choice(capitals)
        new = {"": "^T", "^T": "", "^-1": "^-T", "^-T": "^-1"}[m[2] or ""]
        yield "factor transposed", written[: m.start()] + m[1] + new + written[m.end() :]
    terms = _terms(written)
    if len(terms) > 1:
        k = r.randrange(len(terms))
        yield "term dropped", " ".join(t for j, t in enumerate(terms) if j != k).removeprefix("+ ")


def _terms(written: str) -> list[str]:
    """The terms of the outermost sum with their signs; none where there are norms, whose bars do not nest."""
    if "|" in written:
        return []
    depth, cuts = 0, [0]
    for k, c in enumerate(written):
        depth += (c in "([{") - (c in ")]}")
        if depth == 0 and written[k : k + 3] in (" + ", " - "):
            cuts.append(k)
    return [written[a:b].strip() for a, b in zip(cuts, [*cuts[1:], len(written)], strict=True)]
