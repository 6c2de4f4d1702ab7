"""Ranges of the words that clients tell."""

import pytest

from lpm_secure.models.library.doses import FULL
from protocols.task.ranges import Ranges
from protocols.task.rounds import Phase
from tests.epidemics import doses_of

SHORT = (2**31, 2**31)
CAMPAIGN = doses_of(2, 4, 2**31, 64)


@pytest.fixture
def told(manifest_of, seir):
    return manifest_of([(1, 2), (3,)], mode="outcome", model=seir(waning=SHORT, doses=CAMPAIGN, f=24))


def test_own_words_are_in_ranges_of_their_own(told):
    threshold = (told.level_bound + 1).bit_length()
    bits = Ranges(told).bits("client-1", told.schedule.number(1, Phase.DECIDE))
    assert bits.tolist()[1:] == [threshold, 1, FULL.bit_length()]
