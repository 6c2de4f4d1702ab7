"""Active runs over real processes and TLS: parity, and for whatever a server or a client does one clear end."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import torch

from lpm_secure.audit import build
from lpm_secure.audit.audit import ACTIVE, audit
from lpm_secure.audit.collect import collect
from lpm_secure.run.ingress import by_party, ingress
from lpm_secure.run.processes import run_clear, run_private
from protocols import folder_lock
from protocols.errors import LpmError, ProtocolError
from protocols.identity import signing
from protocols.releases import ledger
from protocols.releases.ledger import RefusalEvent
from protocols.task import manifest as manifests
from tests import zygote
from tests.conformance.reference import reference
from tests.faults.campaign import absences
from tests.integration.conftest import driven, end, start_twice, write_active
from tests.masked_lies import LIES, few

CPU = torch.device("cpu")
SERVERS = ("dealer", "aggregator-0", "aggregator-1")
WORLDS = (0, 1)


@pytest.fixture
def deploy(tmp_path):
    """Return a function that writes an active deployment of clients `client-0` to `client-3`, in one of two worlds."""
    made = []

    def _deploy(world=0, steps=3, timeout_s=4.0, **protocol):
        folder = tmp_path / f"run-{len(made)}"
        made.append(write_active(folder, world, steps=steps, timeout_s=timeout_s, **protocol))
        return made[-1]

    yield _deploy
    for deployment in made:
        end(deployment)


def in_step_1(act):
    """Return what does something in the first step, and nothing in others."""
    return lambda step: act() if step == 1 else None


def endings(deployment):
    """Return how each party of a run ended: clients' exit codes, and why, as the honest servers wrote it down."""
    clients = [party.name for party in deployment.testbed.manifest.clients]
    codes = {name: deployment.process(name).wait(30.0) for name in clients}
    lines = (deployment.party("aggregator-0") / "log.jsonl").read_text().splitlines()
    ended = [json.loads(line) for line in lines if '"ended"' in line]
    return codes, [re.sub(r"(client-\d|engine)( has stopped.*)?", "*", each["reason"]) for each in ended]


def refusals(deployment, name):
    manifest = deployment.testbed.manifest
    path = deployment.party(name) / ledger.file_name(manifests.run_id(manifest))
    events = ledger.load(path, manifest.trust.keys[name].identity)
    return [event for event in events if isinstance(event, RefusalEvent)]


def few_tests(manifest, *, runs, every=31, tests=build.tests):
    """Return one in so many lies, and all bad parties; all lies are of the slow tests of `conformance/masking`."""
    lies, parties = [], []
    for each in tests(manifest, runs=runs):
        (lies if each[0] == build.LIES else parties).append(each)
    return [*lies[::every], *parties]


@pytest.mark.parametrize("comparison", ["keys", pytest.param("tree", marks=pytest.mark.slow)])
def test_an_active_run_over_real_processes_equals_the_clear_run_and_passes_its_audit(deploy, monkeypatch, comparison):
    deployment = deploy(timeout_s=20.0, min_count=3, comparison=comparison)
    assert deployment.testbed.manifest.comparison == ("tree" if comparison == "tree" else msgspec.UNSET)
    private = run_private(deployment, CPU)
    clear = run_clear(deployment.testbed, CPU)
    assert private.series.hash == clear.series.hash
    assert not {1, 2} & {*private.series.counts[:, 0].reshape(-1).tolist()}  # small counts are suppressed
    assert private.lost == ()
    assert [client["modules"] for client in private.clients.values()] == [[]] * 4
    assert [client["missed_steps"] for client in private.clients.values()] == [[]] * 4
    parties = {"aggregator-0", "aggregator-1", "dealer", "engine", "each client (mean)"}
    assert {party for party, count in by_party(ingress(deployment, private.clients)).items() if count} == parties
    collect(deployment)
    monkeypatch.setattr(build, "tests", few_tests)
    report = audit(deployment.folder, operator_key=deployment.operator_key, runs=1)
    assert report.findings == 0, report.checks
    assert ACTIVE in report.notes  # what it does not test, it says
    assert {name: part["client-0"]["count"] for name, part in report.received.items()} == {
        "aggregator-0": 8,
        "aggregator-1": 8,
    }
    written = (deployment.party("client-1") / "outcomes.csv").read_bytes()
    (deployment.party("client-1") / "outcomes.csv").unlink()
    deployment.start_party("client-1")  # its journal has all that it was told
    assert deployment.process("client-1").wait(30.0) == 0
    assert (deployment.party("client-1") / "outcomes.csv").read_bytes() == written


