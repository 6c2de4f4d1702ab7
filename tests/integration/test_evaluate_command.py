"""`lpm evaluate`, on made-up institutions of a small city."""

import json
from pathlib import Path

import pytest

from lpm_secure.monitor.runs import card_of
from tests.few_hospitals import MODEL
from tests.integration.conftest import call

CALIBRATION = f"""
name = "small"
seed = 3

[data]
simulated = 6
fit_periods = 6
forecast_periods = 2
{MODEL}
[fit]
rounds = 12
draws = 2
"""
EVALUATION = """
name = "small-evaluation"
calibration = "small.toml"
horizons = [1, 2]

[origins]
tuning = [4, 6]
judged = [8, 9]
anew_every = 2

[assimilation]
rounds = 4

[targets]
institutions = "wards"
"""
METHODS = ["model", "combined", "combined_baselines", "hub", "pooled_growth", "persistence"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "small.toml").write_text(CALIBRATION)
    (folder / "evaluation.toml").write_text(EVALUATION)
    done = call("evaluate", "evaluation.toml", "--collect", "all.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "printed").write_text(done.stdout)
    return folder


def test_every_method_has_a_row_for_each_target_horizon_and_origin(folder: Path) -> None:
    rows = json.loads((folder / "all.json").read_text())["rows"]
    assert {(row["target"], row["horizon"], row["origin"], row["half"]) for row in rows} == {
        (target, horizon, origin, "tuning" if origin < 8 else "judged")
        for target in ("wards", "public")
        for horizon in (1, 2)
        for origin in (4, 5, 6, 8, 9)
    }
    assert [row["method"] for row in rows[: len(METHODS)]] == METHODS
    for row in rows:
        assert row["wis"] > 0
        assert 0 <= row["held50"] <= row["held90"] <= 1
        assert row["method"] != "hub" or row["relative_to_hub"] == 1.0


def test_the_ledger_counts_the_fits_and_every_further_sum(folder: Path) -> None:
    ledger = json.loads((folder / "all.json").read_text())["ledger"]
    assert ledger[0]["sums"] == 12 + 4 + 12 + 12 + 4
    assert [row["sums"] for row in ledger[1:]] == [5] * 5
    assert all(row["institutions"] == 6 for row in ledger)


def test_it_prints_a_table_for_each_half_and_writes_tables_and_a_report(folder: Path) -> None:
    printed = (folder / "printed").read_text()
    assert "MADE UP" in printed
    assert "tuning origins: score relative to hub" in printed
    assert "judged origins: score relative to hub" in printed
    made = folder / "runs" / "small-evaluation"
    assert (made / "evaluation.csv").read_text().startswith("target,horizon,origin,half,method,wis,")
    assert "Where values came in forecasts" in (made / "report.html").read_text()


def test_a_second_run_takes_the_fits_that_are_there_and_makes_those_that_are_not(folder: Path) -> None:
    made, before = folder / "runs" / "small-evaluation", (folder / "all.json").read_bytes()
    kept = made / "origin-004" / "forecast.safetensors"
    written = kept.stat().st_mtime_ns
    (made / "origin-005" / "forecast.safetensors").unlink()
    (made / "origin-009" / "forecast.safetensors").write_bytes(b"half of a file")
    done = call("evaluate", "evaluation.toml", "--collect", "again.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert kept.stat().st_mtime_ns == written
    assert (folder / "again.json").read_bytes() == before
    card = card_of("small-evaluation", made)
    assert (card.kind, card.state, card.step, card.total) == ("evaluation", "ended", 44, 44)


def test_baselines_alone_need_no_fit(folder: Path) -> None:
    chosen = ("--baselines-only", "--half", "tuning", "--out", "other", "--collect", "made/here/baselines.json")
    done = call("evaluate", "evaluation.toml", *chosen, cwd=folder)
    assert done.returncode == 0, done.stderr
    figures = json.loads((folder / "made/here/baselines.json").read_text())
    assert [row["method"] for row in figures["rows"][:4]] == METHODS[2:]
    assert {row["half"] for row in figures["rows"]} == {"tuning"}
    assert not list((folder / "other").glob("*/origin-*"))
    whole = json.loads((folder / "all.json").read_text())["rows"]
    assert [row for row in whole if row["half"] == "tuning" and row["method"] in METHODS[2:]] == figures["rows"]


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("judged = [8, 9]", "judged = [6, 9]", "origins.judged begins at 6, and tuning ends at 6"),
        ("tuning = [4, 6]", "tuning = [6, 4]", "origins.tuning is [6, 4]; give the first one first"),
        ("anew_every = 2", "least_institutions = 7", "no origin has 7 institutions that report its last period, of 6"),
        ("horizons", "horizon", "did you mean"),
        ("[targets]", "[combination]\nprior = { modell = 2 }\n[targets]", "unknown field `modell`"),
    ],
)
def test_a_mistake_is_one_line(folder: Path, before: str, after: str, line: str) -> None:
    (folder / "wrong.toml").write_text(EVALUATION.replace(before, after))
    done = call("evaluate", "wrong.toml", cwd=folder)
    assert done.returncode == 2
    assert line in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_calibration_with_noise_is_refused(folder: Path) -> None:
    (folder / "noise.toml").write_text(CALIBRATION + "\n[federation]\nepsilon = 4.0\n")
    (folder / "wrong.toml").write_text(EVALUATION.replace("small.toml", "noise.toml"))
    done = call("evaluate", "wrong.toml", cwd=folder)
    assert done.returncode == 2
    assert "an evaluation opens sums of scores without noise" in done.stderr


def test_a_calibration_in_place_of_an_evaluation_is_refused_with_what_to_write(folder: Path) -> None:
    done = call("evaluate", "small.toml", cwd=folder)
    assert done.returncode == 2
    assert 'write a file beside it with calibration = "small.toml" and [origins]' in done.stderr
