"""The secure sum over every transport: in this process, over gRPC between processes, and by messages of Flower.

The first two also with a dealer, where each member proves its own vector and no pools are tested.

Flower's nodes are called in this process, by the app that its processes run; `integration/test_flower.py` has these.
"""

import base64
import os
import subprocess
import sys
import tomllib
from contextlib import contextmanager

import numpy as np
import pytest

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"

from flwr.supercore.task_identity import TaskIdentity

from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.audit.audit import audit
from lpm_secure.calibration.parties import shape_of
from lpm_secure.flower.strategy import SecureSumStrategy
from lpm_secure.flower.transport import FlowerSum
from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.secure_sum.native import NativeSum
from lpm_secure.secure_sum.parties import build_noisy_releases, manifest_for
from lpm_secure.secure_sum.transport import Reason
from lpm_secure.testbed import deployment as deployments
from lpm_secure.testbed.deployment import free_addresses
from lpm_secure.testbed.sum_deployment import SumDeployment
from protocols.errors import BudgetSpent, CohortTooSmall, LpmError, ParameterError
from protocols.releases import ledger
from protocols.task import manifest as manifests
from tests import zygote
from tests.calibration_hospitals import WEEKS, hospitals
from tests.flower_nodes import LocalBridge, LocalGrid, lie

AWAY, LIAR, DRAWS, HONEST = "hospital-2", "hospital-7", 3, 3  # the liar is honest in so many rounds
WORDS = Contribution()
GARBAGE_CLIENT = f"""
import sys
import numpy as np
from client_sdk.secure_sum.contribution import Contribution
from client_sdk.institution import main

encode, calls = Contribution.encode, []

def lie(self, vector):
    calls.append(vector)
    words = encode(self, vector)
    return words if len(calls) <= {HONEST} else np.full_like(words, 2**50)

Contribution.encode = lie
sys.exit(main())
"""


def announced(number):
    return np.random.default_rng(number).normal(3.0, 0.2, (DRAWS, 2, WEEKS))


def held(count=10):
    return hospitals(count, local_steps=0)


def expected(members, number):
    """Return the sum of what these would send, added up in the clear."""
    each = held()
    return sum(WORDS.encode(each[name].vector(announced(number))) for name in members)


class InProcess:
    """Nothing travels."""

    def __init__(self, folder, manifest):
        self.sums = InProcessSum(manifest, held(len(manifest.clients)))

    @contextmanager
    def begun(self):
        yield self.sums

    def drop(self, *names):
        self.sums.absent = dict.fromkeys(range(99), frozenset(names))

    def corrupt(self, name):
        self.sums.garbage = {name: lambda words: np.full_like(words, 2**50)}


class Grpc:
    """Every party is a process."""

    def __init__(self, folder, manifest):
        self.deployment = SumDeployment(folder, manifest, held(len(manifest.clients)))

    def begun(self):
        return NativeSum(self.deployment)

    def drop(self, *names):
        for name in names:
            self.deployment.process(name).kill()
            self.deployment.process(name).wait()

    def corrupt(self, name):
        """Its process does so by itself: see `liar`."""


class InProcessWithDealer(InProcess):
    """Two aggregators and a dealer."""


class GrpcWithDealer(Grpc):
    """Two aggregators and a dealer, each a process."""


class OverFlower:
    """Every party is a node of Flower's app, in this process."""

    def __init__(self, folder, manifest):
        TaskIdentity.run_id = TaskIdentity.task_id = TaskIdentity.node_id = 1
        self.deployment = SumDeployment(folder, manifest, held(len(manifest.clients)))
        self.deployment.write()
        self.manifest = self.deployment.manifest
        self.grid = LocalGrid(folder / "parties")

    def begun(self):
        sums = FlowerSum(self.deployment)
        sums._bridge = LocalBridge(SecureSumStrategy(self.manifest), self.grid)
        return sums

    def drop(self, *names):
        self.grid.away = {self.grid.node_of(name) for name in names}

    def corrupt(self, name):
        self.grid.change = lie(self.manifest, self.grid.folders, {name})


TRANSPORTS = {
    "in-process": InProcess,
    "grpc": Grpc,
    "flower": OverFlower,
    "in-process-dealer": InProcessWithDealer,
}
WITH_DEALER = (InProcessWithDealer, GrpcWithDealer)


@pytest.fixture(scope="module", params=[*TRANSPORTS, pytest.param("grpc-dealer", marks=pytest.mark.slow)])
def transport(request):
    return GrpcWithDealer if request.param == "grpc-dealer" else TRANSPORTS[request.param]


@pytest.fixture(scope="module")
def liar():
    """Start another program in place of the liar's."""

    def start(program, log):
        if program[0] == "client_sdk.institution" and f"/{LIAR}/" in program[-1]:
            command = [sys.executable, "-c", GARBAGE_CLIENT, *program[1:]]
            return subprocess.Popen(command, stdout=log, stderr=log)
        return zygote.launch(program, log)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(deployments, "launch", start)
        yield


def manifest_of(count, *, k=2, min_cohort=5, of=None, **changes):
    names, shape = tuple(held(count)), shape_of(held(count), draws=DRAWS)
    timeouts = {"round_timeout_s": 4.0, "join_timeout_s": 60.0}
    addresses = free_addresses(3)
    parties = {"dealer": addresses.pop()} if of in WITH_DEALER else {}
    return manifest_for(names, shape, addresses[:k], min_cohort=min_cohort, **timeouts, **parties, **changes)


