"""Laws of days and their derivatives."""

import numpy as np
import pytest

from lpm_secure.config.day_law import DayLaw

LAWS = [(3.0, 1.5), (6.0, 2.0), (1.2, 0.4), (20.0, 9.0)]


@pytest.mark.parametrize(("mean", "sd"), LAWS)
def test_the_slope_is_the_difference_of_the_laws_that_agents_draw_from(mean, sd):
    h = 0.01 * mean
    up, down, here = (DayLaw.of(mean + by, sd).weight for by in (h, -h, 0.0))
    size = min(up.size, down.size, here.size)
    difference = (up[:size] - down[:size]) / (2 * h)
    np.testing.assert_allclose(DayLaw.of(mean, sd).slope[:size], difference, atol=2e-3 * np.abs(difference).max())
    assert abs(DayLaw.of(mean, sd).slope.sum()) < 1e-9


@pytest.mark.parametrize(("mean", "sd"), LAWS)
def test_moving_draws_by_a_day_at_the_rate_of_the_shift_moves_every_mean_as_the_slope_does(mean, sd):
    law = DayLaw.of(mean, sd)
    worth = np.random.default_rng(1).normal(size=law.weight.size + 1)
    moved = law.weight @ (law.shift * (worth[1:] - worth[:-1]))
    assert moved == pytest.approx(law.slope @ worth[:-1], rel=1e-6)


@pytest.mark.parametrize(("mean", "sd"), LAWS)
def test_the_score_has_mean_0(mean, sd):
    law = DayLaw.of(mean, sd)
    assert abs(law.weight @ law.score) < 1e-9
