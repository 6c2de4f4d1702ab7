"""docs/three_hospitals.md, command by command: each party in a folder of its own, as processes of its own."""

import csv
import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from lpm_secure.config.simulation import load as load_run
from lpm_secure.run.jobs import simulate_clear
from tests.three_hospitals import HOSPITALS, PEOPLE, SERVERS, STEPS, edited, own_files, together, unnamed
from tests.three_series import on_loopback, own_series

PAGE = (Path(__file__).parents[2] / "docs" / "three_hospitals.md").read_text()
BLOCK = re.compile(r"```sh\n# ([^,\n]*)[^\n]*\n(.*?)```", re.DOTALL)
BLOCKS = [(who, lines.splitlines()) for who, lines in BLOCK.findall(PAGE)]
PARTIES = {"ministry": ("ministry",), "each server": SERVERS, "each hospital": HOSPITALS}
PARTIES["each party"] = SERVERS + HOSPITALS
SECOND = next(place for place, (_, lines) in enumerate(BLOCKS) if "--calibration" in lines[0])
NAMES = {"each party": "st-mary", "each server": "agg-a", "each hospital": "st-mary"}
SEED = 11


class Tutorial:
    """Types the page's commands for all parties, and carries files between them as people would."""

    def __init__(self, folder, *, seed=None, active=False):
        self.folder, self.seed, self.active, self.typed, self.running = folder, seed, active, [], {}
        self.blocks = iter(BLOCKS)
        for name in ("ministry", *SERVERS, *HOSPITALS):
            (folder / name).mkdir()

    def kit(self, name):
        return self.folder / name / name

    def type(self, *, stays=False, key="KEY", also=None):
        """Type the next block, and for further parties a line each; commands that stay are left running."""
        who, lines = next(self.blocks)
        for party, each in [
            *((party, lines) for party in PARTIES[who]),
            *((p, [line]) for p, line in (also or {}).items()),
        ]:
            for line in each:
                words = shlex.split(line.replace(NAMES.get(who, "\0"), party).replace("KEY", key))
                self.typed.append((party, line))
                command = [sys.executable, "-m", "lpm_secure.cli", *words[1:]]
                with (self.folder / f"{party}.log").open("ab") as log:
                    child = subprocess.Popen(command, cwd=self.folder / party, stdout=log, stderr=log)
                if stays:
                    self.running[party] = child
                else:
                    assert child.wait(120) == 0, self.log(party)

    def log(self, party):
        return (self.folder / f"{party}.log").read_text()

    def carry(self, source, target):
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)

    def wait(self, parties):
        for party in parties:
            assert self.running[party].wait(240) == 0, "\n".join(self.log(each) for each in (party, *SERVERS))

    def stop(self):
        for child in self.running.values():
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
        for child in self.running.values():
            child.wait(30)

    def play(self):
        """Play the page until all hospitals have ended, and return the ministry's folder of the project."""
        winter = self.folder / "ministry" / "winter"
        self.type()
        path = winter / "project.toml"
        path.write_text(edited(path.read_text(), seed=self.seed, active=self.active))
        self.type()
        for name in (*SERVERS, *HOSPITALS):
            (winter / "kits" / name).rename(self.kit(name))
        self.type()
        for name in (*SERVERS, *HOSPITALS):
            self.carry(self.kit(name) / f"{name}.request", winter / "requests" / f"{name}.request")
        for name in HOSPITALS:
            own_files(self.kit(name), name)
            if self.seed is not None:  # its people are made up
                policy = self.kit(name) / "policy.toml"
                policy.write_text(policy.read_text().replace("testbed = false", "testbed = true"))
        self.type()
        for name in (*SERVERS, *HOSPITALS):
            for file in (winter / "answers" / name).iterdir():
                self.carry(file, self.kit(name) / file.name)
        self.type(stays=True)
        for server in SERVERS:
            file = self.kit(server) / f"manifest.{server}.sig"
            while not file.exists():
                assert self.running[server].poll() is None, self.log(server)
                time.sleep(0.2)
            for name in HOSPITALS:
                self.carry(file, self.kit(name) / file.name)
        self.type(stays=True)
        self.wait(HOSPITALS)
        return winter

    def rows(self, name, file):
        with (self.kit(name) / file).open(newline="", encoding="utf-8") as content:
            return list(csv.DictReader(content))


