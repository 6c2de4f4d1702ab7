"""Rates of infection have scores where each agent's threshold is divided by a susceptibility of its own."""

import dataclasses

import numpy as np
import pytest

from lpm_secure.gradients.estimators.finite_difference import FiniteDifference
from lpm_secure.gradients.estimators.model_alternatives import ModelAlternatives
from lpm_secure.gradients.estimators.model_score import ModelScore
from lpm_secure.gradients.model.model_problem import ModelProblem
from lpm_secure.gradients.model.point import ModelPoint
from lpm_secure.models.library.onset import LineList
from lpm_secure.models.tracer import trace
from protocols.models.graph.agents import GraphModel
from tests.conformance.estimators.model_worlds import GIVEN, model_problem

RATES = ("contact_rate", "cell_rate", "initial")


@pytest.fixture(scope="module")
def problem():
    """Return the people of `seir`, twice to six times as susceptible, with rates of a quarter."""
    plain, _ = model_problem("seir")
    traced, n = trace(LineList), plain.people.n
    scale = {"contact_rate": 2**30, "cell_rate": 2**30, "initial": 2**32}  # of rates in 2**-32 a quarter
    given = {name: round(GIVEN["seir"][name] * each) for name, each in scale.items()}
    people = dataclasses.replace(plain.people, columns={"susceptibility": (np.arange(n) % 3 + 1) * 2**17})
    made = ModelProblem("listed", "drawn people", traced.graph, people, plain.steps, plain.outputs)
    return made, ModelPoint.of(GraphModel(traced.graph, {**traced.parameters, **given}), only=RATES)


@pytest.mark.parametrize("estimator", [ModelScore(), ModelAlternatives(8)], ids=lambda each: each.name)
def test_rates_of_infection_have_the_derivatives_of_differences(problem, estimator):
    made, point = problem
    assert not [name for name in RATES if made.dependence.why_not(name)]
    truth = FiniteDifference(0.1).estimate(made, point, range(500))
    estimated = estimator.estimate(made, point, range(10**6, 10**6 + (1_500 if estimator.name == "score" else 150)))
    error = np.hypot(estimated.error, truth.error)
    assert (np.abs(estimated.value - truth.value) <= 4.5 * error).all()
    assert (error[-1] < 0.2 * np.abs(truth.value[-1])).all()  # who is susceptible, in all
