"""The second wave in New York's hospitals."""

import numpy as np
import pytest

from lpm_secure.data import catalogue
from lpm_secure.data.new_york import hospitals_weekly


def test_the_second_wave_has_26_hospitals_with_censored_and_missing_weeks() -> None:
    if catalogue.where(hospitals_weekly.DATASET) is None:
        pytest.skip("the dataset ny_hospitals_weekly is not here")
    data = hospitals_weekly.read()
    assert data.inpatients.shape == (26, 24)
    assert int((data.inpatients == -1).sum()) == 7
    assert int(np.isnan(data.inpatients).sum()) == 1
    assert data.first(16).weeks[-1] == "2021-01-29"
