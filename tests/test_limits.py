"""Every public call ends within five seconds of processor time and a gigabyte: with an answer, or saying why not.

Each line of the table is an input that once took longer, with what it took (seconds, or "never" for over forty).
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from itertools import combinations

import pytest

SECONDS = 5
MEMORY = 1 << 30
SQUARE = {"S": "matrix(n,n) symmetric", "A": "matrix(n,n)"}
LETTERS = "ijklmpqrst"

# Run in a process of its own: each call may take so much processor time, and the process so much memory.
PROGRAM = """
import json, resource, signal, sys
import matcalc as mc
row = json.loads(sys.stdin.read())
resource.setrlimit(resource.RLIMIT_AS, (row["memory"], row["memory"]))
found = {}
def run(name, call):
    signal.setitimer(signal.ITIMER_PROF, row["seconds"])
    try:
        value = call()
        found[name] = value if isinstance(value, str) else ""
        return value
    except mc.MatcalcError as error:
        found[name] = f"{type(error).__name__}: {error.message}"
        return None
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
run("parse", lambda: str(mc.parse(row["expr"], declare=row["declare"])))
d = run("derive", lambda: mc.derive(row["expr"], row["wrt"], declare=row["declare"]))
if d is not None:
    text = run("str", lambda: str(d))
    if text is not None:
        run("back", lambda: str(mc.parse(text, declare=d.declarations).lowered.node is d.node))
    run("pretty", d.pretty)
    run("latex", d.latex)
    run("unicode", d.unicode)
    run("index", d.index)
    run("code", d.code)
    run("verify", lambda: str(d.verify()))
    if text is not None:
        wrong = text if " where " in text else "2 (" + text + ")"
        run("check", lambda: str(mc.check(row["expr"], wrong, wrt=row["wrt"], declare=row["declare"])))
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Row:
    """An input, how long it took, and what each call says now: the start of an answer or of an error."""

    name: str
    before: str
    expr: str
    wrt: str | list[str]
    declare: dict[str, str]
    says: dict[str, str] = field(default_factory=dict)
    longest: int = 20_000  # characters of the answer


def _times(block: str, times: int) -> str:
    return " ".join([block] * times)


def _definitions(count: int) -> str:
    parts = [f"u{k} = (u{k - 1} + 1)^2 + u{k - 1}" for k in range(count, 1, -1)]
    return f"u{count} where {', '.join([*parts, 'u1 = x^2 + 1'])}"


def _layers(count: int, function: str) -> str:
    parts = [f"h{k} = {function}(W h{k - 1})" for k in range(count, 1, -1)]
    return f"sum(h{count}) where {', '.join([*parts, f'h1 = {function}(W x)'])}"


def _nested(text: str, times: int, start: str) -> str:
    for _ in range(times):
        start = text.replace("_", start)
    return start


def _product(count: int, shift: bool) -> str:
    return " ".join(f"(a_{k}^T x{f' + {k}' if shift else ''})" for k in range(1, count + 1))


def _graph(edges: list[tuple[int, int]]) -> str:
    letters = LETTERS[: 1 + max(max(edge) for edge in edges)]
    return f"sum_{letters} " + " ".join(f"A_{letters[a]}{letters[b]}" for a, b in edges)


def _complete(count: int) -> str:
    return _graph(list(combinations(range(count), 2)))


PETERSEN = _graph([e for k in range(5) for e in ((k, (k + 1) % 5), (k, k + 5), (5 + k, 5 + (k + 2) % 5))])
VECTORS = {"x": "vector(n)", **{f"a_{k}": "vector(n)" for k in range(1, 31)}}
NET = {"W": "matrix(n,n)", "x": "vector(n)"}
A = {"a": "scalar"}
SQUARED = {"A": "matrix(n,n)", "X": "matrix(n,n)"}
MATRIX = {"A": "matrix(n,n)"}
WIDE = 16
ENTRIES = {f"a{i}b{j}": "scalar" for i in range(1, WIDE + 1) for j in range(1, WIDE + 1)}
DETERMINANT = "; ".join(", ".join(f"a{i}b{j}" for j in range(1, WIDE + 1)) for i in range(1, WIDE + 1))
INDICES = "LimitError: more than 21 indices in the answer"
POWER = "LimitError: the derivative of a matrix power with an exponent over 16, other than in a trace"
TOO_LONG = {"derive": "LimitError: the product rule"}
OK = {"verify": "verified (exact", "back": "True"}
EXACT = {"verify": "verified (exact"}

