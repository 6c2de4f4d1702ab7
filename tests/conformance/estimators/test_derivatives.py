"""Estimators against exact derivatives: every history of an epidemic of three agents, with its probability."""

import itertools
from collections import defaultdict

import numpy as np
import pytest

from client_sdk.private.contacts import ContactTable
from examples.interventions.interventions import Interventions
from lpm_secure.engine.model_agents import ContactMatrices
from lpm_secure.gradients.estimators.finite_difference import FiniteDifference
from lpm_secure.gradients.estimators.model_alternatives import ModelAlternatives
from lpm_secure.gradients.estimators.model_score import ModelScore
from lpm_secure.gradients.expectation.model_relaxation import ModelRelaxation
from lpm_secure.gradients.model.laws import TiltedLaw
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, outputs_of
from lpm_secure.gradients.model.outputs import SeriesOutput
from lpm_secure.gradients.model.point import ModelPoint
from lpm_secure.models.tracer import trace
from protocols.errors import ParameterError
from protocols.models.graph.agents import GraphModel
from tests.repetitions import repetitions

STEPS, BEGINS = 4, 2
PAST = STEPS + 1  # what lies past the horizon is all the same
CONTACTS = [(0, 1, 2), (1, 2, 1), (0, 2, 1)]  # agents, and how much they meet
VACCINATED = np.array([0, 1, 0])
RATES = {"contact_rate": 0.25, "cell_rate": 0.0, "initial": 0.3}
EFFECTS = {"reduction": 0.3, "efficacy": 0.4}
LAWS = {"latent_law": TiltedLaw((3 * 2**30, 2**30)), "infectious_law": TiltedLaw((2**31, 2**30, 2**30))}
ASKED = ("contact_rate", "efficacy", "infectious_law", "initial", "latent_law", "reduction")
SEEDS = repetitions(10_000)
SIGMAS = 4.5  # of 18 derivatives, one in 8,000 runs of a test fails by chance; seeds are fixed, so none does


@pytest.fixture(scope="module")
def problem():
    a, b, weight = np.array(CONTACTS).T
    zero, graph = np.zeros_like(a), trace(Interventions).graph
    contacts = ContactMatrices(ContactTable(zero, a, b, zero, weight), graph.channels, n=3, period=1)
    asked = (
        SeriesOutput("left", "S", 1 / 3, STEPS, STEPS),
        SeriesOutput("peak", "I", 2.0, 0, STEPS, peak=True),
        SeriesOutput("late", "I", 1.0, 2, STEPS),
    )
    people = ModelPeople(3, contacts, columns={"vaccinated": VACCINATED})
    return ModelProblem("three", "a test", graph, people, STEPS, outputs_of(graph, asked, steps=STEPS))


@pytest.fixture(scope="module")
def point(problem):
    parameters = {name: round(value * 2**32) for name, value in RATES.items()}
    parameters |= {name: round(value * 2**10) for name, value in EFFECTS.items()}
    laws = {name: law.weights for name, law in LAWS.items()}
    return ModelPoint.of(GraphModel(problem.graph, {"begins": BEGINS, **parameters, **laws}), only=ASKED)


def courses(at):
    """Return every history of the epidemic, as windows of its agents, with its probability."""
    weights = np.zeros((3, 3))
    for a, b, weight in CONTACTS:
        weights[a, b] = weights[b, a] = weight
    means = {name: law.shift(at[name] - law.mean).day_law.weight for name, law in LAWS.items()}
    latent, stay = (dict(enumerate(means[name], start=1)) for name in LAWS)
    protected = 1 - at["efficacy"] * VACCINATED
    # A state is (step of infection, first infectious step, the one past the last) for each agent.
    never = (PAST, PAST, PAST)
    now = defaultdict(float)
    for begun in itertools.product(
        [[(never, 1 - at["initial"])], [((-1, 0, min(d, PAST)), at["initial"] * p) for d, p in stay.items()]], repeat=3
    ):
        for agents in itertools.product(*begun):
            now[tuple(state for state, _ in agents)] += np.prod([p for _, p in agents])
    for t in range(STEPS):
        following = defaultdict(float)
        cut = 1 - at["reduction"] if t >= BEGINS else 1.0
        for state, chance in now.items():
            ill = np.array([begin <= t < end for _, begin, end in state])
            hazard = at["contact_rate"] * cut * protected * (weights @ ill)
            ways = []
            for i, agent in enumerate(state):
                if agent != never or hazard[i] == 0:
                    ways.append([(agent, 1.0)])
                    continue
                caught = 1 - np.exp(-hazard[i])
                each = defaultdict(float)
                for left, p in latent.items():
                    for d, q in stay.items():
                        begin = min(t + left + 1, PAST)
                        each[t, begin, min(begin + d, PAST)] += p * q * caught
                ways.append([(never, 1 - caught), *each.items()])
            for agents in itertools.product(*ways):
                following[tuple(s for s, _ in agents)] += chance * np.prod([p for _, p in agents])
        now = following
    return now


