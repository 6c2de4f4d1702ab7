"""What is released of masked counts is what the rule releases of counts, and lies about bits are noticed."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.masking.comparison import BitShare, deal_bits
from aggregator.masking.comparison_key import NodeHash
from aggregator.masking.suppression import CountRule, SuppressionShare, deal_suppression, suppress
from protocols.errors import ResultsDiffer, WireError
from protocols.masking.messages import CountShare, to_bytes
from protocols.masking.words import residue, stream_of, to_integers
from protocols.releases import suppression
from protocols.releases.suppression import Suppression
from tests.repetitions import repetitions

HASH = NodeHash(os.urandom(32))
fresh_words = stream_of(os.urandom(32))


def opened(rule, cells, tally, *, noise=None, closed=()):
    """Return what both aggregators open, and all that they tell each other on the way."""
    counts = np.array([*cells, *tally], np.uint64)
    of_release = np.ones(counts.size, np.uint64)
    of_release[list(closed)] = 0
    shape, pads = CountRule(rule, len(cells), of_release), residue(fresh_words(counts.size))
    noise = np.zeros(counts.size, np.int64) if noise is None else noise
    steps = [
        suppress(
            SuppressionShare.decode(parts, shape, party=party),
            shape,
            residue(counts + pads),
            agents=int(np.sum(tally)),
            node_hash=HASH,
        )
        for party, parts in enumerate(deal_suppression(shape, pads, noise, node_hash=HASH, draw=fresh_words))
    ]
    told, passed, releases = [next(each) for each in steps], [], []
    for part in range(4):
        passed.append(told)
        messages = [
            CountShare(run=bytes(32), number=1, part=part, shares=to_bytes(shares), tags=to_bytes(tags))
            for shares, tags in reversed(told)
        ]
        told = []
        for each, message in zip(steps, messages, strict=True):
            try:
                told.append(each.send(message))
            except StopIteration as done:
                releases.append(to_integers(done.value).tolist())
    assert releases[0] == releases[1]
    return releases[0], passed


@st.composite
def populations(draw):
    """Draw a rule, cells and a tally, of which one stage is whom the cells add up to."""
    least, q = draw(st.integers(2, 5)), draw(st.integers(1, 4))
    cells = draw(st.lists(st.integers(0, 8), max_size=3))
    tally = draw(st.lists(st.integers(0, 8), min_size=q, max_size=q))
    speaker = draw(st.integers(0, q - 1))
    if cells:
        tally[speaker] = sum(cells)
    return Suppression(least, speaker), cells, tally


@settings(max_examples=repetitions(10))
@given(populations())
def test_what_is_released_is_what_the_rule_releases(drawn):
    rule, cells, tally = drawn
    seen, told = suppression.suppress(rule, np.array(cells, int), np.array(tally), agents=sum(tally))
    assert opened(rule, cells, tally)[0] == [*seen.tolist(), *told.tolist()]


@pytest.mark.slow
@settings(max_examples=2_000)
@given(populations())
def test_many_times_over_what_is_released_is_what_the_rule_releases(drawn):
    rule, cells, tally = drawn
    seen, told = suppression.suppress(rule, np.array(cells, int), np.array(tally), agents=sum(tally))
    assert opened(rule, cells, tally)[0] == [*seen.tolist(), *told.tolist()]


def test_noise_of_the_dealer_stands_in_the_release_and_decides_nothing():
    noise = np.array([-40, 7, 3, -2, 9])
    assert opened(Suppression(3, 1), [5, 2], [9, 7, 2], noise=noise)[0] == [5 - 40, 7, 3, -2, 9]
    assert opened(Suppression(3, 1), [5, 4], [6, 9, 7], noise=noise)[0] == [5 - 40, 11, 9, 7, 16]


def test_what_is_not_released_counts_in_the_rule_and_stays_closed():
    assert opened(Suppression(3, 1), [5, 4], [6, 9, 7], closed=(2, 3, 4))[0] == [5, 4, 0, 0, 0]
    assert opened(Suppression(3, 1), [5, 2], [9, 7, 2], closed=(2, 3, 4))[0] == [5, 0, 0, 0, 0]


WORLDS = (([5, 2], [9, 7, 2]), ([5, 4], [6, 9, 7]))


@pytest.mark.parametrize(("cells", "tally"), [WORLDS[0], pytest.param(*WORLDS[1], marks=pytest.mark.slow)])
def test_all_that_is_opened_before_the_release_is_uniform(cells, tally, monkeypatch):
    """Masked bits of what is large, counts under pads, and masked facts; and above a released count, nothing of it."""
    bits, words, high, open_bits = [], [], [], BitShare.open

    def record(*given):
        bits.append(open_bits(*given))
        return bits[-1]

    monkeypatch.setattr(BitShare, "open", record)
    for _ in range(8):
        _, (_, seen, _, told) = opened(Suppression(3, 1), cells, tally)
        whole = [sum_of(*message) for message in (seen, told)]
        words += (whole[0][2:, 0] & np.uint64(2**58 - 1)).tolist()
        high += (whole[0][:2, 0] >> np.uint64(58)).tolist() + (whole[1][:, 0] >> np.uint64(58)).tolist()
    for large_or_facts in (bits[::4], bits[2::4]):  # of aggregator 0
        constant = np.ptp(np.stack(large_or_facts), axis=0) == 0
        assert constant.sum() < 4  # of 5 or 8, where one is with probability 2**-7
    tops = np.bincount(np.array(words, np.uint64).astype(np.int64) >> 55, minlength=8)
    assert ((tops - len(words) / 8) ** 2 / (len(words) / 8)).sum() < 24.3  # 7 degrees of freedom, one alarm in 1,000
    assert len(set(words)) == len(words)
    assert len(set(high)) > 18  # of 64, in 40 draws


def sum_of(one, other):
    """Return the sum of both shares, uint64[n, 2]."""
    low = one[0][:, 0] + other[0][:, 0]
    carry = (low < one[0][:, 0]).astype(np.uint64)
    return np.stack([low, one[0][:, 1] + other[0][:, 1] + carry], axis=-1)


NUMBERS = np.array([-(2**40), -1, 0, 1, 2, 2**40], np.int64)


def bits(masks=None):
    """Return shares of whether the numbers are above 0, their masked numbers, and the masks."""
    pads, n = residue(fresh_words(NUMBERS.size)), NUMBERS.size
    masks = fresh_words(n) & np.uint64(1) if masks is None else masks
    parts = deal_bits(pads, masks, node_hash=HASH, draw=fresh_words)
    shares = [BitShare.decode(each, party=party, n=n) for party, each in enumerate(parts)]
    return shares, residue(NUMBERS.view(np.uint64) + pads), masks


@pytest.mark.parametrize("mask", [0, 1, None])
def test_both_learn_a_masked_bit_of_each_number(mask):
    shares, masked, masks = bits(None if mask is None else np.full(NUMBERS.size, mask, np.uint64))
    (own, told), (other, back) = (each.answer(HASH, masked) for each in shares)
    assert (shares[0].open(own, back) ^ masks).tolist() == [0, 0, 0, 1, 1, 1]
    assert (shares[1].open(other, told) ^ masks).tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize("party", [0, 1])
def test_who_tells_a_bit_has_nothing_of_what_it_is_checked_by(party):
    """Whoever knew the label of what it tells would turn the bit over."""
    shares, masked, _ = bits()
    (own, _), (_, back) = shares[party].answer(HASH, masked), shares[1 - party].answer(HASH, masked)
    for wrong in (back ^ np.uint64(1), back ^ shares[1 - party].labels, fresh_words(back.size), np.zeros_like(back)):
        with pytest.raises(ResultsDiffer, match="was not dealt"):
            shares[party].open(own, wrong)
    with pytest.raises(ResultsDiffer):
        shares[party].open(own, shares[1 - party].answer(HASH, masked + np.uint64(1))[1])
    with pytest.raises(WireError):
        shares[party].open(own, back[:-1])
    assert not np.isin(shares[0].labels, shares[1].labels).any()


@pytest.mark.parametrize(("cells", "stages"), [(0, 1), (0, 4), (3, 2)])
def test_what_is_dealt_takes_the_bytes_that_the_page_on_active_security_says(cells, stages):
    n = cells + stages
    rule = CountRule(Suppression(3, 0), cells, np.ones(n, np.uint64))
    for parts in deal_suppression(rule, fresh_words(n), np.zeros(n, np.int64), node_hash=HASH, draw=fresh_words):
        assert sum(part.nbytes for part in parts) == 3_224 * n + 24_576 * stages + 22_736


def test_other_sizes_than_the_rules_are_refused():
    rule = CountRule(Suppression(3, 0), 1, np.ones(3, np.uint64))
    parts, _ = deal_suppression(rule, fresh_words(3), np.zeros(3, np.int64), node_hash=HASH, draw=fresh_words)
    for wrong in (parts[:-1], parts[1:], (*parts[:-1], parts[-1][:0]), (*parts[:7], parts[7][:8], *parts[8:]), ()):
        with pytest.raises(WireError):
            SuppressionShare.decode(wrong, rule, party=0)
