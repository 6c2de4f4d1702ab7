"""`lpm run examples/opinion.toml`: a model of one's own over real processes, none of which imports it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_a_model_of_ones_own_runs_over_processes_as_in_the_clear(tmp_path):
    text = (ROOT / "examples" / "opinion.toml").read_text()
    config = tmp_path / "opinion.toml"
    config.write_text(text.replace("workplace_invs15", "look_alike").replace("steps = 30", "steps = 6"))
    done = subprocess.run(
        [sys.executable, "-m", "lpm_secure.cli", "run", str(config), "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stderr
    assert "parity: identical" in done.stdout
    assert "at the end, private agents" in done.stdout
    (folder,) = tmp_path.glob("opinion-*/")
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
