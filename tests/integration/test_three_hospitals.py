"""docs/three_hospitals.md, command by command, and what comes of it."""

import contextlib
import json
import re
import time
import tomllib

import pytest

from lpm_secure.config.simulation import load as load_run
from lpm_secure.run.jobs import simulate_clear
from tests import six_phones
from tests.networks import Networks
from tests.three_hospitals import HOSPITALS, PEOPLE, SEED, SERVERS, STEPS, unnamed
from tests.three_series import on_loopback, own_series
from tests.tutorial import BLOCKS, Tutorial


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
    audit(played)
    print(f"typed in all: {len(played.typed)}, from the kits to the first step: {played.until_started}")
    assert (len(played.typed), played.until_started) == (17, 13)
    assert re.search(r"release incidence: epsilon [0-9.]+, unit contribution", played.log("ministry"))
    assert (winter / "operator" / "operator.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("how", ["semi-honest", "active", "active, each in a network of its own"])
def test_a_seeded_run_of_three_hospitals_is_the_clear_run_of_their_tables_together(tutorial, tmp_path, how):
    apart = Networks(("ministry", *SERVERS, *HOSPITALS)) if "network" in how else contextlib.nullcontext()
    with apart as networks:
        played = tutorial(seed=SEED, active=how.startswith("active"), networks=networks)
        played.play(killed="st-john" if how == "semi-honest" else None)
    require_clear_series(played, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_six_devices_over_permuted_edges_one_killed_and_back_have_the_clear_run_of_their_tables(tutorial, tmp_path):
    played = tutorial(seed=SEED, cast=six_phones)
    played.play(killed="phone-2")
    require_clear_series(played, tmp_path)
    played.stop()
    audit(played)
    assert "report: collected/audit.html" in played.log("ministry")


def require_clear_series(played, folder):
    """Hold what each client was told against the run in the clear of all their tables together."""
    (folder / "together").mkdir()
    clear = simulate_clear(load_run(played.cast.together(folder / "together", SEED)), device="cpu")
    stages = [clear.of("private", place).tolist() for place in range(4)]
    for name in played.cast.CLIENTS:
        rows = played.rows(name, "series.csv")
        assert unnamed(played.kit(name)) == []
        assert [[int(row[stage]) for row in rows] for stage in "SEIR"] == stages
    assert len({tuple(each) for each in zip(*stages, strict=True)}) > 1


def audit(played):
    """Gather the ledgers, and check them as section 6 says."""
    for server in SERVERS[:2]:
        (ledger,) = played.kit(server).glob("ledger-*.jsonl")
        played.carry(ledger, played.folder / "ministry" / f"{server}.jsonl")
    played.type(key=played.operator_key(played.cast.CLIENTS[0]))
    assert "FAIL" not in played.log("ministry")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_same_parties_calibrate_and_each_takes_its_forecast_home(tutorial, tmp_path):
    """Section 7: the centre is the ministry's, in its folder."""
    played = tutorial()
    second = next(place for place, (_, lines) in enumerate(BLOCKS) if "--calibration" in lines[0])
    played.blocks = iter(BLOCKS[second:])
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
