"""What an institution answers of a training, in which order, and what it adds to no sum."""

import numpy as np
import pytest

from client_sdk.amortisation.learner import Exercise, Imperfect
from protocols.errors import ParameterError, RoundClosed
from tests.amortised_hospitals import WEEKS, learners


def test_a_hospital_answers_in_order_and_only_what_makes_sense() -> None:
    learner = learners()["hospital-0"]
    with pytest.raises(RoundClosed, match="practise"):
        learner.correct(0, np.zeros((8, 17)))
    weights, log_x, told = learner.encoder.begin(1), np.zeros((8, 2, WEEKS)), np.full(8, 4)
    learner.practise(Exercise(0, weights, log_x, told))
    with pytest.raises(ParameterError, match="one for each"):
        learner.correct(0, np.full((8, 17), np.nan))
    learner.correct(0, np.zeros((8, 17)))
    with pytest.raises(RoundClosed):
        learner.correct(0, np.zeros((8, 17)))
    for bad in (
        Exercise(0, weights[1:], log_x, told),
        Exercise(0, weights, log_x[:, :1], told),
        Exercise(0, weights, log_x + 90.0, told),
        Exercise(0, weights, log_x, told + 3),
    ):
        with pytest.raises(ParameterError):
            learner.practise(bad)
    with pytest.raises(ParameterError):
        learner.tell(weights * np.nan, 4)


def test_what_a_hospital_tells_is_placed_where_its_patients_live() -> None:
    learner = learners()["hospital-0"]  # a quarter from the first borough, three quarters from the second
    weights = learner.encoder.begin(1)
    first, second, here = np.split(learner.tell(weights, 4)[0], [8, 16])
    assert 3.0 * first == pytest.approx(second)
    assert here == [1.0]


def test_a_hospitals_gradient_is_that_of_what_it_told() -> None:
    learner, rng = learners()["hospital-1"], np.random.default_rng(3)
    weights, log_x, told = learner.encoder.begin(1), np.full((8, 2, WEEKS), 4.0), np.full(8, 4)
    by, step = rng.normal(size=(8, learner.width)), rng.normal(size=weights.size)
    learner.practise(Exercise(5, weights, log_x, told))
    found = learner.correct(5, by) @ step
    up, down = (learner.practise(Exercise(5, weights + s * step, log_x, told)) for s in (1e-6, -1e-6))
    assert found == pytest.approx((by * (up - down)).sum() / 2e-6, rel=1e-6)


def test_what_is_not_here_adds_nothing_not_even_itself() -> None:
    learner = learners()["hospital-0"]
    learner.imperfect = Imperfect(absent=0.5)
    found = learner.practise(Exercise(0, learner.encoder.begin(1), np.full((64, 2, WEEKS), 4.0), np.full(64, 4)))
    assert set(found[:, -1]) == {0.0, 1.0}
    assert not found[found[:, -1] == 0].any()