def exactly(problem, at):
    """Return the expected outputs."""
    total = np.zeros(problem.outputs.count)
    for state, chance in courses(at).items():
        series = np.zeros((4, STEPS + 1))  # of S and I alone
        for step, begin, end in state:
            series[0, : step + 1] += 1
            series[2, begin:end] += 1
        total += chance * problem.outputs.value(series)
    return total


@pytest.fixture(scope="module")
def exact(problem, point):
    """Return the exact Jacobian, but for an error of order 1e-8."""
    at, columns = {name: point[p] for p, name in enumerate(point.names)}, []
    for name in point.names:
        h = 1e-4 * at[name]
        ends = [exactly(problem, {**at, name: at[name] + sign * h}) for sign in (1, -1)]
        columns.append((ends[0] - ends[1]) / (2 * h))
    return np.stack(columns, axis=1)


def test_all_courses_together_have_probability_1(point):
    at = {name: point[p] for p, name in enumerate(point.names)}
    assert sum(courses(at).values()) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("estimator", "share"), [(ModelAlternatives(2), 1), (ModelAlternatives(7), 1 / 2), (ModelScore(), 8)], ids=repr
)
def test_an_unbiased_estimator_finds_the_exact_derivatives(problem, point, exact, estimator, share):
    assert estimator.unbiased
    found = estimator.estimate(problem, point, range(int(share * SEEDS)))
    assert (np.abs(found.value - exact) <= SIGMAS * found.error).all(), (found.value - exact) / found.error
    assert (found.error <= 0.3 * np.abs(exact).max(axis=0)).all()


def test_finite_differences_find_the_exact_derivatives(problem, point, exact):
    found = FiniteDifference(0.1).estimate(problem, point, range(SEEDS))
    assert (np.abs(found.value - exact) <= SIGMAS * found.error + 0.02 * np.abs(exact)).all()


def test_the_biased_estimator_is_told_from_the_exact_derivatives(problem, point, exact):
    assert not ModelRelaxation.unbiased
    found = ModelRelaxation().estimate(problem, point, range(2))
    assert (np.abs(found.value - exact) > 0.1 * np.abs(exact)).any()


def test_smaller_standard_errors_need_more_seeds(problem, point):
    few, many = (ModelAlternatives(2).estimate(problem, point, range(count)).error for count in (500, 4_500))
    np.testing.assert_allclose(few / many, 3.0, rtol=0.5)


def test_an_estimator_without_alternatives_or_seeds_is_refused(problem, point):
    with pytest.raises(ParameterError, match="at least 1"):
        ModelAlternatives(0)
    with pytest.raises(ParameterError, match="at least two"):
        ModelScore().estimate(problem, point, range(1))


def test_common_random_numbers_make_differences_quieter(problem, point):
    shared = FiniteDifference(0.05, ("contact_rate",)).estimate(problem, point, range(2_000)).error[0, 0]
    ends = point.ends(0, 0.05)
    apart = [
        [values[0, 0] for values in problem.simulate([end], range(first, first + 2_000))]
        for end, first in ((ends.above, 0), (ends.below, 2_000))
    ]
    assert shared < np.std(np.subtract(*apart) / ends.distance, ddof=1) / np.sqrt(2_000) / 2
