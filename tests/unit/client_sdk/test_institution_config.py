"""What an institution's configuration may say, the series that it names, and what is refused before a run."""

import datetime
import importlib.util

import numpy as np
import pytest

from client_sdk.institution_config import InstitutionConfig, read_institution
from client_sdk.likelihood.series import Series
from client_sdk.likelihood.series_file import Periods, write_series
from protocols.errors import DataError, ParameterError
from tests.calibration_hospitals import OBSERVATION, WEEKS

KEY, PERIODS = bytes(32), Periods(datetime.date(2026, 3, 2), 7, WEEKS)


def test_a_series_is_read_as_it_was_written_and_gives_the_same_bits(tmp_path):
    most = np.array([0.0, np.nan, 3.0, 8.714285714285714, 1e-17, np.nextafter(4.0, 0.0)])
    series = Series(np.array([0.0, np.nan, 1.0, 8.714285714285714, 1e-17, -np.inf]), most)
    write_series(tmp_path / "series.csv", series, PERIODS)
    assert "1.0..3.0" in (tmp_path / "series.csv").read_text()
    assert "<4.0" in (tmp_path / "series.csv").read_text()
    read = read_institution(config(), tmp_path)
    for found, given in ((read.series.least, series.least), (read.series.most, series.most)):
        assert np.array_equal(found, given, equal_nan=True)
    assert (read.share.tolist(), read.local_steps) == ([0.25, 0.5], 3)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("date,beds\n2026-03-02,3\n", "no column value"),
        ("date,value,serie\n2026-03-02,3,a\n", "did you mean series"),
        ("date,value\n2026-03-02,many\n", "row 2, column value: a number, <c below c"),
        ("date,value\n2026-03-02,3\n2026-03-09,-1\n", "period 2 is no count"),
        ("date,value\n2026-03-02,3\n2026-03-08,4\n", "row 3: row 2 is of the 7 days from 2026-03-02 on too"),
        ("date,value\n2.3.2026,3\n", "row 2, column date"),
        ("date,value\n2025-03-02,3\n", "no row from 2026-03-02 to before 2026-04-13"),
        ("date,series,value\n2026-03-02,flu,3\n2026-03-02,rsv,3\n", "has 2 series, flu, rsv; say quantity"),
        ("institution,date,value\nb,2026-03-02,3\n", "no row of institution 'a'"),
    ],
)
def test_a_series_that_cannot_be_used_is_refused_with_its_file_and_row(tmp_path, content, why):
    (tmp_path / "series.csv").write_text(content)
    with pytest.raises(DataError, match=why) as refused:
        read_institution(config(), tmp_path)
    assert "series.csv" in str(refused.value)
    assert "many" not in str(refused.value)


@pytest.mark.parametrize("places", [("Upper",), ("Upper", "Middle", "Lower")])
def test_names_of_more_or_fewer_places_than_have_a_share_are_refused_before_the_run(places):
    """Its results would be written under them when it is over."""
    assert config(places=("Upper", "Lower")).place_names == ("Upper", "Lower")
    assert config().place_names == ("1", "2")
    with pytest.raises(ParameterError, match=f"places names {len(places)} and share has 2"):
        config(places=places)


@pytest.mark.parametrize("table", ["forecast", "course"])
def test_results_that_could_not_be_written_are_refused_before_the_run(monkeypatch, table):
    config(**{table: "home.parquet"})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"^home\.parquet needs pyarrow, which is not installed"):
        config(**{table: "home.parquet"})


def config(**changes):
    return InstitutionConfig(
        name="a",
        manifest="m",
        operator_key=KEY,
        policy="p",
        credentials=".",
        series="series.csv",
        start=PERIODS.start,
        period_days=PERIODS.days,
        periods=PERIODS.count,
        share=(0.25, 0.5),
        observation=OBSERVATION,
        local_steps=3,
        **changes,
    )
