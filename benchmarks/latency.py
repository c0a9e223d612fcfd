"""How long a person waits: deriving and printing textbook inputs, and importing the package.

Run with `python benchmarks/latency.py`.
"""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import time

import matcalc as mc

ROUNDS = 5
# (expression, variables, declarations); the others are inferred.
INPUTS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("a^T x", "x", {}),
    ("x^T A x", "x", {}),
    ("x^T A x", "x", {"A": "matrix(n,n) symmetric"}),
    ("x^T A x", "x x", {}),
    ("a^T X^T b", "X", {}),
    ("a^T X^T X b", "X", {}),
    ("(A x + b)^T C (D x + d)", "x", {"b": "vector(m)", "d": "vector(k)", "C": "matrix(m,k)", "x": "vector(n)"}),
    ("x^T A x / (x^T x)", "x", {"A": "matrix(n,n) symmetric"}),
    ("||A x - b||^2", "x", {}),
    ("||A x - b||", "x", {}),
    ("||X w - y||^2 + lam ||w||^2", "w", {"lam": "scalar"}),
    ("||X w - y||^2 + lam ||w||^2", "w w", {"lam": "scalar"}),
    ("||X - U V||_F^2", "U", {}),
    ("||X - U V||_F^2", "V", {}),
    ("||A X - B||_F^2", "X", {}),
    ("||X^T X - I||_F^2", "X", {}),
    ("tr(A X B)", "X", {}),
    ("tr(X^T A X B)", "X", {}),
    ("tr(X^3)", "X", {}),
    ("tr(A X^-1 B)", "X", {}),
    ("tr((X^T C X)^-1 A)", "X", {"C": "matrix(n,n) symmetric"}),
    ("det(X)", "X", {}),
    ("det(A X B)", "X", {}),
    ("logdet(X^T X)", "X", {}),
    ("logdet(A + X B X^T)", "X", {}),
    ("a^T X^-1 b", "X", {}),
    ("X^-1", "X", {}),
    ("A X B", "X", {}),
    ("||x - a||", "x", {}),
    ("||x||", "x x", {}),
    ("||A||_*", "A", {}),
    ("sum(exp(A x))", "x", {}),
    ("logsumexp(A x)", "x", {}),
    ("log(sum(exp(x)))", "x x", {"x": "vector(n)"}),
    ("softmax(x)", "x", {"x": "vector(n)"}),
    ("tanh(W x + b)", "x", {"b": "vector(m)"}),
    ("sigmoid(X w)", "w", {}),
    ("sum(softplus(X w)) - y^T X w", "w w", {}),
    ("||y - W2 relu(W1 x)||^2", "W1", {"W1": "matrix(k,n)", "W2": "matrix(m,k)"}),
    ("exp(-1/2 (x - m)^T S^-1 (x - m))", "x", {"S": "matrix(n,n) spd", "m": "vector(n)"}),
    ("1/m sum_i (y_i - X_ij w_j)^2", "w", {"X": "matrix(m,n)"}),
    ("x_i A_ij x_j", "x", {}),
)


def milliseconds(text: str, wrt: str, declared: dict[str, str]) -> float:
    """The median of a few rounds of deriving and printing."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        str(mc.derive(text, wrt=wrt.split(), **declared))
        taken.append(time.perf_counter() - start)
    return 1000 * statistics.median(taken)


def import_seconds(module: str) -> float:
    """The best of three imports, each in a fresh interpreter, without the start of the interpreter."""
    program = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    runs = (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in range(3)
    )
    return min(float(run.stdout) for run in runs)


def packages_loaded() -> list[str]:
    """The packages outside the standard library that `import matcalc` loads."""
    program = "import sys, matcalc; print(*sorted({m.split('.')[0] for m in sys.modules} - sys.stdlib_module_names))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return [name for name in run.stdout.split() if not name.startswith("_")]


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[math.ceil(share * len(values)) - 1]


def main() -> None:
    milliseconds(*INPUTS[0])
    times = [milliseconds(*case) for case in INPUTS]
    print(f"deriving and printing {len(INPUTS)} textbook inputs:")
    print(f"  median {statistics.median(times):.2f} ms, 95th percentile {percentile(times, 0.95):.2f} ms")
    for taken, (text, wrt, _) in sorted(zip(times, INPUTS, strict=True), reverse=True)[:5]:
        print(f"  {taken:6.2f} ms  {text}  by {wrt}")
    print(f"import matcalc: {import_seconds('matcalc'):.3f} s, of which numpy {import_seconds('numpy'):.3f} s")
    print(f"  loads {', '.join(packages_loaded())}")


if __name__ == "__main__":
    main()
