"""Products of bits and masked levels: right for every bit, and whatever an aggregator changes of a share is noticed."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.masking.product import ProductShare, deal_products
from protocols.errors import ResultsDiffer, WireError
from protocols.masking.messages import LevelShare, to_bytes
from protocols.masking.words import residue, stream_of

fresh_words = stream_of(os.urandom(32))
LEVELS = np.array([0, 1, 2**57 - 1, 5, 2**58 - 3], dtype=np.uint64)


def dealt(n=5):
    """Return masks of bits, pads of levels before and after, and both shares, as they are read from messages."""
    masks, pads, renewed = fresh_words(n) & np.uint64(1), residue(fresh_words(n)), fresh_words(2 * n).reshape(n, 2)
    shares = (
        ProductShare.decode(each.encode(), n=n)
        for each in deal_products(np.stack([np.uint64(1) - masks, masks]), pads, renewed, draw=fresh_words)
    )
    return masks, pads, residue(renewed[:, 0]), tuple(shares)


def message(share, tags):
    return LevelShare(run=bytes(32), number=2, shares=to_bytes(share), tags=to_bytes(tags))


@given(st.lists(st.integers(0, 1), min_size=5, max_size=5))
def test_a_level_is_kept_or_begins_anew(anew):
    masks, pads, renewed, shares = dealt()
    bits, masked = np.array(anew, np.uint64) ^ masks, residue(LEVELS + pads)
    own = [each.answer(masked, bits) for each in shares]
    for party, each in enumerate(shares):
        opened = each.open(own[party][0], message(*own[1 - party]), masked, bits)
        np.testing.assert_array_equal(residue(opened - renewed), np.where(anew, 0, LEVELS))


@pytest.mark.parametrize("bit", [0, 57, 63])
@pytest.mark.parametrize("changed", ["share", "tag", "upper word of a tag"])
def test_a_share_or_a_tag_that_is_changed_is_noticed(changed, bit):
    """Above 2**64 a share might pass, by a guess of Delta's lowest bits; it changes no level."""
    masks, pads, _, (one, other) = dealt()
    masked = residue(LEVELS + pads)
    (own, _), (share, tags) = one.answer(masked, masks), other.answer(masked, masks)
    wrong = share if changed == "share" else tags
    wrong[3, int(changed.startswith("upper"))] ^= np.uint64(1 << bit)
    with pytest.raises(ResultsDiffer, match="was not dealt"):
        one.open(own, message(share, tags), masked, masks)


def test_a_share_of_another_level_or_bit_is_noticed():
    masks, pads, _, (one, other) = dealt()
    masked = residue(LEVELS + pads)
    own, _ = one.answer(masked, masks)
    for level, bits in ((masked + np.uint64(1), masks), (masked, masks ^ np.uint64(1))):
        with pytest.raises(ResultsDiffer):
            one.open(own, message(*other.answer(level, bits)), masked, masks)


def test_delta_is_fresh_at_each_party_and_in_each_dealing():
    """Whoever knows it raises a share and its tag together."""
    assert len({int(share.delta[0]) for _ in range(3) for share in dealt()[3]}) == 6


def test_a_product_takes_the_bytes_that_the_page_on_active_security_says():
    for each in dealt()[3]:
        assert sum(part.nbytes for part in each.encode()) == 192 * LEVELS.size + 8  # Delta once, of all of them
        assert sum(told.nbytes for told in each.answer(LEVELS, LEVELS & np.uint64(1))) == 32 * LEVELS.size


def test_other_sizes_are_refused():
    masks, pads, _, (one, other) = dealt()
    own, tags = other.answer(pads, masks)
    for wrong in (message(own[:-1], tags), message(own, tags[:-1])):
        with pytest.raises(WireError):
            one.open(own, wrong, pads, masks)
    with pytest.raises(WireError, match="products"):
        ProductShare.decode(one.encode(), n=4)


def test_what_an_aggregator_is_dealt_is_uniform_whoever_begins_anew():
    """The top bits of its shares, tags and keys, for masks of 0 and of 1."""
    for mask in (0, 1):
        n = 400
        dealt_ = deal_products(
            np.full((2, n), mask, np.uint64), np.zeros(n, np.uint64), fresh_words(2 * n).reshape(n, 2), draw=fresh_words
        )
        for each in dealt_:
            for part in (each.shares, each.tags, each.keys):
                tops = np.bincount((part.reshape(-1) >> np.uint64(61)).astype(np.int64), minlength=8)
                expected = tops.sum() / 8
                assert ((tops - expected) ** 2 / expected).sum() < 30  # one alarm in 10,000 of 12