@pytest.fixture
def tutorial(tmp_path):
    made = []

    def _tutorial(**given):
        made.append(Tutorial(tmp_path, **given))
        return made[-1]

    yield _tutorial
    for each in made:
        each.stop()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_three_hospitals_run_with_noise_take_results_home_and_are_audited(tutorial):
    played = tutorial()
    winter = played.play()
    assert len(played.typed) == 15
    series = [played.rows(name, "series.csv") for name in HOSPITALS]
    assert series[0] == series[1] == series[2]
    assert list(series[0][0]) == ["step", "left_S"]
    assert len(series[0]) == STEPS + 1
    for name in HOSPITALS:
        outcomes = played.rows(name, "outcomes.csv")
        key = "agent" if name == "st-mary" else "person"
        called = [each for number, (h, each, *_) in enumerate(PEOPLE, 1) if h == name]
        numbers = [str(number) for number, (h, *_) in enumerate(PEOPLE, 1) if h == name]
        assert [row[key] for row in outcomes[: len(called)]] == (numbers if key == "agent" else called)
        assert "of which 0 were missed" in played.log(name)
        assert (played.kit(name) / "consent-1.json").exists()
        assert unnamed(played.kit(name)) == []
    played.stop()
    for server in SERVERS[:2]:
        (ledger,) = played.kit(server).glob("ledger-*.jsonl")
        played.carry(ledger, played.folder / "ministry" / f"{server}.jsonl")
    key = tomllib.loads((played.kit("st-anne") / "kit.toml").read_text())["operator_key"]
    played.type(key=key)
    assert len(played.typed) == 17
    assert "FAIL" not in played.log("ministry")
    assert re.search(r"release incidence: epsilon [0-9.]+, unit contribution", played.log("ministry"))
    assert (winter / "operator" / "operator.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("active", [False, True], ids=["semi-honest", "active"])
def test_a_seeded_run_of_three_hospitals_is_the_clear_run_of_their_tables_together(tutorial, tmp_path, active):
    played = tutorial(seed=SEED, active=active)
    played.play()
    (tmp_path / "together").mkdir()
    clear = simulate_clear(load_run(together(tmp_path / "together", SEED)), device="cpu")
    for name in HOSPITALS:
        rows = played.rows(name, "series.csv")
        assert unnamed(played.kit(name)) == []
        for place, stage in enumerate(("S", "E", "I", "R")):
            assert [int(row[stage]) for row in rows] == clear.of("private", place).tolist()
    stages = [clear.of("private", place).tolist() for place in range(4)]
    assert len({tuple(each) for each in zip(*stages, strict=True)}) > 1


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_same_parties_calibrate_and_each_takes_its_forecast_home(tutorial, tmp_path):
    """Section 7: the centre is the ministry's, in its folder."""
    played = tutorial()
    played.blocks = iter(BLOCKS[SECOND:])
    everybody, ministry = (*SERVERS, *HOSPITALS), played.folder / "ministry"
    kits = {name: played.folder / name / "fever" for name in everybody} | {"ministry": ministry / "engine"}
    played.type()
    path = ministry / "fever" / "project.toml"
    path.write_text(on_loopback(path.read_text(), active=True, rounds=6))
    played.type()
    for name, kit in kits.items():
        (ministry / "fever" / "kits" / ("engine" if name == "ministry" else name)).rename(kit)
    played.type(also={"ministry": "lpm enrol engine"})
    for name, kit in kits.items():
        own = "engine" if name == "ministry" else name
        played.carry(kit / f"{own}.request", ministry / "fever" / "requests" / f"{own}.request")
    for name in HOSPITALS:
        own_series(kits[name], name)
    played.type()
    for name, kit in kits.items():
        for file in (ministry / "fever" / "answers" / ("engine" if name == "ministry" else name)).iterdir():
            played.carry(file, kit / file.name)
    played.type(stays=True)
    for server in SERVERS:
        file = kits[server] / f"manifest.{server}.sig"
        while not file.exists():
            assert played.running[server].poll() is None, played.log(server)
            time.sleep(0.2)
        for name in HOSPITALS:
            played.carry(file, kits[name] / file.name)
    played.type(stays=True, also={"ministry": "lpm start engine"})
    played.wait((*HOSPITALS, "ministry"))
    figures = json.loads((kits["ministry"] / "results" / "calibration.json").read_text())
    assert (figures["rounds"], figures["absences"]) == (6, {})
    for name in HOSPITALS:
        assert len((kits[name] / "forecast.csv").read_text().splitlines()) == 1 + 18
        assert len((kits[name] / "course.csv").read_text().splitlines()) == 1 + 2 * 18
        assert (kits[name] / "consent-1.json").exists()
        assert set(unnamed(kits[name])) <= {"series.parquet"}
    assert not list(kits["ministry"].rglob("forecast.csv"))
    played.stop()
    for server, short in zip(SERVERS[:2], "ab", strict=True):
        (ledger,) = kits[server].glob("ledger-*.jsonl")
        played.carry(ledger, ministry / f"fever-{short}.jsonl")
    played.type(key=tomllib.loads((kits["st-anne"] / "kit.toml").read_text())["operator_key"])
    assert "FAIL" not in played.log("ministry")
