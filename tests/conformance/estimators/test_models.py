"""Estimators of any model's graph, held against differences of its runs and against the hand-written epidemic's."""

import numpy as np
import pytest

from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.backends.numba_backend import NumbaBackend
from lpm_secure.engine.kernels.csr import Csr
from lpm_secure.engine.model_agents import ContactMatrices
from lpm_secure.gradients.estimators.coupled_replay import CoupledReplay
from lpm_secure.gradients.estimators.finite_difference import FiniteDifference
from lpm_secure.gradients.estimators.model_alternatives import ModelAlternatives, choose_alternatives
from lpm_secure.gradients.estimators.model_score import ModelScore
from lpm_secure.gradients.history.recorder import HistoryRecorder
from lpm_secure.gradients.history.replays import Replays
from lpm_secure.gradients.model.laws import GammaLaw
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, SeriesOutput, outputs_of
from lpm_secure.gradients.model.point import ModelPoint
from lpm_secure.gradients.problem.epidemic import EpidemicProblem, world_of
from lpm_secure.gradients.problem.outputs import ILL, INFECTED, Output, Outputs
from lpm_secure.gradients.problem.theta import Point
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.tracer import trace
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.dependence import Dependence
from tests.conformance.estimators.model_worlds import GIVEN, model_problem

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
}  # parameters that laws depend on
COMPARED = {"work": {"price", "dole", "furlough_pay"}, "doses": {"first", "days"}, "banks": {"loss_rate"}}
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
    dependence = Dependence.of(problem.graph)
    assert set(point.names) >= dependence.laws
    assert len(dependence.laws) == LAWS[name]
    assert {each for each in point.names if dependence.why_not(each)} == COMPARED.get(name, set())


@pytest.mark.parametrize("name", GIVEN)
def test_a_recorded_course_has_the_series_of_the_engine(name):
    problem, point = model_problem(name)
    seeds = range(2**31 - 3, 2**31)
    history = HistoryRecorder(problem, point, seeds, Dependence.of(problem.graph)).run()
    np.testing.assert_array_equal(history.series, problem.run(point, seeds, NumpyBackend(problem.graph)))


@pytest.mark.slow
@pytest.mark.parametrize("name", GIVEN)
def test_back_ends_give_one_series(name):
    problem, point = model_problem(name)
    series = [problem.run(point, range(20), make(problem.graph)) for make in (NumpyBackend, NumbaBackend)]
    np.testing.assert_array_equal(*series)


@pytest.mark.parametrize("name", GIVEN)
def test_an_alternative_is_replayed_only_where_it_differs(name, monkeypatch):
    problem, point = model_problem(name)
    dependence, seeds = Dependence.of(problem.graph), range(2)
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
        *((name, FEW) for name in ("seir", "work", "opinion")),
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


def seir_problems(*, n=60, steps=12):
    """Return the same epidemic twice: written by hand, and as the library's graph."""
    rng, m = np.random.default_rng(5), 3 * n
    a = rng.integers(0, n, m)
    b = (a + rng.integers(1, n, m)) % n
    table = ContactTable(np.zeros(m, int), a, b, np.zeros(m, int), rng.integers(1, 3, m))
    world = world_of(
        [Csr.of(table, n=n, day=0)],
        steps=steps,
        group=np.zeros(n, dtype=np.int32),
        vaccinated=np.zeros(n, dtype=np.bool_),
        first=steps,
    )
    asked = (Output("R or I or E", INFECTED, (1 / n,), 0, steps), Output("I", ILL, (1 / n,), 0, steps))
    by_hand = EpidemicProblem("hand", "a test", world, Outputs.of(asked, groups=1, steps=steps), 1.0, 1.2)
    graph = trace(SeirModel).graph
    people = ModelPeople(n, ContactMatrices(table, graph.channels, n=n, period=1))
    words = [SeriesOutput("left", "S", -1 / n, steps, steps), SeriesOutput("ill", "I", 1 / n, 0, steps - 1)]
    return by_hand, ModelProblem("graph", "a test", graph, people, steps, outputs_of(graph, words, steps=steps))


def seir_point(problem, theta):
    """Return the library's parameters of the epidemic written by hand, and the places of those that both have."""
    given = {"contact_rate": round(theta.beta * 2**32), "cell_rate": 0, "initial": round(theta.initial * 2**32)}
    families = {"latent_law": GammaLaw(theta.latent, 1.0), "infectious_law": GammaLaw(theta.infectious, 1.2)}
    laws = {name: family.day_law.law for name, family in families.items()}
    point = ModelPoint.of(GraphModel(problem.graph, {**given, **laws}), families)
    names = [point.names.index(name) for name in ("contact_rate", "latent_law", "infectious_law", "initial")]
    return point, names


def test_the_librarys_epidemic_has_the_derivatives_of_the_one_that_is_written_by_hand():
    by_hand, problem = seir_problems()
    theta = Point(beta=0.12, latent=2.0, infectious=3.0, initial=0.1)
    point, names = seir_point(problem, theta)
    truth = CoupledReplay(32).estimate(by_hand, theta, range(3_000))
    for estimator, seeds in ((ModelScore(), 4_000), (ModelAlternatives(16), 200)):
        found = estimator.estimate(problem, point, range(10**6, 10**6 + seeds))
        value, error = found.value[:, names], np.hypot(found.error[:, names], truth.error[:, :4])
        assert (np.abs(value - truth.value[:, :4]) <= SIGMAS * error).all(), (value - truth.value[:, :4]) / error
        assert (error < 0.5 * np.abs(truth.value[:, :4])).mean() > 0.7
