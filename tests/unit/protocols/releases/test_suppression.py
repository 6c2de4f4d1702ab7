"""Small counts are suppressed, and nothing that is released gives them away; on shares as in the clear."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import ParameterError
from protocols.releases.suppression import Suppression, suppress
from tests.epidemics import Stage


def rule_of(least, speaker=Stage.I):
    return Suppression(least, int(speaker))


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
def test_what_is_released_is_right_or_zero_and_never_small(drawn):
    cells, tally, rule = drawn
    for true, told in zip((cells, tally), suppress(rule, cells, tally, agents=int(tally.sum())), strict=True):
        assert ((told == true) | (told == 0)).all()
        if rule.min_count > 1:
            assert ((told == 0) | (told >= rule.min_count)).all()


def test_a_single_suppressed_cell_is_not_the_difference_of_what_is_released():
    cells, tally = np.array([50, 3]), np.array([100, 20, 53, 30])
    seen, told = suppress(rule_of(5), cells, tally, agents=203)
    assert seen.tolist() == [50, 0]
    assert told.tolist() == [0, 0, 0, 0]


def test_a_single_suppressed_stage_takes_the_first_with_it():
    _, told = suppress(rule_of(5), np.zeros(0, np.int64), np.array([100, 3, 50, 64]), agents=217)
    assert told.tolist() == [0, 0, 50, 64]


def test_a_least_count_needs_outcome_mode(manifest_of):
    with pytest.raises(ParameterError, match="min_count needs a secure comparison"):
        manifest_of(min_count=5)
