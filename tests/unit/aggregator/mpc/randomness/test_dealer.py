"""The dealer's sessions: what a party of one run does changes nothing of another one's."""

import socket
import ssl
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from aggregator.mpc.config import DealerConfig, Endpoint, Identity
from aggregator.mpc.keystream import KEY_BYTES
from aggregator.mpc.net.frames import Hello
from aggregator.mpc.net.links import Link
from aggregator.mpc.randomness import dealer as dealers
from protocols.errors import TooManyCalls

RUN, OTHER, NONCE = b"r" * 32, b"o" * 32, bytes(32)


@pytest.fixture
def served(monkeypatch):
    """Return a dealer of two runs, and its part of each."""
    monkeypatch.setattr(dealers, "Tls", lambda identity: None)
    places = [Endpoint(name, "127.0.0.1", 1) for name in ("a", "b", "dealer")]
    own = Identity(*[Path("none")] * 3)
    configs = {
        run: DealerConfig(places[2], tuple(places[:2]), own, run=run, timeout_s=600.0, testbed=True)
        for run in (RUN, OTHER)
    }
    dealer = dealers.Dealer(configs[RUN])
    dealer.add(configs[OTHER])
    return dealer, configs


@pytest.fixture
def introduce(served):
    """Return what introduces a party to a dealer of two runs, and gives the key that it got and those dealt from."""
    dealer, configs = served

    def introduce(run, rank, nonce):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            keys = dealer._introduce(Link(ours, "ab"[rank]), rank, Hello(rank, 2, run, nonce), configs[run])
            return theirs.recv(KEY_BYTES), keys

    return introduce


@pytest.mark.parametrize("run", [RUN, OTHER])
def test_a_party_that_begins_many_sessions_makes_the_dealer_forget_its_own_runs_alone(introduce, run):
    first, _ = introduce(RUN, 0, NONCE)
    for number in range(1, dealers._MAX_SESSIONS + 2):
        introduce(run, 1, number.to_bytes(32, "big"))
    second, keys = introduce(RUN, 1, NONCE)
    assert second == keys[1]
    assert (first == keys[0]) is (run != RUN)


def test_a_run_whose_parties_hold_all_its_connections_takes_none_of_another_runs(served):
    dealer, configs = served

    def connect(run):
        assert dealer._places.acquire(blocking=False)
        return dealer._take_place(configs[run])

    held = [connect(RUN) for _ in range(dealers._MAX_CONNECTIONS)]
    with pytest.raises(TooManyCalls, match="of one run have 64 connections"):
        connect(RUN)
    dealer._places.release()  # as of every connection that is refused
    connect(OTHER)
    held.pop().release()
    connect(RUN)


def test_a_caller_that_keeps_silent_keeps_a_place_no_longer_than_a_greeting_takes(served, monkeypatch):
    dealer, _ = served
    monkeypatch.setattr(dealers, "_GREETING_S", 0.1)
    monkeypatch.setattr(dealer, "_tls", SimpleNamespace(accepting=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)))
    for _ in range(dealers._MAX_CONNECTIONS):
        assert dealer._places.acquire(blocking=False)
    ours, theirs = socket.socketpair()
    with ours:
        serving = threading.Thread(target=dealer._serve_one, args=(theirs,), daemon=True)
        serving.start()
        serving.join(30.0)
        assert not serving.is_alive()
    assert dealer._places.acquire(blocking=False)