@pytest.fixture(scope="module")
def played(transport, tmp_path_factory, liar):
    """Play one run: two whole rounds, one without an institution, one in which another lies, and two after that."""
    folder = tmp_path_factory.mktemp("run")
    parties = transport(folder, manifest_of(10, k=3, rounds=6, of=transport))
    opened = []
    with parties.begun() as sums:
        for number in range(6):
            if number == HONEST - 1:
                parties.drop(AWAY)
            if number == HONEST:
                parties.corrupt(LIAR)
            opened.append(sums.open(announced(number)))
        with pytest.raises(ParameterError, match="6 rounds are over"):
            sums.open(announced(6))
        with pytest.raises(ParameterError, match="shape"):
            sums.open(announced(6)[:1])
    return opened, folder


def without(*names):
    return tuple(name for name in sorted(held()) if name not in names)


def test_every_sum_has_the_bits_of_its_members_vectors_added_up_in_the_clear(played):
    for number, each in enumerate(played[0]):
        assert each.total.dtype == np.int64
        assert np.array_equal(each.total, expected(each.members, number))


def test_members_are_those_that_answered_and_the_others_are_named_with_the_reason(played):
    opened = played[0]
    assert [each.members for each in opened[:3]] == [without(), without(), without(AWAY)]
    assert [dict(each.left_out) for each in opened[:3]] == [{}, {}, {AWAY: Reason.ABSENT}]


def test_who_sends_garbage_is_found_in_its_round_and_left_out_of_all_later_ones(played):
    opened = played[0]
    first, *later = opened[HONEST:]
    assert first.left_out[LIAR] == Reason.GARBAGE
    assert {*first.members} <= {*without(AWAY, LIAR)}
    assert len(first.members) >= 5
    for each in later:
        assert each.members == without(AWAY, LIAR)
        assert dict(each.left_out) == {AWAY: Reason.ABSENT, LIAR: Reason.GARBAGE}
        assert each.refused == (LIAR,)


def test_where_aggregators_keep_a_ledger_the_audit_reads_it_and_finds_what_one_absence_tells_alone(transport, played):
    """Sums with and without one institution were opened exact, and their difference tells of it: nothing else is."""
    _, folder = played
    if transport in (InProcess, InProcessWithDealer):
        assert not (folder / "ledgers").exists()
        return
    own = tomllib.loads((folder / "parties" / "aggregator-0" / "config.toml").read_text())
    report = audit(folder, operator_key=base64.b64decode(own["operator_key"]))
    lines = {check: lines for check, lines in report.checks.items() if lines}
    assert set(lines) == {"no two exact releases differ by a few clients"}
    pairs = (f"differ by {AWAY} alone", f"differ by {AWAY}, {LIAR} alone")
    assert all(any(pair in line for pair in pairs) for line in lines.popitem()[1])
    manifest = manifests.load(folder / "manifest.json")
    for name in (party.name for party in manifest.aggregators):
        events = ledger.load(folder / "ledgers" / f"{name}.jsonl", manifest.trust.keys[name].identity)
        closed = [each.agreed for each in events if isinstance(each, ledger.RoundEvent) and each.agreed.releases]
        assert [each.number for each in closed] == [1, 3, 5, 7, 9, 11]
        assert [each.refused for each in closed] == [(), (), (), (LIAR,), (), ()]
        assert any(f"{name}: round {2 * HONEST + 1}: shares out of range of {LIAR}" == note for note in report.notes)


def test_all_transports_test_the_same_pools_and_count_the_same_one(transport, played):
    """The coin is of the run's id, which differs; what does not is how many there may be. With a dealer all count."""
    counted = played[0][HONEST]
    if transport in WITH_DEALER:
        assert counted.members == without(AWAY, LIAR)
        return
    assert len(without(AWAY, LIAR)) - 4 <= len(counted.members) < len(without(AWAY, LIAR))


def test_noise_is_in_every_sum_a_new_one_and_fewer_than_promised_are_no_cohort(transport, tmp_path):
    releases = build_noisy_releases(sigma=2.0, rounds=4, epsilon=100.0, delta=1e-6)
    parties, words = transport(tmp_path, manifest_of(6, rounds=4, releases=releases, of=transport)), []
    with parties.begun() as sums:
        for _ in range(3):
            opened = sums.open(announced(0))
            exact = sum(WORDS.encode(each.vector(announced(0))) for each in held(6).values())
            words.append(opened.total - exact)
        parties.drop("hospital-0", "hospital-4")
        with pytest.raises(LpmError, match="4 clients") as refused:
            sums.open(announced(1))
    assert isinstance(refused.value, CohortTooSmall) or transport in (OverFlower, GrpcWithDealer)  # the reason alone
    scale = 2**0.5 * 2.0 * WORDS.clip * 2.0**WORDS.bits
    assert np.concatenate(words).std() == pytest.approx(scale, rel=0.35)
    assert len({each.tobytes() for each in words}) == 3


def test_sums_of_pools_count_into_the_budget():
    """In process alone: the rule is the aggregators' own, and `unit/aggregator` holds it over calls."""
    releases = build_noisy_releases(sigma=0.5, rounds=6, epsilon=1e6, delta=1e-6)
    parties = InProcess(None, manifest_of(10, rounds=6, releases=releases))
    parties.corrupt(LIAR)
    sums = parties.sums
    with pytest.raises(BudgetSpent, match="6 sums"):
        [sums.open(announced(number)) for number in range(6)]
    assert sums.openings == 6
