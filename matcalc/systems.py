"""Number systems in which expressions are evaluated: a prime field, float64, and 50 decimal digits.

An array is a NumPy array of the system's `dtype`; in the field and with many digits its entries are objects. Two
exceptions tell what a value cannot: `NoPoint` (this random point decides nothing, another may) and `Inexact` (this
number system has no such value at any point).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .floats import as_float
from .letters import IMAGINARY
from .numeric import PRIMITIVES, upright

Array: TypeAlias = NDArray[Any]

LEAST_PRIME = 2**60  # fields have primes between this and twice this
MAX_ROOTS = 3
CONDITION = 1e4
LARGEST, SMALLEST = 1e100, 1e-100
NEAR = 1e-9
# Relative errors: below the first two values are equal, above the second they are not.
ACCEPT, REFUSE = 1e-9, 1e-4
COMPOUNDED = 1e-7  # what rounding may do to a program, or to a line of a derivation
CANCELLED, LOST = 1e-6, 1e-28
DIGITS = 50
# Functions of a matrix in many digits take long: up to so many rows.
SLOW_IN_DIGITS = {"expm": 7, "sinm": 7, "cosm": 7, "logm": 2, "sqrtm": 3}
ROUNDED = 1e-35  # relative to what it comes from, a number of so many digits that is nought but for rounding
KINKED = frozenset({"abs", "sign", "step", "relu"})
BOUNDED: dict[str, tuple[float, ...]] = {
    "erf": (-1.0, 1.0),
    "tanh": (-1.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "softplus": (0.0,),
    "atan": (-math.pi / 2, math.pi / 2),
}


class NoPoint(Exception):
    """The random point decides nothing."""


class Undefined(NoPoint):
    """A function of real numbers has no real value there: the logarithm of a negative number."""


class Inexact(Exception):
    """The number system has no such value."""


class System(Protocol):
    """What evaluation asks of a number system."""

    dtype: Any
    ordered: bool  # whether numbers can be compared
    nan: Any  # what is not a number

    def number(self, value: Fraction | int) -> Any:
        """The number."""

    def complex(self, value: complex) -> Any:
        """A number whose parts are whole."""

    def reduce(self, array: Any) -> Array:
        """The array with its entries in canonical form."""

    def reciprocal(self, x: Array) -> Array:
        """1 / x, entry by entry."""

    def root(self, x: Array) -> Array:
        """A square root of every entry."""

    def power(self, x: Array, y: Array) -> Array:
        """x to a power that is neither whole nor a half."""

    def inverse(self, x: Array) -> Array:
        """The inverse of a matrix."""

    def determinant(self, x: Array) -> Array:
        """The determinant."""

    def function(self, name: str, x: Array) -> Array:
        """An elementwise function."""

    def matrix_function(self, name: str, x: Array) -> Array:
        """A primary function of a matrix, such as `expm`."""

    def eigen(self, x: Array, largest: bool) -> tuple[Any, Array]:
        """An extreme eigenvalue of a symmetric matrix, and its unit eigenvector, the first entry positive."""

    def pseudo_inverse(self, x: Array) -> Array:
        """The pseudo-inverse of a matrix that lacks rank."""

    def constant(self, name: str) -> Any:
        """A constant such as pi."""

    def whole(self, x: Array) -> int:
        """The scalar as a whole number."""

    def note(self, array: Array) -> None:
        """An intermediate value was met."""

    def compare(self, least: Any, most: Any) -> None:
        """Terms of these sizes were added."""


# --- prime fields ---------------------------------------------------------------------------------

# The product of the odd primes below 100, and bases with which the test of Miller and Rabin is exact below 2^64.
SMALL_PRIMES = 1152783981972759212376551073665878035
WITNESSES = (2, 325, 9375, 28178, 450775, 9780504, 1795265022)


def random_prime(rng: Random) -> int:
    """A prime p of 61 bits with p = 3 modulo 4, each as likely as any other.

    >>> p = random_prime(Random(1))
    >>> p % 4, p.bit_length(), is_prime(p), is_prime(p * 3)
    (3, 61, True, False)
    """
    while True:
        p = LEAST_PRIME + 4 * rng.randrange(LEAST_PRIME // 4) + 3
        if math.gcd(p, SMALL_PRIMES) == 1 and is_prime(p):
            return p


def is_prime(n: int) -> bool:
    """Whether an odd number of 61 bits at most is prime."""
    return all(_may_be_prime(n, w) for w in WITNESSES)


def _may_be_prime(n: int, witness: int) -> bool:
    """The test of Miller and Rabin."""
    twos = ((n - 1) & -(n - 1)).bit_length() - 1
    x = pow(witness, (n - 1) >> twos, n)
    if x in (0, 1, n - 1):
        return True
    for _ in range(twos - 1):
        x = x * x % n
        if x == n - 1:
            return True
    return False


class Field:
    """The integers modulo a prime, drawn at random from some 10^16. Functions that are not algebraic have fresh random
    values, one for each argument.

    `proves_difference` is whether unequal values prove two expressions unequal, and `proves_equality` the reverse.
    A square root is one of two; `flips` says which roots, in the order in which they are met, change sign, and `met`
    counts them.

    >>> field = Field(Random(0))
    >>> int(field.reciprocal(np.array(2, dtype=object)) * 2 % field.prime)
    1
    """

    dtype = object
    ordered = False
    nan = None

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.prime = random_prime(rng)
        self.known: dict[tuple[str, int], int] = {}
        self.proves_difference = True
        self.proves_equality = True
        self.flips = 0
        self.roots: dict[int, int] = {}

    def begin(self, flips: int) -> None:
        """Start over with other signs of the roots; what functions are stays."""
        self.flips, self.roots = flips, {}

    @property
    def met(self) -> int:
        return len(self.roots)

    def fresh(self) -> int:
        return self.rng.randrange(2, self.prime - 1)

    def number(self, value: Fraction | int) -> int:
        if max(abs(value.numerator), value.denominator) >= LEAST_PRIME:
            raise Inexact("a number as large as the primes of the fields")
        if value.denominator == 1:
            return value.numerator % self.prime
        return value.numerator * pow(value.denominator, -1, self.prime) % self.prime

    def reduce(self, array: Any) -> Array:
        return np.asarray(array % self.prime, dtype=object)

    def complex(self, value: complex) -> int:
        if value.imag:
            raise Inexact("-1 has no square root in this field")
        return self.number(int(value.real))

    def _each(self, f: Callable[[int], int], x: Array) -> Array:
        return np.array([f(int(v)) for v in x.ravel()], dtype=object).reshape(x.shape)

    def _inverse_of(self, v: int) -> int:
        if v == 0:
            raise NoPoint("a division by nought")
        return pow(v, -1, self.prime)

    def reciprocal(self, x: Array) -> Array:
        return self._each(self._inverse_of, x)

    def root(self, x: Array) -> Array:
        self.proves_difference = False
        return self._each(self._root_of, x)

    def _root_of(self, v: int) -> int:
        root = self.roots.get(v)
        if root is None:
            # p is 3 modulo 4, so that this is a root wherever there is one.
            root = pow(v, (self.prime + 1) // 4, self.prime)
            if root * root % self.prime != v or v == 0:
                raise NoPoint("no square root")
            if self.flips >> len(self.roots) & 1:
                root = self.prime - root
            self.roots[v] = root
            if len(self.roots) > MAX_ROOTS:
                raise Inexact("several square roots")
        return root

    def power(self, x: Array, y: Array) -> Array:
        raise Inexact("a power that is neither whole nor a half")

    def inverse(self, x: Array) -> Array:
        n = len(x)
        rows = np.concatenate([x, np.eye(n, dtype=int).astype(object)], axis=1)
        _eliminate(rows, self)
        return rows[:, n:]

    def determinant(self, x: Array) -> Array:
        return np.asarray(_eliminate(x.copy(), self, strict=False), dtype=object)

    def _value(self, name: str, v: int) -> int:
        """The random value of a function at an argument."""
        found = self.known.get((name, v))
        if found is None:
            found = self.known[(name, v)] = self.fresh()
        return found

    def _exp(self, v: int) -> int:
        if v == 0:
            return 1
        least = min(v, self.prime - v)
        e = self._value("exp", least)
        return e if v == least else self._inverse_of(e)

    def _half_tangent(self, v: int) -> int:
        """tan(v/2), an odd function, of which sine and cosine are rational functions."""
        if v == 0:
            return 0
        least = min(v, self.prime - v)
        t = self._value("tan", least)
        return t if v == least else self.prime - t

    def _sine(self, v: int) -> int:
        t = self._half_tangent(v)
        return 2 * t * self._inverse_of((1 + t * t) % self.prime) % self.prime

    def _cosine(self, v: int) -> int:
        t = self._half_tangent(v)
        return (1 - t * t) * self._inverse_of((1 + t * t) % self.prime) % self.prime

    def _hyperbolic(self, name: str, v: int) -> int:
        e, half = self._exp(v), (self.prime + 1) // 2
        f = self._inverse_of(e)
        sinh, cosh = (e - f) * half % self.prime, (e + f) * half % self.prime
        return {"sinh": sinh, "cosh": cosh}.get(name) or sinh * self._inverse_of(cosh) % self.prime

    def _function_at(self, name: str, v: int) -> int:
        match name:
            case "exp":
                return self._exp(v)
            case "sin":
                return self._sine(v)
            case "cos":
                return self._cosine(v)
            case "tan":
                return self._sine(v) * self._inverse_of(self._cosine(v)) % self.prime
            case "sinh" | "cosh" | "tanh":
                return self._hyperbolic(name, v)
            case "sigmoid":
                return self._inverse_of((1 + self._exp(self.prime - v if v else 0)) % self.prime)
            case "softplus":
                return self._value("log", (1 + self._exp(v)) % self.prime)
            case "log":
                return 0 if v == 1 else self._value("log", v)
            case _:
                return self._value(name, v)

    def function(self, name: str, x: Array) -> Array:
        if name in KINKED:
            raise Inexact(f"{name} has no meaning in a field")
        self.proves_difference = False
        return self._each(lambda v: self._function_at(name, v), x)

    def matrix_function(self, name: str, x: Array) -> Array:
        raise Inexact(f"{name} has no meaning in a field")

    def eigen(self, x: Array, largest: bool) -> tuple[Any, Array]:
        raise Inexact("eigenvalues have no meaning in a field")

    def pseudo_inverse(self, x: Array) -> Array:
        raise Inexact("a pseudo-inverse of a matrix that lacks rank")

    def constant(self, name: str) -> int:
        if name == IMAGINARY:
            return int(self.complex(1j))
        self.proves_difference = False
        # A square, since the root of pi stands in the derivative of erf.
        return self._value("root of " + name, 0) ** 2 % self.prime

    def whole(self, x: Array) -> int:
        v = int(x)
        v = v - self.prime if v > self.prime // 2 else v
        if abs(v) > 64:
            raise Inexact("a power with a symbolic exponent")
        return v

    def note(self, array: Array) -> None:
        pass

    def compare(self, least: Any, most: Any) -> None:
        pass


def _eliminate(rows: Array, system: System, strict: bool = True, least: Any = 0) -> Any:
    """Reduce the leading square block to the identity, in place; the value is its determinant. A pivot of at most
    `least` is nought."""
    determinant = system.number(1)
    for k in range(len(rows)):
        pivot = max(range(k, len(rows)), key=lambda r: abs(rows[r, k]))
        if rows[pivot, k] == 0 or (strict and least and abs(rows[pivot, k]) <= least):
            if strict:
                raise NoPoint("a singular matrix")
            return system.number(0)
        if pivot != k:
            rows[[k, pivot]] = rows[[pivot, k]]
            determinant = -determinant
        determinant = system.reduce(determinant * rows[k, k])
        rows[k] = system.reduce(rows[k] * system.reciprocal(np.asarray(rows[k, k], dtype=object))[()])
        column = rows[:, k].copy()
        column[k] = 0
        rows[:] = system.reduce(rows - np.multiply.outer(column, rows[k]))
    return system.reduce(determinant)[()]


# --- float64 --------------------------------------------------------------------------------------


class Floats:
    """float64. Values that are no numbers, too large or too small, saturated or on a kink decide nothing.

    `largest` is the largest intermediate value; `doubtful` is whether a term was so small that rounding may hide it;
    what is nearer than `near` to a kink is on it.
    """

    dtype: Any = float
    ordered = True
    nan: Any = math.nan

    def __init__(self, near: float = NEAR) -> None:
        self.largest = 0.0
        self.doubtful = False
        self.near = near

    def number(self, value: Fraction | int) -> Any:
        return as_float(value)

    def complex(self, value: complex) -> Any:
        return value if value.imag else value.real

    def reduce(self, array: Any) -> Array:
        return np.asarray(array, dtype=self.dtype)

    def reciprocal(self, x: Array) -> Array:
        return 1.0 / x

    def root(self, x: Array) -> Array:
        least = NEAR * NEAR * self.largest
        if np.any(x < -least):
            raise Undefined("the root of a negative number")
        if np.any(x <= least):
            raise NoPoint("the root of nought")
        return np.sqrt(x)

    def power(self, x: Array, y: Array) -> Array:
        z = np.power(x, y)
        if np.any(np.isnan(z) & (x < 0)):
            raise Undefined("a power of a negative number")
        return z

    def inverse(self, x: Array) -> Array:
        try:
            inverse = np.linalg.inv(x)
        except np.linalg.LinAlgError:
            raise NoPoint("a singular matrix") from None
        # n |A| |A^-1| in the largest entries is at least the condition number
        if len(x) * float(np.abs(x).max()) * float(np.abs(inverse).max()) > CONDITION:
            raise NoPoint("an ill-conditioned matrix")
        return inverse

    def determinant(self, x: Array) -> Array:
        return np.asarray(np.linalg.det(x))

    def function(self, name: str, x: Array) -> Array:
        if name not in PRIMITIVES:
            raise Inexact(f"{name} has no numeric value")
        # nought itself is what a structure puts there; whether it varies is for the derivative to say
        if name in KINKED and np.any((np.abs(x) < self.near * min(self.largest, 1.0)) & (x != 0)):
            raise NoPoint(f"a kink of {name}")
        y = np.asarray(PRIMITIVES[name](x))
        if np.any(np.isnan(y) & np.isfinite(x)):
            raise Undefined(f"{name} has no real value")
        if any(np.any(np.abs(y - limit) < NEAR) for limit in BOUNDED.get(name, ())):
            raise NoPoint(f"{name} is saturated")
        if name == "softplus" and np.any(np.abs(y - x) < NEAR * np.abs(y)):
            raise NoPoint("softplus is saturated")
        if name == "exp" and np.any(np.abs(y) < SMALLEST):
            raise NoPoint("exp underflows")
        return y

    def matrix_function(self, name: str, x: Array) -> Array:
        try:
            value = np.asarray(PRIMITIVES[name](x))
        except np.linalg.LinAlgError:
            raise NoPoint(f"{name} has no value") from None
        if np.iscomplexobj(value):
            raise Undefined(f"{name} has no real value")
        return value

    def eigen(self, x: Array, largest: bool) -> tuple[Any, Array]:
        values, vectors = np.linalg.eigh(x)
        k = -1 if largest else 0
        v = vectors[:, k]
        return values[k], upright(v)

    def pseudo_inverse(self, x: Array) -> Array:
        if not np.any(x):
            return np.asarray(x.T)
        u, s, vt = np.linalg.svd(x, full_matrices=False)
        kept = s > s.max() / CONDITION
        if np.any(~kept & (s > 1e-12 * s.max())):
            raise NoPoint("an ill-conditioned matrix")
        return np.asarray((vt[kept].conj().T / s[kept]) @ u[:, kept].conj().T)

    def constant(self, name: str) -> Any:
        return PRIMITIVES[name]()

    def whole(self, x: Array) -> int:
        v = float(x)
        if not v.is_integer():
            raise Inexact("a matrix power with an exponent that is not whole")
        return int(v)

    def note(self, array: Array) -> None:
        if not array.size:
            return
        top = float(np.max(np.abs(array)))
        if math.isnan(top) and not np.all(np.isnan(array)):
            top = float(np.nanmax(np.abs(array)))  # an entry on a kink, which may yet drop out
        if not top < LARGEST or 0.0 < top < SMALLEST:
            raise NoPoint("a value out of range" if math.isfinite(top) else "a value that is not a number")
        self.largest = max(self.largest, top)

    def compare(self, least: Any, most: Any) -> None:
        self.doubtful = self.doubtful or bool(least < CANCELLED * most)


class Complexes(Floats):
    """Complex numbers of two float64. A function has its principal value."""

    dtype: Any = complex

    def root(self, x: Array) -> Array:
        if np.any(np.abs(x) <= NEAR * NEAR * self.largest):
            raise NoPoint("the root of nought")
        return np.sqrt(x)

    def matrix_function(self, name: str, x: Array) -> Array:
        try:
            return np.asarray(PRIMITIVES[name](x))
        except np.linalg.LinAlgError:
            raise NoPoint(f"{name} has no value") from None

    def power(self, x: Array, y: Array) -> Array:
        return np.power(x, y)


class Lenient(Floats):
    """float64 as it comes: what has no value is nan, and nothing decides nothing."""

    def root(self, x: Array) -> Array:
        return np.sqrt(x)

    def power(self, x: Array, y: Array) -> Array:
        return np.power(x, y)

    def inverse(self, x: Array) -> Array:
        try:
            return np.linalg.inv(x)
        except np.linalg.LinAlgError:
            return np.full(x.shape, np.nan)

    def function(self, name: str, x: Array) -> Array:
        if name not in PRIMITIVES:
            raise Inexact(f"{name} has no numeric value")
        return np.asarray(PRIMITIVES[name](x))

    def note(self, array: Array) -> None:
        pass


def machine_numbers(is_complex: bool, near: float = NEAR) -> Floats:
    """The numbers of the machine, real or complex."""
    return Complexes(near) if is_complex else Floats(near)


class LenientComplexes(Lenient):
    """Complex numbers as they come."""

    dtype: Any = complex


def lenient(is_complex: bool) -> Lenient:
    """The numbers of the machine, real or complex, as they come."""
    return LenientComplexes() if is_complex else Lenient()


# --- many digits ----------------------------------------------------------------------------------


class Digits:
    """Real numbers of many decimal digits, by mpmath, which is loaded when it is first needed."""

    dtype = object
    ordered = True

    def __init__(self, digits: int = DIGITS) -> None:
        import mpmath  # type: ignore[import-untyped]  # noqa: PLC0415

        self.mp = mpmath.mp.clone()
        self.mp.dps = digits
        self.nan = self.mp.nan
        self.largest = self.mp.mpf(0)

    def number(self, value: Fraction | int) -> Any:
        return self.mp.mpf(value.numerator) / value.denominator

    def complex(self, value: complex) -> Any:
        return self.mp.mpc(value) if value.imag else self.mp.mpf(value.real)

    def reduce(self, array: Any) -> Array:
        return np.asarray(array, dtype=object)

    def lift(self, array: Array) -> Array:
        """An array of floats as it is."""
        return self._each(self.mp.mpf, array)

    def _each(self, f: Callable[[Any], Any], x: Array) -> Array:
        found = np.array([f(v) for v in x.ravel()], dtype=object).reshape(x.shape)
        if any(isinstance(v, self.mp.mpc) for v in found.ravel()):
            raise NoPoint("a value that is not real")
        return found

    def reciprocal(self, x: Array) -> Array:
        if any(v == 0 for v in x.ravel()):
            raise NoPoint("a division by nought")
        return self._each(lambda v: 1 / v, x)

    def root(self, x: Array) -> Array:
        return self._each(self.mp.sqrt, x)

    def power(self, x: Array, y: Array) -> Array:
        x, y = np.broadcast_arrays(x, y)
        values = [self.mp.power(a, b) for a, b in zip(x.ravel(), y.ravel(), strict=True)]
        return self._each(lambda v: v, np.array(values, dtype=object).reshape(x.shape))

    def inverse(self, x: Array) -> Array:
        n = len(x)
        rows = np.concatenate([x, self._each(self.mp.mpf, np.eye(n))], axis=1)
        _eliminate(rows, self, least=ROUNDED * max(abs(v) for v in x.ravel()))
        return rows[:, n:]

    def determinant(self, x: Array) -> Array:
        return np.asarray(_eliminate(x.copy(), self, strict=False), dtype=object)

    def function(self, name: str, x: Array) -> Array:
        mp = self.mp
        table: dict[str, Callable[[Any], Any]] = {
            "abs": abs,
            "sign": mp.sign,
            "step": lambda v: mp.mpf(v > 0),
            "relu": lambda v: max(v, mp.mpf(0)),
            "sigmoid": lambda v: 1 / (1 + mp.exp(-v)),
            "softplus": lambda v: mp.log(1 + mp.exp(v)),
        }
        f = table.get(name) or getattr(mp, name, None)
        if f is None or name not in PRIMITIVES:
            raise Inexact(f"{name} has no value in many digits")
        return self._each(f, x)

    def matrix_function(self, name: str, x: Array) -> Array:
        if len(x) > SLOW_IN_DIGITS.get(name, 0):
            raise Inexact(f"{name} has no value in many digits")
        try:
            found = getattr(self.mp, name)(self.mp.matrix(x.tolist()))
        except self.mp.NoConvergence:
            raise NoPoint(f"{name} does not converge") from None
        return self._each(lambda v: v.real if abs(v.imag) < 1e-30 else v, np.array(found.tolist(), dtype=object))

    def eigen(self, x: Array, largest: bool) -> tuple[Any, Array]:
        values, vectors = self.mp.eigsy(self.mp.matrix(x.tolist()))
        k = len(values) - 1 if largest else 0
        v = np.array([vectors[r, k] for r in range(len(x))], dtype=object)
        return values[k], v if next(c for c in v if abs(c) > NEAR) >= 0 else -v

    def pseudo_inverse(self, x: Array) -> Array:
        u, values, v = self.mp.svd_r(self.mp.matrix(x.tolist()))
        kept = [k for k in range(len(values)) if values[k] > ROUNDED * values[0]]
        total = self.mp.zeros(x.shape[1], x.shape[0])
        for k in kept:
            total += v[k, :].T * u[:, k].T / values[k]
        return np.array(total.tolist(), dtype=object)

    def constant(self, name: str) -> Any:
        return +getattr(self.mp, name)

    def whole(self, x: Array) -> int:
        return int(x[()])

    def note(self, array: Array) -> None:
        if array.size:
            self.largest = max(self.largest, max(abs(v) for v in array.ravel()))

    def compare(self, least: Any, most: Any) -> None:
        if least < LOST * most:
            raise NoPoint("a term is lost in rounding")


class ComplexDigits(Digits):
    """Complex numbers of many decimal digits."""

    def pseudo_inverse(self, x: Array) -> Array:
        raise Inexact("a pseudo-inverse of a complex matrix that lacks rank")

    def lift(self, array: Array) -> Array:
        return self._each(self.mp.mpmathify, array)

    def _each(self, f: Callable[[Any], Any], x: Array) -> Array:
        return np.array([f(v) for v in x.ravel()], dtype=object).reshape(x.shape)

    def constant(self, name: str) -> Any:
        return self.mp.mpc(1j) if name == IMAGINARY else super().constant(name)
