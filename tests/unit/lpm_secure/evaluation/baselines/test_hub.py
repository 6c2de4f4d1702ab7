"""The baseline of the forecast hub."""

import numpy as np
import pytest

from lpm_secure.evaluation.baselines import BASELINES, HUB
from lpm_secure.evaluation.scores.quantiles import MEDIAN

VALUES = np.array([10.0, 12.0, 15.0, 13.0, 18.0, 20.0])
NOTHING = np.zeros(0)


def test_the_hub_baseline_stays_at_the_last_value_and_is_symmetric_a_period_ahead():
    found = BASELINES[HUB].quantiles(VALUES, NOTHING, 2)[0]
    assert found[MEDIAN] == 20.0
    assert found - 20.0 == pytest.approx(-(found[::-1] - 20.0), abs=1e-9)
    assert np.abs(found - 20.0).max() <= 5.0


def test_its_draws_are_the_same_on_every_machine():
    found = BASELINES[HUB].quantiles(VALUES, NOTHING, 4)[3, [2, 6, 16, 20]]
    assert found == pytest.approx([11.276103021811, 16.0, 24.0, 28.723896978189], abs=1e-9)