ROWS = (
    Row("tr((A X)^64)", "2.0", f"tr({_times('A X', 64)})", "X", SQUARED, EXACT | {"str": "64 (A (X A)^63)^T"}),
    Row("tr((A X)^120)", "13.7", f"tr({_times('A X', 120)})", "X", SQUARED, EXACT | {"str": "120 (A (X A)^119)^T"}),
    Row("tr((A X)^300)", "never", f"tr({_times('A X', 300)})", "X", SQUARED, EXACT | {"str": "300 (A (X A)^299)^T"}),
    Row(
        "one letter more",
        "never",
        f"tr({_times('A X', 30)} A {_times('X A', 30)})",
        "X",
        SQUARED,
        TOO_LONG,
    ),
    Row("one letter more, shorter", "never", f"tr({_times('A X', 15)} A {_times('X A', 15)})", "X", SQUARED, EXACT),
    Row("S between 8", "never", f"tr({_times('S A', 8)} S {_times('S A', 8)})", "S", SQUARE, EXACT),
    Row("S between 16", "never", f"tr({_times('S A', 16)} S {_times('S A', 16)})", "S", SQUARE, EXACT),
    Row("S between 20", "never", f"tr({_times('S A', 20)} S {_times('S A', 20)})", "S", SQUARE, TOO_LONG),
    Row("tr((S A)^20)", "0.5", "tr((S A)^20)", "S", SQUARE, OK | {"str": "20 (A (S A)^19)^T"}),
    Row("turned once", "never", "tr((S A)^T (S A)^19)", "S", SQUARE, {"derive": POWER}),
    Row("turned once, written out", "never", f"tr((S A)^T {_times('S A', 19)})", "S", SQUARE, EXACT),
    Row("letters changed", "never", "tr((S A)^7 (A S)^6 (S A)^7)", "S", SQUARE, EXACT),
    Row("two letters more", "never", "tr((S A)^20 A S)", "S", SQUARE, {"derive": POWER}),
    Row("definitions 14", "never", _definitions(14), "x", {"x": "scalar"}, EXACT, 2_000),
    Row("definitions 40", "never", _definitions(40), "x", {"x": "scalar"}, {}, 12_000),
    Row("tanh 20", "1.3", _layers(20, "tanh"), "W", NET, EXACT, 2_000),
    Row("tanh 40", "never", _layers(40, "tanh"), "W", NET, {}, 8_000),
    Row("forty layers", "27", f"sum({_nested('sigmoid(W _)', 40, 'x')})", "W", NET, EXACT, 5_000),
    Row("sin(e) e, 6 deep", "17.2", _nested("(sin(_) _)", 6, "a"), "a", A, EXACT),
    Row("sin(e) e, 10 deep", "never", _nested("(sin(_) _)", 10, "a"), "a", A, EXACT),
    Row("product, gradient", "never", _product(30, True), "x", VECTORS, EXACT),
    Row(
        "product, Hessian",
        "never",
        _product(30, False),
        ["x", "x"],
        VECTORS,
        TOO_LONG,
    ),
    Row("third", "13.4", "exp(sin(a)^5) cos(a)^3 tanh(a)", "aaa", A, EXACT),
    Row("fourth", "never", "exp(sin(a)^5) cos(a)^3 tanh(a)", "aaaa", A, EXACT),
    Row("three to the 30th", "24.5", "[(x_1 + x_2 + x_3)^30, x_1]", "x", {"x": "vector(3)"}, EXACT),
    Row("to the 211th", "16", "[(x_1^211 - x_2^211)/(x_1 - x_2), x_1^101 x_2]", "x", {"x": "vector(2)"}, EXACT),
    Row("six to the 30th", "never", "[(x_1 + x_2 + x_3 + x_4 + x_5 + x_6)^30, x_1]", "x", {"x": "vector(6)"}, EXACT),
    Row("determinant", "never", f"det([{DETERMINANT}])", "a1b1", ENTRIES, EXACT),
    Row("K8", "2.2", _complete(8), "A", MATRIX, {"str": INDICES, "verify": INDICES}),
    Row("K9", "3.5", _complete(9), "A", MATRIX, {"str": INDICES, "verify": INDICES}),
    Row("K10", "5.3", _complete(10), "A", MATRIX, {"str": INDICES, "verify": INDICES}),
    Row("Petersen", "12.8", PETERSEN, "A", MATRIX, {"str": INDICES, "verify": INDICES}),
    Row("K7", "7.1", _complete(7), "A", MATRIX, {"str": INDICES, "verify": INDICES}),
    Row("sinm", "23", "tr(sinm(B)) + 1", "B", {"B": "matrix(m,m) skew"}, {"str": "cosm(B)^T", "verify": ""}),
    Row("relu, softmax", "10", "logsumexp(relu(z) .* softmax(z))", ["z", "z"], {"z": "vector(m)"}, {"check": "wrong"}),
)


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_call_ends(row: Row) -> None:
    wrt = list(row.wrt) if isinstance(row.wrt, str) and set(row.wrt) == {"a"} else row.wrt
    given = {"expr": row.expr, "wrt": wrt, "declare": row.declare, "seconds": SECONDS, "memory": MEMORY}
    run = subprocess.run([sys.executable, "-c", PROGRAM], input=json.dumps(given), capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2_000:]
    found = json.loads(run.stdout)
    for call, start in row.says.items():
        assert found[call].startswith(start), (call, found[call][:200])
    if not found["derive"].startswith("LimitError"):
        assert len(found["str"]) <= row.longest
        assert len(found["pretty"]) <= row.longest
