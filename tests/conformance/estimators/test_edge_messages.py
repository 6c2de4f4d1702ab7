"""Derivatives of a model whose messages are made of each contact's own number, and that hears a schedule."""

import numpy as np
import pytest

import lpm_secure as lpm
from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.model_agents import ContactMatrices
from lpm_secure.gradients.estimators.finite_difference import FiniteDifference
from lpm_secure.gradients.estimators.model_alternatives import ModelAlternatives, choose_alternatives
from lpm_secure.gradients.estimators.model_score import ModelScore
from lpm_secure.gradients.history.recorder import HistoryRecorder
from lpm_secure.gradients.history.replays import Replays
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, outputs_of
from lpm_secure.gradients.model.outputs import SeriesOutput
from lpm_secure.gradients.model.point import ModelPoint
from lpm_secure.models.tracer import trace
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.dependence import Dependence

N, STEPS = 24, 5
AID = tuple({"aid": aid} for aid in (0, 0, 1, 0, 0))  # on a schedule


class Debts(lpm.Model):
    """Who is sound pays each creditor a share of what it owes it; who is shocked, or loses much, is ruined."""

    state = lpm.stage("SOUND", "RUINED")
    cash = lpm.field(0, 2**30)
    bears = lpm.field(0, 37 << 16)
    share = lpm.parameter(0.4, unit=lpm.rate(8), bounds=(0, 1))
    shock = lpm.parameter(0.1, unit=lpm.PROBABILITY)
    strain = lpm.parameter(0.05, unit=lpm.rate(16), bounds=(0, 1))
    payment = lpm.message(most=9 << 8, directed=True, along=(1, 9))
    loss = lpm.message(most=9, along=(0, 9))
    paid = lpm.outcome(payment, reveals="sum", keep=False)
    worry = lpm.outcome({loss: strain}, above=bears)
    money = lpm.observable(0, 2**30)
    aid = lpm.public(0, 1)

    def begin(self, me, draw):
        shocked = draw.happens(self.shock, "shock")
        return me.set(state=lpm.where(shocked, "RUINED", "SOUND"), cash=0, bears=draw.exponential(16, "bears"))

    def along(self, me, edge):
        sound = me.state == "SOUND"
        owed = edge[self.payment] * self.share
        return {self.payment: lpm.where(sound, owed, 0), self.loss: lpm.where(sound, 0, edge[self.loss])}

    def totals(self, me):
        return {self.money: me.cash}

    def update(self, me, heard, draw):
        falls = (heard[self.worry] & (heard[self.aid] == 0)) | draw.happens(self.shock // 4, "shocks")
        cash = lpm.clip(me.cash + heard[self.paid], 0, 2**30)
        return me.set(state=lpm.where(falls, "RUINED", me.state), cash=cash)


@pytest.fixture(scope="module")
def problem():
    traced, rng, m = trace(Debts), np.random.default_rng(1), 3 * N
    a = rng.integers(0, N, m)
    b = (a + rng.integers(1, N, m)) % N
    table = ContactTable(rng.integers(0, 2, m), a, b, rng.integers(0, 2, m), rng.integers(1, 10, m))
    contacts = ContactMatrices(table, traced.graph.channels, n=N, period=2)
    outputs = [SeriesOutput("ruined", "RUINED", 1.0, STEPS, STEPS), SeriesOutput("money", "money", 1.0, STEPS, STEPS)]
    laid = outputs_of(traced.graph, outputs, steps=STEPS)
    made = ModelProblem("debts", "drawn people", traced.graph, ModelPeople(N, contacts), STEPS, laid, AID)
    return made, ModelPoint.of(GraphModel(traced.graph, traced.parameters))


def test_a_recorded_course_has_the_series_of_the_engine(problem):
    made, point = problem
    history = HistoryRecorder(made, point, range(3), Dependence.of(made.graph)).run()
    np.testing.assert_array_equal(history.series, made.run(point, range(3), NumpyBackend(made.graph)))


def test_an_alternative_is_replayed_only_where_it_differs(problem, monkeypatch):
    made, point = problem
    dependence = Dependence.of(made.graph)
    recorder = HistoryRecorder(made, point, range(4), dependence)
    history = recorder.run()
    alternatives = [each.alternative for each in choose_alternatives(history, point, range(4), 4)]
    replays = Replays(recorder, history, dependence.clocks)
    quick = replays.replay(alternatives)
    everybody = np.arange(len(alternatives) * N)
    monkeypatch.setattr(Replays, "_find_affected", lambda self, *differences: everybody)
    np.testing.assert_array_equal(quick, replays.replay(alternatives))
    assert np.abs(quick).any(axis=(1, 2)).mean() > 0.3


@pytest.mark.parametrize("estimator", [ModelScore(), ModelAlternatives(8)], ids=lambda each: each.name)
def test_derivatives_are_those_of_differences(problem, estimator):
    made, point = problem
    truth = FiniteDifference(0.1).estimate(made, point, range(2_000))
    count = 3_000 if estimator.name == "score" else 300
    estimated = estimator.estimate(made, point, range(10**6, 10**6 + count))
    error, share = np.hypot(estimated.error, truth.error), point.names.index("share")
    assert (np.abs(estimated.value - truth.value) <= 4.5 * error).all()
    money = estimated.value[1, share], truth.value[1, share]
    assert 0.95 < money[0] / money[1] < 1.05  # a number that moves smoothly, along every contact
    assert (np.delete(error / np.abs(truth.value + (truth.value == 0)), share, axis=1) < 0.25).all()
