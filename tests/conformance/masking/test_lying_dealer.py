"""What a dealer that lies finds out, as docs/security/active.md admits: each test reads a secret, and nobody stops."""

import numpy as np
import pytest

from aggregator.masking.dealer import MaskingDealer
from protocols.masking.words import residue
from tests.masked_runs import Secrets


@pytest.fixture
def shift(monkeypatch):
    """Return a function that lets the dealer deal agent 0's comparison with an offset of its choice."""
    honest = MaskingDealer._deal

    def begin(by):
        def deal(self, decision):
            offsets, shares = honest(self, decision)
            return np.concatenate([residue(offsets[:1] + np.uint64(by % 2**58)), offsets[1:]]), shares

        monkeypatch.setattr(MaskingDealer, "_deal", deal)

    return begin


@pytest.mark.parametrize(("told", "bit"), [(0, 0), (3, 1)])
def test_an_offset_asks_how_far_a_level_is_from_its_threshold_unseen(told, bit, start, shift):
    """The threshold is 5: the honest bit is 0 in both worlds, and what is infected shows in the next tally."""
    shift(3)
    run, secrets = start({"steps": 2}), Secrets(tau=(5, 5), said=told)
    outcomes = [run.play(secrets.words(run))["client-0"].outcomes for _ in range(3)][-1]
    assert outcomes[:, 0].tolist() == [bit, 0]
    assert not any(party.ending for party in (*run.aggregators, run.dealer, *run.clients.values()))
