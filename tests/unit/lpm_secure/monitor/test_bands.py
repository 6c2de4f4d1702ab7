"""Bands over seeds, and of forecasts what belongs to no institution alone."""

import json

import pytest

from lpm_secure.calibration import figures
from lpm_secure.calibration.centre import results
from lpm_secure.calibration.forecasts.forecast import EVENTS
from lpm_secure.engine.series import REPLICATE
from lpm_secure.monitor.bands import FORECAST, RUNS, TOGETHER, forecast_band, series_bands
from protocols.errors import ParameterError


def test_bands_of_seeds_by_part(tmp_path):
    rows = ["seed,day,private_S,private_I,synthetic_S"]
    rows += [f"{seed},{day},{10 * seed},0,{day}" for seed in range(1, 12) for day in range(3)]
    (tmp_path / "series.csv").write_text("\n".join(rows))
    found = series_bands(tmp_path)
    assert (found["seeds"], found["days"]) == (11, [0, 1, 2])
    assert [group["title"] for group in found["groups"]] == ["private agents", "synthetic agents"]
    (band,) = found["groups"][0]["series"]  # a series of zeros is not drawn
    assert band == {"name": "susceptible", "low": [15.0] * 3, "median": [60.0] * 3, "high": [105.0] * 3}


def test_one_seed_is_its_own_median_and_scenarios_stand_apart(tmp_path):
    (tmp_path / "series.csv").write_text("scenario,seed,day,S\nas is,1,0,5\nas is,1,1,4\nmasks,1,0,5\nmasks,1,1,5\n")
    found = series_bands(tmp_path)
    assert [(group["title"], group["series"][0]["median"]) for group in found["groups"]] == [
        ("as is: agents", [5.0, 4.0]),
        ("masks: agents", [5.0, 5.0]),
    ]


def test_replicates_of_a_private_run_are_its_runs_and_no_series(tmp_path):
    rows = [f"{place},{day},{10 * place + day}" for place in range(3) for day in range(4)]
    (tmp_path / "series.csv").write_text("\n".join(["replicate,day,private_S", *rows]))
    found = series_bands(tmp_path)
    assert (found["seeds"], found["days"]) == (3, [0, 1, 2, 3])
    ((band,),) = (group["series"] for group in found["groups"])
    assert band["median"] == [10.0, 11.0, 12.0, 13.0]


def test_no_row_of_an_institution_is_in_a_forecast(tmp_path):
    head = "series,period,fitted,value,q05,q25,median,q75,q95"
    rows = [head, "hospital,2020-10-16,true,4711,1,2,3,4,5", "hospital,2020-10-23,false,4711,1,2,3,4,5"]
    rows += ['"events a day, all places",2020-10-16,true,,10,20,30,40,50']
    rows += ['"events a day, all places",2020-10-23,false,,11,20,31,40,51']
    (tmp_path / "calibration.csv").write_text("\n".join(rows))
    found = forecast_band(tmp_path)
    assert found == {
        "days": ["2020-10-16", "2020-10-23"],
        "fitted": 1,
        "low": [10, 11],
        "median": [30, 31],
        "high": [50, 51],
    }
    assert "4711" not in json.dumps(found)


@pytest.mark.parametrize("content", [None, "", "a,b\n1", "a,b\n1,2\n", "seed,day,x\n", "day\n1\n", "day,x\n1,text\n"])
def test_what_cannot_be_drawn_is_one_line(content, tmp_path):
    if content is not None:
        (tmp_path / "series.csv").write_text(content)
        (tmp_path / "calibration.csv").write_text(content)
    for read in (series_bands, forecast_band):
        with pytest.raises(ParameterError):
            read(tmp_path)


def test_what_a_page_reads_is_called_as_runs_and_fits_write_it():
    assert REPLICATE in RUNS
    assert (figures.FORECAST, results.FORECAST, EVENTS) == (FORECAST, FORECAST, TOGETHER)
