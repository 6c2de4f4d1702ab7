"""Sums that an evaluation opens."""

from functools import partial

import numpy as np
import pytest

from lpm_secure.evaluation.secure_totals import Respondent, SecureTotals
from lpm_secure.secure_sum.in_process import InProcessSum
from protocols.errors import CohortTooSmall, ParameterError, ProtocolError


def respondent():
    return Respondent(lambda origin: np.full(3, float(origin)), frozenset({4, 5}), 3)


def test_an_institution_answers_to_the_origins_of_the_evaluation_alone():
    own = respondent()
    assert own.accepts(np.full(3, 4.0))
    assert own.vector(np.full(3, 4.0)).tolist() == [4.0, 4.0, 4.0]
    assert not own.accepts(np.full(3, 6.0))
    assert not own.accepts(np.array([4.0, 4.0, 5.0]))
    assert not own.accepts(np.full(3, np.nan))


def test_an_institution_refuses_a_sum_of_another_length():
    with pytest.raises(ParameterError, match=r"got vectors of shape \(4,\); an evaluation asks for \(3,\)"):
        respondent().require((4,))


def test_its_answer_is_in_no_text_of_it():
    assert "answer" not in repr(respondent())


def test_a_sum_over_too_few_is_not_opened():
    answers = dict.fromkeys(("ward-0", "ward-1"), lambda origin: np.ones(3))
    with pytest.raises((CohortTooSmall, ParameterError)):
        SecureTotals(2, 5).open("totals", answers, [4], length=3)


def test_a_sum_that_was_thrown_away_is_not_taken_for_zeros():
    answers = {f"ward-{place}": lambda origin: np.ones(2) for place in range(5)}
    liar = partial(InProcessSum, garbage={"ward-3": lambda words: words + 2**58})
    with pytest.raises(ProtocolError, match="the sum at origin 4 is out of range"):
        SecureTotals(2, 5, transport=liar).open("totals", answers, [4], length=2)


def test_each_question_has_its_row_in_the_ledger():
    answers = {f"ward-{place}": lambda origin: np.full(2, 0.5 * origin) for place in range(5)}
    totals = SecureTotals(3, 5)
    assert totals.open("halves", answers, [4, 6], length=2)[6].tolist() == [15.0, 15.0]
    assert totals.ledger == [{"question": "halves", "sums": 2, "numbers": 2, "institutions": 5}]
