"""Ridge regression: the gradient, its program, and the weights where it vanishes."""

import numpy as np

import matcalc as mc

LOSS = "||X w - y||^2 + lam ||w||^2"


def main() -> None:
    gradient = mc.derive(LOSS, wrt="w", lam="scalar positive")
    hessian = gradient.derive("w")
    print("loss:    ", LOSS)
    print("gradient:", gradient)
    print("Hessian: ", hessian)

    rng = np.random.default_rng(0)
    data = {"X": rng.normal(size=(50, 4)), "y": rng.normal(size=50), "lam": 0.1}
    w = rng.normal(size=4)
    by_hand = 2 * data["X"].T @ (data["X"] @ w - data["y"]) + 2 * data["lam"] * w
    np.testing.assert_allclose(gradient.function()(w=w, **data), by_hand)

    # The loss is quadratic, so that one Newton step from anywhere ends at the minimum.
    step = np.linalg.solve(hessian.function()(X=data["X"], lam=data["lam"]), gradient.function()(w=w, **data))
    best = w - step
    np.testing.assert_allclose(gradient.function()(w=best, **data), np.zeros(4), atol=1e-10)
    print("the gradient agrees with the one by hand, and vanishes after one Newton step")


if __name__ == "__main__":
    main()