@pytest.mark.parametrize("mistake", ["relay", "another key"])
def test_a_client_refuses_an_active_run_that_would_not_protect_it_in_one_line(deploy, mistake):
    deployment = deploy()
    party = deployment.party("client-1")
    if mistake == "relay":
        config = party / "config.toml"
        config.write_text('relay = "aggregator-0"\n' + config.read_text())
    else:
        (party / "identity.key").unlink()
        signing.write_key(party / "identity.key", signing.new_key())
    deployment.start_party("client-1")
    assert deployment.process("client-1").wait(30.0) == 2
    said = {"relay": "an aggregator that relays could drop this client", "another key": "pins another key of client-1"}
    assert said[mistake] in deployment.failures()[0].reason
    assert not list(party.glob("masking-*"))


@pytest.mark.slow
def test_a_client_that_is_started_twice_at_once_takes_part_once(deploy):
    deployment = deploy(timeout_s=20.0, steps=4)
    deployment.start()
    ended = []
    series = driven(deployment, in_step_1(lambda: ended.append(start_twice(deployment, "client-1"))))
    assert series.hash == run_clear(deployment.testbed, CPU).series.hash
    [(code, said)] = ended
    assert code == 2
    assert "another process works with what" in said
    assert deployment.process("client-1").wait(30.0) == 0


def test_a_server_that_is_started_twice_ends_in_one_line_and_touches_no_file_of_the_first(deploy):
    """It wrote the end of a run that went on into its ledger, which then did not verify any more."""
    deployment = deploy()
    for name in SERVERS:
        folder = deployment.party(name)
        before = sorted(path.name for path in folder.iterdir())
        with folder_lock.hold(folder / f"{name}.lock"):
            deployment.start_party(name)
            assert deployment.process(name).wait(30.0) == 2
        assert sorted(path.name for path in folder.iterdir()) == sorted([*before, f"{name}.lock", "log.jsonl"])
        [line] = (folder / "log.jsonl").read_text().splitlines()
        assert "another process works with what" in line


OF_COUNTS = ("a count is raised in message 1", "a word of a bit is turned in message 2")


