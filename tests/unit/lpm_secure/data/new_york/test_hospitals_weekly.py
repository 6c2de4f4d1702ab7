"""Weeks of New York's hospitals."""

import numpy as np
import pytest

from lpm_secure.data import catalogue
from lpm_secure.data.new_york import hospitals, hospitals_weekly


@pytest.fixture
def weeks() -> hospitals_weekly.HospitalWeeks:
    if catalogue.where(hospitals_weekly.DATASET) is None:
        pytest.skip("the dataset ny_hospitals_weekly is not here")
    return hospitals_weekly.read()


def test_the_second_wave_has_26_hospitals_with_censored_and_missing_weeks(
    weeks: hospitals_weekly.HospitalWeeks,
) -> None:
    wave = weeks.first(24)
    assert wave.inpatients.shape == (26, 24)
    assert int((wave.inpatients == -1).sum()) == 7
    assert int(np.isnan(wave.inpatients).sum()) == 1
    assert wave.first(16).weeks[-1] == "2021-01-29"


def test_weeks_go_by_date_and_those_that_the_source_lacks_are_missing(weeks: hospitals_weekly.HospitalWeeks) -> None:
    assert (weeks.weeks[0], weeks.weeks[-1], len(weeks.weeks)) == ("2020-10-16", "2021-12-10", 61)
    reports = dict(zip(weeks.weeks, (~np.isnan(weeks.inpatients)).sum(axis=0).tolist(), strict=True))
    few = {week: count for week, count in reports.items() if count < 20}
    assert few == {
        "2021-04-02": 0,
        "2021-04-30": 0,
        "2021-05-21": 4,
        "2021-06-04": 4,
        "2021-08-27": 12,
        "2021-11-26": 11,
    }


def test_longer_series_begin_with_the_shorter_ones(weeks: hospitals_weekly.HospitalWeeks) -> None:
    if any(catalogue.where(name) is None for name in ("nyc_covid", "nyc_population", "nyc_commute_acs2015")):
        pytest.skip("the population's tables are not here")
    short, long = hospitals.read(24), hospitals.read(61)
    assert long.calendar.count == len(weeks.weeks)
    assert long.events_a_day is not None
    assert np.isfinite(long.events_a_day).all()
    for less, more in zip(short.series, long.series, strict=True):
        assert np.array_equal(less.most, more.most[:24], equal_nan=True)
