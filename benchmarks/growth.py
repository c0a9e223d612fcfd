"""How the cost of a derivative grows with the size k of the expression: about linearly.

Run with `python benchmarks/growth.py`. One table for each family: the nodes of the derivative with their operands,
the milliseconds of deriving it, those of deriving and printing it. The last line of a table is the exponent p of
the best fit of c k^p; 1 is linear.
"""

from __future__ import annotations

import argparse
import gc
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import matcalc as mc
from matcalc import ir
from matcalc.declarations import read_declarations
from matcalc.differentiate import derivative
from matcalc.lower import lower_text
from matcalc.simplify import simplify

SIZES = (1, 2, 4, 8, 16, 32, 64)
# Below this k the fixed cost of a derivation hides how it grows.
FIT_FROM = 8


@dataclass(frozen=True)
class Family:
    """Expressions of size k with their declarations, and the symbol to differentiate by."""

    title: str
    expression: Callable[[int], tuple[str, dict[str, str]]]
    wrt: Callable[[int], str]


def trace_of_power(k: int) -> tuple[str, dict[str, str]]:
    return f"tr((A X)^{k})", {"A": "matrix(n,m)", "X": "matrix(m,n)"}


def chain(k: int) -> tuple[str, dict[str, str]]:
    names = [f"A_{i}" for i in range(1, k + 1)]
    sizes = {name: f"matrix(n{i},n{i + 1})" for i, name in enumerate(names)}
    return f"a^T {' '.join(names)} b", {"a": "vector(n0)", "b": f"vector(n{k})", **sizes}


def nested_tanh(k: int) -> tuple[str, dict[str, str]]:
    return f"sum({'tanh(W ' * k}x{')' * k})", {"W": "matrix(n,n)", "x": "vector(n)"}


def squared_norms(k: int) -> tuple[str, dict[str, str]]:
    table = {"x": "vector(n)"}
    for i in range(1, k + 1):
        table |= {f"A_{i}": f"matrix(m{i},n)", f"b_{i}": f"vector(m{i})"}
    return " + ".join(f"||A_{i} x - b_{i}||^2" for i in range(1, k + 1)), table


FAMILIES = (
    Family("tr((A X)^k) by X", trace_of_power, lambda k: "X"),
    Family("a^T A_1 ... A_k b by A_1", chain, lambda k: "A_1"),
    Family("a^T A_1 ... A_k b by the middle factor", chain, lambda k: f"A_{(k + 1) // 2}"),
    Family("sum(tanh(W tanh(W ... x))) by x", nested_tanh, lambda k: "x"),
    Family("sum(tanh(W tanh(W ... x))) by W", nested_tanh, lambda k: "W"),
    Family("||A_1 x - b_1||^2 + ... + ||A_k x - b_k||^2 by x", squared_norms, lambda k: "x"),
)


def derived(text: str, table: Mapping[str, str], wrt: str) -> ir.Node:
    """The derivative, not printed."""
    lowered = lower_text(text, read_declarations(table), open_names=False)
    variable = lowered.declarations[wrt]
    return simplify(derivative(simplify(lowered.node), ir.symbol(wrt, variable.sizes, variable.attributes)))


def weight(node: ir.Node) -> int:
    """Nodes, and how often they are used as operands."""
    nodes = ir.topological(node)
    return len(nodes) + sum(len(ir.operands_of(n)) for n in nodes)


def best_of(run: Callable[[], object], seconds: float = 0.2) -> float:
    """Milliseconds of the fastest of a few runs, each with nothing of the one before it left in memory."""
    best, start = math.inf, time.perf_counter()
    while True:
        gc.collect()
        begin = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - begin)
        if time.perf_counter() - start > seconds:
            return 1000 * best


def measure(family: Family, k: int) -> tuple[int, float, float]:
    """(weight, milliseconds of deriving, milliseconds of deriving and printing; nan where the text is refused)."""
    text, table = family.expression(k)
    wrt = family.wrt(k)
    try:
        full = best_of(lambda: str(mc.derive(text, wrt=wrt, declare=table)))
    except mc.MatcalcError:
        full = math.nan
    return weight(derived(text, table, wrt)), best_of(lambda: derived(text, table, wrt)), full


def exponent(sizes: list[int], costs: list[float]) -> float:
    """The slope of log cost over log size."""
    points = [(math.log(k), math.log(c)) for k, c in zip(sizes, costs, strict=True) if k >= FIT_FROM and c > 0]
    if len(points) < 2:
        return math.nan
    x0, y0 = (sum(p[axis] for p in points) / len(points) for axis in (0, 1))
    return sum((x - x0) * (y - y0) for x, y in points) / sum((x - x0) ** 2 for x, _ in points)


def table_of(family: Family, sizes: list[int]) -> str:
    """The measurements of one family as text."""
    rows = [measure(family, k) for k in sizes]
    lines = [family.title, f"{'k':>6} {'IR':>8} {'derive ms':>10} {'and print ms':>13}"]
    lines += [
        f"{k:>6} {size:>8} {bare:>10.2f} {full:>13.2f}" for k, (size, bare, full) in zip(sizes, rows, strict=True)
    ]
    size, bare, full = (exponent(sizes, [float(r[c]) for r in rows]) for c in range(3))
    return "\n".join([*lines, f"{'k^p, p':>6} {size:>8.2f} {bare:>10.2f} {full:>13.2f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description="How the cost of a derivative grows with the expression.")
    parser.add_argument("--largest", type=int, default=max(SIZES), help="the largest k")
    largest = parser.parse_args().largest
    sizes = [k for k in SIZES if k <= largest]
    derived("x^T x", {"x": "vector(n)"}, "x")
    for family in FAMILIES:
        print(table_of(family, sizes), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
