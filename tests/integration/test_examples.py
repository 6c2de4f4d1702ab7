"""`lpm run` of examples: models over real processes, none of which imports them, between two and three operators."""

import csv
import json
import re
from pathlib import Path

import pytest

from tests.integration.conftest import run_identical

ROOT = Path(__file__).parent.parent.parent


def _run(name, steps, folder):
    """Run an example, shortened and over generated contacts, and return what it printed and its folder."""
    text = (ROOT / "examples" / f"{name}.toml").read_text()
    config = folder / f"{name}.toml"
    config.write_text(re.sub("(?m)^steps = .*", f"steps = {steps}", text.replace("workplace_invs15", "look_alike")))
    return run_identical(config, folder)


def test_two_strains_between_three_operators_run_as_in_the_clear(tmp_path):
    _, folder = _run("three_operators", 3, tmp_path)
    figures = json.loads((folder / "run.json").read_text())
    assert figures["tally_private"].keys() == {"S", "E_A", "E_B", "I_A", "I_B", "R"}
    assert {path.name for path in (folder / "parties").glob("aggregator-*")} == {f"aggregator-{i}" for i in range(3)}


@pytest.mark.slow
def test_own_people_with_known_states_run_over_processes_as_in_the_clear(tmp_path):
    printed, folder = run_identical("examples/ward.toml", tmp_path)
    assert "people.csv: 47 people, 694 contacts" in printed
    figures = json.loads((folder / "run.json").read_text())
    wards = {"emergency", "radiology", "ward-3-east", "ward-3-west"}
    assert figures["clients"].keys() == wards
    ends = []
    for ward in wards:
        rows = (folder / "parties" / ward / "outcomes.csv").read_text().splitlines()[1:]
        last = {row.split(",")[1]: row.rsplit(",", 1)[1] for row in rows}
        ends += last.values()
    assert {stage: ends.count(stage) for stage in "SEIR"} == figures["tally_private"]


@pytest.mark.slow
def test_a_network_in_an_environment_runs_over_processes_as_in_the_clear(tmp_path):
    _, folder = _run("council", 8, tmp_path)
    rows = list(csv.DictReader((folder / "series.csv").read_text().splitlines()))
    told = [int(row["public_advice"]) for row in rows[:-1]]
    assert len(set(told)) > 2  # it follows what is released
    parties = [path.name for path in (folder / "parties").iterdir()]
    assert {"engine", "dealer", "aggregator-0", "dse"} <= set(parties)


@pytest.mark.slow
def test_a_model_of_ones_own_runs_over_processes_as_in_the_clear(tmp_path):
    printed, folder = _run("opinion", 6, tmp_path)
    assert "at the end, private agents" in printed
    figures = json.loads((folder / "run.json").read_text())
    assert figures["tally_private"].keys() == {"NO", "YES", "reluctant"}
    people = (folder / "parties" / "dse" / "people.csv").read_text().splitlines()
    assert people[0] == '"agent","doubt","share"'
    series = (folder / "series.csv").read_text().splitlines()
    assert "private_left_NO" in series[0]
    assert len(series) == 1 + 7
    report = (folder / "report.html").read_text()
    assert "a bit: yes above a private threshold (told once)" in report
    assert "left NO, less returns" in report
