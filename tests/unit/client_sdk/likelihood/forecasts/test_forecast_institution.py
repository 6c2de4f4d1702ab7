"""An institution answers by its own periods alone, and forecasts from what it heard last."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from client_sdk.likelihood.forecasts.forecast_institution import DRAWS, ForecastInstitution
from client_sdk.likelihood.forecasts.forecast_table import write_course, write_forecast
from client_sdk.likelihood.series import Series
from client_sdk.likelihood.series_file import Periods
from protocols.errors import ParameterError
from tests.calibration_hospitals import institution_of

VALUES, SHARE = [20, 30, 45, -1, np.nan, 90], [0.3, 0.1]
AHEAD = 3


def institution():
    return ForecastInstitution(institution_of(VALUES, SHARE), AHEAD)


def heard(seed, draws=4):
    return np.random.default_rng(seed).normal(5.0, 0.3, (draws, 2, len(VALUES) + AHEAD))


def test_the_answer_is_the_institutions_own_and_nothing_after_its_periods():
    announced, one, own = heard(1), institution(), institution_of(VALUES, SHARE)
    answer = one.vector(announced)
    np.testing.assert_array_equal(answer[..., : len(VALUES)], own.vector(np.ascontiguousarray(announced[..., :6])))
    assert not answer[..., len(VALUES) :].any()
    np.testing.assert_array_equal(one.state, own.state)


def test_a_forecast_is_of_the_last_draws_that_were_heard():
    one = institution()
    for seed in range(DRAWS // 4 + 10):
        one.vector(heard(seed))
    assert one.heard.shape == (DRAWS, 2, 9)
    np.testing.assert_array_equal(one.heard[-4:], heard(DRAWS // 4 + 9))
    assert one.forecast(1).shape == (DRAWS, 9)
    np.testing.assert_array_equal(one.forecast(1), one.forecast(1))


def test_a_run_of_other_periods_is_refused():
    institution().require((4, 2, 9))
    with pytest.raises(ParameterError, match="6 periods"):
        institution().require((4, 2, 10))


def test_what_comes_home_has_a_row_for_each_period_and_is_private(tmp_path):
    one, periods = institution(), Periods(np.datetime64("2026-01-05").item(), 7, 9)
    one.vector(heard(1))
    known = Series.of(np.array([*VALUES[:3], np.nan, np.nan, 90, 91, np.nan, np.nan], dtype=float))
    write_forecast(tmp_path / "forecast.csv", one.forecast(1), known, periods, fitted=6)
    write_course(tmp_path / "course.csv", one.heard, ("Upper", "Lower"), periods)
    rows = [line.split(",") for line in (tmp_path / "forecast.csv").read_text().splitlines()]
    assert [row[1] for row in rows[1:]] == ["yes"] * 6 + ["no"] * 3
    assert [row[2] for row in rows[1:]] == ["20.0", "30.0", "45.0", "", "", "90.0", "91.0", "", ""]
    assert rows[1][0] == "2026-01-05"
    write_forecast(tmp_path / "forecast.parquet", one.forecast(1), known, periods, fitted=6)
    table = parquet.read_table(tmp_path / "forecast.parquet")
    assert {str(kind) for kind in table.schema.types} == {"date32[day]", "string", "double"}
    assert table.schema.field("value").type == pa.float64()
    assert table["value"].to_pylist() == [20, 30, 45, None, None, 90, 91, None, None]
    assert len((tmp_path / "course.csv").read_text().splitlines()) == 1 + 2 * 9
    assert (tmp_path / "forecast.csv").stat().st_mode & 0o777 == 0o600
