"""Estimators of any model's graph, held against differences of its runs and against the hand-written epidemic's."""

import dataclasses

import numpy as np
import pytest

from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.backends.numba_backend import NumbaBackend
from lpm_secure.gradients.estimators.finite_difference import FiniteDifference
from lpm_secure.gradients.estimators.model_alternatives import ModelAlternatives, choose_alternatives
from lpm_secure.gradients.estimators.model_score import ModelScore
from lpm_secure.gradients.history.recorder import HistoryRecorder
from lpm_secure.gradients.history.replays import Replays
from lpm_secure.gradients.model.outputs import Outputs, SeriesOutput
from protocols.models.graph.agents import tally_of
from tests.conformance.estimators.model_worlds import ENVIRONMENTS, GIVEN, model_problem

SIGMAS = 4.5  # of about 60 ratios each, one in 2,500 runs of a test fails by chance; seeds are fixed, so none does
NEAR = 0.1
LAWS = {
    "seir": 5,
    "seirs": 6,
    "doses": 7,
    "strains": 8,
    "work": 7,
    "opinion": 4,
    "banks": 1,
    "supply": 2,
    "tests.moving_models:Places": 3,
    "tests.moving_models:Density": 3,
    "tests.user_models:Closures": 1,
    "examples.closures.closures:Office": 2,
}  # parameters that laws depend on
COMPARED = {"work": {"price", "dole", "furlough_pay"}, "doses": {"first", "days"}, "banks": {"loss_rate"}}
MOVING = ("tests.moving_models:Density", "examples.closures.closures:Office")
FEW, MANY = 500, 12_000


@pytest.fixture(scope="module")
def differences():
    """Return differences of a model, once for all estimators."""
    found = {}

    def of(name, seeds):
        if name not in found:
            problem, point = model_problem(name)
            found[name] = FiniteDifference(0.1).estimate(problem, point, range(seeds))
        return found[name]

    return of


@pytest.mark.parametrize("name", GIVEN)
def test_the_parameters_of_laws_and_those_that_are_compared_are_read_off_the_graph(name):
    problem, point = model_problem(name)
    dependence = problem.dependence
    assert set(point.names) >= dependence.laws
    assert len(dependence.laws) == LAWS[name]
    assert {each for each in point.names if dependence.why_not(each)} == COMPARED.get(name, set())


@pytest.mark.parametrize("name", GIVEN)
def test_a_recorded_course_has_the_series_of_the_engine(name):
    problem, point = model_problem(name)
    seeds = range(2**31 - 3, 2**31)
    history = HistoryRecorder(problem, point, seeds, problem.dependence).run()
    np.testing.assert_array_equal(history.series, problem.run(point, seeds, NumpyBackend(problem.graph)))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(GIVEN) - set(ENVIRONMENTS)))
def test_back_ends_give_one_series(name):
    problem, point = model_problem(name)
    series = [problem.run(point, range(20), make(problem.graph)) for make in (NumpyBackend, NumbaBackend)]
    np.testing.assert_array_equal(*series)


@pytest.mark.parametrize("name", GIVEN)
def test_an_alternative_is_replayed_only_where_it_differs(name, monkeypatch):
    problem, point = model_problem(name)
    dependence, seeds = problem.dependence, range(2)
    recorder = HistoryRecorder(problem, point, seeds, dependence)
    history = recorder.run()
    alternatives = [each.alternative for each in choose_alternatives(history, point, seeds, 3)]
    replays = Replays(recorder, history, dependence.clocks)
    quick = replays.replay(alternatives)
    everybody = np.arange(len(alternatives) * problem.people.n)
    monkeypatch.setattr(Replays, "_find_affected", lambda self, *differences: everybody)
    np.testing.assert_array_equal(quick, replays.replay(alternatives))
    assert np.abs(quick).any(axis=(1, 2)).mean() > 0.3


def check(estimated, truth):
    """Hold ratios near 1, or their intervals over it; where both are 0 there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = estimated.value / truth.value
        error = np.hypot(estimated.error, ratio * truth.error) / np.abs(truth.value)
    asked = ~np.isnan(estimated.value)
    far = np.abs(estimated.value - truth.value) > SIGMAS * np.hypot(estimated.error, truth.error)
    near = (np.abs(ratio - 1) <= NEAR) | ~far
    known = (SIGMAS * error < 1) & asked
    assert near[asked].all(), ratio
    assert (ratio[known] > 0).all()
    return known


@pytest.mark.parametrize("estimator", [ModelScore(), ModelAlternatives(8)], ids=lambda each: each.name)
@pytest.mark.parametrize(
    ("name", "seeds"),
    [
        *((name, FEW) for name in ("seir", "work", "opinion", *MOVING)),
        *(pytest.param(name, MANY, marks=pytest.mark.slow) for name in GIVEN),
    ],
)
def test_derivatives_are_those_of_differences(name, seeds, estimator, differences):
    problem, point = model_problem(name)
    count = seeds if estimator.name == "score" else seeds // 4
    estimated = estimator.estimate(problem, point, range(10**6, 10**6 + count))
    known = check(estimated, differences(name, seeds))
    hidden = {each for p, each in enumerate(point.names) if np.isnan(estimated.value[:, p]).any()}
    assert hidden == COMPARED.get(name, set())
    assert known.any(axis=0).sum() >= (LAWS[name] if seeds == MANY else 2)


def test_what_cannot_happen_at_a_rate_of_0_has_no_score_and_has_alternatives():
    problem, point = model_problem("seir")
    point = dataclasses.replace(point, integers={**point.integers, "cell_rate": 0})
    place = point.names.index("cell_rate")
    score = ModelScore().estimate(problem, point, range(4)).value
    assert np.isnan(score[:, place]).all()
    assert not np.isnan(np.delete(score, place, axis=1)).any()
    truth = FiniteDifference(0.1).estimate(problem, point, range(200))
    found = ModelAlternatives(8).estimate(problem, point, range(10**6, 10**6 + 50))
    error = np.hypot(found.error, truth.error)[:, place]
    assert (np.abs(found.value - truth.value)[:, place] <= SIGMAS * error).all()
    assert abs(truth.value[-1, place]) > SIGMAS * truth.error[-1, place]


@pytest.mark.parametrize("estimator", [ModelScore(), ModelAlternatives(8)], ids=lambda each: each.name)
def test_a_soft_peak_has_the_derivatives_of_differences(estimator):
    problem, point = model_problem("seir")
    words = [word.name for word in tally_of(problem.graph)]
    peak = SeriesOutput("peak", "I", 0.5, 0, problem.steps, peak=True)
    problem = dataclasses.replace(problem, outputs=Outputs.of([peak], words, steps=problem.steps))
    truth = FiniteDifference(0.1).estimate(problem, point, range(1_000))
    count = 2_000 if estimator.name == "score" else 250
    assert check(estimator.estimate(problem, point, range(10**6, 10**6 + count)), truth).sum() >= 2
