"""Parties and the dealer killed, stopped and desynchronised amid a comparison: bounded, said, and redone."""

import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aggregator.mpc import DealerConfig, Endpoint, Identity, MpcWorker, PartyConfig, serve_dealer
from protocols.errors import ConfigError, LpmError, NotEnrolled, PartiesDisagree, Unavailable
from protocols.identity.certificates import new_authority
from tests import mpc_tasks
from tests.integration.mpc_parties import Parties, free_ports, identity, joined, parties, split

N = 200_000
TIMEOUT_S = 2.0
JOIN_S = 8.0
DELAYS_S = np.random.default_rng(7).uniform(0.0, 0.08, 3).tolist()  # a comparison of N takes about that long


@pytest.fixture(scope="module", params=[2, 3], ids=["two", "three"])
def running(request: Any, tmp_path_factory: Any) -> Iterator[Parties]:
    with parties(tmp_path_factory.mktemp("mpc"), request.param, timeout_s=TIMEOUT_S, join_timeout_s=JOIN_S) as started:
        yield started


class Step:
    """A comparison that can be asked for again with the same shares."""

    def __init__(self, running: Parties, n: int = N) -> None:
        rng = np.random.default_rng(3)
        h, tau = rng.integers(0, 2**62, (2, n))
        self.running, self.expected = running, h > tau
        self.shares = split(h, running.k, rng), split(tau, running.k, rng)

    def begin(self, step: int = 5) -> None:
        self.running.begin("compare", *self.shares, step=step)

    def redone(self, step: int = 5) -> None:
        assert (joined(self.running.settled("compare", *self.shares, step=step)) == self.expected).all()


@pytest.mark.parametrize(
    "delay_s", [DELAYS_S[0], *(pytest.param(each, marks=pytest.mark.slow) for each in DELAYS_S[1:])]
)
def test_a_killed_party_is_noticed_at_once_and_the_step_redone(running: Parties, delay_s: float) -> None:
    step = Step(running)
    step.redone()
    step.begin()
    time.sleep(delay_s)
    victim = round(delay_s * 1e6) % running.k
    running.workers[victim].signal(signal.SIGKILL)
    answers = running.answers()
    for rank, answer in enumerate(answers):
        if rank != victim:
            assert isinstance(answer, Unavailable | np.ndarray)
    running.restart(victim)
    step.redone()


@pytest.mark.parametrize("delay_s", [DELAYS_S[0], pytest.param(DELAYS_S[1], marks=pytest.mark.slow)])
def test_a_stopped_party_holds_nobody_up_beyond_the_timeout(running: Parties, delay_s: float) -> None:
    step = Step(running)
    step.redone()
    step.begin()
    time.sleep(delay_s)
    running.workers[-1].signal(signal.SIGSTOP)
    began = time.monotonic()
    others = [worker.answer() for worker in running.workers[:-1]]
    waited_s = time.monotonic() - began
    running.workers[-1].signal(signal.SIGCONT)
    last = running.workers[-1].answer()
    assert all(isinstance(answer, Unavailable | np.ndarray) for answer in [*others, last])
    assert waited_s < 2 * TIMEOUT_S + 1.0
    step.redone()


