"""Laws of days, from a mean and a standard deviation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpm_secure.config.laws import MAX_DAYS, Delay, law_of
from protocols.arithmetic.distributions import LAW_TOTAL, check_law
from protocols.errors import ConfigError


def moments(law, dt):
    days = (np.arange(len(law)) + 1) * dt
    weights = np.array(law) / LAW_TOTAL
    mean = days @ weights
    return mean, np.sqrt((days - mean) ** 2 @ weights)


@given(st.floats(4, 20), st.floats(0.1, 0.4), st.sampled_from([0.25, 0.5, 1.0]))
def test_the_law_has_the_mean_and_the_spread_that_were_asked_for(mean, relative, dt):
    law = law_of(Delay(mean, relative * mean), dt=dt)
    check_law(law, "drawn")
    got_mean, got_sd = moments(law, dt)
    assert abs(got_mean - mean) < 0.05 * dt
    # Cutting into whole steps adds the variance of a uniform number, dt**2 / 12, as long as the law is wide enough.
    expected = np.sqrt((relative * mean) ** 2 + dt**2 / 12)
    assert abs(got_sd - expected) < 0.15 * dt


@given(st.floats(0.01, 30), st.floats(0.05, 2), st.floats(0.2, 2))
def test_every_law_adds_up_and_lasts_at_least_a_step(mean, relative, dt):
    try:
        law = law_of(Delay(mean, relative * mean), dt=dt)
    except ConfigError:
        return
    check_law(law, "drawn")
    assert len(law) <= MAX_DAYS


def test_a_certain_delay_is_one_number_of_days():
    law = law_of(Delay(3.0, 1e-3), dt=1.0)
    assert law.index(LAW_TOTAL) == 2
    assert sum(law) == LAW_TOTAL


def test_a_delay_far_below_a_step_takes_one_step():
    assert law_of(Delay(0.1, 0.01), dt=1.0)[0] == LAW_TOTAL


def test_a_delay_of_more_steps_than_allowed_is_refused():
    with pytest.raises(ConfigError, match=r"mean 300 and sd 100 days lasts up to \d+ steps; at most 400"):
        law_of(Delay(300.0, 100.0), dt=1.0)


@pytest.mark.parametrize("delay", [Delay(1.0, 1000.0), Delay(0.001, 3650.0), Delay(3650.0, 0.001)], ids=repr)
def test_an_extreme_delay_has_a_law_or_is_refused_in_words_about_the_delay(delay):
    try:
        check_law(law_of(delay, dt=1.0), "latent")
    except ConfigError as error:
        assert "a delay of mean" in str(error)  # noqa: PT017 - either a law or a reason
