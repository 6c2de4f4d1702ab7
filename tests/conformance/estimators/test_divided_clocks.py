"""Line lists: rates have scores where thresholds are divided by susceptibilities, and stays where days have passed."""

import dataclasses

import numpy as np
import pytest

import lpm_secure as lpm
from lpm_secure.gradients.estimators.finite_difference import FiniteDifference
from lpm_secure.gradients.estimators.model_alternatives import ModelAlternatives
from lpm_secure.gradients.estimators.model_score import ModelScore
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, outputs_of
from lpm_secure.gradients.model.outputs import SeriesOutput
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


class Beds(lpm.Model):
    """Whoever lies in a bed gets up when its stay is over, of which its holder may know how much has passed."""

    knowable = ("stage", "since")
    stage = lpm.stage("UP", "IN")
    since = lpm.field(0, 9, duration_of=stage)
    timer = lpm.field(0, 9)
    law = lpm.parameter((2**29, 2**30, 0, 2**31, 2**29), unit=lpm.LAW, days=9)

    def begin(self, me, draw):
        me = me.set(stage=lpm.where(me.known("stage"), me.stage, "IN"), since=lpm.where(me.known("since"), me.since, 0))
        return me.set(timer=draw.days(self.law, "stay", elapsed=me.since))

    def update(self, me, heard, draw):
        timer = lpm.maximum(me.timer - 1, 0)
        return me.set(timer=timer, stage=lpm.where(timer == 0, "UP", me.stage))


@pytest.mark.parametrize("estimator", [ModelScore(), ModelAlternatives(60)], ids=lambda each: each.name)
def test_stays_of_which_days_have_passed_have_exact_derivatives(estimator):
    n, steps = 60, 4
    since = np.arange(n) % 4
    columns = {"stage": np.full(n, 1), "since": since}
    traced = trace(Beds)
    laid = outputs_of(traced.graph, [SeriesOutput("in", "IN", 1.0, 0, steps)], steps=steps)
    made = ModelProblem("beds", "a test", traced.graph, ModelPeople(n, columns=columns), steps, laid)
    point = ModelPoint.of(GraphModel(traced.graph, traced.parameters))
    family = point.families["law"][0]

    def expected(law):
        """Add up how likely each is still in: a stay is longer than what has passed and the steps until then."""
        longer = np.concatenate([[1.0], 1.0 - np.cumsum(law.day_law.weight), np.zeros(steps + 4)])
        return sum(longer[s + t] / longer[s] for s in since for t in range(steps + 1))

    exact = (expected(family.shift(1e-4)) - expected(family.shift(-1e-4))) / 2e-4
    estimated = estimator.estimate(made, point, range(1_500 if estimator.name == "score" else 200))
    assert abs(estimated.expected[0] - expected(family)) < 1.5
    assert abs(estimated.value[0, 0] - exact) <= 4.5 * estimated.error[0, 0] + 1e-3 * abs(exact)
    assert estimated.error[0, 0] < 0.1 * abs(exact)
