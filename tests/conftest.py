"""What tests of several files need."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from matcalc import verify
from matcalc.functions import FUNCTIONS
from matcalc.shelf import SHELF
from matcalc.userfunctions import forget


@pytest.fixture
def shelf() -> Iterator[None]:
    """The shelf as it was, after the test."""
    before, names = list(SHELF.added), set(FUNCTIONS)
    yield
    SHELF.added[:] = before
    SHELF.forget()
    for name in set(FUNCTIONS) - names:
        forget(name)


@pytest.fixture(autouse=True)
def seeds_of_their_own(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds are drawn for each test in the same way each time, so that what fails fails again."""
    monkeypatch.setattr(verify, "SOURCE", Random(request.node.nodeid))
