"""A city run as a person meets it: results, files, going on after SIGKILL, and one line for each mistake."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "city.toml"
KILLS, ATTEMPTS = 3, 20


def lpm(*arguments, cwd, wait=True):
    """Run `lpm`, and return what happened, or the process."""
    command = [sys.executable, "-m", "lpm_secure.cli", *map(str, arguments)]
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "XDG_CACHE_HOME": str(cwd / "cache")}
    if not wait:
        return subprocess.Popen(
            command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ | paths
        )
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=240, env=os.environ | paths)


@pytest.fixture
def config(tmp_path):
    """Return a function that writes a small configuration of a generated population, with lines replaced."""

    def write(*replaced):
        text = EXAMPLE.read_text().replace("100_000", "2_000").replace("quarters = 0.10\n", "")
        for old, new in (('kind = "nyc"', 'kind = "look_alike"'), ("initial = 0.0005", "initial = 0.01"), *replaced):
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "run.toml"
        path.write_text(text)
        return path

    return write


def series_of(done):
    """Return the hash of the series that a run printed."""
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("series ")]
    return line.split()[-1]


def test_a_city_run_leaves_a_folder_that_pandas_and_a_browser_open(config, tmp_path):
    done = lpm("run", config(), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    found = json.loads((folder / "run.json").read_text())
    assert found["sha256"] == series_of(done)
    assert 0.2 < found["attack_rate"] < 0.95
    rows = (folder / "series.csv").read_text().splitlines()
    assert len(rows) == 1 + 181
    last = dict(zip(rows[0].replace('"', "").split(","), rows[-1].split(","), strict=True))
    assert sum(int(last[stage]) for stage in "SEAMHRD") == 2_000
    assert (folder / "series.parquet").exists()
    report = (folder / "report.html").read_text()
    assert "GENERATED LOOK-ALIKE" in report
    assert "<script src" not in report
    assert not (folder / "checkpoint.lpm").exists()


def test_torch_and_numba_give_the_same_series(config, tmp_path):
    numba = lpm("run", config(), cwd=tmp_path)
    torch = lpm("run", config(('backend = "numba"', 'backend = "torch"')), cwd=tmp_path)
    assert torch.returncode == 0, torch.stderr
    assert series_of(torch) == series_of(numba)


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_a_run_killed_at_random_moments_resumes_to_the_same_series(config, tmp_path, backend):
    slow = config(("days = 180", "days = 1_500"), ("every_s = 30.0", "every_s = 0.0"), ('"numba"', f'"{backend}"'))
    whole = lpm("run", slow, "--out", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    chance = random.Random(5)
    days = set()
    for _ in range(ATTEMPTS):
        process = lpm("run", slow, "--resume", cwd=tmp_path, wait=False)
        try:
            process.wait(chance.uniform(1.0, 4.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.communicate()
        files = list(tmp_path.glob("runs/*/checkpoint.lpm"))
        days |= {file.stat().st_mtime_ns for file in files}
        if len(days) >= KILLS or process.returncode == 0:
            break
    assert days  # at least one kill came after a checkpoint
    last = lpm("run", slow, "--resume", cwd=tmp_path)
    assert last.returncode == 0, last.stderr
    assert "gone on from day" in last.stdout
    assert series_of(last) == series_of(whole)
    again = lpm("run", slow, "--resume", cwd=tmp_path)
    assert series_of(again) == series_of(whole)


@pytest.fixture
def interrupted(config, tmp_path):
    """Return a configuration whose run was killed after its first checkpoint, and the checkpoint."""
    path = config(("days = 180", "days = 5_000"), ("every_s = 30.0", "every_s = 0.0"))
    process = lpm("run", path, cwd=tmp_path, wait=False)
    until = time.monotonic() + 60
    while not (found := list(tmp_path.glob("runs/*/checkpoint.lpm"))) and time.monotonic() < until:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    return path, found[0]


def refused(tmp_path, path):
    """Return the line in which a resume is refused."""
    done = lpm("run", path, "--resume", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("lpm: ")]
    return line


def test_a_changed_configuration_or_a_damaged_checkpoint_is_refused(interrupted, tmp_path):
    path, checkpoint = interrupted
    text = path.read_text()
    path.write_text(text.replace("seed = 1\ndays", "seed = 2\ndays"))
    assert "is of another configuration" in refused(tmp_path, path)
    path.write_text(text)
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    assert "is damaged" in refused(tmp_path, path)


def test_a_checkpoint_of_another_population_is_refused(interrupted, tmp_path):
    path, checkpoint = interrupted
    from lpm_secure.engine.checkpoint import save

    save(checkpoint, {}, run="another")
    assert "of the run another" in refused(tmp_path, path)


def test_private_runs_refuse_to_resume(tmp_path):
    assert "has private agents" in refused(tmp_path, EXAMPLE.with_name("workplace.toml"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("days = 180", "dayz = 180", "did you mean `days`"),
        ("household = 0.15", "houshold = 0.15", "beta names the setting houshold"),
        ('setting = "school"', 'setting = "pub"', "names the setting pub"),
        ("ages = [0, 20, 40, 60, 75]", "ages = [5, 20]", "first years of the bands must rise"),
        ("hospital = [0.002, 0.01, 0.04, 0.10, 0.20]", "hospital = [0.1, 0.2]", "has 2 values for 5 ages"),
        ("death = [0.00002, 0.0003, 0.005, 0.02, 0.08]", "death = [0.5]", "death is at most hospital"),
        ('kind = "look_alike"', 'path = "none.lpmpop"', "a population needs either a path"),
        ('kind = "look_alike"', 'kind = "paris"', "paris"),
        ("coverage = 0.2", "coverage = 1.2", "<= 1.0"),
        ('backend = "numba"', 'backend = "jax"', "got 'jax'"),
        ("initial = 0.01", "initial = nan", "nan"),
        ("household = 0.15", "household = 900_000.0", "could reach 2**"),
        ("[population]", '[private]\ndataset = "look_alike"\n[population]', "has both [private] and [population]"),
    ],
)
def test_a_mistake_in_a_city_is_one_line_and_exit_code_2(config, tmp_path, old, new, said):
    done = lpm("run", config((old, new)), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("lpm: ")]
    assert said in line
    assert done.stdout == ""
