"""The library: all of it is true, wrong copies of it are refused, and users add to it."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from mutants import keeps_value, mutants, refused

import matcalc as mc
from matcalc import catalogue, entries, statements, verdicts
from matcalc.cli import main
from matcalc.entries import Record
from matcalc.functions import FUNCTIONS
from matcalc.matching import match, skeleton
from matcalc.rewrites import rules
from matcalc.shelf import SHELF, Entry

README = Path(__file__).parents[1] / "README.md"
SHIPPED = SHELF.shipped
STATED = [e for e in SHIPPED if e.kind != "function" and e.status != "pending"]
MINE = """\
function softplus2(x: any) -> same
    definition: log(1 + exp(x))

function swish(x: any) -> same
    definition: x sigmoid(x)
    derivative: sigmoid(x) + x sigmoid(x) sigmoid(-x)

function huber(x: any) -> same
    definition: 1/2 x^2 step(1 - abs(x)) + (abs(x) - 1/2) step(abs(x) - 1)

function gram(A: matrix(n,m)) -> matrix(m,m)
    definition: A^T A
    differential: dA^T A + A^T dA

function mahalanobis(x: vector(n), m: vector(n), S: matrix(n,n)) -> scalar
    definition: (x - m)^T S^-1 (x - m)

fact gradient-of-mahalanobis
    states: d(mahalanobis(x, m, S))/dx = 2 S^-1 (x - m)
    declare: x: vector(n), m: vector(n), S: matrix(n,n) symmetric
    source: my notes
    tags: mine
