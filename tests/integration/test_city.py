"""A city run as a person meets it: results, files, going on after SIGKILL, and one line for each mistake."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import final

import pytest

from lpm_secure import checkpoint as checkpoints
from lpm_secure.cli.main import main
from lpm_secure.data import catalogue
from lpm_secure.engine.backends.numba_backend import FOLDER
from lpm_secure.populations.synthesis import look_alike
from tests.repetitions import repetitions

EXAMPLE = Path(__file__).parents[2] / "examples" / "city.toml"
KILLS = repetitions(3)


@final
@dataclass(frozen=True)
class Done:
    """What a command printed, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def lpm(monkeypatch, tmp_path, capfd):
    """Return a function that runs a command in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["lpm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return Done(ended.value.code or 0, told.out, told.err)

    return call


@pytest.fixture
def started(tmp_path):
    """Return a function that starts a command as a process, which can be killed."""
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    own = tmp_path / "cache" / "lpm-secure" / FOLDER.name
    own.parent.mkdir(parents=True)
    own.symlink_to(FOLDER)  # populations are made anew, loops are not compiled anew

    def begin(*arguments):
        command = [sys.executable, "-m", "lpm_secure.cli", *map(str, arguments)]
        nothing = subprocess.DEVNULL
        return subprocess.Popen(command, cwd=tmp_path, stdout=nothing, stderr=nothing, env=os.environ | paths)

    return begin


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


def test_a_city_run_leaves_a_folder_that_pandas_and_a_browser_open(config, lpm, tmp_path):
    done = lpm("run", config())
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").glob("*/")
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
    assert "<script src=../plotly.min.js>" in report
    assert not (folder / "checkpoint.safetensors").exists()
    events = [json.loads(line) for line in (folder / "progress.jsonl").read_text().splitlines()]
    assert [event["step"] for event in events if event["event"] == "step"] == list(range(181))
    assert sum(events[-2]["values"][0][:7]) == 2_000
    assert events[-1]["outcome"] == "ended"


@pytest.mark.skipif(catalogue.where("nyc_population") is None, reason="nyc_population is not here: lpm data get it")
@pytest.mark.parametrize("agents", ["5_000", pytest.param("100_000", marks=pytest.mark.slow)])
def test_the_example_runs_in_the_city_that_it_names(agents, lpm, tmp_path):
    path = tmp_path / "city.toml"
    path.write_text(EXAMPLE.read_text().replace("agents = 100_000", f"agents = {agents}"))
    done = lpm("run", path)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").glob("*/")
    found = json.loads((folder / "run.json").read_text())
    assert found["population"] == f"New York City, {int(agents):,} synthetic agents"
    assert 0.2 < found["attack_rate"] < 0.8
    header = (folder / "series.csv").read_text().splitlines()[0]
    assert '"admissions_Staten_Island"' in header


def test_torch_and_numba_give_the_same_series(config, lpm):
    numba = lpm("run", config())
    torch = lpm("run", config(('backend = "numba"', 'backend = "torch"')))
    assert torch.returncode == 0, torch.stderr
    assert series_of(torch) == series_of(numba)


def written(tmp_path):
    """Return when a checkpoint was last written; 0 where there is none."""
    return max((file.stat().st_mtime_ns for file in tmp_path.glob("runs/*/checkpoint.safetensors")), default=0)


def kill_after_progress(process, tmp_path, pause):
    """Kill a process some seconds after it has written a checkpoint, if it still runs."""
    before, until = written(tmp_path), time.monotonic() + 60
    while process.poll() is None and written(tmp_path) == before and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize("backend", ["numba", pytest.param("torch", marks=pytest.mark.slow)])
def test_a_run_killed_at_random_moments_resumes_to_the_same_series(config, lpm, started, tmp_path, backend):
    path = config(("days = 180", "days = 800"), ("every_s = 30.0", "every_s = 0.0"), ('"numba"', f'"{backend}"'))
    whole = lpm("run", path, "--out", "whole")
    assert whole.returncode == 0, whole.stderr
    chance = random.Random(5)
    for _ in range(KILLS):
        kill_after_progress(started("run", path, "--resume"), tmp_path, chance.uniform(0.0, 0.4))
    assert written(tmp_path)  # it was not finished yet
    last = lpm("run", path, "--resume")
    assert last.returncode == 0, last.stderr
    assert "gone on from day" in last.stdout
    assert series_of(last) == series_of(whole)
    again = lpm("run", path, "--resume")  # a finished run is left as it is
    assert series_of(again) == series_of(whole)


def test_a_run_killed_before_its_first_checkpoint_begins_anew(config, lpm, started, tmp_path):
    path = config(("every_s = 30.0", "every_s = 80_000.0"))
    process = started("run", path)
    until = time.monotonic() + 60
    while not list(tmp_path.glob("runs/*/config.json")) and time.monotonic() < until:
        time.sleep(0.01)
    process.kill()
    process.wait()
    resumed = lpm("run", path, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert series_of(resumed) == series_of(lpm("run", path, "--out", "whole"))


@pytest.fixture
def interrupted(config, started, tmp_path):
    """Return a configuration whose run was killed after its first checkpoint, and the checkpoint."""
    path = config(("days = 180", "days = 5_000"), ("every_s = 30.0", "every_s = 0.0"))
    kill_after_progress(started("run", path), tmp_path, 0.0)
    (checkpoint,) = tmp_path.glob("runs/*/checkpoint.safetensors")
    return path, checkpoint


def refused(done):
    """Return the line in which a command is refused."""
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("lpm: ")]
    assert done.stdout == ""
    return line


def test_a_changed_configuration_or_a_damaged_checkpoint_is_refused(interrupted, lpm):
    path, checkpoint = interrupted
    text = path.read_text()
    path.write_text(text.replace("seed = 1\ndays", "seed = 2\ndays"))
    assert "is of another configuration" in refused(lpm("run", path, "--resume"))
    path.write_text(text)
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    assert "is damaged" in refused(lpm("run", path, "--resume"))
    checkpoints.save(checkpoint, {}, owner="another")
    assert "of another fit or run" in refused(lpm("run", path, "--resume"))


def test_another_run_of_a_longer_name_is_no_hindrance(config, lpm, tmp_path):
    (tmp_path / "runs" / "city-of-dreams-0123456789ab").mkdir(parents=True)
    (tmp_path / "runs" / "city-of-dreams-0123456789ab" / "config.json").write_text("{}")
    assert lpm("run", config(), "--resume").returncode == 0


def test_a_population_beside_the_configuration_is_used_and_a_damaged_one_refused(config, lpm, tmp_path):
    built = look_alike.build(tmp_path / "mine.lpmpop", agents=2_000, seed=1)
    lines = ('kind = "look_alike"', 'path = "mine.lpmpop"'), ("agents = 2_000\nseed = 1\n", "")
    mine = lpm("run", config(*lines))
    assert mine.returncode == 0, mine.stderr
    assert series_of(mine) == series_of(lpm("run", config(), "--out", "kind"))  # the same people
    column = built.path / "age.npy"
    column.write_bytes(column.read_bytes()[:-1] + b"!")
    assert "build the population again" in refused(lpm("run", config(*lines)))


def test_a_city_has_no_parties_to_start(config, lpm):
    assert "use lpm run" in refused(lpm("up", config()))


def test_private_runs_refuse_to_resume(lpm):
    assert "has private agents" in refused(lpm("run", EXAMPLE.with_name("workplace.toml"), "--resume"))


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
def test_a_mistake_in_a_city_is_one_line_and_exit_code_2(config, lpm, old, new, said):
    assert said in refused(lpm("run", config((old, new))))
