"""The examples run, and what they find is right."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
EXPECTED = {
    "ridge_regression": "the gradient agrees with the one by hand, and vanishes after one Newton step",
    "logistic_regression": "the gradient after eight Newton steps is below 1e-10: True",
    "matrix_factorisation": "relative error below 1e-6: True",
}


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert EXPECTED[name] in capsys.readouterr().out
