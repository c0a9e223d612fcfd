"""The Hessian of ||T - U V^T||_F^2 by U as an operator, as a core, and as a dense tensor: memory and time of a product.

Run with `python benchmarks/hessian.py`; the dense tensor takes 8 MB at n = 200, k = 5.
"""

from __future__ import annotations

import numpy as np
from timing import fastest

import matcalc as mc

N, K = 200, 5
ROUNDS = 20


def main() -> None:
    d = mc.derive("||T - U V^T||_F^2", ["U", "U"])
    rng = np.random.default_rng(0)
    values = {"T": rng.normal(size=(N, N)), "U": rng.normal(size=(N, K)), "V": rng.normal(size=(N, K))}
    direction = rng.normal(size=(N, K))
    operator, core_of, dense_of = (d.function(form=form) for form in ("operator", "core", "dense"))
    core, dense = core_of(**values), dense_of(**values)
    product = operator(**values, dU=direction)
    assert np.allclose(core.apply(direction), product)
    assert np.allclose(np.tensordot(dense, direction, 2), product)
    print(f"H[dU] = {d.operator()}")
    rows = (
        ("operator", 0, fastest(lambda: operator(**values, dU=direction), ROUNDS)),
        ("core", 8 * core.entries, fastest(lambda: core.apply(direction), ROUNDS)),
        ("dense", dense.nbytes, fastest(lambda: np.tensordot(dense, direction, 2), ROUNDS)),
    )
    for name, size, microseconds in rows:
        print(f"{name:9} {size:10,} bytes kept   {microseconds:9.1f} us a product")
    made = fastest(lambda: core_of(**values), ROUNDS), fastest(lambda: dense_of(**values), ROUNDS)
    print(f"made once: core {made[0]:.1f} us, dense {made[1]:.1f} us")


if __name__ == "__main__":
    main()
