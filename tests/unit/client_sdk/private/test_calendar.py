"""Days of a table, and steps of a run."""

import math

import pytest

from client_sdk.private.calendar import steps_per_day
from protocols.errors import ParameterError


@pytest.mark.parametrize(("dt", "per_day"), [(1.0, 1), (0.5, 2), (0.1, 10), (1 / 3, 3), (1 / 48, 48), (1 / 1440, 1440)])
def test_a_day_has_a_whole_number_of_steps(dt, per_day):
    assert steps_per_day(dt) == per_day


@pytest.mark.parametrize("dt", [2.0, 0.3, 1.5, 3650, 0.0, -1.0, math.nan, math.inf, 1 / 1441, 5e-324])
def test_other_steps_cut_no_days(dt):
    with pytest.raises(ParameterError, match=f"dt is {dt:g}; contacts are of days"):
        steps_per_day(dt)
