"""What is shown of a run: the stages and observables of its model, by their names."""

from types import SimpleNamespace

import numpy as np
import pytest

from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.engine.series import StageSeries
from lpm_secure.run.ingress import Ingress
from lpm_secure.run.private_run import PrivateRun
from lpm_secure.run.processes import Execution
from lpm_secure.run.report import series_parts, summary_of


@pytest.fixture
def ended(manifest_of, tmp_path):
    """Return a function that gives the summary of a run of a model with these counts of private agents."""

    def make(model, *days, synthetic=None):
        channels = {"channels": model.contact_channels, "max_message": 1000}
        manifest = manifest_of(model=model, steps=len(days) - 1, **channels)
        counts = np.array([[day, synthetic or [0] * len(day)] for day in days])
        series = StageSeries.of_tally(counts, 1.0, model.agents.tally)
        testbed = SimpleNamespace(
            manifest=manifest, city=None, synthetic=sum(synthetic or ()), look_alike=False, source="drawn"
        )
        config = SimpleNamespace(name="drawn", steps=manifest.steps, seed=1)
        run = PrivateRun(config, testbed, Execution((series,), 1.0, 0.1), None, (Ingress("a", "b", 1.0),))
        return run, summary_of(run, tmp_path)

    return make


@pytest.fixture(autouse=True)
def _plain_config(monkeypatch):
    def plain(value):
        return vars(value) if isinstance(value, SimpleNamespace) else str(value)

    monkeypatch.setattr("lpm_secure.run.private_run.msgspec.to_builtins", plain)


def traces(summary):
    (plot,) = [part for part in summary.page.parts if hasattr(part, "figure")]
    return plot.figure


def test_another_models_run_shows_its_own_stages_and_observables(ended):
    run, summary = ended(graph_model_of("tests.user_models:Averaging", {}), [3, 1, 1, -7], [2, 2, 1, 9])
    figures = run.figures()
    assert not [name for name in figures if "attack" in name]
    assert figures["tally_private"] == {"LOW": 2, "MIDDLE": 2, "HIGH": 1, "above_mean": 9}
    assert figures["tally_synthetic"] == {"LOW": 0, "MIDDLE": 0, "HIGH": 0, "above_mean": 0}
    assert "at the end, private agents" in summary.lines[2]
    assert "LOW 2, MIDDLE 2, HIGH 1, above_mean 9" in summary.lines[2]
    assert not any("synthetic agents  " in line and "LOW" in line for line in summary.lines)
    figure = traces(summary)
    lines = [line.name for line in figure.data if line.type == "scatter" and line.mode != "markers"]
    assert lines == ["LOW", "MIDDLE", "HIGH", "above_mean"]
    assert [title.text for title in figure.layout.annotations] == [
        "private agents: stages and observables",
        "private agents: left LOW, less returns",
    ]
    assert list(figure.data[-1].y) == [0, 1]


def test_an_epidemic_keeps_its_words_figures_and_colours(ended, seir):
    run, summary = ended(seir(), [8, 0, 2, 0], [5, 2, 2, 1], synthetic=[90, 0, 10, 0])
    assert run.figures()["attack_rate_private"] == 0.5
    assert run.figures()["tally_private"] == {"S": 5, "E": 2, "I": 2, "R": 1}
    assert any(line.startswith("attack rate, private agents") and line.endswith("50.0%") for line in summary.lines)
    figure = traces(summary)
    scatters = [line for line in figure.data if line.type == "scatter"][:4]
    assert [line.name for line in scatters] == ["susceptible", "exposed", "infectious", "recovered"]
    assert [line.line.color for line in scatters] == ["#4477aa", "#ccbb44", "#ee6677", "#228833"]
    assert figure.layout.annotations[2].text == "private agents: new infections"


def test_where_agents_may_return_nobody_is_called_attacked(ended, seir):
    _, summary = ended(seir(waning=(2**31, 2**31)), [8, 0, 2, 0], [5, 2, 2, 1])
    assert any(line.startswith("not susceptible at the end, private agents") for line in summary.lines)
    assert traces(summary).layout.annotations[1].text == "private agents: new infections, less returns"


def test_small_counts_of_people_are_ringed_and_counted_and_those_of_a_look_alike_are_not(manifest_of):
    manifest = manifest_of(steps=2)
    counts = np.array([[[9, 1, 4, 0], [1, 1, 1, 1]], [[5, 5, 0, 4], [1, 1, 1, 1]], [[14, 0, 0, 0], [1, 1, 1, 1]]])
    series = StageSeries.of_tally(counts, 1.0, manifest.model.agents.tally)
    parts = series_parts(manifest.model, [series], people=True)
    (rings,) = [trace for trace in parts[0].figure.data if trace.name == "1 to 4 people"]
    assert sorted(zip(rings.x, rings.y, strict=True)) == [(0, 1), (0, 4), (1, 4)]
    assert any("3 counts of private agents are of 1 to 4 people" in part for part in parts if isinstance(part, str))
    made_up = series_parts(manifest.model, [series], people=False)
    assert not [trace for trace in made_up[0].figure.data if trace.name == "1 to 4 people"]
    assert not any("1 to 4 people" in part for part in made_up if isinstance(part, str))


def test_small_counts_of_every_replicate_are_counted_as_all_of_them_are_in_the_tables(manifest_of):
    manifest = manifest_of(steps=1, replicates=2)
    many = np.array([[[9, 9, 9, 9], [1, 1, 1, 1]], [[9, 9, 9, 9], [1, 1, 1, 1]]])
    few = many - np.array([[[8, 8, 0, 0], [0, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 0, 0]]])
    each = [StageSeries.of_tally(counts, 1.0, manifest.model.agents.tally) for counts in (many, few)]
    parts = series_parts(manifest.model, each, people=True)
    bands = next(part.figure for part in parts if not isinstance(part, str))
    assert [title.text for title in bands.layout.annotations] == [
        "private agents: median and 90 % of 2 replicates",
        "synthetic agents: median and 90 % of 2 replicates",
    ]
    assert sum(trace.fill == "tonexty" for trace in bands.data) == 8
    text = "".join(part for part in parts if isinstance(part, str))
    said = "2 counts of private agents, over all replicates, are of 1 to 4 people, and medians over replicates that"
    assert said in text
    few = series_parts(manifest.model, [each[1], each[1]], people=True)
    bands = next(part.figure for part in few if not isinstance(part, str))
    rings = [trace for trace in bands.data if trace.name == "1 to 4 people"]
    assert [(list(ring.x), list(ring.y)) for ring in rings] == [([0.0], [1.0]), ([0.0], [1.0])]
    assert "The first replicate" in text
    assert "One run is one draw of chance" not in text


def test_a_run_says_its_parameters_with_units_what_it_costs_and_that_it_is_one_draw(ended):
    _, summary = ended(graph_model_of("tests.user_models:Averaging", {}), [3, 1, 1, -7], [2, 2, 1, 9])
    text = "".join(part for part in summary.page.parts if isinstance(part, str))
    assert "tally: exact. No budget bounds what they tell" in text
    assert "One run is one draw of chance" in text
    assert "Everything that was asked for" in text
