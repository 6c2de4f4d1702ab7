"""The journal of an ensemble says how many runs have ended, and now and then which bands their seeds have."""

import pyarrow as pa
import pytest

import lpm_secure as lpm
from lpm_secure.monitor.line_tail import LineTail
from lpm_secure.monitor.runs import card_of, events_of
from lpm_secure.report.progress import FILE, EnsembleProgress
from lpm_secure.scenario.ensemble.ensemble_progress import record_ensemble
from lpm_secure.scenario.results.words import SeriesWords, describe


def ensemble_lines(folder):
    """Return what a page reads of the runs that have ended."""
    return [event for event in events_of(LineTail(folder / FILE).read()) if isinstance(event, EnsembleProgress)]


def run_of(value):
    table = pa.table({"day": [0.0, 1.0], "private_S": [9, value], "other": [0, 0]})
    return describe(table, SeriesWords(("private_S",), ""))


def test_bands_are_over_the_seeds_by_now_and_are_told_ever_less_often(tmp_path):
    with record_ensemble(tmp_path, name="x", titles=["x"], seeds=11) as journal:
        for value in range(11):
            journal.add(0, run_of(value))
    lines = ensemble_lines(tmp_path)
    assert [line.step for line in lines] == list(range(1, 12))
    assert [line.step for line in lines if line.groups] == [1, 2, 3, 5, 8, 11]
    ((group,), last) = lines[-1].groups, lines[-1]
    assert (group.title, group.seeds, last.days) == ("private agents", 11, (0.0, 1.0))
    (band,) = group.series
    assert (band.name, band.low, band.median, band.high) == ("susceptible", (9.0, 0.5), (9.0, 5.0), (9.0, 9.5))
    assert (card_of("x", tmp_path).kind, card_of("x", tmp_path).state) == ("ensemble", "ended")


def test_scenarios_have_bands_of_their_own_seeds(tmp_path):
    with record_ensemble(tmp_path, name="x", titles=["as is", "masks"], seeds=2) as journal:
        for scenario, value in ((0, 1), (1, 5), (0, 3), (1, 5)):
            journal.add(scenario, run_of(value))
    groups = ensemble_lines(tmp_path)[-1].groups
    assert [(each.title, each.seeds, each.series[0].median[-1]) for each in groups] == [
        ("as is: private agents", 2, 2.0),
        ("masks: private agents", 2, 5.0),
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_runs_in_the_clear_tell_it_and_save_into_the_same_folder(rumour, tmp_path, workers):
    result = rumour.run(seeds=3, workers=workers, journal=tmp_path / "x")
    assert [line.step for line in ensemble_lines(tmp_path / "x")] == [1, 2, 3]
    medians = {band.name: band.median for band in ensemble_lines(tmp_path / "x")[-1].groups[0].series}
    quantiles = result.quantiles([0.5], series="private_AWARE")["q0.5"].to_pylist()
    assert list(medians["AWARE"]) == quantiles
    assert lpm.open_result(result.save(tmp_path / "x")).seeds == (1, 2, 3)


def test_an_ensemble_without_a_folder_writes_nothing(rumour, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rumour.run(seeds=1)
    assert not list(tmp_path.iterdir())
