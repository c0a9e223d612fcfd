"""The numbering of labels: every way to write a product gets one, quickly and whatever its symmetry."""

from __future__ import annotations

import random
from itertools import combinations, permutations

from matcalc.labelling import MAX_WORK, Labelling, Labels

Problem = tuple[list[int], list[int], list[Labels], dict[int, int]]
Outcome = tuple[int, list[tuple[int, Labels]]]


def _problem(kinds: list[int], swaps: list[int], labels: list[Labels], fixed: dict[int, int]) -> Labelling:
    return Labelling(kinds, swaps, labels, fixed, sorted({k for ls in labels for k in ls} - fixed.keys()))


def _outcome(problem: Labelling) -> Outcome:
    sign, order, numbers = problem.solve()
    return sign, [(problem.kinds[k], problem.labels_of(k, numbers)) for k in order]


def _least(kinds: list[int], swaps: list[int], labels: list[Labels], fixed: dict[int, int]) -> set[int]:
    """The signs of all numberings that have the least certificate, when each is tried."""
    problem = _problem(kinds, swaps, labels, fixed)
    least: list[tuple[int, Labels]] | None = None
    signs: set[int] = set()
    for order in permutations(range(len(fixed), len(fixed) + len(problem.summed))):
        numbers = fixed | dict(zip(problem.summed, order, strict=True))
        certificate = sorted((kind, problem.labels_of(k, numbers)) for k, kind in enumerate(kinds))
        turned = sum(s < 0 and numbers[ls[0]] > numbers[ls[1]] for s, ls in zip(swaps, labels, strict=True))
        if least is None or certificate < least:
            least, signs = certificate, set()
        if certificate == least:
            signs.add((-1) ** turned)
    return signs


def _shuffled(rng: random.Random, problem: Problem) -> Problem:
    kinds, swaps, labels, fixed = problem
    order = rng.sample(range(len(kinds)), len(kinds))
    names = {k for ls in labels for k in ls}
    renamed = dict(zip(sorted(names), rng.sample(range(3_000), len(names)), strict=True))
    moved = [tuple(renamed[k] for k in labels[p]) for p in order]
    return [kinds[p] for p in order], [swaps[p] for p in order], moved, {renamed[k]: v for k, v in fixed.items()}


def _random(rng: random.Random) -> Problem:
    ranks = [rng.choice([1, 2, 2, 3]) for _ in range(rng.randint(1, 3))]
    swapped = [rng.choice([-1, 0, 1]) if rank == 2 else 0 for rank in ranks]
    kinds = [rng.randrange(len(ranks)) for _ in range(rng.randint(1, 7))]
    labels = [tuple(rng.randrange(5) for _ in range(ranks[kind])) for kind in kinds]
    names = sorted({k for ls in labels for k in ls})
    fixed = {k: place for place, k in enumerate(rng.sample(names, rng.randint(0, min(2, len(names)))))}
    return kinds, [swapped[kind] for kind in kinds], labels, fixed


def test_one_product_written_in_many_ways_has_one_numbering() -> None:
    rng = random.Random(0)
    zeros = 0
    for _ in range(400):
        problem = _random(rng)
        sign, found = _outcome(_problem(*problem))
        other_sign, other = _outcome(_problem(*_shuffled(rng, problem)))
        assert bool(sign) == bool(other_sign)
        assert not sign or found == other
        diagonal = any(s < 0 and ls[0] == ls[1] for s, ls in zip(problem[1], problem[2], strict=True))
        assert bool(sign) == (not diagonal and len(_least(*problem)) == 1)
        zeros += not sign
    assert 20 < zeros < 300


def _cycle(kinds: list[int], swaps: list[int]) -> Problem:
    """tr(A X ... A X)"""
    n = len(kinds)
    return kinds, swaps, [(k, (k + 1) % n) for k in range(n)], {}


def test_long_chains_take_time_in_proportion() -> None:
    rng = random.Random(1)
    for words in ([0, 1], [0, 1, 1], [0], [0, 0, 1, 0, 1, 1]):
        for symmetric in (0, 1):
            for times in (50, 400):
                kinds = words * times
                problem = _cycle(kinds, [symmetric * (kind == 0) for kind in kinds])
                solved = _problem(*problem)
                found = _outcome(solved)
                assert solved.work < 60 * len(kinds)
                assert found == _outcome(_problem(*_shuffled(rng, problem)))


def test_a_chain_with_one_letter_more() -> None:
    rng = random.Random(2)
    kinds = [0, 1] * 200 + [0] + [0, 1] * 200
    problem = _cycle(kinds, [int(kind == 0) for kind in kinds])
    solved = _problem(*problem)
    assert _outcome(solved) == _outcome(_problem(*_shuffled(rng, problem)))
    assert solved.work < 60 * len(kinds)


PETERSEN = [(a, b) for k in range(5) for a, b in ((k, (k + 1) % 5), (k, k + 5), (5 + k, 5 + (k + 2) % 5))]


def test_graphs_with_many_symmetries() -> None:
    rng = random.Random(3)
    graphs: list[list[Labels]] = [list(combinations(range(n), 2)) for n in (8, 10, 14)]
    graphs += [list(PETERSEN), [(a, b + 7) for a in range(7) for b in range(7)]]
    for edges in graphs:
        problem = ([0] * len(edges), [1] * len(edges), edges, {})
        solved = _problem(*problem)
        assert _outcome(solved) == _outcome(_problem(*_shuffled(rng, problem)))
        assert solved.work < MAX_WORK
