"""Outputs of runs: sums over a window, a soft peak, their slopes, and what each step adds."""

import numpy as np
import pytest

from lpm_secure.gradients.model.outputs import Outputs, SeriesOutput
from protocols.errors import ParameterError

WORDS = ("S", "I")


def outputs_of(*outputs, steps=5):
    return Outputs.of(outputs, WORDS, steps=steps)


def test_outputs_are_sums_over_a_window_and_a_soft_peak():
    series = np.arange(2 * 6, dtype=float).reshape(2, 6)
    outputs = outputs_of(SeriesOutput("a", "S", 2.0, 1, 2), SeriesOutput("b", "I", 20.0, 0, 5, peak=True))
    assert outputs.value(series) == pytest.approx([2 * (1 + 2), 5.0])
    np.testing.assert_allclose(outputs.value(np.stack([series, series])), np.stack([outputs.value(series)] * 2))


def test_the_slope_of_outputs_is_their_derivative():
    series = np.random.default_rng(1).random((2, 6))
    outputs = outputs_of(SeriesOutput("a", "I", 0.3, 1, 3), SeriesOutput("b", "I", 3.0, 0, 5, peak=True))
    slope = outputs.slope(series)
    for at in np.ndindex(series.shape):
        moved = series.copy()
        moved[at] += 1e-6
        difference = (outputs.value(moved) - outputs.value(series)) / 1e-6
        np.testing.assert_allclose(slope[(slice(None), *at)], difference, atol=1e-5)


def test_what_steps_add_is_the_output_and_a_peak_is_known_at_the_end():
    series = np.random.default_rng(2).random((3, 2, 6))
    outputs = outputs_of(SeriesOutput("a", "I", 0.3, 1, 3), SeriesOutput("b", "S", 3.0, 0, 5, peak=True))
    added = outputs.by_step(series)
    np.testing.assert_allclose(added.sum(axis=-1), outputs.value(series))
    assert not added[:, 1, :-1].any()
    assert not added[:, 0, [0, 4, 5]].any()


@pytest.mark.parametrize(("word", "first", "last"), [("I", 4, 3), ("I", 0, 6), ("R", 0, 5)])
def test_an_output_outside_the_run_is_refused(word, first, last):
    with pytest.raises(ParameterError, match=r"steps .* are not within 0 to 5|no series R; it has S, I"):
        outputs_of(SeriesOutput("a", word, 1.0, first, last))
