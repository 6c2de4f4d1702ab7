"""What `lpm new-model` writes can be checked, tested and run as it is; and it writes over nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lpm_secure.cli.main import app
from lpm_secure.config.simulation import load
from lpm_secure.run.jobs import simulate_clear
from protocols.errors import ParameterError

ROOT = Path(__file__).parents[4]


def lpm(*arguments):
    """Run a command in this process, and return what it printed, or raise its mistake."""
    done = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200"})
    if isinstance(done.exception, ParameterError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_a_new_package_is_checked_tested_and_run_by_the_commands_that_it_prints(folder):
    commands = [line.strip().split() for line in lpm("new-model", "small_talk").splitlines()[1:]]
    assert commands == [
        ["lpm", "check-model", "small_talk.model:SmallTalk"],
        ["python", "-m", "pytest", "small_talk"],
        ["lpm", "run", "small_talk/run.toml"],
    ]
    assert sorted(path.name for path in (folder / "small_talk").iterdir()) == [
        "README.md",
        "__init__.py",
        "model.py",
        "run.toml",
        "test_model.py",
    ]
    assert "back ends: identical (numpy, numba)" in lpm(*commands[0][1:])
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    tested = subprocess.run(
        [sys.executable, *commands[1][1:]], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout
    series = simulate_clear(load(folder / commands[2][-1]), device="cpu")
    assert series.names == ("UNAWARE", "AWARE")
    assert series.counts[-1, 0, 1] > series.counts[0, 0, 1] > 0


def test_what_is_written_runs_in_the_clear(folder):
    lpm("new-model", "tiny_waves")
    series = simulate_clear(load(folder / "tiny_waves" / "run.toml"), device="cpu")
    assert series.names == ("UNAWARE", "AWARE")
    assert series.counts[-1, 0, 1] > series.counts[0, 0, 1] > 0


def test_nothing_is_written_over(folder):
    lpm("new-model", "first_one")
    (folder / "first_one" / "model.py").write_text("mine")
    with pytest.raises(ParameterError, match="is there already, and stays as it is"):
        lpm("new-model", "first_one")
    assert (folder / "first_one" / "model.py").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["../outside", "Two", "a b", "1st", "class", "", "a" * 41, "a-b", "numpy", "lpm_secure"]
)
def test_a_name_that_is_no_packages_or_taken_is_refused_in_one_line(folder, name):
    with pytest.raises(ParameterError) as caught:
        lpm("new-model", name)
    assert "\n" not in str(caught.value)
    assert list(folder.iterdir()) == []
