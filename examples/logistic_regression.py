"""Logistic regression by Newton's method, with the gradient and the Hessian that matcalc derives."""

import numpy as np

import matcalc as mc

LOSS = "sum(softplus(X w)) - y^T X w"


def main() -> None:
    gradient = mc.derive(LOSS, wrt="w")
    hessian = gradient.derive("w")
    print("loss:    ", LOSS)
    print("gradient:", gradient)
    print("Hessian: ", hessian)
    print("verified:", hessian.verify())

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = (X @ np.array([1.0, -2.0, 0.5]) + rng.logistic(size=200) > 0).astype(float)
    slope, curvature = gradient.function(), hessian.function()
    w = np.zeros(3)
    for _ in range(8):
        w = w - np.linalg.solve(curvature(X=X, w=w), slope(X=X, w=w, y=y))
    print("the gradient after eight Newton steps is below 1e-10:", bool(np.abs(slope(X=X, w=w, y=y)).max() < 1e-10))


if __name__ == "__main__":
    main()