@pytest.mark.parametrize("lie", few([*LIES, *OF_COUNTS], "an answer is turned by one bit"))
def test_an_aggregator_that_lies_ends_the_run_for_all_parties_alike_in_two_worlds(deploy, lie):
    found = []
    for world in WORLDS:
        deployment = deploy(world, timeout_s=10.0, min_count=3 if lie in OF_COUNTS else 0)
        for name in ("dealer", "aggregator-0", *(party.name for party in deployment.testbed.manifest.clients)):
            deployment.start_party(name)
        with (deployment.party("aggregator-1") / "log.jsonl").open("ab") as log:
            path = str(deployment.party("aggregator-1") / "config.toml")
            deployment._processes["aggregator-1"] = zygote.launch(["tests.masked_liar", lie, path], log)
        ending = driven(deployment)
        assert isinstance(ending, ProtocolError), ending
        codes, reasons = endings(deployment)
        assert set(codes.values()) == {3}
        assert len(reasons) == 1
        assert len(refusals(deployment, "aggregator-0")) == 1
        said = (deployment.party("aggregator-1") / "log.jsonl").read_text()
        assert '"lied"' in said
        assert '"failed"' not in said
        number = refusals(deployment, "aggregator-0")[0].number
        assert number in (1, 2, 3)  # where it lied, or, of what clients alone see, when they say so
        found.append((codes, reasons, number))
        end(deployment)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("number", "comparison"),
    [
        (signal.SIGKILL, "keys"),
        pytest.param(signal.SIGTERM, "keys", marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, "tree", marks=pytest.mark.slow),
    ],
)
def test_servers_that_are_killed_or_stopped_and_started_again_one_after_the_other_go_on_to_the_same_bits(
    deploy, number, comparison
):
    deployment = deploy(timeout_s=20.0, steps=6, min_count=3, comparison=comparison)
    deployment.start()

    def restart(step):
        if step < 2 * len(SERVERS) and step % 2 == 0:
            name = SERVERS[step // 2]
            deployment.process(name).send_signal(number)
            deployment.process(name).wait(30.0)
            deployment.start_party(name)

    series = driven(deployment, restart)
    assert not isinstance(series, LpmError), series
    assert series.hash == run_clear(deployment.testbed, CPU).series.hash
    codes, reasons = endings(deployment)
    assert set(codes.values()) == {0}
    assert reasons == []
    assert [refusals(deployment, name) for name in SERVERS[1:]] == [[], []]
    for name in SERVERS:
        said = (deployment.party(name) / "log.jsonl").read_text()
        assert said.count('"serving"') == 2
        assert "Traceback" not in said


@pytest.mark.slow
def test_a_server_that_comes_back_too_late_finds_the_run_ended_and_ends_it_for_nobody_again(deploy):
    deployment = deploy(timeout_s=1.0, steps=6)
    deployment.start()
    ending = driven(deployment, in_step_1(deployment.process("aggregator-1").kill))
    assert isinstance(ending, LpmError)
    assert set(endings(deployment)[0].values()) == {3}
    before = len(refusals(deployment, "aggregator-0"))
    deployment.process("aggregator-1").wait(30.0)
    deployment.start_party("aggregator-1")
    deployment.process("aggregator-0").kill()
    deployment.process("aggregator-0").wait()
    deployment.start_party("aggregator-0")
    deadline = time.monotonic() + 30.0
    while not refusals(deployment, "aggregator-1") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(refusals(deployment, "aggregator-1")) == 1
    assert len(refusals(deployment, "aggregator-0")) == before == 1


@pytest.mark.slow
def test_a_dealer_that_stays_away_ends_the_run_for_all(deploy):
    deployment = deploy(timeout_s=1.0, steps=6)
    deployment.start()

    ending = driven(deployment, in_step_1(deployment.process("dealer").kill))
    assert isinstance(ending, LpmError)
    codes, reasons = endings(deployment)
    assert set(codes.values()) == {3}
    assert len(reasons) == 1


def test_a_client_that_is_killed_and_started_again_comes_back_in_a_later_step(deploy):
    """The others do not wait until a deadline for what it cannot send any more."""
    deployment = deploy(timeout_s=20.0, steps=6)
    deployment.start()

    def restart():
        deployment.process("client-2").kill()
        deployment.process("client-2").wait()
        deployment.start_party("client-2")

    started = time.monotonic()
    series = driven(deployment, in_step_1(restart))
    assert not isinstance(series, LpmError), series
    assert set(endings(deployment)[0].values()) <= {0, 3}  # 3 where it has missed more steps than it may
    missed, undecided, deaf = absences(deployment)
    assert 6 not in missed["client-2"]
    assert missed["client-2"] | undecided["client-2"]
    assert series.counts.tolist() == reference(deployment.testbed, missed, undecided, deaf)[1]
    assert time.monotonic() - started < 20.0


@pytest.mark.slow
@pytest.mark.parametrize(("lost", "missed", "code"), [(1, 1, 0), (3, 2, 3)])
def test_a_client_that_comes_back_when_all_servers_are_gone_writes_what_it_was_told(deploy, lost, missed, code):
    """Killed before it kept the last answers, it waits three deadlines and no longer."""
    deployment = deploy(timeout_s=2.0, steps=4)
    deployment.start()
    driven(deployment)
    folder = deployment.party("client-2")
    assert deployment.process("client-2").wait(30.0) == 0
    series = (folder / "series.csv").read_text().splitlines()
    end(deployment)
    (folder / "series.csv").unlink()
    (journal,) = folder.glob("*.journal")
    entries = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(entries[: len(entries) - 3 * lost + 2]))  # a vector, a message and an answer each
    deployment.start_party("client-2")
    assert deployment.process("client-2").wait(120.0) == code
    lines = (folder / "log.jsonl").read_text()
    assert f"no server answers: the run had 4 steps, of which {missed} were missed" in lines
    kept = (folder / "series.csv").read_text().splitlines()
    told = [row for row in kept if not row.endswith(",,,")]
    assert series[: len(told)] == told
    assert len(kept) == len(series) == len(told) + missed


