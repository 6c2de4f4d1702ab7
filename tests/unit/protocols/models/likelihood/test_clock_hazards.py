"""An outcome's hazard is scored once for each time that it is looked at, and begins anew with its level."""

from types import SimpleNamespace

import numpy as np
import pytest

from protocols.models.likelihood.clock_hazards import ClockHazard


def hazard(at_bounds=None):
    return ClockHazard("caught", SimpleNamespace(bits=0), 2, set() if at_bounds is None else at_bounds)


def score_of(events):
    """Return the score by parameter 0 of what happened, for both agents."""
    (event,) = events
    found = np.zeros(2)
    found[event.rows] = event.score[0]
    return found


def hear(clock, growth, crosses, mask=(True, True)):
    """Hear a growth of a parameter's value times one, so that its slope is the growth itself."""
    growth = np.array(growth)
    return list(clock.hear(growth, {0: growth}, np.array(crosses), np.array(mask), 1))


def test_who_escapes_scores_minus_the_hazard_and_who_is_caught_by_its_law():
    h = 0.7
    events = hear(hazard(), [h, h], [False, True])
    found = score_of(events)
    assert found[0] == pytest.approx(-h)
    assert found[1] == pytest.approx(h * np.exp(-h) / (1 - np.exp(-h)))


def test_what_was_not_looked_at_adds_up_until_it_is():
    clock = hazard()
    hear(clock, [0.5, 0.5], [False, False], mask=(True, False))
    found = score_of(hear(clock, [0.5, 0.5], [False, False]))
    np.testing.assert_allclose(found, [-0.5, -1.0])


def test_who_has_crossed_is_not_scored_again_until_its_level_begins_anew():
    clock = hazard()
    hear(clock, [0.5, 0.5], [True, False])
    assert score_of(hear(clock, [0.5, 0.5], [True, False])).tolist() == pytest.approx([0.0, -0.5])
    clock.restart(np.array([True, False]))
    assert score_of(hear(clock, [0.5, 0.5], [False, False])).tolist() == pytest.approx([-0.5, -0.5])


def test_a_hazard_of_0_that_a_parameter_would_move_is_at_its_bound():
    at_bounds = set()
    clock = hazard(at_bounds)
    list(clock.hear(np.zeros(2), {3: np.array([1.0, 0.0])}, np.zeros(2, dtype=bool), np.ones(2, dtype=bool), 1))
    assert at_bounds == {3}
