"""`lpm run` of active runs over real processes: what a model or a manifest asks for beside bits, as in the clear."""

import json
from pathlib import Path

import pytest

from tests.integration.conftest import run_identical

ROOT = Path(__file__).parent.parent.parent
CONFIG = """
name = "active"
seed = 3
steps = 3
model = "{model}"
{tables}
[private]
dataset = "look_alike"
clients = "group"
security = "active"
{columns}
[protocol]
mode = "outcome"
aggregators = 2
min_cohort = 5
{protocol}
"""
START = "[parameters]\nstart = 0.35"
COLUMNS = "[private.columns]\ndoubt = [5, 60]\nshare = [1, 4]"
RUNS = {
    "exact sums": {"model": "tests.user_models:Averaging"},
    "small counts": {"model": "seir", "tables": "[parameters]\ninitial = 0.3", "protocol": "min_count = 5"},
    "private weights": {"model": "examples.opinion.opinion:OfficeOpinion", "tables": START, "columns": COLUMNS},
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in RUNS])
def test_an_active_run_over_processes_equals_the_clear_run(tmp_path, name):
    config = tmp_path / "active.toml"
    config.write_text(CONFIG.format(**{"tables": "", "columns": "", "protocol": ""} | RUNS[name]))
    _, made = run_identical(config, tmp_path)
    series = [line.split(",") for line in (made / "series.csv").read_text().splitlines()]
    assert len({tuple(line[1:]) for line in series[1:]}) > 1  # something happened
    assert json.loads((made / "manifest.json").read_text())["security"] == "active"
