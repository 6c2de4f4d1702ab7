"""The key that both aggregators have in common."""

import numpy as np
import pytest

from aggregator.masking.common_key import KeyPart
from protocols.errors import ResultsDiffer

ONE, TWO = KeyPart(0, bytes(32)), KeyPart(1, bytes([1] * 32))


def test_both_come_to_the_same_key_which_depends_on_each_part():
    key = ONE.join(TWO, TWO.commitment)
    assert TWO.join(ONE, ONE.commitment) == key
    other = KeyPart(1, bytes([2] * 32))
    assert ONE.join(other, other.commitment) != key


def test_another_part_than_was_committed_to_is_refused():
    with pytest.raises(ResultsDiffer, match="committed"):
        ONE.join(TWO, KeyPart(1, bytes([2] * 32)).commitment)


def test_an_aggregator_cannot_answer_with_the_others_own_commitment():
    """A commitment names its side, so a copy of the other's opens to nothing."""
    with pytest.raises(ResultsDiffer):
        ONE.join(KeyPart(1, ONE.part), ONE.commitment)


def test_masks_of_two_rounds_or_of_one_over_other_words_and_the_noise_key_have_nothing_in_common():
    key = ONE.join(TWO, TWO.commitment)
    masks = [key.answer_mask(*name, 100) for name in ((1, bytes(32)), (2, bytes(32)), (1, bytes([1] * 32)))]
    assert np.unique(np.concatenate(masks)).size == 300
    assert key.noise_key != key.key
    assert str(key.key) not in repr(key)
    assert str(ONE.part) not in repr(ONE)
