"""What tests of several files need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

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
