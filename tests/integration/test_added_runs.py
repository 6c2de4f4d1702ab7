"""Three servers that take further runs while they serve, and are started once."""

import csv
import re
import signal
import time

import pytest

from lpm_secure.config.simulation import load as load_run
from lpm_secure.run.jobs import simulate_clear
from lpm_secure.testbed.deployment import free_addresses
from tests import zygote
from tests.three_hospitals import HOSPITALS, SEED, SERVERS, enrol, ready, together
from tests.tutorial import TOLD

WAIT_S = 120.0


class Servers:
    """Three processes, and the runs that are handed to them."""

    def __init__(self, first):
        self.first, self.kits, self.logs = first, first.parent / "kits", {}
        self.running = {name: self.start(self.kits / name) for name in SERVERS}

    def start(self, kit):
        self.logs[kit] = kit.with_suffix(".log")
        module = "client_sdk" if kit.name in HOSPITALS else "aggregator"
        with self.logs[kit].open("ab") as log:
            return zygote.launch([module, "start", str(kit)], log)

    def another(self, name, seed, *, mpc):
        """Write a further project beside the first, and hand its manifest to the servers."""
        path = self.first.with_name(f"{name}.toml")
        text = re.sub(r'^name = "winter"', f'name = "{name}"', self.first.read_text(), count=1, flags=re.M)
        text = text.replace(f"testbed_seed = {SEED}", f"testbed_seed = {seed}")
        if mpc:
            for old, new in zip(re.findall(r'^mpc = "(.*)"', text, flags=re.M), free_addresses(2), strict=False):
                text = text.replace(old, new)
        path.write_text(text)
        enrol(path, path.with_suffix(""), path.with_suffix(".answers"), servers=False)
        for server in SERVERS:
            for suffix in (".sig", ".json"):
                content = (path.with_suffix("") / server / f"manifest{suffix}").read_bytes()
                (self.kits / server / "runs" / f"{name}{suffix}").write_bytes(content)
        return path.with_suffix("")

    def start_clients(self, kits, run):
        """Hand the servers' signatures to the hospitals, and start these."""
        for server in SERVERS:
            file = self.kits / server / (f"runs/{run}.{server}.sig" if run else f"manifest.{server}.sig")
            self.wait_for(file.exists, server)
            for hospital in HOSPITALS:
                (kits / hospital / f"manifest.{server}.sig").write_bytes(file.read_bytes())
        for hospital in HOSPITALS:
            policy = kits / hospital / "policy.toml"
            policy.write_text(policy.read_text().replace("testbed = false", "testbed = true"))
        return {hospital: self.start(kits / hospital) for hospital in HOSPITALS}

    def wait_for(self, there, server):
        end = time.monotonic() + WAIT_S
        while not there():
            assert self.running[server].poll() is None, self.log(server)
            assert time.monotonic() < end, self.log(server)
            time.sleep(0.05)

    def log(self, server):
        return self.logs[self.kits / server].read_text()

    def end(self, clients, kits):
        for name, client in clients.items():
            assert client.wait(WAIT_S) == 0, self.logs[kits / name].read_text() + "".join(map(self.log, SERVERS))

    def stop(self):
        for each in self.running.values():
            each.terminate()
        for each in self.running.values():
            each.wait(30)


@pytest.fixture
def servers(tmp_path):
    started = []

    def _servers(active):
        started.append(Servers(ready(tmp_path, active=active)))
        return started[0]

    yield _servers
    for each in started:
        each.stop()


def series(kits, hospital):
    with (kits / hospital / "series.csv").open(newline="", encoding="utf-8") as file:
        return [[int(row[stage]) for stage in "SEIR"] for row in csv.DictReader(file)]


def clear_series(folder, seed):
    folder.mkdir()
    clear = simulate_clear(load_run(together(folder, seed)), device="cpu")
    return [list(row) for row in zip(*(clear.of("private", place).tolist() for place in range(4)), strict=True)]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("active", [False, True], ids=["semi-honest", "active"])
def test_runs_side_by_side_and_one_after_the_other_need_no_restart_of_their_servers(servers, tmp_path, active):
    """The third run has the first one's ports of comparisons, which that needs no more."""
    three = servers(active)
    pids = {name: each.pid for name, each in three.running.items()}
    clients = {None: three.start_clients(three.kits, None)}
    second = three.another("spring", SEED + 1, mpc=True)
    clients["spring"] = three.start_clients(second, "spring")
    three.end(clients[None], three.kits)
    three.end(clients["spring"], second)
    third = three.another("summer", SEED + 2, mpc=False)
    three.end(three.start_clients(third, "summer"), third)
    found = [series(kits, "st-john") for kits in (three.kits, second, third)]
    assert found == [clear_series(tmp_path / f"clear-{seed}", SEED + seed) for seed in range(3)]
    assert found[0] != found[1]
    assert {name: each.pid for name, each in three.running.items() if each.poll() is None} == pids
    for server in SERVERS[:2]:
        assert len(list((three.kits / server).glob("ledger-*.jsonl"))) == 3


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_server_that_is_killed_goes_on_with_the_runs_that_came_while_it_served(servers, tmp_path):
    three = servers(active=False)
    second = three.another("spring", SEED + 1, mpc=True)
    clients = three.start_clients(second, "spring")
    agg, journal = three.running["agg-b"], second / "st-john"
    three.wait_for(lambda: sum(len(file.read_bytes().split()) for file in journal.glob("*.journal")) > TOLD, "agg-b")
    agg.kill()
    assert agg.wait(30) == -signal.SIGKILL
    three.running["agg-b"] = three.start(three.kits / "agg-b")
    three.end(clients, second)
    three.end(three.start_clients(three.kits, None), three.kits)
    found = [series(kits, "st-john") for kits in (three.kits, second)]
    assert found == [clear_series(tmp_path / f"clear-{seed}", SEED + seed) for seed in range(2)]
