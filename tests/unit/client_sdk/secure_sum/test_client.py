"""A client of sums: what it answers, when it sits a round out, and what it teaches nobody."""

import asyncio
import dataclasses

import numpy as np
import pytest

from client_sdk.secure_sum.client import SumClient
from client_sdk.secure_sum.contribution import Contribution
from client_sdk.secure_sum.journal import SumJournal
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import ParameterError, RoundClosed, ShareRefused, Unavailable
from tests.calibration_hospitals import hospitals, institution_of
from tests.sum_manifests import SHAPE, WORDS, sum_manifest


@dataclasses.dataclass
class Rounds:
    """Answers a client's rounds as the test tells it."""

    draws: np.ndarray
    told: list = dataclasses.field(default_factory=list)
    raising: dict = dataclasses.field(default_factory=dict)

    async def round(self, vector, *, step):
        self.told.append((step, vector.copy()))
        if self.raising.get(step):
            raise self.raising[step].pop(0)
        return dataclasses.make_dataclass("Answer", ["synthetic"])(self.draws.reshape(-1).view(np.int64))


def client_of(tmp_path, rounds, *, hospital=None):
    manifest = sum_manifest()
    hospital = hospital or hospitals()["hospital-0"]
    return SumClient(manifest, hospital, rounds, SumJournal.start(tmp_path, manifest), wait_s=5.0)


def draws_of(value=3.0):
    return np.full(SHAPE, value)


def test_a_hospital_answers_what_it_heard_with_its_clipped_gradient(tmp_path):
    rounds = Rounds(draws_of())
    asyncio.run(client_of(tmp_path, rounds).run())
    expected, twin = [], hospitals()["hospital-0"]
    for _ in range(3):
        expected += [np.zeros(WORDS, dtype=np.int64), Contribution().encode(twin.answer(draws_of())[0])]
    assert all(np.array_equal(told.view(np.int64), e) for (_, told), e in zip(rounds.told, expected, strict=True))


def test_a_hospital_that_did_not_hear_the_draws_sits_the_answer_out_and_is_not_lost(tmp_path):
    rounds = Rounds(draws_of(), raising={2: [RoundClosed("late")]})
    client = client_of(tmp_path, rounds)
    asyncio.run(client.run())
    assert [step for step, _ in rounds.told] == [0, 1, 2, 4, 5]
    assert client.missed == [1]


def test_a_hospital_that_was_left_out_ends_and_says_why(tmp_path):
    rounds = Rounds(draws_of(), raising={1: [ShareRefused("hospital-0 shared a number out of range in step 1")]})
    client = client_of(tmp_path, rounds)
    with pytest.raises(ShareRefused, match="out of range in step 1"):
        asyncio.run(client.run())
    assert [step for step, _ in rounds.told] == [0, 1]


def test_a_call_that_fails_is_made_again_with_the_same_vector(tmp_path):
    rounds = Rounds(draws_of(), raising={1: [Unavailable("away"), Unavailable("away")]})
    asyncio.run(client_of(tmp_path, rounds).run())
    answers = [told for step, told in rounds.told if step == 1]
    assert len(answers) == 3
    assert all(np.array_equal(each, answers[0]) for each in answers)


def test_a_hospital_that_was_ended_after_it_told_a_gradient_does_not_tell_that_round_another(tmp_path):
    first = Rounds(draws_of())
    before = client_of(tmp_path, first)
    asyncio.run(before.advance())
    asyncio.run(before.advance())
    again = Rounds(draws_of(2.0))
    after = client_of(tmp_path, again)
    assert np.array_equal(after.institution.state, before.institution.state)
    asyncio.run(after.run())
    assert [step for step, _ in again.told] == [0, 2, 3, 4, 5]
    assert after.missed == [0]


@pytest.mark.parametrize("value", [np.nan, np.inf, 51.0])
def test_draws_that_no_model_would_publish_teach_a_hospital_nothing(tmp_path, value):
    client = client_of(tmp_path, Rounds(draws_of(value)))
    before = client.institution.state.copy()
    asyncio.run(client.run())
    assert client.missed == [0, 1, 2]
    assert np.array_equal(client.institution.state, before)


def test_a_hospital_of_another_number_of_weeks_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="6 periods"):
        client_of(tmp_path, Rounds(draws_of()), hospital=institution_of(np.ones(4), [0.1, 0.2]))


def test_a_hospitals_state_is_what_it_goes_on_from():
    one, other = hospitals()["hospital-1"], hospitals()["hospital-1"]
    one.answer(draws_of())
    other.resume(one.state)
    assert np.array_equal(one.answer(draws_of(2.0))[0], other.answer(draws_of(2.0))[0])
    with pytest.raises(ParameterError, match="10"):
        other.resume(np.zeros(4))


def test_pinned_keys_make_another_run_of_the_same_calibration():
    manifest, _ = pin_keys(sum_manifest())
    assert set(manifest.trust.keys) == {"aggregator-0", "aggregator-1"}
