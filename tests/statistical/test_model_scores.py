"""Gradients from the words that runs of any model open, against differences of the runs with the same draws."""

import numpy as np
import pytest

from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.gradients.estimators.finite_difference import FiniteDifference
from lpm_secure.gradients.model.model_problem import Copies
from protocols.models.agent_model import AgentSource
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.graph_score import GraphScore
from protocols.models.likelihood.score_parameters import score_parameters
from tests.conformance.estimators.model_worlds import model_problem
from tests.statistical.private_scores import gradient_of

RUNS, DIFFERENCES = 2_000, 1_500
SIGMAS = 4.5  # of about 40 derivatives, one in 3,000 runs of a test fails by chance; seeds are fixed, so none does
BITS = 24


def words_of(problem, model, gradient, seeds):
    """Return outputs of runs in the clear, float64[runs, o], and the words that their clients would open together."""
    copies = Copies(problem, model_problem(problem.name)[1], seeds, NumpyBackend(problem.graph))
    columns = {name: np.tile(column, len(seeds)) for name, column in problem.people.columns.items()}
    score = GraphScore(model, gradient, AgentSource(copies.numbers, copies.key), columns)
    copies.agents.observer, series = score, [copies.totals()]
    for _ in range(problem.steps):
        copies.agents.update()
        series.append(copies.totals())
    outputs = problem.outputs.value(np.stack(series, axis=2))
    each = np.rint(score.each() * 2.0**BITS).reshape(gradient.p, len(seeds), -1)
    return outputs, each.sum(axis=2).T * 2.0**-BITS


@pytest.mark.parametrize(
    ("name", "exact", "least"),
    [
        ("opinion", False, 4),
        pytest.param("work", False, 7, marks=pytest.mark.slow),
        pytest.param("seir", True, 5, marks=pytest.mark.slow),
    ],
)
def test_words_of_many_runs_give_the_derivatives_of_differences(name, exact, least):
    problem, point = model_problem(name)
    model = GraphModel(problem.graph, dict(point.integers))
    names = score_parameters(model, exact=exact).known
    assert len(names) == least
    gradient = Gradient(way="score", parameters=names, clip=2.0**10, tangent_bits=BITS)
    outputs, words = words_of(problem, model, gradient, range(10**6, 10**6 + RUNS))
    value, error = gradient_of(outputs, words)
    truth = FiniteDifference(0.1).estimate(problem, point, range(DIFFERENCES))
    places = [point.names.index(each) for each in names]
    expected, spread = truth.value[:, places], np.hypot(error, truth.error[:, places])
    assert (np.abs(value - expected) <= SIGMAS * spread + 0.05 * np.abs(expected)).all()
    assert (np.abs(expected) > SIGMAS * spread).any(axis=0).sum() >= 2  # of so many something is known
