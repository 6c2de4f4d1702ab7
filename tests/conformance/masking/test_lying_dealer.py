"""What a dealer that lies finds out, as docs/security/active.md admits: each test reads a secret, and nobody stops."""

import numpy as np
import pytest

from aggregator.masking import suppression
from aggregator.masking.carry.share import deal_carry
from aggregator.masking.dealer import MaskingDealer
from protocols.errors import ResultsDiffer
from protocols.masking.words import residue
from tests.masked_runs import Secrets


@pytest.fixture
def shift(monkeypatch):
    """Return a function that lets the dealer deal agent 0's comparison with an offset, or a mask, of its choice."""
    honest = MaskingDealer._deal

    def begin(by):
        def deal(self, decision):
            offsets, shares = honest(self, decision)
            return np.concatenate([residue(offsets[:1] + np.uint64(by % 2**58)), offsets[1:]]), shares

        def deal_tree(r, *given, **named):
            return deal_carry(np.concatenate([r[:1] + np.uint64(by), r[1:]]), *given, **named)

        monkeypatch.setattr(MaskingDealer, "_deal", deal)
        monkeypatch.setattr("aggregator.masking.dealer.deal_carry", deal_tree)

    return begin


@pytest.mark.parametrize(("told", "bit"), [(0, 0), (3, 1)])
def test_an_offset_asks_how_far_a_level_is_from_its_threshold_unseen(told, bit, start, shift):
    """The threshold is 5: the honest bit is 0 in both worlds, and what is infected shows in the next tally."""
    shift(3)
    run, secrets = start({"steps": 2}), Secrets(tau=(5, 5), said=told)
    outcomes = [run.play(secrets.words(run))["client-0"].outcomes for _ in range(3)][-1]
    assert outcomes[:, 0].tolist() == [bit, 0]
    assert not any(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))


@pytest.mark.parametrize("compared", ["tree"], indirect=True)
def test_wrong_shares_of_a_tree_turn_a_bit_unseen_and_others_than_were_dealt_end_the_run(start, monkeypatch):
    """The honest bit is 0; a dealer that proves what it dealt is not noticed."""

    def deal(*given, **named):
        *shares, told = deal_carry(*given, **named)
        shares[1].planes[-1, 0] ^= np.uint64(1)  # what masks the bit of agent 0
        return *shares, told

    secrets = Secrets()
    with monkeypatch.context() as lying:
        lying.setattr("aggregator.masking.dealer.deal_carry", deal)
        run = start({"steps": 2})
        outcomes = [run.play(secrets.words(run))["client-0"].outcomes for _ in range(3)][-1]
        assert outcomes[:, 0].tolist() == [1, 0]
        assert not any(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))
    run = start({"steps": 2})
    for _ in range(2):
        run.play(secrets.words(run))
    run.dealer._trees[1].planes[1:] ^= np.uint64(1)
    with pytest.raises(ResultsDiffer, match="bits that were not dealt"):
        run.play(secrets.words(run))
    assert all(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))


def test_wrong_factors_release_small_counts_unseen(start, monkeypatch):
    honest = suppression.deal_products
    monkeypatch.setattr(
        suppression, "deal_products", lambda factors, *given, **named: honest(np.ones_like(factors), *given, **named)
    )
    run, secrets = start({"min_count": 2}), Secrets(stage=2)
    told = [run.play(secrets.words(run)) for _ in range(2)][-1]
    assert told["client-0"].release.tolist() == [3, 0, 1, 0]  # the honest release is 0, 0, 0, 0
    assert not any(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))


@pytest.mark.parametrize(("stage", "stops"), [(0, True), (2, False)])
def test_a_wrong_label_asks_whether_a_count_is_large_and_the_run_stops_where_it_is(stage, stops, start, monkeypatch):
    """The first count is 4 or 3, and 4 are large enough; the dealer masks no bit."""
    deal, deal_bits = suppression.deal_suppression, suppression.deal_bits

    def wrong_label(pads, masks, **given):
        monkeypatch.setattr(suppression, "deal_bits", deal_bits)  # of the counts alone
        one, other = deal_bits(pads, masks, **given)
        labels = np.frombuffer(one[-1], "<u8").copy()
        labels[0] ^= np.uint64(2)
        return (*one[:-1], memoryview(labels.tobytes())), other

    def without_masks(rule, pads, *given, draw, **named):
        monkeypatch.setattr(suppression, "deal_bits", wrong_label)
        drawn = [np.zeros_like(pads)]
        return deal(rule, pads, *given, draw=lambda count: drawn.pop() if drawn else draw(count), **named)

    monkeypatch.setattr("aggregator.masking.dealer.deal_suppression", without_masks)
    run, secrets = start({"min_count": 4}), Secrets(stage=stage)
    run.play(secrets.words(run))
    if not stops:
        assert set(run.play(secrets.words(run))["client-0"].release.tolist()) == {0}
        return
    with pytest.raises(ResultsDiffer):
        run.play(secrets.words(run))
