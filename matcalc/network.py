"""One product on its way from a hypergraph to a term: labels are eliminated until only the axes are left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import permutations
from typing import TypeAlias

from .forms import (
    Form,
    call_form,
    conjugated,
    hadamard_form,
    hadamard_power,
    identity_form,
    norm_form,
    number_form,
    power_form,
    square_of_modulus,
)
from .ir import ONE as one
from .ir import Einsum, Labels, Merge, Node, Number, Power, Rational, conjugate
from .syntax import Call, Num, Sub
from .terms import (
    Chain,
    Link,
    NoMatrixForm,
    Recognises,
    Scalar,
    Term,
    bar,
    chain_cost,
    chain_form,
    ones_form,
    reverse,
    size_form,
    without_skew_transposes,
)


@dataclass(slots=True, eq=False)
class Vec:
    """A vector on a label: an elementwise product of chains to powers."""

    label: int
    parts: list[tuple[Chain, Fraction | Form]]


@dataclass(slots=True, eq=False)
class Mat:
    """A matrix between two labels: an elementwise product of chains to powers."""

    labels: tuple[int, int]
    parts: list[tuple[Chain, Fraction | Form]]

    def chain(self, first: int) -> Chain:
        """The matrix with its rows on the label `first`."""
        own = self.labels[0] == first
        whole = _elementwise(self.parts)
        if len(self.parts) == 1:
            return whole if own else reverse(whole)
        turned = _elementwise([(reverse(chain), p) for chain, p in self.parts])
        straight, back = (whole, turned) if own else (turned, whole)
        return min(straight, reverse(back), key=chain_cost)

    def other(self, label: int) -> int:
        return self.labels[1] if self.labels[0] == label else self.labels[0]


ONE = Fraction(1)


def _elementwise(parts: Sequence[tuple[Chain, Fraction | Form]]) -> Chain:
    """The elementwise product of chains to powers as one chain."""
    if len(parts) == 1 and parts[0][1] == ONE:
        return parts[0][0]
    above: list[Form] = []
    below: list[Form] = []
    symmetric = True
    vector = False
    for chain, p in parts:
        vector = vector or chain[-1].vector
        symmetric = symmetric and len(chain) == 1 and chain[0].symmetric
        if isinstance(p, Form):
            above.append(hadamard_power(chain_form(chain), p))
        elif p > 0:
            above.append(hadamard_power(chain_form(chain), number_form(p)))
        else:
            below.append(hadamard_power(chain_form(chain), number_form(-p)))
    above = _moduli(above)
    above = _squares(sorted(above, key=lambda f: (f.cost, f.key)))
    below.sort(key=lambda f: (f.cost, f.key))
    return (Link(hadamard_form(above, below), symmetric=symmetric and not vector, vector=vector),)


def _moduli(forms: list[Form]) -> list[Form]:
    """x .* conj(x) as abs(x).^2."""
    if not any(f.is_barred for f in forms):
        return forms
    out: list[Form] = []
    for f in forms:
        other = next((x for x in out if conjugated(x).key == f.key or conjugated(f).key == x.key), None)
        if other is None:
            out.append(f)
        else:
            plain = min(f, other, key=lambda x: (x.cost, x.key))
            out[out.index(other)] = hadamard_power(call_form("abs", [plain]), number_form(2))
    return out


def _squares(forms: list[Form]) -> list[Form]:
    """Equal factors as a power where that is shorter."""
    out: list[Form] = []
    for f in forms:
        if out and out[-1].key == f.key and f.cost >= 2:
            out[-1] = hadamard_power(f, number_form(2))
        else:
            out.append(f)
    return out


Sides: TypeAlias = tuple[Chain, Chain]  # a matrix and its transpose


@dataclass(frozen=True, slots=True)
class _Part:
    """A factor of a Kronecker product, and the matrix of the network that it is."""

    sides: Sides
    matrix: Mat | None = None


class Network:
    """One product on its way from a hypergraph to a term."""

    def __init__(self, recogniser: Recognises, node: Einsum) -> None:
        self.recogniser = recogniser
        self.node = node
        self.coefficient: Rational = 1
        self.scalars: list[Scalar] = []
        self.vectors: dict[int, Vec] = {}
        self.matrices: dict[Mat, None] = {}
        self.on: dict[int, dict[Mat, None]] = {}  # the matrices on each label
        self.output = set(node.output)
        self.tensors: list[tuple[Node, tuple[int, ...]]] = []
        operands = list(zip(node.operands, node.labels, strict=True))
        if node.is_complex:
            operands = self._without_moduli(operands)
        for operand, labels in operands:
            self._enter(operand, labels)

    def _without_moduli(self, operands: list[tuple[Node, Labels]]) -> list[tuple[Node, Labels]]:
        """The operands without the scalars s and conj(s), which are entered as |s|^2."""
        left: list[tuple[Node, Labels]] = []
        for operand, labels in operands:
            other = (conjugate(operand), labels)
            if labels or other[0] is operand or other not in left:
                left.append((operand, labels))
                continue
            left.remove(other)
            base, power = (operand.base, operand.exponent) if isinstance(operand, Power) else (operand, one)
            form = min((self.recogniser.form(n) for n in (base, conjugate(base))), key=lambda f: (f.cost, f.key))
            exponent = Fraction(power.value) if isinstance(power, Number) else self.recogniser.form(power)
            self.scalars.append(Scalar(square_of_modulus(form), exponent))
        return left

    def _enter(self, operand: Node, labels: tuple[int, ...]) -> None:
        if not labels:
            term = self.recogniser.term(operand)
            self.coefficient *= term.coefficient
            self.scalars += term.scalars
            return
        if len(labels) > 2:
            self._keep(operand, labels)
            return
        power: Fraction | Form = ONE
        if isinstance(operand, Power):
            exponent = operand.exponent
            operand, power = (
                operand.base,
                (Fraction(exponent.value) if isinstance(exponent, Number) else self.recogniser.form(exponent)),
            )
        times = {1: 1, 2: 2}.get(int(power), 0) if isinstance(power, Fraction) and power.denominator == 1 else 0
        term = self.recogniser.term(operand)
        if times == 1 or (times == 2 and all(isinstance(x.power, Fraction) for x in term.scalars)):
            self.coefficient *= term.coefficient**times
            self.scalars += [
                Scalar(x.base, x.power * times if isinstance(x.power, Fraction) else x.power) for x in term.scalars
            ]
            chain = term.chain or (Link(self.recogniser.form(operand), symmetric=True),)
            for _ in range(times):
                self._add_part(labels, chain, ONE)
        else:
            vector = len(labels) == 1
            form = self.recogniser.form(operand)
            if isinstance(power, Fraction) and power.denominator == 1:
                sign, form = self.recogniser.signed(operand)
                self.coefficient *= sign if power % 2 else 1
            link = Link(form, symmetric=not vector and operand.swap == 1, vector=vector)
            self._add_part(labels, (link,), power)

    def _keep(self, operand: Node, labels: tuple[int, ...]) -> None:
        """A factor that takes no part in the elimination; its labels stay, as those of the output do."""
        self.tensors.append((operand, labels))
        self.output.update(labels)

    def _add_part(self, labels: tuple[int, ...], chain: Chain, p: Fraction | Form) -> None:
        if len(labels) == 1:
            self._add_vector(labels[0], [(chain, p)])
        else:
            self._add_matrix((labels[0], labels[1]), [(chain, p)])

    def _add_vector(self, label: int, parts: list[tuple[Chain, Fraction | Form]]) -> None:
        if label in self.vectors:
            self.vectors[label].parts += parts
        else:
            self.vectors[label] = Vec(label, list(parts))

    def _add_matrix(self, labels: tuple[int, int], parts: list[tuple[Chain, Fraction | Form]]) -> None:
        for known in self.on.get(labels[0], ()):
            if known.labels == labels:
                known.parts += parts
                return
            if known.labels == labels[::-1]:
                known.parts += [(reverse(chain), p) for chain, p in parts]
                return
        m = Mat(labels, list(parts))
        self.matrices[m] = None
        for k in labels:
            self.on.setdefault(k, {})[m] = None

    def _remove(self, m: Mat) -> None:
        del self.matrices[m]
        for k in set(m.labels):
            del self.on[k][m]

    def _around(self, label: int) -> list[Mat]:
        return list(self.on.get(label, ()))

    def _is_free(self, label: int) -> bool:
        return label not in self.output

    # --- elimination ---

    def eliminate(self) -> None:
        """Contract until no rule applies."""
        rules = (
            self._trace,
            self._close_vector,
            self._absorb_vector,
            self._row_sum,
            self._chain,
            self._diagonal_chain,
            self._unmerge,
        )
        while any(rule() for rule in rules):
            pass

    def _trace(self) -> bool:
        """A matrix with equal labels: a trace, or the vector of its diagonal. Two matrices between the same
        summed labels: the trace of A^T B."""
        for m in self.matrices:
            i, j = m.labels
            if i == j:
                self._remove(m)
                # On the diagonal each factor is its transpose.
                m.parts = [(min(chain, reverse(chain), key=chain_cost), p) for chain, p in m.parts]
                if self._is_free(i) and not self._around(i) and i not in self.vectors:
                    self.scalars.append(Scalar(self._trace_form(m.chain(i))))
                else:
                    self._add_vector(i, [((self._diagonal(m.chain(i)),), ONE)])
                return True
            if len(m.parts) < 2 or any(p != ONE for _, p in m.parts):
                continue
            if all(self._is_free(k) and len(self.on[k]) == 1 and k not in self.vectors for k in (i, j)):
                self._remove(m)
                left, right = _elementwise(m.parts[:-1]), m.parts[-1][0]
                self.scalars.append(Scalar(self._trace_form(reverse(left) + right)))
                return True
        return False

    def _close_vector(self) -> bool:
        """A vector alone on a summed label: a dot product, or the sum of its entries."""
        for i, v in self.vectors.items():
            if self._is_free(i) and not self._around(i):
                del self.vectors[i]
                self.scalars.append(Scalar(self._total(v)))
                return True
        return False

    def _absorb_vector(self) -> bool:
        """A matrix times the vector on a label that nothing else carries."""
        for i, v in self.vectors.items():
            around = self._around(i)
            if self._is_free(i) and len(around) == 1:
                m = around[0]
                self._remove(m)
                del self.vectors[i]
                other = m.other(i)
                self._add_vector(other, [(m.chain(other) + _elementwise(v.parts), ONE)])
                return True
        return False

    def _row_sum(self) -> bool:
        """A summed label that only one matrix carries."""
        for m in self.matrices:
            for i in m.labels:
                if len(self.on[i]) == 1 and m.labels[0] != m.labels[1] and self._is_free(i) and i not in self.vectors:
                    self._remove(m)
                    other = m.other(i)
                    if self._is_free(other) and not self._around(other) and other not in self.vectors:
                        self.scalars.append(Scalar(self._total_of_matrix(m)))
                        return True
                    self._add_vector(other, [(self._row_sums(m.chain(other)), ONE)])
                    return True
        return False

    def _chain(self) -> bool:
        """Two matrices on a summed label that nothing else carries."""
        for m in self.matrices:
            for i in m.labels:
                around = self._around(i)
                if (
                    self._is_free(i)
                    and len(around) == 2
                    and i not in self.vectors
                    and all(x.labels[0] != x.labels[1] for x in around)
                ):
                    self._join(i, around, ())
                    return True
        return False

    def _diagonal_chain(self) -> bool:
        """Two matrices and a vector on a summed label: A diag(v) B."""
        for i, v in self.vectors.items():
            around = self._around(i)
            if self._is_free(i) and len(around) == 2 and all(x.labels[0] != x.labels[1] for x in around):
                del self.vectors[i]
                self._join(i, around, (self._diag(v),))
                return True
        return False

    def _unmerge(self) -> bool:
        """Merged axes: a matrix on both parts is vec(A), vectors on them are kron(u, v), and matrices between the
        parts of two merged axes are kron(A, B); of a matrix and a vector on the parts of one it is kron(A, u)."""
        merges = [(o, ls) for o, ls in self.tensors if isinstance(o, Merge)]
        for merge in merges:
            a, i, j = merge[1]
            if i == j:
                if i in self.vectors and self._alone(i) and not self._around(i):
                    diagonal = self._diag(self.vectors.pop(i))
                    self._forget(merge)
                    self._add_vector(a, [((Link(call_form("vec", [chain_form((diagonal,))]), vector=True),), ONE)])
                    return True
                continue
            if self._alone(i, j) and self._only_matrix(i) is self._only_matrix(j) is not None:
                m = self._only_matrix(i)
                assert m is not None
                self._remove(m)
                self._forget(merge)
                # Columns stand below one another: the outer part is the column.
                self._add_vector(a, [((Link(call_form("vec", [chain_form(m.chain(j))]), vector=True),), ONE)])
                return True
            if i in self.vectors and j in self.vectors and self._alone(i, j) and not self._around(i) + self._around(j):
                parts = [chain_form(_elementwise(self.vectors.pop(k).parts)) for k in (i, j)]
                self._forget(merge)
                self._add_vector(a, [((Link(call_form("kron", parts), vector=True),), ONE)])
                return True
        return any(self._kronecker(rows, columns) for rows, columns in permutations(merges, 2)) or any(
            self._column_and_matrix(merge) for merge in merges
        )

    def _kronecker(self, rows: tuple[Node, Labels], columns: tuple[Node, Labels]) -> bool:
        """Between the parts of two merged axes stand matrices; one may be an identity or a column times a row."""
        (a, i, j), (b, k, q) = rows[1], columns[1]
        left, right = self._between_parts(i, k), self._between_parts(j, q)
        if left is None or right is None:
            return False
        for part in (left, right):
            if part.matrix is not None:
                self._remove(part.matrix)
        for label in (i, j, k, q):
            self.vectors.pop(label, None)
        self._forget(rows, columns)
        self._add_kronecker(a, b, left.sides, right.sides)
        return True

    def _column_and_matrix(self, merge: tuple[Node, Labels]) -> bool:
        """On one part of a merged axis stands a vector, on the other a matrix whose columns are not merged."""
        a, i, j = merge[1]
        for vector, other in ((i, j), (j, i)):
            if i == j or vector not in self.vectors or self._around(vector) or not self._alone(vector):
                continue
            m = self._only_matrix(other)
            if m is not None and m.labels[0] != m.labels[1] and self._alone(other):
                b = m.other(other)
                self._remove(m)
                matrix = (m.chain(other), m.chain(b))
            elif other in self.node.output and not self._around(other) and self._tensors_on(other) == 1:
                b = other
                matrix = self._diagonal_part(other)
                self.vectors.pop(other, None)
            else:
                continue
            column = _elementwise(self.vectors.pop(vector).parts)
            parts = ((column, reverse(column)), matrix)
            self._forget(merge)
            self._add_kronecker(a, b, *(parts if vector == i else parts[::-1]))
            return True
        return False

    def _between_parts(self, i: int, k: int) -> _Part | None:
        """The matrix between two labels of merges: of the network, a column times a row, or what is on one label."""
        if i == k:
            alone = i not in self.node.output and self._tensors_on(i) == 2 and not self._around(i)
            return _Part(self._diagonal_part(i)) if alone else None
        if not self._alone(i, k):
            return None
        m = self._only_matrix(i)
        if m is not None:
            return _Part((m.chain(i), m.chain(k)), m) if m is self._only_matrix(k) else None
        if all(x in self.vectors and not self._around(x) for x in (i, k)):
            u, v = (_elementwise(self.vectors[x].parts) for x in (i, k))
            return _Part((u + reverse(v), v + reverse(u)))
        return None

    def _diagonal_part(self, label: int) -> Sides:
        """What stands on one label as a matrix: diag(v), or the identity of that size."""
        vector = self.vectors.get(label)
        size = size_form(self.node.extents[label])
        link = self._diag(vector) if vector is not None else Link(identity_form(size), symmetric=True)
        return (link,), (link,)

    def _add_kronecker(self, a: int, b: int, left: Sides, right: Sides) -> None:
        straight, back = (call_form("kron", [chain_form(x), chain_form(y)]) for x, y in zip(left, right, strict=True))
        turned = back.cost < straight.cost
        self._add_matrix((a, b), [((Link(back if turned else straight, turned=turned),), ONE)])

    def _tensors_on(self, label: int) -> int:
        return sum(label in ls for _, ls in self.tensors)

    def _only_matrix(self, label: int) -> Mat | None:
        """The one matrix on a label that no vector carries."""
        around = self._around(label)
        return around[0] if len(around) == 1 and label not in self.vectors else None

    def _alone(self, *labels: int) -> bool:
        """Whether the labels are summed, and stand in one tensor only."""
        return all(k not in self.node.output and sum(k in ls for _, ls in self.tensors) == 1 for k in labels)

    def _forget(self, *gone: tuple[Node, tuple[int, ...]]) -> None:
        self.tensors = [t for t in self.tensors if t not in gone]
        self.output = {*self.node.output, *(k for _, ls in self.tensors for k in ls)}

    def _join(self, i: int, around: list[Mat], between: Chain) -> None:
        left, right = around
        a, b = left.other(i), right.other(i)
        self._remove(left)
        self._remove(right)
        self._add_matrix((a, b), [(left.chain(a) + between + right.chain(i), ONE)])

    # --- forms of what results ---

    def _diag(self, v: Vec) -> Link:
        return Link(call_form("diag", [chain_form(_elementwise(v.parts))]), symmetric=True)

    def _diagonal(self, chain: Chain) -> Link:
        straight, back = chain_form(chain), chain_form(reverse(chain))
        return Link(call_form("diag", [back if back.cost < straight.cost else straight]), vector=True)

    def _row_sums(self, chain: Chain) -> Chain:
        *rest, last = chain
        if last.turned:
            return (*rest, Link(call_form("colsum", [last.turn().form]), vector=True))
        return (*rest, Link(call_form("rowsum", [last.form]), vector=True))

    def _total_of_matrix(self, m: Mat) -> Form:
        straight = chain_form(m.chain(m.labels[0]))
        back = chain_form(m.chain(m.labels[1]))
        return call_form("sum", [back if back.cost < straight.cost else straight])

    def _total(self, v: Vec) -> Form:
        """The sum over all entries of an elementwise product."""
        whole = [chain for chain, p in v.parts if p == ONE]
        rest = [part for part in v.parts if part[1] != ONE]
        if not whole or (len(whole) == 1 and not rest):
            p_norm = self._p_norm(v)
            form = call_form("sum", [chain_form(_elementwise(v.parts))])
            return Form(form.syntax, p_norm=p_norm)
        if len(whole) == 1:
            return (
                self._dot(whole[0], _elementwise(rest))
                if not self._only_below(rest)
                else call_form("sum", [chain_form(_elementwise(v.parts))])
            )
        last = [(c, ONE) for c in whole[1:]]
        return self._dot(whole[0], _elementwise(last + rest))

    def _only_below(self, parts: Sequence[tuple[Chain, Fraction | Form]]) -> bool:
        return all(isinstance(p, Fraction) and p < 0 for _, p in parts)

    def _p_norm(self, v: Vec) -> tuple[Form, int] | None:
        """(x, p) where the sum is that of |x|^p."""
        if len(v.parts) != 1:
            return None
        ((chain, p),) = v.parts
        if len(chain) != 1 or not isinstance(p, Fraction) or p.denominator != 1 or p < 1:
            return None
        arg = chain[0].base.absolute
        return None if arg is None else (arg, int(p))

    def _dot(self, left: Chain, right: Chain) -> Form:
        """left^T right, in the cheaper direction; ||v||^2 where both are one vector, x_1 where one is a unit vector."""
        entry = _entry(reverse(left) + right)
        if entry is not None:
            return entry
        if self._is_conjugate(left, right):
            _, half = without_skew_transposes(right)  # the sign is squared
            left, right = (bar(half, self.recogniser.complex_names), half)
            return self._square(self._in_one_way(reverse(left) + right), chain_form(right), "")
        return self._in_one_way(self._settled(reverse(left) + right))

    def _in_one_way(self, forward: Chain) -> Form:
        """The product or its transpose, which is the same number."""
        sign, backward = without_skew_transposes(reverse(forward))
        return self._cheaper(forward, backward if sign > 0 else forward)

    def _is_conjugate(self, left: Chain, right: Chain) -> bool:
        return [x.key for x in bar(left, self.recogniser.complex_names)] == [x.key for x in right]

    def _square(self, form: Form, root: Form | None, kind: str) -> Form:
        if root is None:
            return form
        if self.recogniser.complex_names:
            root = min(root, conjugated(root), key=lambda r: r.cost)
        squared = power_form(norm_form(root, kind), number_form(2))
        # Of a composite vector the norm is easier to read than a product with a transpose in it.
        best = form if form.cost + (root.name is None) < squared.cost else squared
        return Form(best.syntax, norm=(root, kind))

    def _cheaper(self, a: Chain, b: Chain) -> Form:
        return chain_form(min((a, b), key=self._order))

    def _order(self, chain: Chain) -> tuple[int, int, bool, bool, tuple[bool, int, str]]:
        """The shortest first; of equally short ones A dX, and what the input says."""
        form = chain_form(chain)
        written = form.key in self.recogniser.phrases
        return (
            chain_cost(chain),
            sum(link.cost for link in chain),
            self._in_front(chain),
            not written,
            self._first_name(form),
        )

    def _in_front(self, chain: Chain) -> bool:
        """Whether a differential stands elsewhere than at the end."""
        last = chain[-1]
        known = self.recogniser.differentials
        return bool(known) and (last.turned or last.base.name not in known)

    def _first_name(self, form: Form) -> tuple[bool, int, str]:
        """What is constant stands in front: a^T x, not x^T a."""
        name = form.first_name
        return name in self.recogniser.variables, self.recogniser.order.get(name, 10_000), form.key

    def _settled(self, chain: Chain) -> Chain:
        sign, chain = without_skew_transposes(chain)
        self.coefficient *= sign
        return chain

    def turn_skew_component(self) -> None:
        """-K_ij of a skew K as K_ji."""
        for m in self.matrices:
            for k, (links, p) in enumerate(m.parts):
                if self.coefficient < 0 and p == ONE and len(links) == 1 and links[0].skew:
                    m.parts[k] = (reverse(links), p)
                    self.coefficient = -self.coefficient

    def _trace_form(self, chain: Chain) -> Form:
        """The trace, turned and rotated to its cheapest form."""
        chain = self._settled(chain)
        rotations = [chain[k:] + chain[:k] for k in range(len(chain))] if len(chain) <= 12 else [chain]
        candidates = rotations + [reverse(c) for c in rotations]
        best = min(candidates, key=self._order)
        form = call_form("tr", [chain_form(best)])
        half = len(chain) // 2
        root = None
        if len(chain) % 2 == 0:
            for c in rotations:
                if self._is_conjugate(reverse(c[:half]), c[half:]):
                    root = chain_form(c[half:])
                    break
        return self._square(form, root, "F")

    # --- the term ---

    def reduce(self) -> Term:
        """The term that the network reduces to."""
        self.eliminate()
        chain, unit = self._assemble()
        sign, chain = without_skew_transposes(chain)
        self.coefficient *= sign
        scalars = tuple(
            sorted(self.scalars, key=lambda s: (isinstance(s.power, Form), *self.recogniser.rank_of(s.base)))
        )
        return Term(self.coefficient, scalars, chain, unit)

    def _assemble(self) -> tuple[Chain, Form | None]:
        self._demand(not self.tensors)
        sizes = self.node.shape
        match self.node.output:
            case ():
                self._demand(not self.matrices and not self.vectors)
                return (), None
            case (i,):
                self._demand(not self.matrices and set(self.vectors) <= {i})
                if i in self.vectors:
                    return _elementwise(self.vectors[i].parts), None
                return (Link(ones_form(sizes), vector=True, ones=True),), None
            case (i, j) if i == j:
                self._demand(not self.matrices and set(self.vectors) <= {i})
                if i not in self.vectors:
                    return (), self.recogniser.identity_form(sizes[0])
                return (self._diagonal_matrix(self.vectors[i]),), None
            case (i, j):
                return self._between(i, j), None
            case _:
                raise NoMatrixForm

    def _demand(self, condition: bool) -> None:
        if not condition:
            raise NoMatrixForm

    def _diagonal_matrix(self, v: Vec) -> Link:
        if len(v.parts) == 1 and v.parts[0][1] == ONE and len(v.parts[0][0]) == 1:
            inner = v.parts[0][0][0].base.diagonal_of
            if inner is not None:
                return Link(
                    hadamard_form([inner, self.recogniser.identity_form(self.node.shape[0])], []), symmetric=True
                )
        return self._diag(v)

    def _between(self, i: int, j: int) -> Chain:
        """A matrix with rows on i and columns on j."""
        self._demand(len(self.matrices) <= 1 and set(self.vectors) <= {i, j})
        left = self.vectors.get(i)
        right = self.vectors.get(j)
        rows, columns = self.node.shape
        if not self.matrices:
            if left is None and right is None:
                return (Link(ones_form((rows, columns)), symmetric=rows is columns),)
            a = _elementwise(left.parts) if left else (Link(ones_form((rows,)), vector=True),)
            b = _elementwise(right.parts) if right else (Link(ones_form((columns,)), vector=True),)
            return a + reverse(b)
        (m,) = self.matrices
        self._demand(set(m.labels) == {i, j})
        middle = m.chain(i)
        if left is not None and right is not None:
            outer = chain_form(_elementwise(left.parts) + reverse(_elementwise(right.parts)))
            return (Link(hadamard_form([outer, chain_form(middle)], [])),)
        if left is not None:
            middle = (self._diag(left), *middle)
        if right is not None:
            middle = (*middle, self._diag(right))
        return middle


def _entry(chain: Chain) -> Form | None:
    """An entry of a vector or a matrix, where unit vectors stand at the ends of a product."""
    first, last = _unit(chain[0]), _unit(chain[-1])
    if first is not None and last is not None and len(chain) > 2:
        straight, back = chain_form(chain[1:-1]), chain_form(reverse(chain[1:-1]))
        if back.cost < straight.cost:
            return Form(Sub(back.syntax, (last, first)))
        return Form(Sub(straight.syntax, (first, last)))
    if first is not None and last is None:
        return Form(Sub(chain_form(chain[1:]).syntax, (first,)))
    if last is not None and first is None:
        return Form(Sub(chain_form(reverse(chain[:-1])).syntax, (last,)))
    return None


def _unit(link: Link) -> int | None:
    """k where the link is the unit vector e(k), upright or turned."""
    match link.base.syntax:
        case Call("e", (Num(value), *_)) if link.power is None:
            return int(value)
        case _:
            return None