@pytest.mark.slow
def test_a_client_that_is_killed_is_left_out_and_the_others_go_on(deploy):
    deployment = deploy(timeout_s=3.0, steps=4)
    deployment.start()

    series = driven(deployment, in_step_1(deployment.process("client-2").kill))
    assert not isinstance(series, LpmError), series
    assert series.counts[:, 0].sum(axis=-1).tolist() == [20, 20, 15, 15, 15]
    codes, reasons = endings(deployment)
    assert [codes[f"client-{index}"] for index in (0, 1, 3)] == [0, 0, 0]
    assert reasons == []


@pytest.mark.slow
def test_a_client_that_one_operator_alone_shuts_out_stops_the_run_for_all(deploy):
    """One aggregator could else drop whom it likes, with its access list in place of a lie."""
    deployment = deploy(timeout_s=4.0, steps=4)
    deployment.start()

    revoked = deployment.party("aggregator-0") / "revoked.txt"
    assert isinstance(driven(deployment, in_step_1(lambda: revoked.write_text("client-2\n"))), ProtocolError)
    codes, _ = endings(deployment)
    assert set(codes.values()) == {3}
    assert [len(refusals(deployment, name)) for name in ("aggregator-0", "aggregator-1")] == [1, 1]


def test_what_servers_of_an_active_run_import_is_neither_torch_nor_crypten():
    code = (
        "import sys, aggregator.__main__, aggregator.wire.server, aggregator.wire.masked_server\n"
        "print(*sorted({'torch', 'crypten'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


@pytest.mark.slow
@pytest.mark.skipif(
    not Path("/proc/self/maps").exists(), reason="looks at what a process has loaded, as Linux tells it"
)
def test_servers_in_the_middle_of_an_active_run_have_loaded_neither_torch_nor_crypten(deploy):
    deployment = deploy(timeout_s=20.0)
    for name in SERVERS:  # not forked from a process that has loaded all
        role = ["dealer"] if name == "dealer" else []
        command = [sys.executable, "-m", "aggregator", *role, "--config", str(deployment.party(name) / "config.toml")]
        with (deployment.party(name) / "log.jsonl").open("ab") as log:
            deployment._processes[name] = subprocess.Popen(command, stdout=log, stderr=log)
    for party in deployment.testbed.manifest.clients:
        deployment.start_party(party.name)
    loaded = {}

    def act(step):
        for name in SERVERS:
            loaded[name] = Path(f"/proc/{deployment.process(name).pid}/maps").read_text()

    assert not isinstance(driven(deployment, act), LpmError)
    assert set(loaded) == set(SERVERS)
    assert all("numpy" in maps and "torch" not in maps and "crypten" not in maps for maps in loaded.values())
