"""Random problems of every kind, and all that matcalc says of them, against differences of the value in NumPy."""

from __future__ import annotations

import pytest
from random_cases import MODES, cases
from random_checks import Checker, Found

# By mode: how many programs and texts must be right, forms read back, verdicts be decided; how many may be refused.
FLOORS = {
    "first": (147, 335, 95, 2), "index": (39, 88, 20, 0), "hessian": (38, 75, 25, 2),
    "structure": (23, 0, 4, 2), "complex": (24, 0, 15, 0), "written": (19, 40, 14, 0),
}  # fmt: skip
FORMS = ("index()", "kron()", "operator()", "differential()", "core", "core.apply", "operator")


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("mode", MODES)
def test_random_problems(mode: str) -> None:
    found = Found()
    for turn, case in enumerate(cases(mode, MODES[mode])):
        Checker(case, found, turn).run()
    assert not found.wrong, "\n".join(found.wrong)
    assert not found.crashed, "\n".join(found.crashed)
    assert not found.slow, "\n".join(found.slow)
    counts = found.counts
    right, forms, decided, refused = FLOORS[mode]
    told = dict(counts)
    assert min(counts["function"], counts["str"]) >= right, told
    assert sum(counts[form] for form in FORMS) >= forms, told
    assert sum(n for what, n in counts.items() if what.endswith(" decided")) >= decided, told
    assert sum(n for what, n in counts.items() if what.endswith(" undecided")) <= 2, told
    assert counts["derive refused"] <= refused, told
    assert not any(counts[f"{what} read refused"] for what in ("str", *FORMS)), told
