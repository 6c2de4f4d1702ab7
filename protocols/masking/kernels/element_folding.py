"""Later folds of short vectors, element by element: calls on arrays take longer there than the numbers in them."""

from collections.abc import Sequence
from typing import Final

from protocols.arithmetic.extension_field import (
    ZERO,
    Element,
    P,
    inner_product,
    lagrange,
    minus,
    plus,
    value_at,
)
from protocols.masking.kernels.folding_kernels import ARITY, NODES, SENT

LONGEST: Final = 20  # elements of a vector


def values(left: Sequence[Element], right: Sequence[Element]) -> list[Element]:
    """Return the sum of products of two vectors' cubic polynomials, through each four values, at 0 to 6."""
    real, imaginary = [0] * NODES, [0] * NODES
    for start in range(0, len(left), ARITY):
        both = zip(*(_at_nodes(x[start : start + ARITY]) for x in (left, right)), strict=True)
        for node, ((a0, a1), (b0, b1)) in enumerate(both):
            real[node] += a0 * b0 - a1 * b1
            imaginary[node] += a0 * b1 + a1 * b0
    return [(x % P, y % P) for x, y in zip(real, imaginary, strict=True)]


def _at_nodes(x: Sequence[Element]) -> tuple[Element, ...]:
    """Return the cubic polynomial through four elements at 0 to 6, not reduced."""
    (a, b), (c, d), (e, f), (g, h) = x
    four = 4 * (c + g) - 6 * e - a, 4 * (d + h) - 6 * f - b
    five = 10 * g - 20 * e + 15 * c - 4 * a, 10 * h - 20 * f + 15 * d - 4 * b
    return *x, four, five, (20 * g - 45 * e + 36 * c - 10 * a, 20 * h - 45 * f + 36 * d - 10 * b)


def fold(x: Sequence[Element], r: Element, size: int) -> list[Element]:
    """Return the values at r of the cubic polynomials through each four values, and zeros up to a size."""
    coefficients = lagrange(r, ARITY)
    folded = [inner_product(x[start : start + ARITY], coefficients) for start in range(0, len(x), ARITY)]
    return folded + [ZERO] * (size - len(folded))


def claim(rows: Sequence[Element], linear: Element, challenges: Sequence[Element]) -> Element:
    """Return one party's share of the claim after all folds, from its share of each row, as `claims` of all kernels."""
    first, *later = challenges
    start = len(rows) - len(SENT) * len(later)
    half = start // 2
    at_r = value_at((*rows[:half], linear, *rows[half:start]), first)
    for r in later:
        row = rows[start : start + len(SENT)]
        at_r = inner_product(lagrange(r, NODES), (*row[:3], minus(at_r, plus(*row[:3])), *row[3:]))
        start += len(SENT)
    return at_r
