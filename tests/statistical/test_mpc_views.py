"""What one party sees of a comparison or a product: the same for every secret; and what broken variants give away.

Two parties run in one process over socket pairs that record every byte received; the dealer's coins are seeded, so no
test here can flake. An auditor who knows the secrets may subtract them from what was sent, and look at the masks.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from aggregator.mpc import operations
from aggregator.mpc.context import MpcContext, set_context
from aggregator.mpc.crypten import hardening
from aggregator.mpc.crypten.compatibility import crypten
from aggregator.mpc.keystream import Keystream, subkey
from aggregator.mpc.net.frames import STAMP_BYTES
from aggregator.mpc.net.links import Link
from aggregator.mpc.net.mesh import Mesh
from aggregator.mpc.randomness.correlations import Comparison, Correlation
from protocols.errors import ProtocolError
from tests.integration.mpc_parties import joined, split

N = 4096  # elements, each an independent sample of the masks
TOP = 2**62 - 1
SIGMAS = 5.5  # 4e-8 two-sided; some ten thousand comparisons below


class Recorder:
    """One end of a socket pair that keeps what came in."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self.received = sock, bytearray()

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, data: memoryview) -> int:
        return self._sock.send(data)

    def recv_into(self, buffer: memoryview) -> int:
        got = self._sock.recv_into(buffer)
        self.received += buffer[:got]
        return got

    def setblocking(self, flag: bool) -> None:
        self._sock.setblocking(flag)

    def close(self) -> None:
        self._sock.close()

    def messages(self) -> list[tuple[bytes, bytes]]:
        """Return (stamp, payload) of each message."""
        rest, found = bytes(self.received), []
        while rest:
            stamp, rest = rest[:STAMP_BYTES], rest[STAMP_BYTES:]
            length = int.from_bytes(stamp[-8:], "big")
            found.append((stamp, rest[:length]))
            rest = rest[length:]
        return found


@dataclass
class SeededDealer:
    """Deals from seeded keys, and keeps what it was asked and what a party knows."""

    rank: int
    seed: int
    asked: list[bytes] = field(default_factory=list)
    known: list[Any] = field(default_factory=list)

    def take(self, kind: Correlation, index: int) -> tuple[Any, Any]:
        keys = [subkey(bytes(32), b"coins %d %d" % (self.seed, rank)) for rank in range(2)]
        self.asked.append(kind.purpose(index))
        found = kind.expand(keys[self.rank], index, kind.deal(keys, index) if self.rank == 1 else None)
        self.known += found
        return found

    def close(self) -> None:
        pass


@dataclass
class View:
    """What one party has at the end: its share, what it received, what it knows, what it asked the dealer."""

    share: Any
    messages: list[tuple[bytes, bytes]]
    known: list[Any]
    asked: list[bytes]

    def received(self, message: int) -> Any:
        return np.frombuffer(self.messages[message][1], np.uint64)


