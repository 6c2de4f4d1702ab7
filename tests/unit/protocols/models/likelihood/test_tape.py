"""Slopes of nodes against finite differences."""

import numpy as np
import pytest

from protocols.models.likelihood.tape import NONE, SLOPES, choose, combine

X, Y = np.array([3.0, 8.0]), np.array([2, 5])
VALUES = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "left": lambda x, y: x * 2.0**y,
    "right": lambda x, y: x * 2.0**-y,
    "minimum": np.minimum,
    "maximum": np.maximum,
}


@pytest.mark.parametrize("op", VALUES)
def test_slopes_are_those_of_differences(op):
    value, step = VALUES[op], 1e-6
    given = [{0: np.ones(2)}, NONE if op in ("left", "right") else {1: np.ones(2)}]
    slopes = SLOPES[op](value(X, Y), [X, Y], given)
    for p, (dx, dy) in enumerate([(step, 0.0), (0.0, step)][: len([each for each in given if each])]):
        expected = (value(X + dx, Y + dy) - value(X - dx, Y - dy)) / (2 * step)
        np.testing.assert_allclose(np.broadcast_to(slopes.get(p, 0.0), (2,)), expected, rtol=1e-6, atol=1e-9)


def test_a_choice_has_the_slopes_of_what_is_chosen():
    chosen = SLOPES["where"](None, [np.array([True, False]), X, Y], [NONE, {0: 2.0}, {0: 3.0, 1: 5.0}])
    assert {p: slope.tolist() for p, slope in chosen.items()} == {0: [2.0, 3.0], 1: [0.0, 5.0]}
    assert choose(True, NONE, NONE) == {}


def test_sums_leave_out_what_no_term_has():
    assert combine((2.0, {0: 1.0}), (-1.0, {0: 3.0, 2: 1.0}), (7.0, NONE)) == {0: -1.0, 2: -1.0}
