"""Products of arrays on labels: which two to multiply next, and how, in any number system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from math import prod
from typing import TypeAlias

import numpy as np

from .ir import Labels
from .systems import Array

MAX_GREEDY = 12
# The axes of both factors in the order of a stack of matrices, how many axes are of which sort, the order at the end.
Pairing: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], int, int, int, int, tuple[int, ...]]


@lru_cache(maxsize=4096)
def _held_of(labels: tuple[Labels, ...], output: Labels) -> tuple[Labels, ...]:
    times = _times(labels, output)
    return tuple(tuple(k for k in dict.fromkeys(own) if times[k] > 1) for own in labels)


def _times(labels: Sequence[Labels], output: Labels) -> Counter[int]:
    """In how many factors a label stands; the output counts as one."""
    return Counter(chain.from_iterable(map(set, [*labels, output])))


def held(labels: Sequence[Labels], output: Labels) -> tuple[Labels, ...]:
    """For each factor the labels that others or the output have too, each once."""
    return _held_of(tuple(labels), output)


def alone(array: Array, labels: Labels, keep: Labels) -> Array:
    """Diagonals taken, and what nobody else has summed."""
    labels_left = list(labels)
    for k in dict.fromkeys(labels):
        while labels_left.count(k) > 1:
            i = labels_left.index(k)
            j = labels_left.index(k, i + 1)
            array = np.diagonal(array, 0, i, j)
            labels_left = [x for place, x in enumerate(labels_left) if place not in (i, j)] + [k]
    gone = tuple(place for place, k in enumerate(labels_left) if k not in keep)
    if gone:
        array = np.asarray(array.sum(axis=gone), dtype=array.dtype)
        labels_left = [k for k in labels_left if k in keep]
    return array.transpose([labels_left.index(k) for k in keep])


@lru_cache(maxsize=4096)
def plan(labels: tuple[Labels, ...], output: Labels) -> tuple[tuple[int, int, Labels], ...]:
    """Which two factors to multiply next, until one is left: those whose product has fewest axes.

    Of many factors only those are looked at that share a label, up to the first two whose product has no more axes than
    they have.
    """
    left, steps = [tuple(dict.fromkeys(ls)) for ls in labels], []
    times = _times(left, output)
    while len(left) > 1:
        best: tuple[tuple[int, int], int, int] | None = None
        many = len(left) > MAX_GREEDY
        for i, j in _neighbours(left) if many else _pairs(len(left)):
            a, b = left[i], left[j]
            both = [k for k in a if k in b]
            cost = (len(a) + len(b) - len(both) - sum(times[k] == 2 for k in both) - _lone(a + b, times), -len(both))
            if best is None or cost < best[0]:
                best = (cost, i, j)
                if many and cost[0] <= max(len(a), len(b)):
                    break
        _, i, j = best or ((), 0, 1)
        keep = tuple(k for k in dict.fromkeys(left[i] + left[j]) if times[k] > (k in left[i]) + (k in left[j]))
        times.subtract(left[i] + left[j])
        times.update(keep)
        left = [ls for k, ls in enumerate(left) if k not in (i, j)] + [keep]
        steps.append((i, j, keep))
    return tuple(steps)


def _pairs(count: int) -> Iterator[tuple[int, int]]:
    return ((i, j) for j in range(count) for i in range(j))


def _lone(labels: Labels, times: Counter[int]) -> int:
    """How many labels stand in one factor only."""
    return sum(times[k] == 1 for k in labels)


def _neighbours(left: Sequence[Labels]) -> Iterator[tuple[int, int]]:
    """Factors that share a label."""
    first: dict[int, int] = {}
    for j, labels in enumerate(left):
        for k in labels:
            if k in first:
                yield first[k], j
            else:
                first[k] = j


@lru_cache(maxsize=4096)
def pairing(la: Labels, lb: Labels, keep: Labels) -> Pairing:
    """How two factors are laid out as stacks of matrices: the axes of each, and how many are of which sort."""
    both = [k for k in la if k in lb]
    batch, summed = [k for k in both if k in keep], [k for k in both if k not in keep]
    rows, columns = [k for k in la if k not in lb], [k for k in lb if k not in la]
    order = [*batch, *rows, *columns]
    return (
        tuple(la.index(k) for k in (*batch, *rows, *summed)),
        tuple(lb.index(k) for k in (*batch, *summed, *columns)),
        len(batch), len(rows), len(summed), len(columns),
        tuple(order.index(k) for k in keep),
    )  # fmt: skip


def pair(a: Array, b: Array, how: Pairing) -> Array:
    axes_a, axes_b, batch, rows, summed, columns, order = how
    a, b = a.transpose(axes_a), b.transpose(axes_b)
    if batch == 0 and summed == 1 and rows <= 1 and columns <= 1:
        return np.asarray(np.dot(a, b), dtype=a.dtype).transpose(order)
    stack, over = a.shape[:batch], a.shape[batch + rows :]
    high, wide = a.shape[batch : batch + rows], b.shape[batch + summed :]
    if not summed:
        product = a.reshape((*stack, *high, *(1,) * columns)) * b.reshape((*stack, *(1,) * rows, *wide))
        return np.asarray(product, dtype=a.dtype).transpose(order)
    product = np.matmul(a.reshape(*stack, prod(high), prod(over)), b.reshape(*stack, prod(over), prod(wide)))
    return np.asarray(product, dtype=a.dtype).reshape((*stack, *high, *wide)).transpose(order)


def spread(array: Array, labels: Labels, output: Labels, extents: Sequence[int]) -> Array:
    """The array in the order of the output, the same along labels that it lacks, on diagonals where labels repeat."""
    distinct = tuple(dict.fromkeys(output))
    array = array.transpose([labels.index(k) for k in distinct if k in labels])
    array = array.reshape([extents[k] if k in labels else 1 for k in distinct])
    full = [extents[k] for k in distinct]
    array = np.broadcast_to(array, full)
    if distinct == output:
        return array
    found = np.zeros([extents[k] for k in output], dtype=array.dtype)
    grid = dict(zip(distinct, np.ogrid[tuple(slice(n) for n in full)], strict=True))
    found[tuple(grid[k] for k in output)] = array
    return found
