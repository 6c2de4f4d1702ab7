"""The journal of a client's rounds: no keystream masks two vectors, whatever is started again, put back or copied."""

import numpy as np
import pytest

from client_sdk.simulation.exchange import Answer
from client_sdk.simulation.round_journal import RoundJournal
from protocols.arithmetic.sharing.additive import Additive
from protocols.errors import AnswerLost, ConflictingReplay, RoundClosed
from protocols.masking.journal import MemoryJournal

SHARING = Additive(3)
ONE, TWO = np.array([1, 2], dtype=np.uint64), np.array([2, 1], dtype=np.uint64)


def start(journal):
    """Start a client once more, from a copy of its journal."""
    again = MemoryJournal(journal._entries)
    return again, RoundJournal(again, SHARING)


def test_each_start_shares_under_keys_of_its_own():
    journal, first = start(MemoryJournal())
    assert first.tell(0, ONE) is None  # under those of the join
    seen = [first.keys]
    for number in range(1, 4):
        journal, again = start(journal)
        assert again.keys == first.keys
        seen.append(again.tell(number, ONE))
    assert len({key for keys in seen for key in keys}) == 4 * 2


def test_a_folder_that_was_put_back_twice_shares_under_other_keys_each_time():
    journal, _ = start(MemoryJournal())
    keys = [start(journal)[1].tell(5, vector) for vector in (ONE, TWO)]
    assert not {*keys[0]} & {*keys[1]}


def test_what_may_have_gone_out_goes_out_again_under_the_keys_of_then_or_not_at_all():
    journal, first = start(MemoryJournal())
    first.tell(0, ONE)
    journal, second = start(journal)
    keys = second.tell(1, ONE)
    journal, third = start(journal)
    assert third.tell(0, ONE) is None
    assert third.tell(1, ONE) == keys
    for number in (0, 1):
        with pytest.raises(ConflictingReplay):
            third.tell(number, TWO)
    assert third.has_told(1)
    assert not third.has_told(2)


def test_what_a_round_told_is_told_once_more_to_the_bit():
    journal, first = start(MemoryJournal())
    own, release, synthetic = np.arange(6).reshape(3, 2) - 3, np.zeros(0, dtype=np.int64), np.array([2**63 - 1])
    first.hear(3, Answer(own, release, synthetic))
    first.miss(4, RoundClosed("late"))
    first.miss(5, AnswerLost("later"))
    _, again = start(journal)
    found = again.answer(3)
    for one, other in zip((found.own, found.release, found.synthetic), (own, release, synthetic), strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == np.int64
        assert one.flags.writeable
    with pytest.raises(RoundClosed) as closed:
        again.answer(4)
    assert type(closed.value) is RoundClosed
    with pytest.raises(AnswerLost):
        again.answer(5)
    assert [again.has_heard(number) for number in range(2, 7)] == [False, True, True, True, False]


def test_it_keeps_where_a_client_joined_and_what_was_public_then():
    journal, first = start(MemoryJournal())
    assert (first.joined, first.recall(0, 2)) == (None, None)
    first.join(2)
    first.remember(0, 2, np.array([7, 8, 9, 10]))
    _, again = start(journal)
    assert again.joined == 2
    assert again.recall(0, 2).tolist() == [7, 8, 9, 10]
