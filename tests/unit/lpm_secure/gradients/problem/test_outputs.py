"""Outputs of runs: totals of a group in a window, a soft peak, and their slopes."""

import numpy as np
import pytest

from lpm_secure.gradients.problem.outputs import ILL, INFECTED, Output, Outputs
from protocols.errors import ParameterError


def test_outputs_are_totals_of_a_group_in_a_window_and_a_soft_peak():
    series = np.arange(2 * 2 * 6, dtype=float).reshape(2, 2, 6)
    outputs = Outputs.of(
        (Output("a", INFECTED, (0.0, 2.0), 1, 3), Output("b", ILL, (10.0, 10.0), 0, 6, peak=True)), groups=2, steps=6
    )
    assert outputs.value(series) == pytest.approx([2 * (7 + 8), 5.0])


def test_the_slope_of_outputs_is_their_derivative():
    rng = np.random.default_rng(1)
    series = rng.random((2, 2, 6))
    outputs = Outputs.of(
        (Output("a", ILL, (0.3, 2.0), 1, 3), Output("b", ILL, (1.0, 3.0), 0, 6, peak=True)), groups=2, steps=6
    )
    slope = outputs.slope(series)
    for at in np.ndindex(series.shape):
        moved = series.copy()
        moved[at] += 1e-6
        difference = (outputs.value(moved) - outputs.value(series)) / 1e-6
        np.testing.assert_allclose(slope[(slice(None), *at)], difference, atol=1e-5)


@pytest.mark.parametrize(("weight", "first", "last"), [((1.0,), 0, 6), ((1.0, 1.0), 3, 3), ((1.0, 1.0), 0, 7)])
def test_an_output_outside_the_run_is_refused(weight, first, last):
    with pytest.raises(ParameterError, match="output a"):
        Outputs.of((Output("a", ILL, weight, first, last),), groups=2, steps=6)
