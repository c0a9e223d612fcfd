"""One object for each value, in all threads, and none that stays when nobody asks for it any more."""

from __future__ import annotations

import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

import matcalc as mc
from matcalc import ir
from matcalc.sizes import Size

N = Size.of("n")


def _derive(k: int) -> None:
    """A derivation of names that no other has, with transposes, inverses and sums of them."""
    a, b = f"A{k}", f"B{k}"
    mc.derive(f"tr({a} {b}^-1)", b)


def _kept(first: int, last: int) -> int:
    for k in range(first, last):
        _derive(k)
    gc.collect()
    return len(ir._table)


def test_a_turned_node_does_not_stay() -> None:
    gc.collect()
    before = len(ir._table)
    for k in range(10_000):
        ir.turn(ir.symbol(f"Z{k}", (N, N)))
    gc.collect()
    assert len(ir._table) - before <= 2 * ir.RECENT + 100


def test_derivations_of_many_names_hold_memory_level() -> None:
    level = _kept(0, ir.RECENT)
    assert abs(_kept(ir.RECENT, ir.RECENT + 2_000) - level) < 200


@pytest.mark.slow
def test_derivations_of_very_many_names_hold_memory_level() -> None:
    level = _kept(0, 2 * ir.RECENT)  # those that are kept for a while are all there
    assert all(abs(_kept(k, k + 1_000) - level) < 200 for k in range(2 * ir.RECENT, 20_000 + 2 * ir.RECENT, 1_000))


def _made(_: int) -> list[ir.Node]:
    found: list[ir.Node] = []
    for k in range(400):
        x = ir.symbol(f"x{k}", (N,))
        found += [x, ir.einsum([(x, (0,)), (x, (0,))], ()), ir.turn(ir.symbol(f"X{k}", (N, N)))]
    return found


def test_threads_find_one_object_for_each_value() -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(2):
                columns = zip(*pool.map(_made, range(8)), strict=True)
                assert all(len({id(node) for node in column}) == 1 for column in columns)
    finally:
        sys.setswitchinterval(interval)
