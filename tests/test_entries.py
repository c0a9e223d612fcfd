"""The reader of entry files: records with places, and errors that name file, line and column."""

from __future__ import annotations

import pytest

from matcalc import entries
from matcalc.errors import IdentityError, LimitError
from matcalc.resources import folder

FILE = """\
# A comment.
fact one
    states: tr(A B) =
        # a comment inside
        tr(B A)

    declare: A: matrix(n,m), B: matrix(m,n)
    source: |A| and ||x||^2 need no escapes: # this neither

rewrite two
  states: X^-1 -> X^T
  declare: X: matrix(n,n) orthogonal
"""


def test_records_and_places() -> None:
    one, two = entries.read(FILE, "my.mc")
    assert (one.kind, one.title, two.kind, two.title) == ("fact", "one", "rewrite", "two")
    assert one.text("states") == "tr(A B) = tr(B A)"
    assert one.text("source") == "|A| and ||x||^2 need no escapes: # this neither"
    assert one.source.where(one.fields["declare"].position) == "my.mc, line 7, column 14"
    assert FILE[two.fields["states"].position :].startswith("X^-1 -> X^T")
    place = one.fields["states"].value.index("tr(B A)")
    assert str(one.error("here", "states", place)).splitlines()[0] == "my.mc, line 5, column 9: here"


def test_lines_may_end_as_in_other_systems() -> None:
    assert [r.title for r in entries.read(FILE.replace("\n", "\r\n"), "my.mc")] == ["one", "two"]


@pytest.mark.parametrize("name", sorted(p.name for p in folder("identities").glob("*.mc")))
def test_the_fast_reader_agrees_with_the_grammar(name: str) -> None:
    text = (folder("identities") / name).read_text(encoding="utf-8")
    assert entries.shipped(text, name) == entries.read(text, name)


def test_an_empty_file_has_no_entries() -> None:
    assert entries.read("", "my.mc") == entries.read("# nothing\n\n", "my.mc") == ()


ERRORS = {
    "fat x": "my.mc, line 1, column 1: 'fat' is not a kind of entry; did you mean 'fact'?",
    "rule x": (
        "my.mc, line 1, column 1: 'rule' is not a kind of entry; a line at the margin starts with function, rewrite "
        "or fact"
    ),
    "fact": "my.mc, line 1, column 1: a fact starts like 'fact trace-of-a-product'",
    "fact x y": "my.mc, line 1, column 6: 'x y' does not name an entry; a fact starts like 'fact trace-of-a-product'",
    "function f(x) = 1": (
        "my.mc, line 1, column 10: 'f(x) = 1' does not name an entry; a function starts like "
        "'function f(x: vector(n)) -> scalar'"
    ),
    "    states: 1 = 2": "my.mc, line 1, column 5: a field stands below the entry that it belongs to",
    "fact x\n    tr(A) = 1": "my.mc, line 2, column 5: a field has the form 'key: value'",
    "fact x\n    stats: 1 = 1": "my.mc, line 2, column 5: a fact has no field 'stats'; did you mean 'states'?",
    "fact x\n    definition: 1": (
        "my.mc, line 2, column 5: a fact has no field 'definition'; its fields are declare, note, pending, section, "
        "sizes, source, states, structure, tags, where"
    ),
    "fact x\n    note: 1": "my.mc, line 1, column 1: the fact 'x' states nothing; write 'states: ...' below it",
    "fact x\n    states: 1=1\n    states: 2=2": "my.mc, line 3, column 5: the field 'states' is given twice",
    "fact x\n    states: " + "1+" * 5_001: "my.mc, line 2, column 13: a value may have 10,000 characters at most",
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors_name_the_place(text: str) -> None:
    with pytest.raises(IdentityError) as caught:
        entries.read(text, "my.mc")
    assert caught.value.message == ERRORS[text]
    assert caught.value.source == text


def test_files_are_bounded() -> None:
    with pytest.raises(LimitError, match=r"my.mc: a file of entries may have 1,000,000 bytes at most"):
        entries.read("#" * 1_000_001, "my.mc")
    with pytest.raises(LimitError, match=r"line 20001, column 1: a file may have 10,000 entries at most"):
        entries.read("fact a\n  states: 1=1\n" * 10_001, "my.mc")
