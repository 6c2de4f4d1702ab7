"""`lpm verify-gradients` and `lpm sensitivity`, as a person calls them."""

import json
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from lpm_secure.analysis.sensitivity.config import load
from lpm_secure.analysis.sensitivity.setup import ESTIMATORS, setup_of
from lpm_secure.cli.main import app
from lpm_secure.monitor.runs import card_of, cards
from protocols.errors import ConfigError, DataError, ParameterError
from tests.ward import PEOPLE, write_ward

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "gradients.toml"
NAMES = ("contact_rate", "efficacy", "infectious_law", "initial", "latent_law", "reduction")
SMALL = f"""
relative_error = 0.5

[[model]]
name = "ring"
model = "examples.interventions.interventions:Interventions"
population = "homogeneous"
agents = 300
degree = 4
steps = 12
parameters = {{ contact_rate = 0.2, cell_rate = 0.0, initial = 0.05, efficacy = 0.6, reduction = 0.3, begins = 4 }}
laws = {{ latent_law = {{ mean = 1.5, sd = 0.5 }}, infectious_law = {{ mean = 3.0, sd = 1.0 }} }}
only = {list(NAMES)}
outputs = [{{ series = "S" }}, {{ series = "I", peak = 0.05 }}, {{ series = "I", first = 7, last = 12 }}]
sensitivity_seeds = 20
seeds = {{ finite_difference = 200, coupled = 30, relaxed = 2 }}
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def call(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_every_entry_of_a_verification_is_printed_and_written(config, tmp_path):
    result = call("verify-gradients", config, "--collect", tmp_path / "out.json", "--out", tmp_path / "runs" / "out")
    (card,) = cards(tmp_path / "runs")
    assert (card.kind, card.state, card.unit) == ("verification of gradients", "ended", "run")
    assert 0 < card.step <= card.total
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "out.json").read_text())
    assert len(rows) == 2 * 3 * len(NAMES)
    assert {row["estimator"] for row in rows} == {"coupled", "relaxed"}
    coupled = [row for row in rows if row["estimator"] == "coupled"]
    assert all(abs(row["ratio"] - 1) < 4.5 * row["ratio_error"] + 0.02 for row in coupled)
    assert "coupled" in result.output
    assert "signs" in result.output


def test_sensitivities_are_written_as_a_table_that_others_open_and_as_plots(config, tmp_path):
    result = call("sensitivity", config, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    table = pyarrow.parquet.read_table(tmp_path / "out" / "sensitivity.parquet")
    assert pyarrow.csv.read_csv(tmp_path / "out" / "sensitivity.csv").num_rows == table.num_rows == 3 * len(NAMES)
    (left,) = (row for row in table.to_pylist() if (row["parameter"], row["output"][0]) == ("contact_rate", "S"))
    assert left["derivative"] < -4 * left["standard_error"] < 0
    assert "Plotly.newPlot" in (tmp_path / "out" / "tornado.html").read_text()
    assert (tmp_path / "plotly.min.js").is_file()
    card = card_of("out", tmp_path / "out")
    assert (card.kind, card.state, card.step, card.total) == ("sensitivity", "ended", 20, 20)
    assert card.pages == ("tornado.html",)
    again = call("sensitivity", config, "--out", tmp_path / "out")
    assert isinstance(again.exception, ParameterError)


def test_an_unknown_problem_is_told_with_the_known_ones(config):
    result = call("verify-gradients", config, "--only", "rnig")
    assert isinstance(result.exception, ConfigError)
    assert "ring" in str(result.exception)


def test_a_problem_that_does_not_fit_into_memory_is_refused(config):
    config.write_text(SMALL.replace("agents = 300", "agents = 10_000_000").replace("steps = 12", "steps = 1_000"))
    result = call("sensitivity", config, "--out", config.parent / "out")
    assert isinstance(result.exception, ConfigError)
    assert "agent-steps" in str(result.exception)


def test_every_problem_of_the_example_can_be_set_up(monkeypatch):
    monkeypatch.chdir(ROOT)
    loaded = load(EXAMPLE)
    assert [each.name for each in loaded.model[:4]] == ["homogeneous", "workplace", "city", "ward"]
    for each in loaded.model[:2]:
        assert set(each.seeds) == {*ESTIMATORS, "finite_difference"}
        assert setup_of(each, seed=1).theta.names == NAMES


def test_the_epidemic_of_an_earlier_version_is_refused_with_what_to_write(config):
    config.write_text(SMALL.replace("[[model]]", "[[problem]]"))
    result = call("verify-gradients", config)
    assert isinstance(result.exception, ConfigError)
    assert "write [[model]] with a model by its name" in str(result.exception)


@pytest.fixture
def ward(tmp_path):
    return write_ward(tmp_path)


def test_a_runs_own_people_and_table_have_derivatives_by_the_tables_own_names(ward, tmp_path):
    result = call("sensitivity", ward, "--out", tmp_path / "out", "--output", "S", "--parameter", "beta.near")
    assert result.exit_code == 0, result.output
    (row,) = pyarrow.parquet.read_table(tmp_path / "out" / "sensitivity.parquet").to_pylist()
    assert (row["parameter"], row["output"]) == ("beta.near", "S at the end")
    assert row["derivative"] < -4 * row["standard_error"] < 0
    (tmp_path / "gradients.toml").write_text(
        """
        relative_error = 0.3
        [[model]]
        name = "own"
        run = "ward.toml"
        only = ["beta.near", "cell_beta", "infectious", "initial"]
        outputs = [{ series = "S" }]
        seeds = { finite_difference = 3_000, coupled = 300, score = 3_000, relaxed = 2 }
        """
    )
    verified = call("verify-gradients", tmp_path / "gradients.toml", "--collect", tmp_path / "out.json")
    assert verified.exit_code == 0, verified.output
    rows = json.loads((tmp_path / "out.json").read_text())
    assert {row["parameter"] for row in rows} == {"beta.near", "cell_beta", "infectious", "initial"}
    assert "the table [model], people.csv" in " ".join(verified.output.split())
    near = [row for row in rows if row["estimator"] != "relaxed"]
    assert all(row["sign_agrees"] and abs(row["ratio"] - 1) < 4.5 * row["ratio_error"] + 0.05 for row in near)


def test_sensitivities_of_people_who_are_known_to_be_ill_for_days_are_written(ward, tmp_path):
    write_ward(ward.parent, since=1)
    result = call("sensitivity", ward, "--out", tmp_path / "out", "--output", "S", "--parameter", "infectious")
    assert result.exit_code == 0, result.output
    (row,) = pyarrow.parquet.read_table(tmp_path / "out" / "sensitivity.parquet").to_pylist()
    assert row["derivative"] < 0


def test_a_mistake_in_own_people_is_the_line_that_a_run_would_give(ward, tmp_path):
    ward.with_name("people.csv").write_text("\n".join([PEOPLE[0].replace("stage", "stagge"), *PEOPLE[1:]]) + "\n")
    result = call("sensitivity", ward, "--out", tmp_path / "out")
    assert isinstance(result.exception, DataError)
    assert "stagge" in str(result.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["city", "risk", "hospitals"])
def test_configurations_of_something_else_are_refused_by_what_they_lack(name):
    result = call("verify-gradients", ROOT / "examples" / f"{name}.toml")
    assert isinstance(result.exception, ConfigError)
    assert "neither [[model]]" in str(result.exception)


def test_a_problem_has_a_model_or_a_run(config):
    config.write_text(SMALL.replace("steps = 12", 'run = "ward.toml"'))
    result = call("verify-gradients", config)
    assert isinstance(result.exception, ConfigError)
    assert "either a model" in str(result.exception)


def test_a_model_by_its_name_is_verified_and_what_has_no_score_is_told_so(tmp_path):
    path = tmp_path / "model.toml"
    path.write_text(
        """
        relative_error = 0.5
        [[model]]
        name = "jobs"
        model = "work"
        agents = 40
        steps = 4
        columns = { wage = [80, 120], reserve = [0, 300], caution = [1, 4] }
        parameters = { layoff = 0.4, price = 4 }
        only = ["layoff", "price", "unemployment"]
        outputs = [{ series = "EMPLOYED" }, { series = "payments", first = 0, last = 4 }]
        seeds = { finite_difference = 400, coupled = 200, score = 400 }
        """
    )
    result = call("verify-gradients", path, "--collect", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "out.json").read_text())
    assert {row["parameter"] for row in rows} == {"layoff", "price", "unemployment"}
    assert all((row["value"] is None) == (row["parameter"] == "price") == bool(row["why_none"]) for row in rows)
    layoff = [row for row in rows if row["parameter"] == "layoff"]
    assert {row["output"] for row in layoff} == {"EMPLOYED at the end", "payments in 0 to 4"}
    assert all(row["sign_agrees"] and abs(row["ratio"] - 1) < 4.5 * row["ratio_error"] for row in layoff)
    whole = "moves by 1 at least, so differences, from 3 to 5, are no derivative"
    assert f"none by price: acts through a comparison (less_equal); {whole}" in " ".join(result.output.split())
    table = call("sensitivity", path, "--out", tmp_path / "out", "--output", "EMPLOYED")
    assert table.exit_code == 0, table.output
    rows = pyarrow.parquet.read_table(tmp_path / "out" / "sensitivity.parquet").to_pylist()
    assert {row["parameter"]: row["note"] for row in rows} == {"layoff": "", "price": whole, "unemployment": ""}
    assert all(np.isfinite(row["derivative"]) and (row["note"] or row["derivative"] < 0) for row in rows)


def test_a_name_alone_is_enough_and_a_parameter_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "out"
    unknown = call("sensitivity", "opinion", "--out", path, "--parameter", "strat")
    assert isinstance(unknown.exception, ParameterError)
    assert "attention, leaning, start, wavering" in str(unknown.exception)
    result = call("sensitivity", "opinion", "--out", path, "--parameter", "start", "--output", "YES", "--steps", "2")
    assert result.exit_code == 0, result.output
    assert pyarrow.parquet.read_table(path / "sensitivity.parquet").num_rows == 1


def test_at_the_bounds_of_parameters_differences_are_to_one_side(config, tmp_path):
    config.write_text(
        SMALL.replace("initial = 0.05", "initial = 0.0")
        .replace("reduction = 0.3", "reduction = 0.0")
        .replace("coupled = 30, relaxed = 2", "coupled = 40, score = 10")
    )
    result = call("verify-gradients", config, "--collect", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    rows = [row for row in json.loads((tmp_path / "out.json").read_text()) if row["output"] == "S at the end"]
    initial = {row["estimator"]: row for row in rows if row["parameter"] == "initial"}
    assert initial["score"]["value"] is None
    assert initial["coupled"]["finite_difference"] < -1
    assert abs(initial["coupled"]["ratio"] - 1) < 4.5 * initial["coupled"]["ratio_error"] + 0.05
    others = [row for row in rows if row["parameter"] != "initial"]
    assert all(row["finite_difference"] == row["value"] == 0 and row["holds"] for row in others)
