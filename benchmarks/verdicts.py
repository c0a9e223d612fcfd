"""How long verdicts and derivations take: every derivative that the library states, verified and derived in steps.

Run with `python benchmarks/verdicts.py`.
"""

from __future__ import annotations

import statistics
from dataclasses import replace
from functools import partial

from timing import fastest

import matcalc as mc
from matcalc.shelf import SHELF

ROUNDS = 3


def _steps(d: mc.Derivative) -> str:
    return str(replace(d).steps)  # a copy, which does not know its steps yet


def main() -> None:
    verdicts: dict[str, list[float]] = {}
    steps: list[float] = []
    for entry in SHELF.shipped:
        s = entry.statement if entry.usable and entry.kind == "fact" else None
        if s is None or not s.wrt:
            continue
        where = s.record.text("where")
        expression = f"{s.left.text} where {where}" if where else s.left.text
        structure = s.record.text("structure") or None
        d = mc.derive(expression, s.wrt, declare=s.declarations, structure=structure)
        verdicts.setdefault(d.verify().method, []).append(1e-3 * fastest(d.verify, ROUNDS))
        steps.append(1e-3 * fastest(partial(_steps, d), ROUNDS))
    for name, times in [*sorted(verdicts.items()), ("steps", steps)]:
        ordered = sorted(times)
        tail = ordered[int(0.95 * len(ordered))]
        print(f"{name:8} {len(times):4}", end="")
        print(f"   median {statistics.median(times):6.2f} ms   95% {tail:6.1f} ms   most {ordered[-1]:6.1f} ms")


if __name__ == "__main__":
    main()
