"""A result's quantiles, plots and frames are of its seeds."""

import dataclasses
import re
import sys

import numpy as np
import pyarrow.compute as pc
import pytest

import lpm_secure as lpm
from protocols.errors import ParameterError

MANY, ONE = "medians over seeds", "one draw of chance"


def test_series_are_by_seed_and_day(result):
    aware, unaware = result.values("private_AWARE"), result.values("private_UNAWARE")
    assert aware.shape == (3, 7)
    assert (aware + unaware == 30).all()
    assert (result.seeds, result.days.tolist(), len(set(result.hashes))) == ((1, 2, 3), list(range(7)), 3)
    with pytest.raises(ParameterError, match="did you mean private_AWARE"):
        result.values("private_AWAR")


def test_quantiles_are_those_over_seeds(result):
    table = result.quantiles([0.25, 0.5], series=["private_AWARE"])
    assert table.column_names == ["series", "day", "q0.25", "q0.5"]
    assert table["q0.5"].to_pylist() == np.median(result.values("private_AWARE"), axis=0).tolist()
    assert result.quantiles(0.5, series="private_AWARE")["q0.5"] == table["q0.5"]
    for levels in ([2.0], [], ["a"], None):
        with pytest.raises(ParameterError, match="each between 0 and 1"):
            result.quantiles(levels)


def test_a_plot_has_a_median_and_a_band_of_each_stage(result):
    figure = result.plot()
    shown = [trace.name for trace in figure.data if trace.showlegend]
    assert shown == ["UNAWARE", "AWARE"]
    assert sum(trace.fill == "tonexty" for trace in figure.data) == 2
    for series, band in ((["nothing"], 0.9), ([], 0.9), (None, 1.0)):
        with pytest.raises(ParameterError):
            result.plot(series, band=band)


@pytest.mark.parametrize(("library", "method"), [("pandas", "to_pandas"), ("xarray", "to_xarray")])
def test_a_library_that_is_missing_is_one_line(result, library, method, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ParameterError, match=f"^{library} is not installed; pip install {library}"):
        getattr(result, method)()


def test_a_data_set_of_xarray_has_seeds_and_days(result):
    data = result.to_xarray()
    assert dict(data.sizes) == {"seed": 3, "day": 7}
    assert data["private_AWARE"].sel(seed=2).values.tolist() == result.values("private_AWARE")[1].tolist()
    assert data.attrs == {"name": result.name, "ensemble": "exact"}


def test_a_frame_of_pandas_has_a_row_for_each_seed_and_day(result):
    frame = result.to_pandas()
    assert list(frame.columns) == result.table.column_names
    by_seed = frame.pivot(index="seed", columns="day", values="private_AWARE")
    assert by_seed.to_numpy().tolist() == result.values("private_AWARE").tolist()


def test_a_report_says_parameters_with_units_what_was_announced_when_and_by_what(tmp_path):
    closed = lpm.InterventionSchedule({"closure": ((0, 0), (2, 1))})
    office = lpm.Simulation(model="examples.closures.closures:Office", people="look_alike", environment=closed, steps=3)
    page = (office.run(seeds=2).save(tmp_path / "office") / "report.html").read_text()
    assert "<td>recovery</td><td>20 %</td><td>a probability</td>" in page
    assert "What the environment announced" in page
    assert "environment.numbers" in page  # everything that was asked for
    assert "a band holds 90 % of them" in page
    assert re.search(r"Made on 20\d\d-.* with lpm-secure \S+, by a program", page)


def test_a_report_of_one_seed_has_no_medians_to_speak_of(result):
    one = dataclasses.replace(result, table=result.table.filter(pc.equal(result.table["seed"], 1)))
    for each, said, other in ((result, MANY, ONE), (one, ONE, MANY)):
        text = "".join(part for part in each.summary().page.parts if isinstance(part, str))
        assert said in text
        assert other not in text
