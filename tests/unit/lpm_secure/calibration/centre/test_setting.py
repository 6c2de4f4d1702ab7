"""What a centre fits beside sums: the public series of its own table, where a law of it is given."""

import datetime

import msgspec
import numpy as np
import pytest

from lpm_secure.calibration.centre.setting import CentreSetting
from lpm_secure.calibration.centre.table import CalibrationTable
from protocols.errors import ConfigError
from tests.calibration_hospitals import KNOWN_SIZE, MODEL, OBSERVATION, hospitals, in_process

START = datetime.date(2026, 1, 5)
EVENTS = [3, 5, 9, 11, 20, 31, 44, 60]


@pytest.fixture
def setting(tmp_path):
    """Return a function that reads a centre's setting, with further keys of its table."""

    def read(**changes):
        (tmp_path / "places.csv").write_text("place,population\nUpper,40000\nLower,60000\n")
        rows = [f"{START + datetime.timedelta(weeks=week)},{value}" for week, value in enumerate(EVENTS)]
        (tmp_path / "public.csv").write_text("\n".join(["date,value", *rows]) + "\n")
        given = {
            "seed": 1,
            "start": START,
            "period_days": 7,
            "fit_periods": 6,
            "forecast_periods": 2,
            "places": "places.csv",
            "clip": 500.0,
            "model": MODEL | {"severity": []},
            "observation": msgspec.to_builtins(OBSERVATION),
        }
        table = msgspec.convert(given | changes, CalibrationTable)
        return CentreSetting.read(table.beside(tmp_path))

    return read


PUBLIC = {"public": "public.csv", "public_observation": msgspec.to_builtins(KNOWN_SIZE)}


def fit_of(setting):
    return setting.fit(in_process(hospitals(), draws=2), tuple(hospitals()))


def test_the_public_series_of_the_fitted_periods_is_a_stream(setting) -> None:
    stream = fit_of(setting(**PUBLIC)).stream
    assert stream.own.series.exact == pytest.approx(np.array(EVENTS[:6], dtype=float))
    assert stream.own.period_days == 7
    assert fit_of(setting(public="public.csv")).stream is None


def test_a_law_without_a_table_of_public_events_is_refused(setting) -> None:
    with pytest.raises(ConfigError, match="no public event is known"):
        fit_of(setting(public_observation=PUBLIC["public_observation"]))
