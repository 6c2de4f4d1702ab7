"""Shares of a tree as the dealer sends them."""

import numpy as np
import pytest

from aggregator.masking.carry.share import CarryShare, deal_carry
from protocols.errors import WireError
from protocols.masking.words import stream_of


def test_shares_are_read_as_they_were_dealt_and_those_of_another_size_refused(opened):
    world = opened(20, 70)
    for party, share in enumerate(world.shares):
        parts = share.encode()
        read = CarryShare.decode(parts, party=party, n=70, bits=20)
        assert (read.planes == share.planes).all()
        assert (read.masks == share.masks).all()
        assert "planes" not in repr(read)
        with pytest.raises(WireError, match="tree of another size"):
            CarryShare.decode(parts, party=1 - party, n=70, bits=20)
        with pytest.raises(WireError, match="tree of another size"):
            CarryShare.decode((*parts[:-1], parts[-1][8:]), party=party, n=70, bits=20)


def test_an_agent_takes_40_bytes_in_place_of_a_key_of_1200(opened):
    first, second = (sum(map(len, share.encode())) for share in opened(49, 6_400).shares)
    assert first == 32
    assert 37 < (second - 32) / 6_400 < 38


def test_either_share_is_uniform(opened):
    for share in opened(49, 6_400).shares:
        planes = share.planes[1:]
        ones = int(np.bitwise_count(planes).sum())
        assert abs(ones / (64 * planes.size) - 0.5) < 5 * 0.5 / (64 * planes.size) ** 0.5


def test_bits_are_opened_under_masks_that_no_client_knows():
    """Of clients' masks that are all 0, what both aggregators are told at last is random: the dealer's own masks."""
    r = np.zeros(640, dtype=np.uint64)
    told = deal_carry(r, r, bits=4, draw=stream_of(bytes(32)))[2]
    assert abs(int(np.bitwise_count(told).sum()) - 320) < 100
