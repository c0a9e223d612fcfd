"""The intermediate representation: constructors keep the value, and equal products are one object."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from matcalc import ir
from matcalc.evaluate import evaluate
from matcalc.ir import Labels, Node
from matcalc.sizes import Size

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the oracle, at points that decide nothing
LAWS = settings(derandomize=True, deadline=None, max_examples=250)
n, m = Size.of("n"), Size.of("m")
SIZES = {"n": 3, "m": 4}
RNG = np.random.default_rng(5)


def _random(*shape: int) -> Any:
    return RNG.uniform(0.3, 1.5, shape) * RNG.choice((-1.0, 1.0), shape)


@dataclass(frozen=True)
class Tensor:
    """A node and what its value must be."""

    node: Node
    value: Any

    def __repr__(self) -> str:
        return repr(self.node)


def _symbol(name: str, *shape: Size, attributes: str = "") -> Tensor:
    value = np.abs(_random(*(SIZES[str(s)] for s in shape))) if "positive" in attributes else _random(
        *(SIZES[str(s)] for s in shape)
    )  # fmt: skip
    if "symmetric" in attributes:
        value = (value + value.T) / 2
    if "skew" in attributes:
        value = (value - value.T) / 2
    if "diagonal" in attributes:
        value = np.diag(np.diag(value))
    if "orthogonal" in attributes:
        value = np.linalg.qr(value)[0]
    return Tensor(ir.symbol(name, shape, frozenset(attributes.split())), value)


TENSORS = (
    _symbol("a"), _symbol("b"), _symbol("c", attributes="positive"), _symbol("x", n), _symbol("y", n), _symbol("u", m),
    _symbol("v", m, attributes="positive"), _symbol("A", n, n), _symbol("B", n, n), _symbol("C", n, m),
    _symbol("M", m, m), _symbol("S", n, n, attributes="symmetric"), _symbol("R", n, n, attributes="symmetric"),
    _symbol("O", m, m, attributes="symmetric"), _symbol("K", m, m, attributes="skew"),
    _symbol("J", n, n, attributes="skew"), _symbol("W", n, n, attributes="diagonal"),
    _symbol("Q", n, n, attributes="orthogonal"), _symbol("T", n, n, m),
    Tensor(ir.basis(2, n), np.eye(3)[1]), Tensor(ir.number(Fraction(2, 3)), 2 / 3),
    Tensor(ir.extent(n), 3.0), Tensor(ir.identity(n), np.eye(3)), Tensor(ir.ones((n, m)), np.ones((3, 4))),
)  # fmt: skip
VALUES = {t.node.name: t.value for t in TENSORS if isinstance(t.node, ir.Symbol)}
BY_SHAPE: dict[tuple[Size, ...], list[Tensor]] = {}
for _tensor in TENSORS:
    BY_SHAPE.setdefault(_tensor.node.shape, []).append(_tensor)
LABELS = {0: n, 1: n, 2: n, 3: m, 4: m, 5: n}


def value_of(node: Node) -> Any:
    return evaluate(node, VALUES, SIZES)


def agrees(node: Node, value: Any, accept: float = 1e-8) -> bool:
    """Whether the node has the value; values that are not finite or huge decide nothing."""
    value = np.asarray(value)
    if not np.all(np.isfinite(value)) or np.max(np.abs(value), initial=0.0) > 1e8:
        return True
    found = np.asarray(value_of(node))
    return found.shape == value.shape and bool(np.all(np.abs(found - value) <= accept * (1 + np.max(np.abs(value)))))


# --- random products --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Product:
    """Factors on labels, and the labels that stay."""

    factors: tuple[tuple[Tensor, Labels], ...]
    output: Labels

    def node(self) -> Node:
        return ir.einsum([(t.node, ls) for t, ls in self.factors], self.output, LABELS)

    def value(self) -> Any:
        return direct([(t.value, ls) for t, ls in self.factors], self.output, LABELS)


def direct(factors: Sequence[tuple[Any, Labels]], output: Labels, extents: Mapping[int, Size]) -> Any:
    """np.einsum of the raw factors, with ones for labels that nothing carries and deltas for repeated ones."""
    arguments: list[Any] = []
    for value, labels in factors:
        arguments += [np.asarray(value), list(labels)]
    carried = {k for _, labels in factors for k in labels}
    for k in dict.fromkeys(output):
        if k not in carried:
            arguments += [np.ones(SIZES[str(extents[k])]), [k]]
    axes: list[int] = []
    for k in output:
        fresh = k
        if k in axes:
            fresh = 20 + len(axes)
            arguments += [np.eye(SIZES[str(extents[k])]), [k, fresh]]
        axes.append(fresh)
    return np.einsum(*arguments, axes, optimize="greedy") if arguments else np.array(1.0)


class Draws:
    """Random tensors; `pick` chooses one of several."""

    def __init__(self, pick: Callable[[Sequence[Any]], Any]) -> None:
        self.pick = pick

    def product(self, depth: int, output: Labels | None = None) -> Product:
        factors = []
        for _ in range(self.pick((1, 2, 2, 3, 4, 5))):
            shape = self.pick(((), (n,), (m,), (n, n), (n, n), (n, m), (m, m), (m, n)))
            labels = tuple(self.pick([k for k, s in LABELS.items() if s is size and k != 5]) for size in shape)
            factors.append((self.tensor(shape, depth - 1), labels))
        if output is None:
            output = tuple(self.pick((0, 1, 2, 3, 4, 5)) for _ in range(self.pick((0, 0, 1, 2, 2, 3))))
        return Product(tuple(factors), output)

    def tensor(self, shape: tuple[Size, ...], depth: int) -> Tensor:
        if depth <= 0:
            return self.leaf(shape)
        return self.pick((self.leaf, self.product_of, self.sum, self.power, self.map, self.function))(shape, depth - 1)

    def leaf(self, shape: tuple[Size, ...], depth: int = 0) -> Tensor:
        options = list(BY_SHAPE.get(shape, ()))
        if len(shape) == 2:
            options += [Tensor(ir.turn(t.node), t.value.T) for t in BY_SHAPE.get(shape[::-1], ())]
        return self.pick(options)

    def product_of(self, shape: tuple[Size, ...], depth: int) -> Tensor:
        output = tuple({n: (0, 1, 2), m: (3, 4)}[s][k] for k, s in enumerate(shape)) if shape != (n, m) else (0, 3)
        output = (3, 0) if shape == (m, n) else output
        product = self.product(depth, output)
        return Tensor(product.node(), product.value())

    def sum(self, shape: tuple[Size, ...], depth: int) -> Tensor:
        terms = [(self.pick((1, -1, 2, Fraction(1, 2))), self.tensor(shape, depth)) for _ in range(self.pick((2, 3)))]
        node = ir.add([(c, t.node) for c, t in terms], shape)
        return Tensor(node, sum(float(c) * t.value for c, t in terms))

    def power(self, shape: tuple[Size, ...], depth: int) -> Tensor:
        base, exponent = self.tensor(shape, depth), self.pick((2, 3, -1, Fraction(1, 2), -2))
        try:
            node = ir.power(base.node, exponent)
        except ir.UnsupportedError:  # nought to a negative power
            return base
        with np.errstate(all="ignore"):
            return Tensor(node, _finite(np.power(base.value, float(exponent))))

    def map(self, shape: tuple[Size, ...], depth: int) -> Tensor:
        arg, name = self.tensor(shape, depth), self.pick(("sin", "cos", "exp", "abs", "tanh"))
        with np.errstate(all="ignore"):
            return Tensor(ir.apply(name, [arg.node]), getattr(np, name)(arg.value))

    def function(self, shape: tuple[Size, ...], depth: int) -> Tensor:
        if not shape:
            arg = self.tensor((n, n), depth)
            return Tensor(ir.call("det", [arg.node]), np.linalg.det(_invertible(arg.value)))
        if len(shape) == 2 and shape[0] is shape[1]:
            arg, exponent = self.tensor(shape, depth), self.pick((2, 3, -1, -2))
            try:
                node = ir.matpow(arg.node, exponent)
                return Tensor(node, np.linalg.matrix_power(_invertible(arg.value), exponent))
            except ir.UnsupportedError:
                return arg
        return self.leaf(shape)


def _finite(value: Any) -> Any:
    return value if np.all(np.isfinite(value)) else np.full(np.shape(value), np.nan)


def _invertible(value: Any) -> Any:
    """The matrix, or nans where its inverse is noise."""
    if not np.all(np.isfinite(value)) or np.linalg.cond(value) > 1e6:
        return np.full(value.shape, np.nan)
    return value


@st.composite
def draws(draw: Callable[..., Any]) -> Draws:
    return Draws(lambda options: draw(st.sampled_from(options)))


# --- values -----------------------------------------------------------------------------------------


@LAWS
@given(draws())
def test_constructors_keep_the_value(d: Draws) -> None:
    product = d.product(3)
    assert agrees(product.node(), product.value())


@LAWS
@given(draws(), st.sampled_from([(), (n,), (n, n), (n, m), (m, m)]))
def test_nodes_keep_the_value(d: Draws, shape: tuple[Size, ...]) -> None:
    tensor = d.tensor(shape, 4)
    assert tensor.node.shape == shape
    assert agrees(tensor.node, tensor.value)


@LAWS
@given(draws(), st.sampled_from([(n, n), (n, m), (m, m)]))
def test_turning(d: Draws, shape: tuple[Size, ...]) -> None:
    tensor = d.tensor(shape, 3)
    turned = ir.turn(tensor.node)
    assert ir.turn(turned) is tensor.node
    assert agrees(turned, tensor.value.T)
    swap = tensor.node.swap
    if swap:
        assert turned is ir.scale(swap, tensor.node)


@LAWS
@given(draws(), st.sampled_from([(), (n,), (n, n), (n, m)]))
def test_substitution(d: Draws, shape: tuple[Size, ...]) -> None:
    """A symbol replaced by a node has the node's value, and the attributes of the symbol do no harm to others."""
    tensor, other = d.tensor(shape, 3), d.tensor((n, n), 2)
    assume(np.all(np.isfinite(other.value)) and np.max(np.abs(other.value)) < 1e3)
    try:
        replaced = ir.substitute(tensor.node, {"B": other.node}, {})
    except ir.UnsupportedError:
        return
    expected = evaluate(tensor.node, {**VALUES, "B": other.value}, SIZES)
    assert agrees(replaced, expected, 1e-6)
    assert ir.substitute(tensor.node, {}, {}) is tensor.node


