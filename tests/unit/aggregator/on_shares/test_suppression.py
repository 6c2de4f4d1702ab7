"""Cell suppression on shares is the rule of the clear."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.on_shares.suppression import suppress as suppress_shares
from protocols.releases.suppression import Suppression, suppress
from tests.epidemics import Stage


def rule_of(least, speaker=Stage.I):
    return Suppression(least, int(speaker))


class Alone:
    """Computes with whole numbers: a single party's share is the number."""

    name = bytes(32)

    def public(self, numbers):
        return numbers

    def compare(self, h, tau, *, bits):
        for numbers in (h, tau):
            assert ((numbers >= 0) & (numbers < 2**bits)).all()
        return (h > tau).astype(np.int64)

    def multiply(self, x, y):
        return x * y


@st.composite
def counts(draw):
    """Draw consistent counts: agents by stage and, those of one stage, by cell."""
    few = st.one_of(st.integers(0, 8), st.integers(0, 200))
    cells = np.array(draw(st.lists(few, max_size=4)), dtype=np.int64)
    tally = np.array([draw(few) for _ in Stage], dtype=np.int64)
    speaker = draw(st.sampled_from(Stage))
    if cells.size:
        tally[speaker] = cells.sum()
    return cells, tally, rule_of(draw(st.integers(0, 12)), speaker)


@given(counts())
def test_on_shares_the_rule_is_that_of_the_clear_run(drawn):
    cells, tally, rule = drawn
    expected = np.concatenate(suppress(rule, cells, tally, agents=int(tally.sum())))
    if rule.min_count > 1:
        both = np.concatenate([cells, tally])[:, None]
        found = suppress_shares(Alone(), rule, both, cells=cells.size, agents=int(tally.sum()))
        assert found[:, 0].tolist() == expected.tolist()


@pytest.mark.parametrize("least", [2, 3, 4])
@pytest.mark.parametrize("agents", [9, 14])
def test_no_suppressed_stage_can_be_told_from_the_others(least, agents):
    """Whoever knows the rule and the number of agents still has two possibilities for every suppressed count."""
    seen, firsts = {}, itertools.product(range(agents + 1), repeat=3)
    each = np.array([[*first, agents - sum(first)] for first in firsts if sum(first) <= agents])
    on_shares = suppress_shares(Alone(), rule_of(least), each.T, cells=0, agents=agents).T  # as replicates of one run
    for whole, found in zip(each, on_shares, strict=True):
        told = tuple(suppress(rule_of(least), np.zeros(0, np.int64), whole, agents=agents)[1].tolist())
        assert found.tolist() == list(told)
        seen.setdefault(told, []).append(whole)
    for told, possible in seen.items():
        hidden = [stage for stage in range(4) if told[stage] == 0]
        for stage in hidden:
            assert len({int(whole[stage]) for whole in possible}) > 1, told
