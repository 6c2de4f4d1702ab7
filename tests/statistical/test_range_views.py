"""What aggregators see of a check of ranges: the same for all numbers in range, and one verdict of others."""

from typing import Any

import numpy as np
import pytest

from aggregator.mpc.context import MpcContext
from aggregator.mpc.ranges import SALT_BYTES
from tests.mpc_views import N, biased_bits, repeated, run


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
            for message in range(len(view.messages) - 5):  # then coin (2), hash, verdict (2)
                words = view.received(message)
                assert not biased_bits(words)
                assert not repeated(words)
    assert traces[0] == traces[1] == traces[2]


def test_both_parties_show_the_same_where_all_is_in_range() -> None:
    """The last message is the other party's share of zero: this party's own, so that it tells nothing more."""
    for numbers in RANGED_WORLDS.values():
        one, other = run(ranged, numbers, numbers)
        assert one.messages[-1][1][SALT_BYTES:] == other.messages[-1][1][SALT_BYTES:]
        assert one.messages[-1][1][:SALT_BYTES] != other.messages[-1][1][:SALT_BYTES]


def test_the_coin_is_shown_after_the_masked_numbers() -> None:
    numbers = RANGED_WORLDS["one of them not"]
    sizes = [len(payload) for _, payload in run(ranged, numbers, numbers)[0].messages]
    assert sizes[0] == 8 * N
    assert sizes[-5:] == [32, 32, 16, 32, 32]  # commitments, coins, masked hashes, commitments, salted verdicts


@pytest.mark.parametrize("n", [1, 63, 65, 4095])
def test_of_numbers_in_range_one_verdict_is_opened_whatever_their_number(n: int) -> None:
    numbers = RANGED_WORLDS["one of them not"][:n]
    assert [len(payload) for _, payload in run(ranged, numbers, numbers)[0].messages][-5:] == [32, 32, 16, 32, 32]


def test_what_is_opened_of_numbers_out_of_range_is_another_random_word_each_time(monkeypatch: Any) -> None:
    """Even under one coin, which makes the hash of the same errors the same: so it tells that they are, and no more."""
    monkeypatch.setattr(MpcContext, "coin", lambda self: bytes(32))
    numbers = RANGED_WORLDS["all zero"].copy()
    numbers[7] = 1024
    opened = []
    for seed in range(8):
        one, other = run(ranged, numbers, numbers, seed=seed)
        assert one.share.all()
        shown = [view.received(len(view.messages) - 1)[SALT_BYTES // 8 :] for view in (one, other)]
        opened.append((shown[0] ^ shown[1]).tolist())
    assert len({word for words in opened for word in words}) == 16
    ones = sum(bin(word).count("1") for words in opened for word in words)
    assert 400 < ones < 624  # of 1,024 fair coins; 7 standard deviations