# --- one object -------------------------------------------------------------------------------------


def _turned(node: Node, labels: Labels, r: random.Random) -> tuple[int, Labels]:
    """(sign, labels) with the labels of a symmetric or skew operand turned at random."""
    if len(labels) == 2 and node.swap and r.random() < 0.5:
        return node.swap, labels[::-1]
    return 1, labels


@LAWS
@given(draws(), st.integers(0, 10_000))
def test_order_and_names_do_not_matter(d: Draws, seed: int) -> None:
    product, r = d.product(2), random.Random(seed)
    names = dict(zip(LABELS, r.sample(range(-50, 50), len(LABELS)), strict=True))
    factors, sign = [], 1
    for tensor, labels in r.sample(product.factors, len(product.factors)):
        c, own = _turned(tensor.node, labels, r)
        sign *= c
        factors.append((tensor.node, tuple(names[k] for k in own)))
    extents = {names[k]: s for k, s in LABELS.items()}
    again = ir.einsum(factors, tuple(names[k] for k in product.output), extents, sign)
    assert again is product.node()


@LAWS
@given(draws(), st.integers(0, 10_000))
def test_products_are_associative(d: Draws, seed: int) -> None:
    """A part multiplied first, on the labels that the rest and the output need, gives the same object."""
    product, r = d.product(2), random.Random(seed)
    assume(len(product.factors) > 1)
    factors = r.sample(product.factors, len(product.factors))
    cut = r.randrange(1, len(factors))
    inner, outer = factors[:cut], factors[cut:]
    needed = {k for _, ls in outer for k in ls} | set(product.output)
    kept = tuple(dict.fromkeys(k for _, ls in inner for k in ls if k in needed))
    first = ir.einsum([(t.node, ls) for t, ls in inner], kept, LABELS)
    whole = ir.einsum([(first, kept), *((t.node, ls) for t, ls in outer)], product.output, LABELS)
    assert agrees(whole, product.value())
    assert whole is product.node()


