"""`lpm calibrate` from end to end, on made-up hospitals of a small city."""

import csv
import json
import os
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lpm_secure.calibration import config as configs
from lpm_secure.calibration import figures, job
from lpm_secure.cli.main import app
from lpm_secure.data import catalogue
from protocols.errors import ConfigError, ParameterError
from tests.few_hospitals import FEW

EXAMPLE = Path(__file__).parents[2] / "examples" / "hospitals.toml"
SMALL = f"""{FEW}checkpoint_rounds = 3
[noise]
epsilons = [4.0]
rounds = 2
"""


@pytest.fixture
def given(tmp_path):
    path = tmp_path / "few.toml"
    path.write_text(SMALL)
    return path


def lpm(path, *options):
    folder = path.parent
    arguments = ["calibrate", str(path), "--out", str(folder), "--collect", str(folder / "all.json"), *options]
    return CliRunner().invoke(app, arguments)


def test_the_command_leaves_tables_figures_and_a_report(given):
    (given.parent / "all.json").write_text('{"other": 1}')
    done = lpm(given)
    assert done.exit_code == 0, done.exception
    assert "persistence" in done.output
    assert "epsilon     4" in done.output
    folder = given.parent / "few"
    found = json.loads((given.parent / "all.json").read_text())
    assert found["other"] == 1
    assert found["rounds"] == 8
    assert found["simulations"] == 16
    assert found["ledger"]["epsilon"] is None
    assert {row["epsilon"] for row in found["noise"]} == {4.0, None}
    for name in ("calibration.csv", "calibration_posterior.csv", "calibration_scores.csv"):
        with (folder / name).open() as file:
            assert list(csv.DictReader(file)), name
    report = (folder / "report.html").read_text()
    for said in (
        "MADE UP, NOT REAL DATA",
        "institution-6",
        "persistence",
        "plays all parties",
        "all that one institution",
    ):
        assert said in report, said
    for path in (folder / "institutions").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list((folder / "institutions").iterdir())) == 6
    rounds = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    assert [each["step"] for each in rounds if each["event"] == "fit"] == list(range(1, 9))
    (last,) = (each for each in rounds if each["event"] == "fit" and each["step"] == 8)
    assert last["members"] == 6
    assert isinstance(last["loss"], float)
    assert {band["name"] for band in last["posterior"]} == {"reproduction", "prevalence", "rate", "stay_days"}
    assert len(last["forecast"]["median"]) == 6  # of all places together, and of no institution


def test_a_second_calibration_leaves_the_first_one_as_it_is(given):
    given.write_text(SMALL.partition("[noise]")[0])
    folder = given.parent
    assert lpm(given).exit_code == 0
    before = {file.name: file.read_bytes() for file in (folder / "few").iterdir() if file.is_file()}
    given.write_text(given.read_text().replace("seed = 2", "seed = 3"))
    done = lpm(given)
    assert done.exit_code == 0, done.exception
    assert str(folder / "few-2" / "report.html") in done.output
    assert {file.name: file.read_bytes() for file in (folder / "few").iterdir() if file.is_file()} == before
    again = lpm(given, "--resume", "--json")  # of the last one, which is finished
    assert again.exit_code == 0
    assert json.loads(again.stdout)["rounds"] == 8
    assert not (folder / "few-3").exists()


def test_over_processes_the_command_ends_with_how_to_audit_it(given):
    given.write_text(SMALL.partition("[noise]")[0])
    done = lpm(given, "--transport", "native")
    assert done.exit_code == 0, done.exception
    said = next(line for line in done.output.splitlines() if line.startswith("audit "))
    audited = CliRunner().invoke(app, [*said.split()[2:], "--no-build-checks"])
    assert audited.exit_code == 0, audited.output


def test_an_interrupted_fit_goes_on_to_the_same_figures(given, tmp_path):
    config = configs.load(given)
    whole = job.calibrate(config, tmp_path / "whole")

    def interrupt(fit):
        if fit.round == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.calibrate(config, tmp_path / "part", on_round=interrupt)
    with pytest.raises(ParameterError, match="--resume"):
        job.calibrate(config, tmp_path / "part")
    for old, new in (("[fit]", "[federation]\nclip = 9.0\n[fit]"), ("simulated = 6", "simulated = 7")):
        given.write_text(SMALL.replace(old, new))
        with pytest.raises(ParameterError, match="is of another fit"):
            job.calibrate(configs.load(given), tmp_path / "part", resume=True)
    resumed = job.calibrate(config, tmp_path / "part", resume=True)
    assert resumed.rounds == 5  # from the checkpoint of round 3
    assert resumed.fit.simulations == whole.fit.simulations
    assert (resumed.fit.draws(9, seed=1) == whole.fit.draws(9, seed=1)).all()
    assert resumed.scores == whole.scores
    assert figures.spending(resumed)["openings"] == figures.spending(whole)["openings"] == 8
    job.calibrate(config, tmp_path / "part")  # what is finished may begin anew
    own = next((tmp_path / "part" / job.INSTITUTIONS).iterdir())
    own.write_text("{}")
    with pytest.raises(ParameterError, match="start the fit anew"):
        job.calibrate(config, tmp_path / "part", resume=True)


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ("workplace.toml", r"has \[private\], and .* a table \[fit\] beside \[gradient\]"),
        ("city.toml", "lpm sensitivity"),
    ],
)
def test_a_configuration_of_people_is_refused_with_what_takes_it(example, said):
    with pytest.raises(ConfigError, match=said) as caught:
        configs.load(EXAMPLE.parent / example)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("fit_periods = 6", "fit_periodds = 6"), "did you mean `fit_periods`"),
        (("rounds = 8", "rounds = 0"), "Expected `int` >= 1"),
        (("[fit]", "[federation]\nmin_cohort = 7\n[fit]"), "there are 6 institutions"),
        (("[fit]", "[federation]\naggregators = 1\n[fit]"), "Expected `int` >= 2"),
        (("[fit]", "[federation]\nclip = 1e9\nbits = 40\n[fit]"), "below 2**63"),
    ],
)
def test_a_mistake_is_one_line(given, change, said):
    given.write_text(SMALL.replace(*change, 1))
    done = lpm(given)
    assert isinstance(done.exception, ParameterError)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)


def test_a_fit_with_noise_tells_its_cost_and_does_not_resume(given):
    given.write_text(SMALL.replace("[noise]", "[federation]\nepsilon = 4.0\nclip = 10.0\n[noise]"))
    done = lpm(given)
    assert done.exit_code == 0, done.exception
    found = json.loads((given.parent / "all.json").read_text())["ledger"]
    assert 0 < found["epsilon"] < 4.0  # the reserve is not used
    assert found["openings"] == 8
    assert isinstance(lpm(given, "--resume").exception, ConfigError)


def test_the_example_is_read_and_its_26_hospitals_are_found():
    config = configs.load(EXAMPLE)
    if any(catalogue.where(name) is None for name in ("ny_hospitals_weekly", "nyc_covid", "nyc_population")):
        pytest.skip("the data of New York City are not here; lpm data get")
    study = config.study()
    assert (len(study.names), study.fitted, study.ahead) == (26, 16, 8)
    assert (study.data.share.sum(axis=0) < 1.0).all()  # 16 smaller hospitals have the rest
    assert (study.data.share.sum(axis=0) > 0.5).all()
    assert study.data.events_a_day is not None
    assert 50 < study.data.events_a_day[0] < 60
    assert os.path.getsize(EXAMPLE) < 4096
