"""What a client and the dealer expand from one seed."""

import dataclasses

import pytest

from protocols.arithmetic.counters import RoundNumber
from protocols.masking.pads import PadPurpose, PadSource

SOURCE = PadSource(bytes(range(32)), bytes(32), "north", 1)


@pytest.mark.parametrize("change", [{"seed": bytes(32)}, {"run": bytes([1] * 32)}, {"client": "south"}, {"counter": 2}])
def test_another_name_of_a_seed_gives_other_pads(change):
    other = dataclasses.replace(SOURCE, **change)
    assert not set(SOURCE.pads(RoundNumber(3), 8).tolist()) & set(other.pads(RoundNumber(3), 8).tolist())


def test_another_purpose_round_or_outcome_gives_other_words():
    names = [(purpose, RoundNumber(n), outcome) for purpose in PadPurpose for n in (0, 1) for outcome in (-1, 0, 1)]
    first = {int(SOURCE.stream(purpose, n, 1, outcome=outcome)[0]) for purpose, n, outcome in names}
    assert len(first) == len(names)


def test_a_seed_is_not_printed():
    assert str(SOURCE.seed) not in repr(SOURCE)


def test_pads_are_below_the_modulus_and_labels_are_never_zero():
    assert int(SOURCE.pads(RoundNumber(0), 1000).max()) < 2**58
    assert (SOURCE.labels(RoundNumber(0), 1000, outcome=0) & 1).all()


def test_the_words_of_a_name_never_change():
    """Made by this code; another party's must agree to the bit."""
    assert SOURCE.pads(RoundNumber(7), 2).tolist() == PADS
    assert SOURCE.labels(RoundNumber(7), 2, outcome=1).tolist() == LABELS


def test_words_that_were_expanded_ahead_are_those_of_their_name():
    source, counts = dataclasses.replace(SOURCE), {PadPurpose.WORDS: 9, PadPurpose.BITS: 5}
    for number in (7, 8, 9):
        source.expand_ahead(RoundNumber(number), counts)
    for number, purpose, count, outcome in ((9, 1, 9, -1), (9, 1, 12, -1), (9, 2, 3, -1), (9, 1, 2, 1), (7, 1, 4, -1)):
        name = PadPurpose(purpose), RoundNumber(number), count
        assert source.stream(*name, outcome=outcome).tolist() == SOURCE.stream(*name, outcome=outcome).tolist()
    assert {number for number, _ in source._ahead} == {8, 9}
    assert not SOURCE._ahead
    words = source.stream(PadPurpose.WORDS, RoundNumber(9), 9)
    words[:] = 0  # whoever asks may write to what is told
    assert source.stream(PadPurpose.WORDS, RoundNumber(9), 9).all()


PADS = [73596344605113293, 282981495802055205]
LABELS = [6620969223002001453, 12186711784703196651]
