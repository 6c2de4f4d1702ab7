"""Later folds, element by element, are those of whole arrays."""

import numpy as np
import pytest

from protocols.arithmetic.extension_field import P, elements
from protocols.masking import folding
from protocols.masking.kernels import element_folding
from protocols.masking.kernels.folding_kernels import SENT, shorter

R = (P - 3, 2**60 + 5)


@pytest.mark.parametrize("size", [4, 8, 20, 64])
def test_values_and_folds_are_those_of_arrays(size):
    x = np.random.default_rng(size).integers(0, P, (2, size, 2), dtype=np.uint64)
    x[:, :2] = [[[P - 1, P - 1], [0, 1]]]
    left, right = map(elements, x)
    at_nodes = element_folding.values(left, right)
    assert tuple(at_nodes[node] for node in SENT) == elements(folding.values(*x))
    assert [tuple(element_folding.fold(each, R, shorter(size))) for each in (left, right)] == [
        elements(each) for each in folding.fold(x, R)
    ]