"""


@pytest.fixture
def mine(shelf: None, tmp_path: Path) -> Path:
    path = tmp_path / "mine.mc"
    path.write_text(MINE, encoding="utf-8")
    return path


def _record(text: str) -> Record:
    (record,) = entries.read(text, "my.mc")
    return record


# --- the shipped library ------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda e: f"{e.kind}-{e.name}")
def test_every_entry_is_decided_and_none_is_false(entry: Entry) -> None:
    verdict = verdicts.verify(entry.record)
    assert verdict.verdict == ("pending" if entry.status == "pending" else "verified"), str(verdict)


def test_names_are_different() -> None:
    names = Counter(e.name for e in SHIPPED if e.kind != "function")
    assert [n for n, count in names.items() if count > 1] == []


def test_wrong_copies_are_refused() -> None:
    made: Counter[str] = Counter()
    accepted = []
    for entry in STATED[:: 1 if os.environ.get("CI") else 6]:
        for mutant in mutants(entry.record):
            made["mutants"] += 1
            if not refused(mutant):
                made["preserving"] += 1
                if not keeps_value(entry.record, mutant):
                    accepted.append(f"{entry.name}: {mutant.record.text('states')}")
    assert accepted == []
    assert made["mutants"] > (2_000 if os.environ.get("CI") else 300)
    # A dropped transpose changes nothing where what is under it is symmetric, or stands in a trace or a determinant.
    assert made["preserving"] < 0.02 * made["mutants"]


def test_a_library_of_this_size() -> None:
    kinds = Counter(e.kind for e in SHIPPED)
    assert kinds["fact"] == 520
    assert Counter(e.status for e in SHIPPED)["pending"] <= 12


def test_the_readme_counts_the_library() -> None:
    if not README.exists() or "<!-- counts -->" not in README.read_text(encoding="utf-8"):
        pytest.skip("the README has no counts")
    _, table, _ = README.read_text(encoding="utf-8").split("<!-- counts -->")
    assert table.strip() == catalogue.counts(SHIPPED)


# --- finding ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expr, wrt, found",
    [
        ("z^T Q z", "z", "Matrix Cookbook (81)"),
        ("logdet(S)", "S", "Matrix Cookbook (43)"),
        ("tr(M Z N)", "Z", "Matrix Cookbook (101)"),
        ("||M - N||_F^2 + sin(a)", "a", None),
    ],
)
def test_a_derivative_cites_what_states_it(expr: str, wrt: str, found: str | None) -> None:
    assert mc.derive(expr, wrt).identity == found


def test_find_renames_and_reorders() -> None:
    matches = mc.library.find(
        "z^T y + y^T R y", wrt="y", declare={"z": "vector(k)", "y": "vector(k)", "R": "matrix(k,k)"}
    )
    assert [(m.entry.name, m.substitution) for m in matches] == [("cookbook-97", {"A": "R", "b": "z", "x": "y"})]


def test_attributes_are_conditions() -> None:
    symmetric = mc.library.find("(z - M s)^T V (z - M s)", wrt="M", V="matrix(n,n) symmetric")
    general = mc.library.find("(z - M s)^T V (z - M s)", wrt="M")
    assert [m.entry.name for m in symmetric] == ["cookbook-88", "cookbook-88g"]
    assert [m.entry.name for m in general] == ["cookbook-88g"]


def test_every_statement_finds_itself() -> None:
    for entry in STATED:
        if entry.kind == "fact" and entry.statement is not None and entry.statement.wrt:
            node = entry.statement.nodes[0]
            names = {m.entry.name for m in SHELF.find(node, entry.statement.wrt)}
            if match(node, node) is not None:
                assert entry.name in names


def test_the_skeleton_is_blind_to_names_only() -> None:
    one, other, third = (mc.parse(s).lowered.node for s in ("x^T A x - b^T x", "-v^T y + y^T C y", "x^T A x"))
    assert skeleton(one) == skeleton(other) != skeleton(third)


def test_filters() -> None:
    assert {e.section for e in mc.library.filter(section="9")} >= {"9.1", "9.12"}
    assert all("kron" in e.tags for e in mc.library.filter(tag="kron"))
    assert [e.name for e in mc.library.filter(symbol="tau", section="8.1")][:1] == ["cookbook-s811a"]


# --- adding -------------------------------------------------------------------------------------------


def test_a_file_of_a_user(mine: Path) -> None:
    assert {e.status for e in mc.library.load(mine)} == {"verified"}
    for expr, wrt, answer in (
        ("sum(softplus2(A x))", "x", "A^T sigmoid(A x)"),
        ("sum(swish(A x))", "x", "A^T (sigmoid(A x) + (A x) .* sigmoid(A x) .* sigmoid(-A x))"),
        ("sum(huber(A x))", "x", "A^T ((A x) .* step(1 - abs(A x)) + sign(A x) .* step(abs(A x) - 1))"),
        ("tr(gram(X) B)", "X", "X (B + B^T)"),
        ("mahalanobis(x, m, S)", "m", "-(S^-1 + S^-T) (x - m)"),
    ):
        d = mc.derive(expr, wrt)
        assert d.verify(), expr
        claim = _record(f"fact f\n    states: d({expr})/d{wrt} = {answer}\n    declare: " + _declared(d))
        assert verdicts.verify(claim).verdict == "verified", str(verdicts.verify(claim))
    assert mc.derive("mahalanobis(y, c, V)", "y", V="matrix(n,n) symmetric").identity == "my notes"
    assert [e.name for e in mc.library.filter(tag="mine")] == ["gradient-of-mahalanobis"]


def _declared(d: mc.Derivative) -> str:
    return ", ".join(f"{name}: {kind}" for name, kind in d.declarations.items())


def test_a_rewrite_of_a_user_is_used(shelf: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules(), "_ready", list(rules()._ready))
    ratio = "(exp(x) - exp(-x)) / (exp(x) + exp(-x))"
    (entry,) = mc.library.add([_record(f"rewrite ratio\n    states: {ratio} -> tanh(x)\n    declare: x: any")])
    assert entry.status == "verified"
    assert str(mc.derive(f"a {ratio}", "a")) == "tanh(x)"


REFUSED = {
    "fact f\n    states: tr(A B) = tr(A) tr(B)\n    declare: A: matrix(n,n), B: matrix(n,n)": (
        "my.mc, line 2, column 13: the fact 'f' is false: at n = 3 (seed 0, point 1) the left side is 0.556534, "
        "and the right side 3.04197"
    ),
    "fact f\n    states: A B = B A\n    declare: A: matrix(n,m), B: matrix(k,n)": (
        "my.mc, line 2, column 15: the sizes m and k do not fit in the product: A is n×m, B is k×n"
    ),
    "fact f\n    states: tr(A) = A\n    declare: A: matrix(n,n)": (
        "my.mc, line 2, column 21: the two sides have different shapes: a scalar and (n, n)"
    ),
    "rewrite r\n    states: inv(X) -> X^T\n    declare: X: matrix(n,n)": (
        "my.mc, line 2, column 13: the rewrite 'r' is false: at n = 3 (seed 0, point 1) the entry (2,2) of the left "
        "side is 0.163527, and of the right side 1.68256"
    ),
    "rewrite r\n    states: A B -> B A\n    declare: A: matrix(n,n), B: matrix(n,n)": (
        "my.mc, line 1, column 1: the rewrite 'r' does not shrink: its right side is not smaller than its left"
    ),
    "rewrite r\n    states: exp(x) -> exp(x) + sin(x)^2 + cos(x)^2 - 1\n    declare: x: any": (
        "my.mc, line 1, column 1: the rewrite 'r' does not shrink: x stands 3 times on its right side and 1 times on "
        "its left"
    ),
    "rewrite r\n    states: exp(x) + exp(x) = 2 exp(x)\n    declare: x: any": (
        "my.mc, line 2, column 13: a rewrite states 'lhs -> rhs'"
    ),
    "fact f\n    states: det(A = 1\n    declare: A: matrix(n,n)": (
        "my.mc, line 2, column 13: a bracket before the relation is not closed"
    ),
    "fact f\n    states: det(A) = 1\n    declare: A: matrix(n,n) smetric": (
        "my.mc, line 3, column 14: in the declaration of 'A': unknown attribute 'smetric'; did you mean symmetric?"
    ),
    "fact f\n    states: tr(A) = tr(A^T)\n    declare: A: matrix(n,n)\n    sizes: n is 3": (
        "my.mc, line 4, column 12: 'n is 3' is not a condition on sizes; write 'k < n', 'n = 3' or 'n odd'"
    ),
    "fact f\n    states: d(x^T x)/dx dx = 2 x\n    declare: x: vector(n)": (
        "my.mc, line 2, column 21: d(...) is divided by 1 symbols, as in d(f)/dx or d2(f)/dx dy"
    ),
    "function ff(x: vector(n)) -> scalar\n    definition: x": (
        "my.mc, line 2, column 17: the definition is (n), and the signature says a scalar"
    ),
    "function ff(x: any) -> same\n    definition: x^2\n    derivative: 3 x": (
        "my.mc, line 3, column 17: the derivative is not that of the definition: at point 1 of seed 0 the left side is "
        "-1.27339, and the right side -1.91008"
    ),
    "function ff(x: any) -> same\n    definition: ff(x)": (
        "my.mc, line 2, column 17: unknown name 'ff'; declared are x"
    ),
    "function tr(A: matrix(n,n)) -> scalar\n    definition: A_11": (
        "my.mc, line 1, column 1: there is a function 'tr' already"
    ),
    "function gg(A: matrix(n,n)) -> scalar\n    differential: tr(dA)": (
        "my.mc, line 1, column 1: the function 'gg' has no definition; write 'definition: ...' below it"
    ),
    "fact cookbook-81\n    states: tr(A) = tr(A^T)\n    declare: A: matrix(n,n)": (
        "my.mc, line 1, column 1: there is a fact 'cookbook-81' already"
    ),
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_wrong_is_refused_with_one_message(text: str, shelf: None) -> None:
    with pytest.raises(mc.IdentityError) as caught:
        mc.library.add(entries.read(text, "my.mc"))
    assert caught.value.message == REFUSED[text]
    assert SHELF.added == []


def test_what_is_undecided_is_not_used(shelf: None) -> None:
    (entry,) = mc.library.add([_record("fact f\n    states: log(-exp(x)) = x + log(-exp(0))\n    declare: x: scalar")])
    assert entry.status == "unverified"
    assert mc.derive("log(-exp(x))", "x").identity is None


def test_a_refused_file_leaves_nothing_behind(shelf: None) -> None:
    text = "function half(x: any) -> same\n    definition: x / 2\n\n"
    text += "fact f\n    states: half(a) = a\n    declare: a: scalar"
    with pytest.raises(mc.IdentityError):
        mc.library.add(entries.read(text, "my.mc"))
    assert "half" not in FUNCTIONS
    with pytest.raises(mc.MatcalcError):
        mc.derive("half(x)", "x")


@pytest.mark.parametrize(
    "states, true",
    [
        ("A^2 - tr(A) A = -det(A) I", False),  # true for 2 by 2
        ("sqrt(x^2) = x", False),  # true for positive x
        ("A = A^T", False),
        ("det(A) <= 100000", False),  # true where entries are about one
        ("-tr(A^T A) <= 0", True),
        ("A A != A", True),
        ("(A + B)^-1 = A^-1 - A^-1 (A^-1 + B^-1)^-1 A^-1", True),
    ],
)
def test_the_points_are_not_blind(states: str, true: bool) -> None:
    record = _record(f"fact f\n    states: {states}\n    declare: A: matrix(n,n), B: matrix(n,n), x: scalar")
    assert verdicts.verify(record).verdict == ("verified" if true else "false")


def test_sizes_are_met() -> None:
    record = _record("fact f\n    states: A A^+ = I_n\n    declare: A: matrix(n,m)\n    sizes: n < m")
    assert verdicts.verify(record).verdict == "verified"
    record = _record("fact f\n    states: A A^+ = I_n\n    declare: A: matrix(n,m)")
    assert verdicts.verify(record).verdict == "false"


def test_statements_with_differentials() -> None:
    record = _record(
        "fact f\n    states: d(X Y) = dX Y + X dY\n"
        "    declare: X: matrix(n,m), dX: matrix(n,m), Y: matrix(m,k), dY: matrix(m,k)"
    )
    assert statements.read(record).differential
    assert verdicts.verify(record).verdict == "verified"


# --- the command --------------------------------------------------------------------------------------


def test_the_command(capsys: pytest.CaptureFixture[str], mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["identities", "find", "z^T Q z", "--wrt", "z"]) == 0
    assert capsys.readouterr().out == (
        "cookbook-81: d(x^T B x)/dx = (B + B^T) x  [Matrix Cookbook (81)]  where B is Q, x is z\n"
    )
    assert main(["identities", "show", "cookbook-81"]) == 0
    assert "section: 2.4" in capsys.readouterr().out
    assert main(["identities", "verify", str(mine)]) == 0
    assert capsys.readouterr().out.endswith("all: 6 verified\n")
    assert main(["functions"]) == 0
    assert "tr(A: matrix(n,n)) -> scalar  also trace  A_ii" in capsys.readouterr().out
    assert main(["identities", "add", str(mine)]) == 2
    assert "set MATCALC_IDENTITIES" in capsys.readouterr().err
    kept = mine.parent / "kept"
    monkeypatch.setenv("MATCALC_IDENTITIES", str(kept))
    assert main(["identities", "add", str(mine)]) == 0
    assert (kept / "mine.mc").read_text(encoding="utf-8") == MINE


def test_the_whole_library_is_verified_on_all_cores(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identities", "verify", "--jobs", "2", "--json"]) == 0
    verdicts_found = json.loads(capsys.readouterr().out)
    assert len(verdicts_found) == len(SHIPPED)
    assert {v["verdict"] for v in verdicts_found} == {"verified", "pending"}


def test_a_false_entry_gives_status_one(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "wrong.mc"
    path.write_text(
        "fact f\n    states: tr(A B) = tr(A)\n    declare: A: matrix(n,n), B: matrix(n,n)\n", encoding="utf-8"
    )
    assert main(["identities", "verify", str(path)]) == 1
    assert capsys.readouterr().out.startswith("false  fact f: at n = 3")


def test_the_folder_of_the_user_is_loaded_on_first_use(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATCALC_IDENTITIES", str(mine.parent))
    monkeypatch.setattr(SHELF, "opened", False)
    assert str(mc.derive("sum(softplus2(x))", "x", x="vector(n)")) == "sigmoid(x)"