@LAWS
@given(draws(), st.sampled_from([(), (n,), (n, n), (n, m)]), st.integers(0, 10_000))
def test_order_of_terms_does_not_matter(d: Draws, shape: tuple[Size, ...], seed: int) -> None:
    terms = [(d.pick((1, -1, 2, Fraction(2, 3))), d.tensor(shape, 2).node) for _ in range(d.pick((2, 3, 4)))]
    total = ir.add(terms, shape)
    assert ir.add(random.Random(seed).sample(terms, len(terms)), shape) is total
    cut = len(terms) // 2
    assert ir.add([(1, ir.add(terms[:cut], shape)), (1, ir.add(terms[cut:], shape))], shape) is total
    if len(shape) == 2:
        assert ir.add([(c, ir.turn(t)) for c, t in terms], shape[::-1]) is ir.turn(total)


# --- graphs that map to themselves ------------------------------------------------------------------


def _graph(edges: Sequence[tuple[Node, int, int]], r: random.Random) -> Node:
    """The contraction of matrices along edges, with edges and vertices in random order."""
    vertices = sorted({v for _, *ends in edges for v in ends})
    names = dict(zip(vertices, r.sample(range(100), len(vertices)), strict=True))
    factors = []
    for node, a, b in r.sample(list(edges), len(edges)):
        swapped = node.swap == 1 and r.random() < 0.5
        factors.append((node, (names[b], names[a]) if swapped else (names[a], names[b])))
    return ir.einsum(factors, ())


