"""Values with derivatives, against finite differences."""

import numpy as np
import pytest

from protocols.models.dual import Dual

FORMULAS = {
    "sum": lambda x, y: x + y + 3.0,
    "product": lambda x, y: x * y * 0.5,
    "difference": lambda x, y: 2.0 - (x - y) - 1.0,
    "quotient": lambda x, y: 1.0 / (x * x + 1.0) - (-y),
    "arrays": lambda x, y: np.array([2.0, 3.0]) * x + y * np.array([1.0, -1.0]),
}


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
def test_derivatives_are_those_of_differences(formula):
    at, step = (np.array([0.7, -1.3]), np.array([0.2, 2.5])), 1e-6
    tangents = np.eye(2)
    value = formula(*(Dual(each, np.outer(tangents[p], np.ones(2))) for p, each in enumerate(at)))
    np.testing.assert_array_equal(value.value, formula(*at))
    for p in range(2):
        up, down = (formula(*(each + s * step * (q == p) for q, each in enumerate(at))) for s in (1, -1))
        np.testing.assert_allclose(value.tangent[p], (up - down) / (2 * step), rtol=1e-6, atol=1e-9)