def run(operation: Callable[[Any, Any], Any], x: Any, y: Any, *, seed: int = 1, repeats: int = 1) -> list[View]:
    """Run an operation between two parties and return both views."""
    rng = np.random.default_rng(9)  # the clients' coins, fixed
    shares = split(x, 2, rng), split(y, 2, rng)
    ends = [Recorder(end) for end in socket.socketpair()]
    views: list[Any] = [None, None]

    def party(rank: int) -> None:
        try:
            link = Link(ends[rank], f"party {1 - rank}")
            dealer = SeededDealer(rank, seed)
            mesh = Mesh(rank, {1 - rank: link}, bytes(32), timeout_s=10.0, join_timeout_s=10.0)
            pair, own = (subkey(bytes(32), name) for name in (b"pair", b"own %d" % rank))
            streams = {name: Keystream(subkey(pair, b"shared")) for name in ("prev", "next", "global")}
            current = MpcContext(mesh, dealer, {**streams, "local": Recording(own, dealer.known)})
            set_context(current)
            for _ in range(repeats):
                mesh.begin(b"view test", 0)
                share = operation(shares[0][rank], shares[1][rank])
            views[rank] = View(share, ends[rank].messages(), dealer.known, dealer.asked)
        except BaseException as err:
            views[rank] = err
            ends[rank]._sock.shutdown(socket.SHUT_RDWR)
        finally:
            set_context(None)

    threads = [threading.Thread(target=party, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for end in ends:
        end.close()
    for view in views:
        if isinstance(view, BaseException):
            raise view
    return views


class Recording(Keystream):  # type: ignore[misc]
    """A stream whose party remembers what it drew."""

    __slots__ = ("_known",)

    def __init__(self, key: bytes, known: list[Any]) -> None:
        super().__init__(key)
        self._known = known

    def words(self, count: int) -> Any:
        drawn = super().words(count)
        self._known.append(drawn.copy())
        return drawn


def compare(h: Any, tau: Any) -> Any:
    return operations.compare(h, tau, bits=62)


WORLDS = {
    "nobody infected": (np.zeros(N, np.int64), np.full(N, TOP)),
    "everybody infected": (np.full(N, TOP), np.zeros(N, np.int64)),
    "everybody at the threshold": (np.full(N, 12345), np.full(N, 12345)),
}


def bits(words: Any, n_bits: int = 64) -> Any:
    return (words[:, None] >> np.arange(n_bits, dtype=np.uint64)) & np.uint64(1)


def biased_bits(words: Any, n_bits: int = 64) -> int:
    """Count bit positions that are not fair coins over the words, and neighbouring pairs that are not independent."""
    found = bits(words, n_bits).astype(np.int64)
    limit = SIGMAS * 0.5 / np.sqrt(len(words))
    pairs = found[:, 1:] ^ found[:, :-1]
    lagged = found[1:] ^ found[:-1]
    return sum(int((abs(sample.mean(0) - 0.5) > limit).sum()) for sample in (found, pairs, lagged))


def repeated(words: Any) -> int:
    return len(words) - len(np.unique(words))


def unbalanced(words: Any) -> bool:
    """Whether ones and zeros are not equally many."""
    return bool(abs(int(np.bitwise_count(words).sum()) - 32 * len(words)) > SIGMAS * 4 * np.sqrt(len(words)))


def test_lengths_counts_order_and_stamps_are_the_same_for_every_secret() -> None:
    traces = []
    for h, tau in WORLDS.values():
        views = run(compare, h, tau)
        assert (joined([view.share for view in views]) == (h > tau)).all()
        traces.append([[(stamp, len(payload)) for stamp, payload in view.messages] for view in views])
    assert traces[0] == traces[1] == traces[2]
    assert len(traces[0][0]) == 4  # openings: the masked difference, two levels of gates, the bit


def test_with_coins_fixed_the_dealer_hears_and_the_key_holder_is_dealt_the_same_bytes() -> None:
    worlds = [run(compare, h, tau) for h, tau in WORLDS.values()]
    for rank in range(2):
        assert len({b"".join(views[rank].asked) for views in worlds}) == 1
    for one, other in zip(worlds[0][0].known, worlds[1][0].known, strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("rank", [0, 1], ids=["key holder", "corrected party"])
@pytest.mark.parametrize("world", WORLDS)
def test_every_bit_that_a_party_receives_is_a_fair_coin_in_every_world(world: str, rank: int) -> None:
    view = run(compare, *WORLDS[world])[rank]
    assert biased_bits(view.received(0) & np.uint64(2**63 - 1), 63) == 0
    assert repeated(view.received(0)) == 0
    for message in range(1, len(view.messages)):
        words = view.received(message)
        assert not unbalanced(words)
        assert repeated(words) == 0


@pytest.mark.parametrize("world", WORLDS)
def test_every_bit_that_is_opened_is_a_fair_coin_in_every_world(world: str) -> None:
    opened = openings(run(compare, *WORLDS[world]))
    assert biased_bits(opened[0] & np.uint64(2**63 - 1), 63) == 0
    for words in opened[1:]:
        assert not unbalanced(words)
        assert biased_bits(words) == 0


def openings(views: list[View]) -> list[Any]:
    """Combine what both parties sent, as each of them can."""
    one, other = views
    combine = [np.add] + [np.bitwise_xor] * (len(one.messages) - 1)
    return [how(one.received(message), other.received(message)) for message, how in enumerate(combine)]


def test_no_mask_serves_twice() -> None:
    views = run(compare, *WORLDS["nobody infected"], repeats=3)
    firsts = np.concatenate([views[0].received(message) for message in (0, 4, 8)])
    assert repeated(firsts) == 0


def recoverable(view: View, own: Any, secret: Any) -> bool:
    """Whether some word that a party received, plus at most two rows that it knows, is the secret."""
    rows = [own.view(np.uint64)] + [row[at : at + N] for row in view.known for at in range(0, len(row) - N + 1, N)]
    target = secret.view(np.uint64)
    for message in range(len(view.messages)):
        words = view.received(message)
        for at in range(0, len(words) - N + 1, N):
            part = words[at : at + N]
            for i, one in enumerate(rows):
                for other in rows[i:]:
                    sums = (part, part + one, part + one + other, part + one - other, part - one + other)
                    if any((candidate == target).all() for candidate in sums):
                        return True
    return False


SECRETS = np.random.default_rng(4).integers(0, 2**62, (2, N))


def test_no_party_recovers_a_factor_from_all_that_it_knows() -> None:
    views = run(operations.multiply, *SECRETS)
    with np.errstate(over="ignore"):
        assert (joined([view.share for view in views]) == SECRETS[0] * SECRETS[1]).all()
    for rank, view in enumerate(views):
        own = split(SECRETS[0], 2, np.random.default_rng(9))[rank]
        assert not recoverable(view, own, SECRETS[0])


@pytest.fixture
def first_party_deals() -> Iterator[None]:
    crypten.config.cfg.mpc.provider = "TFP"
    yield
    crypten.config.cfg.mpc.provider = "DEALER"


@pytest.mark.usefixtures("first_party_deals")
def test_the_view_test_catches_a_first_party_that_deals() -> None:
    view = run(operations.multiply, *SECRETS)[0]
    own = split(SECRETS[0], 2, np.random.default_rng(9))[0]
    assert recoverable(view, own, SECRETS[0])


def masks_of_the_first_party() -> Any:
    """Return the mask that the key holder put on its share of a factor, as an auditor can."""
    views = run(operations.multiply, *SECRETS)
    own = split(SECRETS[0], 2, np.random.default_rng(9))[0].view(np.uint64)
    return own - views[1].received(0)[:N]


def is_mersenne_twister(words: Any) -> bool:
    """Whether 32-bit halves follow MT19937's recurrence: then 624 of them tell all that follow, and the 32-bit seed.

    Source:
        Matsumoto and Nishimura, ACM TOMACS 8(1), 1998: tempering inverted, then x[k+624] from x[k], x[k+1], x[k+397].
    """
    state = np.ascontiguousarray(words).view(np.uint32).copy()
    state ^= state >> 18
    state ^= (state << 15) & np.uint32(0xEFC60000)
    out = state.copy()
    for _ in range(5):
        out = state ^ ((out << 7) & np.uint32(0x9D2C5680))
    state = out.copy()
    for _ in range(3):
        state = out ^ (state >> 11)
    mixed = (state[:-624] & np.uint32(0x80000000)) | (state[1:-623] & np.uint32(0x7FFFFFFF))
    twisted = (mixed >> 1) ^ np.where(mixed & 1, np.uint32(0x9908B0DF), np.uint32(0))
    return bool((state[624:] == (state[397 : 397 + len(twisted)] ^ twisted)).mean() > 0.5)


def test_masks_are_not_a_mersenne_twisters() -> None:
    assert not is_mersenne_twister(masks_of_the_first_party())
    assert biased_bits(masks_of_the_first_party()) == 0


def test_the_view_test_catches_mt19937_seeds(monkeypatch: Any) -> None:
    def twister(self: Keystream, count: int) -> Any:
        raw = np.random.MT19937(seed=20).random_raw(2 * count).astype(np.uint32)
        return raw.view(np.uint64).copy()

    monkeypatch.setattr(Keystream, "words", twister)
    assert is_mersenne_twister(masks_of_the_first_party())


def test_the_view_test_catches_masks_of_32_bits(monkeypatch: Any) -> None:
    plain = Keystream.words
    monkeypatch.setattr(Keystream, "words", lambda self, count: plain(self, count) >> np.uint64(32))
    assert biased_bits(masks_of_the_first_party()) > 0
    assert biased_bits(openings(run(compare, *WORLDS["nobody infected"]))[0], 63) > 0


def test_the_view_test_catches_masks_drawn_as_floats(monkeypatch: Any) -> None:
    plain = Keystream.words
    monkeypatch.setattr(
        Keystream,
        "words",
        lambda self, count: plain(self, count).astype(np.float32).astype(np.float64).astype(np.uint64),
    )
    assert biased_bits(masks_of_the_first_party()) > 0


def test_the_view_test_catches_a_batch_that_serves_twice(monkeypatch: Any) -> None:
    monkeypatch.setattr(Comparison, "purpose", lambda self, index: b"always the same")
    views = run(compare, *WORLDS["nobody infected"], repeats=2)
    assert repeated(np.concatenate([views[0].received(0), views[0].received(4)])) == N


def test_opening_to_one_party_is_refused_for_it_leaks_to_the_others() -> None:
    def reveal_to_one(x: Any, y: Any) -> Any:
        return operations._additive(x.view(np.uint64)).reveal(dst=0)

    with pytest.raises(ProtocolError, match="reduce"):
        run(reveal_to_one, *SECRETS)


def test_a_thread_without_a_session_can_draw_nothing() -> None:
    with pytest.raises(ProtocolError, match="no MPC session"):
        hardening.ring_elements([3])


def ranged(x: Any, _: Any) -> Any:
    from aggregator.mpc import ranges

    return np.array([ranges.out_of_range(x, np.full(len(x), 10, np.uint8))])


RANGED_WORLDS = {
    "all zero": np.zeros(N, np.int64),
    "all at the top": np.full(N, 1023),
    "one of them not": np.arange(N) % 1024,
}


def test_a_check_of_ranges_looks_the_same_for_all_numbers_in_range() -> None:
    traces = []
    for numbers in RANGED_WORLDS.values():
        views = run(ranged, numbers, numbers)
        assert not any(view.share.any() for view in views)
        traces.append([[(stamp, len(payload)) for stamp, payload in view.messages] for view in views])
        for view in views:
            for message in range(len(view.messages) - 4):  # then come two of the coin, the masked hash and the verdict
                words = view.received(message)
                assert not biased_bits(words)
                assert not repeated(words)
    assert traces[0] == traces[1] == traces[2]


def test_both_parties_show_the_same_where_all_is_in_range() -> None:
    """The last message is the other party's share of zero: this party's own, so that it tells nothing more."""
    for numbers in RANGED_WORLDS.values():
        one, other = run(ranged, numbers, numbers)
        assert one.messages[-1][1] == other.messages[-1][1]


def test_the_coin_is_shown_after_the_masked_numbers() -> None:
    numbers = RANGED_WORLDS["one of them not"]
    sizes = [len(payload) for _, payload in run(ranged, numbers, numbers)[0].messages]
    assert sizes[0] == 8 * N
    assert sizes[-4:] == [64, 64, 16, 16]  # commitments, coins, masked hashes, verdicts


@pytest.mark.parametrize("n", [1, 63, 65, 4095])
def test_of_numbers_in_range_one_verdict_is_opened_whatever_their_number(n: int) -> None:
    numbers = RANGED_WORLDS["one of them not"][:n]
    assert [len(payload) for _, payload in run(ranged, numbers, numbers)[0].messages][-4:] == [64, 64, 16, 16]


def test_what_is_opened_of_numbers_out_of_range_is_another_random_word_each_time(monkeypatch: Any) -> None:
    """Even under one coin, which makes the hash of the same errors the same: so it tells that they are, and no more."""
    monkeypatch.setattr(MpcContext, "coin", lambda self: bytes(32))
    numbers = RANGED_WORLDS["all zero"].copy()
    numbers[7] = 1024
    opened = []
    for seed in range(8):
        one, other = run(ranged, numbers, numbers, seed=seed)
        assert one.share.all()
        opened.append((one.received(len(one.messages) - 1) ^ other.received(len(other.messages) - 1)).tolist())
    assert len({word for words in opened for word in words}) == 16
    ones = sum(bin(word).count("1") for words in opened for word in words)
    assert 400 < ones < 624  # of 1,024 fair coins; 7 standard deviations