A, B, S, R = (next(t.node for t in TENSORS if isinstance(t.node, ir.Symbol) and t.node.name == k) for k in "ABSR")
GRAPHS: dict[str, list[tuple[Node, int, int]]] = {
    "tr(A B A B A B)": [((A, B)[k % 2], k, (k + 1) % 6) for k in range(6)],
    "tr(A^T B A^T B)": [(A, 1, 0), (B, 1, 2), (A, 3, 2), (B, 3, 0)],
    "tr(S R S R)": [((S, R)[k % 2], k, (k + 1) % 4) for k in range(4)],
    "tr(A A^T A A^T A A^T)": [(A, k, (k + 1) % 6) if k % 2 else (A, (k + 1) % 6, k) for k in range(6)],
    "K4": [(S, a, b) for a, b in combinations(range(4), 2)],
    "K5": [(S, a, b) for a, b in combinations(range(5), 2)],
    "K33": [(S, a, b + 3) for a in range(3) for b in range(3)],
    "prism": [(S, a, b) for a, b in [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3), (0, 3), (1, 4), (2, 5)]],
    "cube": [(S, a, a ^ bit) for a in range(8) for bit in (1, 2, 4) if a < a ^ bit],
    "tournament": [(A, 0, 1), (A, 1, 2), (A, 2, 0), (A, 0, 3), (A, 1, 3), (A, 2, 3)],
    "Petersen": [(S, k, (k + 1) % 5) for k in range(5)] + [(S, k, k + 5) for k in range(5)]
    + [(S, k + 5, (k + 2) % 5 + 5) for k in range(5)],
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_that_map_to_themselves(name: str) -> None:
    edges = GRAPHS[name]
    nodes = {_graph(edges, random.Random(seed)) for seed in range(30)}
    assert len(nodes) == 1
    value = direct([({A: VALUES["A"], B: VALUES["B"], S: VALUES["S"], R: VALUES["R"]}[o], (a, b))
                    for o, a, b in edges], (), {})  # fmt: skip
    assert agrees(nodes.pop(), value)


def test_different_graphs_differ() -> None:
    """The prism and K33 have the same degrees, and are not the same."""
    assert _graph(GRAPHS["prism"], random.Random(0)) is not _graph(GRAPHS["K33"], random.Random(0))


