"""Paired differences and their intervals."""

import json
import re

import numpy as np
import pytest
from scipy import stats

from lpm_secure.scenario.results.comparison import PairedDifference, ScenarioComparison
from protocols.errors import ParameterError


def test_the_interval_is_students_of_the_mean_of_paired_differences():
    values = np.random.default_rng(1).normal(2.0, 3.0, (12, 1))
    found = PairedDifference.of(values, 0.95)
    expected = stats.ttest_1samp(values[:, 0], 0.0).confidence_interval(0.95)
    assert [found.low[0], found.high[0]] == pytest.approx([expected.low, expected.high])


def test_the_interval_holds_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(2).normal(1.0, 2.0, (5, 4_000))
    found = PairedDifference.of(draws, 0.9)
    inside = ((found.low < 1.0) & (found.high > 1.0)).mean()
    assert abs(inside - 0.9) < 4 * np.sqrt(0.09 / 4_000)  # false alarms: 6 in 100,000, and the seed is fixed


def test_one_seed_has_no_interval():
    assert np.isnan(PairedDifference.of(np.ones((1, 3)), 0.95).low).all()


def test_a_comparison_is_written_with_every_difference(result, rumour, tmp_path):
    both = ScenarioComparison({"as is": result, "more": rumour.with_(start=0.4).run(seeds=3)})
    folder = both.save(tmp_path / "both")
    assert {path.name for path in folder.iterdir()} >= {"compare.json", "differences.parquet", "report.html"}
    endings = json.loads((folder / "compare.json").read_text())["endings"]
    last = both["more"].values("private_AWARE")[:, -1]
    (found,) = (row for row in endings if (row["series"], row["scenario"]) == ("private_AWARE", "more"))
    assert found["median"] == np.median(last)
    mean = both.difference("more", "private_AWARE").mean[-1]
    assert found["difference"]["mean"] == pytest.approx(mean)
    assert "difference" not in endings[0]
    assert both.differences().num_rows == len(both.names) * 7
    assert len([trace for trace in both.plot(["private_AWARE"]).data if trace.mode == "lines" or trace.line.dash]) == 6
    assert "paired difference" in both._repr_html_()
    page = (folder / "report.html").read_text()
    start, closed = (
        page.index("<td>start</td><td>a probability</td><td>10 %</td><td>40 %</td>"),
        page.index("<td>closed"),
    )
    assert start < closed  # what differs stands first
    counts = [each.values(name) for each in both.results.values() for name in each.stages]
    few = sum(((each > 0) & (each < 5)).sum() for each in counts)
    assert f"{few:,} counts of private agents, over all seeds, are of 1 to 4 people" in page
    ringed = sum(len(trace.x) for trace in both.plot().data if trace.name == "1 to 4 people")
    medians = [np.median(each, axis=0) for each in counts]
    assert ringed == sum(((each > 0) & (each < 5)).sum() for each in medians) > 0
    assert re.search(r"Made on 20\d\d-.* with lpm-secure \S+, by a program", page)
    for ask in (lambda: both["none"], lambda: both.difference("more", "private_AWARE", level=2.0)):
        with pytest.raises(ParameterError):
            ask()
