"""Writes `derivations.md`: derivations that everybody meets, as matcalc prints them.

Run it after a change of what is printed: `python docs/derivations.py`. A test says when the page is stale.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import matcalc as mc

PAGE = Path(__file__).with_name("derivations.md")

INTRODUCTION = (
    ("# Derivations"),
    (
        "These pages are printed by matcalc: `mc.derive(expression, wrt).steps`, or `matcalc derive EXPRESSION "
        "--wrt X --steps`. `docs/derivations.py` writes them."
    ),
    (
        "How to read one. An index that stands twice in a product is summed, so Aᵢⱼ xⱼ is component i of A x. The "
        "derivative of a variable by itself is a Kronecker delta, ∂xᵢ/∂xₖ = δᵢₖ, which is 1 where its indices are "
        "equal and 0 elsewhere; in a sum it renames one index to the other and vanishes. At the right stands the "
        "rule that leads from the line above to this one. The last lines write the result in matrix notation, with "
        "the identity that states it where it is a known one, and show the case of 1 by 1 matrices, which you can "
        "check by heart."
    ),
    (
        'Under each derivation in components stands the same by differentials, `steps="differential"`: d of each '
        "part from the inside out, until the whole is something times dX; that something is the derivative. For a "
        "scalar it is read off tr(Gᵀ dX)."
    ),
)


class Example(NamedTuple):
    title: str
    expression: str
    wrt: str
    remark: str


EXAMPLES = (
    Example("A linear form", "a^T x", "x", "The simplest case: one delta, and it renames i to j."),
    Example(
        "A quadratic form",
        "x^T A x",
        "x",
        "x stands twice, so the product rule gives two terms. They are equal only if A is symmetric.",
    ),
    Example("A bilinear form", "y^T A x", "x", "Only x varies. By y it would be A x."),
    Example(
        "A linear map, by its argument",
        "W x",
        "x",
        "A vector by a vector is the Jacobian: row i holds the derivatives of component i.",
    ),
    Example(
        "A linear map, by its matrix",
        "W x",
        "W",
        "A vector by a matrix has three axes and no matrix notation: the result stays in components.",
    ),
    Example(
        "A product of a sum", "(A B + C) v", "v", "What does not hold the variable stays together: it is one matrix."
    ),
    Example(
        "The same, by a matrix inside",
        "(A B + C) v",
        "A",
        "The derivative goes through the sum and the product to A. C is constant and falls away.",
    ),
    Example(
        "Matrix factorisation",
        "||X - U V||_F^2",
        "V",
        "The squared Frobenius norm is the sum of the squared entries; the rest is one product.",
    ),
    Example(
        "The logarithm of a determinant",
        "logdet(X)",
        "X",
        "The differential of log |det X| is a known one; the index form shows where the transpose comes from.",
    ),
)


def section(example: Example) -> str:
    """One expression with both of its derivations."""
    blocks = [mc.derive(example.expression, example.wrt, steps=kind).steps.unicode() for kind in KINDS]
    shown = mc.parse(example.expression).unicode()
    fenced = "\n\n".join(f"```text\n{block}\n```" for block in blocks)
    return f"## {example.title}: {shown} by {example.wrt}\n\n{example.remark}\n\n{fenced}\n"


KINDS = ("index", "differential")


def page() -> str:
    """The whole page."""
    return "\n".join(["\n\n".join(INTRODUCTION) + "\n", *(section(e) for e in EXAMPLES)])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
