"""What one party sees of a comparison or a product: the same for every secret; and what broken variants give away.

Two parties run in one process over socket pairs that record every byte received; the dealer's coins are seeded, so no
test here can flake. An auditor who knows the secrets may subtract them from what was sent, and look at the masks.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from aggregator.mpc import operations
from aggregator.mpc.crypten import hardening
from aggregator.mpc.crypten.compatibility import crypten
from aggregator.mpc.keystream import Keystream
from aggregator.mpc.randomness.correlations import Comparison
from protocols.errors import ProtocolError
from tests.integration.mpc_parties import joined, split
from tests.mpc_views import WORLDS, N, View, biased_bits, compare, repeated, run, unbalanced


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
