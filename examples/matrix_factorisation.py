"""Matrix factorisation: a low-rank matrix found again by gradient descent on both factors."""

import numpy as np

import matcalc as mc

LOSS = "1/2 ||X - U V||_F^2"


def main() -> None:
    by_u, by_v = mc.derive(LOSS, wrt="U"), mc.derive(LOSS, wrt="V")
    print("loss:", LOSS)
    print("by U:", by_u)
    print("by V:", by_v)

    rng = np.random.default_rng(0)
    X = rng.normal(size=(12, 2)) @ rng.normal(size=(2, 9))
    U, V = 0.5 * rng.normal(size=(12, 2)), 0.5 * rng.normal(size=(2, 9))
    slope_u, slope_v = by_u.function(), by_v.function()
    for _ in range(3000):
        U, V = U - 0.02 * slope_u(X=X, U=U, V=V), V - 0.02 * slope_v(X=X, U=U, V=V)
    print("relative error below 1e-6:", bool(np.linalg.norm(X - U @ V) < 1e-6 * np.linalg.norm(X)))


if __name__ == "__main__":
    main()
