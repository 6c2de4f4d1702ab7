"""Folds of vectors so short that arrays cost more than they save: Python integers, element by element."""

from collections.abc import Iterable, Sequence
from typing import Final

from protocols.arithmetic.extension_field import ZERO, Element, inner_product
from protocols.masking.kernels.folding_kernels import ARITY, NODES

LONGEST: Final = 48  # elements; from here on arrays are faster


def values(left: Sequence[Element], right: Sequence[Element]) -> list[Element]:
    """Return what `FoldingKernels.values` does, at each node."""
    at_left, at_right = _at_nodes(left), _at_nodes(right)
    return [inner_product([x[m] for x in at_left], [x[m] for x in at_right]) for m in range(NODES)]


def fold(x: Sequence[Element], coefficients: Sequence[Element]) -> list[Element]:
    """Return what `FoldingKernels.fold` does."""
    return [inner_product(x[start : start + ARITY], coefficients) for start in range(0, len(x), ARITY)]


def fold_all(x: Sequence[Element], coefficients: Iterable[Sequence[Element]]) -> Element:
    """Return the one element that is left after folds with each of these coefficients, zeros behind what is short."""
    for each in coefficients:
        x = fold([*x, *[ZERO] * (-len(x) % ARITY)], each)
    return x[0]


def _at_nodes(x: Sequence[Element]) -> list[list[Element]]:
    """Return the cubic polynomial through each four elements at the nodes 0 to 6; not modulo p yet."""
    parts = (zip(*x[start : start + ARITY], strict=True) for start in range(0, len(x), ARITY))
    return [list(zip(_extrapolate(*real), _extrapolate(*imaginary), strict=True)) for real, imaginary in parts]


def _extrapolate(a: int, b: int, c: int, d: int) -> list[int]:
    slope, bend = d - c, d - 2 * c + b
    third = bend - c + 2 * b - a
    at = [a, b, c, d]
    for _ in range(ARITY, NODES):
        bend += third
        slope += bend
        at.append(at[-1] + slope)
    return at
