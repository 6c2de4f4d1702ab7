"""`lpm verify-gradients` and `lpm sensitivity`, as a person calls them."""

import json
from pathlib import Path

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from lpm_secure.analysis.sensitivity.build import ESTIMATORS, people_of, totals
from lpm_secure.analysis.sensitivity.config import load
from lpm_secure.cli.main import app
from lpm_secure.gradients.problem.theta import NAMES
from protocols.errors import ConfigError, ParameterError

EXAMPLE = Path(__file__).parents[2] / "examples" / "gradients.toml"
SMALL = """
relative_error = 0.5

[[problem]]
name = "ring"
population = "homogeneous"
agents = 300
degree = 4
steps = 12
theta = { beta = 0.2, latent = 1.5, infectious = 3.0, initial = 0.05, reduction = 0.3, efficacy = 0.6 }
latent_sd = 0.5
infectious_sd = 1.0
reduction_from = 4
vaccinated = 0.4
hospital = [0.05]
peak_width = 0.05
windows = [[0, 6], [6, 12]]
sensitivity_seeds = 20
seeds = { finite_difference = 200, coupled = 150, mean_field = 2, gumbel = 10 }
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


def call(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_every_entry_of_a_verification_is_printed_and_written(config, tmp_path):
    result = call("verify-gradients", config, "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "out.json").read_text())
    assert len(rows) == 3 * 3 * len(NAMES)
    assert {row["estimator"] for row in rows} == {"coupled", "mean_field", "gumbel"}
    coupled = [row for row in rows if row["estimator"] == "coupled"]
    assert all(abs(row["ratio"] - 1) < 4.5 * row["ratio_error"] + 0.02 for row in coupled)
    assert "coupled" in result.output
    assert "signs" in result.output


def test_sensitivities_are_written_as_a_table_that_others_open_and_as_plots(config, tmp_path):
    result = call("sensitivity", config, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    table = pyarrow.parquet.read_table(tmp_path / "out" / "sensitivity.parquet")
    assert pyarrow.csv.read_csv(tmp_path / "out" / "sensitivity.csv").num_rows == table.num_rows == 5 * len(NAMES)
    rows = [row for row in table.to_pylist() if row["parameter"] == "beta" and row["output"].startswith("infections")]
    assert all(row["derivative"] > 0 and row["standard_error"] > 0 for row in rows)
    assert "Plotly.newPlot" in (tmp_path / "out" / "tornado.html").read_text()
    assert (tmp_path / "out" / "plotly.min.js").is_file()
    again = call("sensitivity", config, "--out", tmp_path / "out")
    assert isinstance(again.exception, ParameterError)


def test_totals_of_groups_and_windows_add_up(config):
    problem = load(config).problem[0]
    outputs = totals(problem, people_of(problem, seed=1))
    infections = [each for each in outputs if each.name.startswith("infections")]
    covered = np.zeros(problem.steps)
    for each in infections:
        covered[each.first : each.last] += 1
    assert (covered == 1).all()


def test_an_unknown_problem_is_told_with_the_known_ones(config):
    result = call("verify-gradients", config, "--only", "rnig")
    assert isinstance(result.exception, ConfigError)
    assert "ring" in str(result.exception)


def test_a_problem_that_does_not_fit_into_memory_is_refused(config):
    config.write_text(SMALL.replace("agents = 300", "agents = 10_000_000").replace("steps = 12", "steps = 1_000"))
    result = call("sensitivity", config, "--out", config.parent / "out")
    assert isinstance(result.exception, ConfigError)
    assert "agent-steps" in str(result.exception)


def test_the_example_names_every_estimator_for_every_problem():
    loaded = load(EXAMPLE)
    assert [each.name for each in loaded.problem] == ["homogeneous", "workplace", "city"]
    assert all(set(each.seeds) == {*ESTIMATORS, "finite_difference"} for each in loaded.problem)


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
        parameters = { layoff = 0.4 }
        only = ["layoff", "price", "unemployment"]
        outputs = [{ series = "EMPLOYED" }, { series = "payments", first = 0, last = 4 }]
        seeds = { finite_difference = 400, coupled = 200, score = 400 }
        """
    )
    result = call("verify-gradients", path, "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    rows = json.loads((tmp_path / "out.json").read_text())
    assert {row["parameter"] for row in rows} == {"layoff", "price", "unemployment"}
    assert all((row["value"] is None) == (row["parameter"] == "price") == bool(row["why_none"]) for row in rows)
    layoff = [row for row in rows if row["parameter"] == "layoff"]
    assert {row["output"] for row in layoff} == {"EMPLOYED at the end", "payments in 0 to 4"}
    assert all(row["sign_agrees"] and abs(row["ratio"] - 1) < 4.5 * row["ratio_error"] for row in layoff)
    assert "none by price: acts through a comparison (less_equal)" in result.output
    table = call("sensitivity", path, "--out", tmp_path / "out", "--output", "EMPLOYED")
    assert table.exit_code == 0, table.output
    rows = pyarrow.parquet.read_table(tmp_path / "out" / "sensitivity.parquet").to_pylist()
    assert len(rows) == 3
    assert all(np.isfinite(row["derivative"]) and row["derivative"] < 0 for row in rows)


def test_a_name_alone_is_enough_and_a_parameter_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "out"
    unknown = call("sensitivity", "opinion", "--out", path, "--parameter", "strat")
    assert isinstance(unknown.exception, ParameterError)
    assert "attention, leaning, start, wavering" in str(unknown.exception)
    result = call("sensitivity", "opinion", "--out", path, "--parameter", "start", "--output", "YES", "--steps", "2")
    assert result.exit_code == 0, result.output
    assert pyarrow.parquet.read_table(path / "sensitivity.parquet").num_rows == 1


def test_options_of_models_are_refused_for_other_problems(config):
    result = call("verify-gradients", config, "--parameter", "beta")
    assert isinstance(result.exception, ParameterError)
    assert "only: for models by name" in str(result.exception)


def test_at_the_bounds_of_parameters_differences_are_to_one_side(config, tmp_path):
    config.write_text(
        SMALL.replace("initial = 0.05, reduction = 0.3", "initial = 0.0, reduction = 0.0").replace(
            "coupled = 150, mean_field = 2, gumbel = 10", "coupled = 150, score = 10"
        )
    )
    result = call("verify-gradients", config, "--json", tmp_path / "out.json")
    assert result.exit_code == 0, result.output
    rows = [row for row in json.loads((tmp_path / "out.json").read_text()) if row["output"] == "attack_rate"]
    initial = {row["estimator"]: row for row in rows if row["parameter"] == "initial"}
    assert initial["score"]["value"] is None
    assert initial["coupled"]["finite_difference"] > 1
    assert abs(initial["coupled"]["ratio"] - 1) < 4.5 * initial["coupled"]["ratio_error"] + 0.05
    others = [row for row in rows if row["parameter"] != "initial"]
    assert all(row["finite_difference"] == row["value"] == 0 and row["holds"] for row in others)