@pytest.mark.parametrize("what", ["party", "dealer"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
@pytest.mark.parametrize("delay_s", DELAYS_S[:1])
def test_a_check_of_ranges_survives_parties_and_dealers_that_fail(
    running: Parties, what: str, number: int, delay_s: float
) -> None:
    numbers = np.arange(N) % 1000
    numbers[-1] = -1
    shares = split(numbers, running.k, np.random.default_rng(2))
    call = {"bits": np.full(N, 10, np.uint8)}
    running.settled("out_of_range", shares, **call)
    victim = running.workers[-1] if what == "party" else running.dealer
    running.begin("out_of_range", shares, **call)
    time.sleep(delay_s)
    victim.signal(number)
    if number == signal.SIGSTOP:
        time.sleep(TIMEOUT_S + 0.5)
        victim.signal(signal.SIGCONT)
    running.answers()
    if number == signal.SIGKILL:
        _ = running.restart(running.k - 1) if what == "party" else running.restart_dealer()
    told = running.settled("out_of_range", shares, **call)
    assert told == [True] * running.k


@pytest.mark.parametrize("operation", ["multiply", "out_of_range"])
def test_one_draw_too_many_is_noticed_by_every_operation(running: Parties, operation: str) -> None:
    numbers = split(np.arange(1000), running.k, np.random.default_rng(2))
    inputs = [numbers, numbers] if operation == "multiply" else [numbers]
    more = {} if operation == "multiply" else {"bits": np.full(1000, 10, np.uint8)}
    running.settled(operation, *inputs, **more)
    running.workers[0].call("draw_once_too_often", stream="global")
    running.workers[0].answer()
    before = running.call("openings_seen")
    answers = running.call(operation, *inputs, **more)
    assert any(isinstance(answer, PartiesDisagree) for answer in answers)
    assert all(isinstance(answer, PartiesDisagree | Unavailable) for answer in answers)
    assert running.call("openings_seen") == before
    running.settled(operation, *inputs, **more)


def test_a_killed_dealer_is_noticed_and_the_step_redone(running: Parties) -> None:
    step = Step(running)
    step.redone()
    running.dealer.signal(signal.SIGKILL)
    outcomes = [running.call("compare", *step.shares, step=5) for _ in range(2)]  # the first batch was fetched ahead
    assert any(isinstance(answer, Unavailable) for answers in outcomes for answer in answers)
    running.restart_dealer()
    step.redone()


def test_a_dealer_killed_at_any_point_of_a_step_changes_no_bit(running: Parties) -> None:
    step = Step(running)
    for delay_s in DELAYS_S:
        step.redone()
        step.begin()
        time.sleep(delay_s)
        running.dealer.signal(signal.SIGKILL)
        running.answers()
        running.restart_dealer()
        step.redone()


def test_a_stopped_dealer_holds_nobody_up_beyond_the_timeout(running: Parties) -> None:
    step = Step(running)
    step.redone()
    running.dealer.signal(signal.SIGSTOP)
    began = time.monotonic()
    outcomes = [running.call("compare", *step.shares, step=5)]
    outcomes.append(running.call("multiply", *step.shares, step=5))
    waited_s = time.monotonic() - began
    running.dealer.signal(signal.SIGCONT)
    assert any(isinstance(answer, Unavailable) for answers in outcomes for answer in answers)
    assert (
        waited_s < 2 * (2 * TIMEOUT_S + 1.0) + 30.0
    )  # the second call may have to join again, which has its own limit
    step.redone()


@pytest.mark.parametrize("stream", ["prev", "next", "global"])
def test_one_draw_too_many_is_noticed_before_anything_is_opened(running: Parties, stream: str) -> None:
    step = Step(running, 1000)
    step.redone()
    running.workers[0].call("draw_once_too_often", stream=stream)
    running.workers[0].answer()
    assert_nothing_opens(step)


def test_one_batch_too_many_is_noticed_before_anything_is_opened(running: Parties) -> None:
    step = Step(running, 1000)
    step.redone()
    running.workers[-1].call("take_a_batch_too_many")
    running.workers[-1].answer()
    assert_nothing_opens(step)


def assert_nothing_opens(step: Step) -> None:
    running = step.running
    before = running.call("openings_seen")
    answers = running.call("compare", *step.shares, step=6)
    assert any(isinstance(answer, PartiesDisagree) for answer in answers)
    assert all(isinstance(answer, PartiesDisagree | Unavailable) for answer in answers)
    assert running.call("openings_seen") == before
    step.redone(6)


def test_parties_at_different_steps_open_nothing(running: Parties) -> None:
    step = Step(running, 1000)
    step.redone()
    before = running.call("openings_seen")
    for rank, worker in enumerate(running.workers):
        worker.call("compare", *(shares[rank] for shares in step.shares), step=7 + (rank == 0))
    answers = running.answers()
    assert any(isinstance(answer, PartiesDisagree) for answer in answers)
    assert all(isinstance(answer, LpmError) for answer in answers)
    assert running.call("openings_seen") == before
    step.redone()


def test_parties_with_vectors_of_different_lengths_open_nothing(running: Parties) -> None:
    step = Step(running, 1000)
    before = running.call("openings_seen")
    for rank, worker in enumerate(running.workers):
        worker.call("compare", *(shares[rank][rank == 0 :] for shares in step.shares), step=7)
    assert any(isinstance(answer, PartiesDisagree) for answer in running.answers())
    assert running.call("openings_seen") == before
    step.redone()


def test_an_absent_party_is_waited_for_no_longer_than_the_join_timeout(tmp_path: Any) -> None:
    ports = free_ports(3)
    authority = new_authority("testbed")
    a, b, dealer = (Endpoint(name, "127.0.0.1", port) for name, port in zip(("a", "b", "d"), ports, strict=True))
    for rank, name in enumerate("ab"):
        files = identity(tmp_path, authority, name)
        worker = MpcWorker(PartyConfig(rank, (a, b), dealer, files, join_timeout_s=0.5))
        with pytest.raises(Unavailable, match=r"could not be reached|not all of"):
            mpc_tasks.compare(worker, np.zeros(3, np.int64), np.zeros(3, np.int64))
        worker.close()


def test_idle_callers_delay_nobody(tmp_path: Any) -> None:
    with parties(tmp_path, 2) as running:
        first = running.configs[0].parties[0]
        idle = [socket.create_connection((first.host, first.port)) for _ in range(20)]
        numbers = split([5], 2, np.random.default_rng(0))
        running.begin("compare", numbers, numbers)
        began = time.monotonic()
        answers = running.answers()
        assert joined(answers).tolist() == [0]
        assert time.monotonic() - began < 20 * 5.0 / 2  # one after the other: 100 s
        for sock in idle:
            sock.close()


def test_a_party_with_another_operators_certificate_is_not_let_in(tmp_path: Any) -> None:
    with parties(tmp_path, 2, timeout_s=1.0, join_timeout_s=3.0) as running:
        stranger = identity(tmp_path, new_authority("another authority"), "operator-b")
        running.configs[1] = replace(running.configs[1], identity=stranger)
        running.restart(1)
        numbers = split([1, 2, 3], 2, np.random.default_rng(0))
        answers = running.call("compare", numbers, numbers)
        assert all(isinstance(answer, LpmError) for answer in answers)


def dealer_config(folder: Any, *, host: str = "127.0.0.1", party_host: str = "127.0.0.1", **more: Any) -> DealerConfig:
    files = identity(folder, new_authority("testbed"), "d")
    pair = Endpoint("a", party_host, 1), Endpoint("b", party_host, 2)
    return DealerConfig(Endpoint("d", host, free_ports(1)[0]), pair, files, **more)


def test_the_dealer_refuses_an_aggregators_host(tmp_path: Any) -> None:
    with pytest.raises(ConfigError, match="testbed = true"):
        dealer_config(tmp_path)
    with pytest.raises(ConfigError, match="testbed = true"):
        dealer_config(tmp_path, host="localhost", party_host="127.0.0.1")
    dealer_config(tmp_path, testbed=True)
    dealer_config(tmp_path, party_host="192.0.2.7")


def test_the_dealer_and_an_aggregator_cannot_have_one_operator(tmp_path: Any) -> None:
    files = Identity(tmp_path / "x", tmp_path / "y", tmp_path / "z")
    one, two = Endpoint("a", "192.0.2.1", 1), Endpoint("b", "192.0.2.2", 1)
    with pytest.raises(ConfigError, match="same operator"):
        DealerConfig(Endpoint("a", "192.0.2.3", 1), (one, two), files, testbed=True)
    with pytest.raises(ConfigError, match="cannot use the certificate files"):
        serve_dealer(DealerConfig(Endpoint("d", "127.0.0.1", 1), (one, two), files))


def test_a_dealer_with_an_aggregators_key_is_refused(tmp_path: Any) -> None:
    with parties(tmp_path, 2, timeout_s=1.0, join_timeout_s=3.0, dealer_has_key_of=1) as running:
        numbers = split([1, 2, 3], 2, np.random.default_rng(0))
        refused = running.call("compare", numbers, numbers)
        assert isinstance(refused[1], NotEnrolled | Unavailable)
        assert isinstance(refused[0], LpmError)