def test_a_skew_ring_that_maps_to_its_negative_is_zero() -> None:
    """tr(J^3) = -tr(J^3), and x^T J x = 0."""
    skew = ir.symbol("J", (n, n), frozenset({"skew"}))
    x = ir.symbol("x", (n,))
    assert ir.is_zero(ir.einsum([(skew, (0, 1)), (skew, (1, 2)), (skew, (2, 0))], ()))
    assert ir.is_zero(ir.einsum([(x, (0,)), (skew, (0, 1)), (x, (1,))], ()))
    assert ir.is_zero(ir.einsum([(skew, (0, 0))], ()))


def test_powers_of_components_stay_powers() -> None:
    """(a^T X b)^7 is one power, whichever way it is multiplied."""
    a, b, x = ir.symbol("a", (n,)), ir.symbol("b", (m,)), ir.symbol("X", (n, m))
    form = ir.einsum([(a, (0,)), (x, (0, 1)), (b, (1,))], ())
    factors = [f for k in range(7) for f in ((a, (2 * k,)), (x, (2 * k, 2 * k + 1)), (b, (2 * k + 1,)))]
    assert ir.einsum(factors, ()) is ir.power(form, 7)


# --- deltas -----------------------------------------------------------------------------------------


def test_a_summed_label_is_merged_away() -> None:
    """I A = A."""
    assert ir.einsum([(ir.identity(n), (0, 1)), (A, (1, 2))], (0, 2)) is A


def test_a_label_that_nothing_carries_leaves_its_size() -> None:
    """tr(I) = n, and the sum of all entries of a matrix of ones is n m."""
    assert ir.einsum([(ir.identity(n), (0, 0))], ()) is ir.extent(n)
    ones = ir.einsum([(ir.ones((n, m)), (0, 1))], ())
    assert value_of(ones) == 12.0
    assert ones is ir.einsum([(ir.extent(n), ()), (ir.extent(m), ())], ())


def test_a_delta_of_two_free_labels_stays() -> None:
    """I_ij A_jk with j free too: a diagonal of order three."""
    node = ir.einsum([(ir.identity(n), (0, 1)), (A, (1, 2))], (0, 1, 2))
    assert node.rank == 3
    assert np.allclose(value_of(node), np.einsum("ij,jk->ijk", np.eye(3), VALUES["A"]))
    assert ir.einsum([(ir.identity(n), (0, 1))], (0, 1)) is ir.identity(n)
    assert ir.einsum([(ir.identity(n), (0, 1))], (1, 0)) is ir.identity(n)


# --- found by the laws above ------------------------------------------------------------------------


def test_powers_of_a_skew_matrix_turn_with_a_sign_only_where_it_is_known() -> None:
    """_sign_power takes 1/2 and a symbol for odd, so that (K.^p)^T is -(K.^p) for every p."""
    skew = ir.symbol("J", (n, n), frozenset({"skew"}))
    for exponent in (ir.symbol("p", (), frozenset({"integer"})), ir.number(Fraction(1, 2))):
        power = ir.power(skew, exponent)
        turned = ir.turn(power)
        assert ir.turn(turned) is power
        assert turned is not ir.scale(-1, power)
        x = ir.symbol("x", (n,))
        assert ir.einsum([(power, (0, 1)), (x, (1,))], (0,)) is not ir.scale(
            -1, ir.einsum([(power, (1, 0)), (x, (1,))], (0,))
        )


def test_the_diagonal_of_a_skew_matrix_is_zero_in_every_power() -> None:
    """J_ii^3 J_ii is J_ii^4 on one label, which is nought; with labels turned it came out as its negative."""
    skew = ir.symbol("J", (n, n), frozenset({"skew"}))
    assert ir.is_zero(ir.einsum([(ir.power(skew, 3), (0, 0)), (skew, (0, 0))], ()))


def test_a_unit_vector_is_summed() -> None:
    """sum(e(2)) alone stays, while a sum(e(2)) is a."""
    assert ir.einsum([(ir.basis(2, n), (0,))], ()) is ir.ONE


def test_powers_of_ones() -> None:
    """If a power of ones stays a power: turned, it is ones."""
    assert ir.power(ir.ones((n, m)), 2) is ir.ones((n, m))
    assert ir.power(ir.identity(n), 2) is ir.identity(n)
