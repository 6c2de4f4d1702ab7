"""`lpm assimilate`: a calibration follows new rows of its own tables."""

import asyncio
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import lpm_secure as lpm
from tests.few_hospitals import MODEL
from tests.integration.conftest import call

CONFIG = f"""
name = "wards"
seed = 3

[data]
series = "series.csv"
institutions = "institutions.csv"
places = "places.csv"
period_days = 7
start = 2026-01-05
fit_periods = 5
forecast_periods = 1
{MODEL}
[fit]
rounds = 6
draws = 2

[assimilation]
rounds = 3

[federation]
min_cohort = 3
"""
DAYS = [f"2026-{month:02}-{day:02}" for month, day in ((1, 5), (1, 12), (1, 19), (1, 26), (2, 2), (2, 9), (2, 16))]


def write_tables(folder: Path, weeks: int, *, wards: int = 4) -> None:
    """Write the tables as they are after so many weeks."""
    rows = [
        f"ward-{ward},{day},{4 + ward + 2 * week}" for ward in range(wards) for week, day in enumerate(DAYS[:weeks])
    ]
    (folder / "series.csv").write_text("institution,date,value\n" + "\n".join(rows) + "\n")
    (folder / "institutions.csv").write_text(
        "institution,place\n" + "\n".join(f"ward-{ward},town" for ward in range(wards))
    )
    (folder / "places.csv").write_text("place,group,population\ntown,young,9000\ntown,old,3000\n")


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("assimilate")
    (folder / "wards.toml").write_text(CONFIG)
    write_tables(folder, 5)

    async def cell() -> lpm.Analysis[Any]:  # as a notebook has it, where a loop runs already
        return lpm.calibrate(folder / "wards.toml", out=folder / "runs")

    assert asyncio.run(cell()).names[0] == "calibration"
    return folder


def test_nothing_to_follow_and_no_calibration_are_one_line(calibrated: Path) -> None:
    write_tables(calibrated, 5)
    nothing = call("assimilate", "wards.toml", cwd=calibrated)
    assert nothing.returncode == 2
    assert "the calibration is of 5 periods, and 5 are known; add rows of later ones" in nothing.stderr
    elsewhere = call("assimilate", "wards.toml", "--out", "elsewhere", cwd=calibrated)
    assert elsewhere.returncode == 2
    assert "has no calibration to go on from; begin with lpm calibrate" in elsewhere.stderr


def test_new_weeks_are_followed_as_they_come_and_over_processes_to_the_same_bits(calibrated: Path) -> None:
    results, runs = calibrated / "runs" / "wards-assimilation", {}
    for name, changed in (("pooled", CONFIG), ("native", CONFIG + 'transport = "native"\n')):
        (calibrated / "wards.toml").write_text(changed)
        for weeks in (6, 7):
            write_tables(calibrated, weeks)
            done = call("assimilate", "wards.toml", cwd=calibrated)
            assert done.returncode == 0, done.stderr
        rows = read_rows(results / "assimilation.csv")
        assert [(row["period"], row["reports"], row["rounds"]) for row in rows] == [("6", "4", "3"), ("7", "4", "3")]
        assert rows[0]["wis"] != ""  # of the week that has come since
        assert rows[1]["wis"] == ""
        periods = sorted((results / "periods").iterdir())
        runs[name] = [load_file(each / "forecast.safetensors") for each in periods]
        results.rename(calibrated / name)
    for pooled, native in zip(runs["pooled"], runs["native"], strict=True):
        assert {key: values.tolist() for key, values in pooled.items()} == {
            key: values.tolist() for key, values in native.items()
        }
    assert list((calibrated / "native" / "periods" / "origin-006" / "parties").glob("run-*"))


def test_a_week_that_was_followed_is_not_followed_again_and_a_changed_past_is_refused(calibrated: Path) -> None:
    (calibrated / "wards.toml").write_text(CONFIG)
    write_tables(calibrated, 7)
    results = calibrated / "runs" / "wards-assimilation"
    first = call("assimilate", "wards.toml", "--refit-every", "1", "--json", cwd=calibrated)
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout)
    scored, last = told["rows"]
    assert told["ratio_to_refits"]["wis"] == pytest.approx(scored["wis"] / scored["wis_refit"])
    assert scored["wis"] != scored["wis_refit"]
    assert last["wis_refit"] is None  # nothing has come since
    kept = results / "periods" / "origin-006" / "forecast.safetensors"
    before = kept.stat().st_mtime_ns
    assert call("assimilate", "wards.toml", cwd=calibrated).returncode == 0
    assert kept.stat().st_mtime_ns == before
    table = calibrated / "series.csv"
    table.write_text(table.read_text().replace("ward-0,2026-01-05,4", "ward-0,2026-01-05,5"))
    changed = call("assimilate", "wards.toml", cwd=calibrated)
    assert changed.returncode == 2
    assert "series whose first 5 periods were others" in changed.stderr
    write_tables(calibrated, 7, wards=3)
    fewer = call("assimilate", "wards.toml", cwd=calibrated)
    assert fewer.returncode == 2
    assert "has a fit of another configuration, of other institutions or places," in fewer.stderr


def test_the_forecast_has_a_row_for_each_series_and_week_ahead(calibrated: Path) -> None:
    write_tables(calibrated, 7)

    async def cell() -> lpm.Analysis[Any]:
        return lpm.assimilate(calibrated / "wards.toml", out=calibrated / "runs", ahead=3)

    found = asyncio.run(cell())
    rows = read_rows(calibrated / "runs" / "wards-assimilation" / "forecast.csv")
    assert found.to_arrow("forecast")["q0.5"].to_pylist() == [float(row["q0.5"]) for row in rows]
    assert [row["period"] for row in rows[:3]] == ["2026-02-23", "2026-03-02", "2026-03-09"]
    assert {row["series"] for row in rows} == {f"ward-{ward}" for ward in range(4)}
    own = np.array([[float(value) for key, value in row.items() if key.startswith("q")] for row in rows])
    assert (np.diff(own, axis=1) >= 0).all()
