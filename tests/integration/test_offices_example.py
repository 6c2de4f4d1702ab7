"""`lpm run examples/offices.toml`: a model of one's own in a city, against plain Python, person by person."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from lpm_secure.city.config import load
from lpm_secure.city.model import KEY
from lpm_secure.city.run import CHECKPOINT, run
from lpm_secure.cli.main import main
from lpm_secure.engine.device import device_of
from lpm_secure.populations.source import open_population
from protocols.models.graph.draws import BEGIN, STEP, DrawSource

ROOT = Path(__file__).parents[2]
N, DAYS = 600, 30
CPU = device_of("cpu")


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch, tmp_path):
    """Models are found from the folder of a call, and populations are kept apart."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def config(tmp_path):
    """Return a function that writes the example with few people, with lines replaced."""

    def write(*replaced):
        text = (ROOT / "examples" / "offices.toml").read_text()
        for old, new in (("20_000", str(N)), ("days = 60", f"days = {DAYS}"), *replaced):
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "offices.toml"
        path.write_text(text)
        return path

    return write


def ran(path, folder):
    """Return a run, and its population."""
    given = load(path)
    population = open_population(given.population, beside=path.parent)
    folder.mkdir(exist_ok=True)
    return run(given, population, device=CPU, folder=folder), population


def plain(population, seed):
    """Return who is at home and how many pensioners are, day by day, from loops over people."""
    people = range(population.n)
    age, house, office = (population.column(name).tolist() for name in ("age", "household", "workplace"))
    numbers, parameters = np.arange(population.n, dtype=np.uint64), {"start": 0.2, "attention": 0.3}

    def upper(purpose, moment, step=0):
        return [int(word) >> 32 for word in DrawSource(numbers, step, (seed, KEY)).words(purpose, moment)]

    low = [int(word) & 2**32 - 1 for word in DrawSource(numbers, 0, (seed, KEY)).words("column doubt", BEGIN)]
    doubt = [10 + (word * 51 >> 32) for word in low]
    part = {name: round(value * 2**32) for name, value in parameters.items()}
    home = [word < part["start"] for word in upper("start", BEGIN)]
    days = []
    for day in range(DAYS + 1):
        days.append((sum(home), sum(home[i] and age[i] >= 65 for i in people)))
        thinks, after = [word < part["attention"] for word in upper("attention", STEP, day)], list(home)
        for i in people:
            colleagues = [j for j in people if j != i and office[i] == office[j] >= 0]
            family = [j for j in people if j != i and house[i] == house[j] >= 0]
            heard = 100 * sum(home[j] for j in colleagues) // max(len(colleagues), 1)
            heard += 25 * sum(home[j] for j in family)
            if age[i] >= 18 and thinks[i]:
                after[i] = heard > doubt[i] or 10 <= day < 20
        home = after
    return days


def test_the_city_is_that_of_loops_over_people(config, tmp_path):
    city, population = ran(config(), tmp_path / "run")
    expected = plain(population, 1)
    counts = city.series.counts
    assert counts[:, 1:].tolist() == [list(each) for each in expected]
    assert (counts[:, :2].sum(axis=1) == N).all()
    assert min(counts[:, 1]) < max(counts[:, 1]) - N // 5
    assert list(city.series.public["closed"]) == [0] * 10 + [1] * 10 + [0] * (DAYS - 19)


def test_back_ends_and_threads_give_the_same_series(config, tmp_path):
    engines = ['backend = "torch"', "threads = 1", "threads = 2"]
    hashes = {
        ran(config(("[environment]", f"[engine]\n{each}\n[environment]")), tmp_path / each)[0].series.hash
        for each in engines
    }
    assert len(hashes) == 1


@pytest.mark.parametrize("backend", ["numba", "torch"])
def test_an_interrupted_run_goes_on_with_the_same_bits(config, tmp_path, backend):
    whole, _ = ran(config(), tmp_path / "whole")
    lines = f'[engine]\nbackend = "{backend}"\n[checkpoint]\nevery_days = 7\n[environment]'
    path, folder = config(("[environment]", lines)), tmp_path / "part"
    with pytest.raises(KeyboardInterrupt):
        interrupted(path, folder)
    assert (folder / CHECKPOINT).exists()
    rest, _ = ran(path, folder)
    assert rest.resumed_from == 21
    assert rest.series.hash == whole.series.hash


def interrupted(path, folder):
    """Begin a run, and break it off on day 25."""

    def stop(day, words, counts):
        if day == 25:
            raise KeyboardInterrupt

    given = load(path)
    folder.mkdir()
    run(given, open_population(given.population, beside=path.parent), device=CPU, folder=folder, on_day=stop)


@pytest.fixture
def lpm(monkeypatch, capfd):
    """Return a function that runs a command in this process, and returns its exit code and what it printed."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["lpm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capfd.readouterr()
        return ended.value.code or 0, told.out, told.err

    return call


def test_the_command_writes_a_folder_in_the_words_of_the_model(config, lpm, tmp_path):
    code, out, err = lpm("run", config(), "--out", tmp_path / "runs")
    assert code == 0, err
    assert "to_HOME" in out
    (folder,) = (tmp_path / "runs").glob("*/")
    figures = json.loads((folder / "run.json").read_text())
    assert sum(figures["tally"][name] for name in ("OFFICE", "HOME")) == N
    assert "attack_rate" not in figures
    assert (folder / "series.csv").read_text().splitlines()[0] == (
        '"day","OFFICE","HOME","pensioners","to_OFFICE","to_HOME","public_closed"'
    )
    report = (folder / "report.html").read_text()
    assert "to_HOME a day" in report
    assert "observables" in report


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[channels]", "[disease]\nbeta = {}\n[channels]", "missing required field"),
        ('model = "examples.offices.offices:HomeOffice"', "", "needs either [disease], or a model"),
        ('setting = "workplace"', 'setting = "pub"', "[channels] names the setting pub"),
        ("colleagues = [", "friends = [", "[channels] has friends"),
        ('family = [{ setting = "household" }]', "", "the channel family meets nowhere"),
        ("scale = 100", "scale = -1", ">= 0"),
        ("doubt = [10, 60]", "doubt = [10, 600]", "columns.doubt is [10, 600]"),
        ("doubt = [10, 60]", "age = [10, 60]", "[columns] has age"),
        ("start = 0.2", "begin = 0.2", "[parameters] has begin"),
        ('name = "schedule"', 'name = "schedules"', "there is no environment schedules"),
        ("[environment]", "[interventions]\n[environment]\nnumber = 1", "does not take"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(config, lpm, old, new, said):
    code, out, err = lpm("run", config((old, new)))
    assert code == 2, err
    (line,) = [line for line in err.splitlines() if line.startswith("lpm: ")]
    assert said in line
    assert out == ""
