"""Numbers that move smoothly with a parameter: through messages, cells, sums and the state, beside what is drawn."""

import numpy as np

import lpm_secure as lpm
from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.model_agents import CellMixing, ContactMatrices
from lpm_secure.gradients.estimators.finite_difference import FiniteDifference
from lpm_secure.gradients.estimators.model_alternatives import ModelAlternatives
from lpm_secure.gradients.estimators.model_score import ModelScore
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, outputs_of
from lpm_secure.gradients.model.outputs import SeriesOutput
from lpm_secure.gradients.model.point import ModelPoint
from lpm_secure.models.tracer import trace
from protocols.models.graph.agents import GraphModel

N, STEPS, LARGEST = 12, 4, 10**9


class Economy(lpm.Model):
    """Pays a tax to its cell, which shares it, and gives as much to its contacts, if it is of that kind."""

    kind = lpm.stage("KEEPS", "GIVES")
    wealth = lpm.field(0, LARGEST)
    given = lpm.field(0, LARGEST)

    tax = lpm.parameter(0.25, unit=lpm.rate(16), bounds=(0.0, 1.0))
    mood = lpm.parameter(0.4, unit=lpm.PROBABILITY)

    pool = lpm.cell_message(most=10**6)
    gift = lpm.message(most=10**6)
    got = lpm.outcome(gift, reveals="sum", keep=False)
    all_got = lpm.outcome(gift, reveals="sum")
    stock = lpm.observable(0, 2 * LARGEST)

    def begin(self, me, draw):
        kind = lpm.where(draw.happens(self.mood, "mood"), "GIVES", "KEEPS")
        return me.set(kind=kind, wealth=draw.uniform(10**5, 2 * 10**5, "wealth"), given=0)

    def says(self, me):
        paid = self._paid(me)
        return {self.pool: paid, self.gift: lpm.where(me.kind == "GIVES", paid, 0)}

    def update(self, me, heard, draw):
        share = lpm.minimum(heard.cell[self.pool] // lpm.maximum(heard.size[self.pool], 1), LARGEST)
        wealth = me.wealth - self._paid(me) + share + lpm.minimum(heard[self.got], LARGEST)
        kind = lpm.where(draw.happens(self.mood, "mood"), "GIVES", "KEEPS")
        received = lpm.minimum(heard[self.all_got], LARGEST)
        return me.set(kind=kind, wealth=lpm.clip(wealth, 0, LARGEST), given=received)

    def totals(self, me):
        return {self.stock: me.wealth + me.given}

    def _paid(self, me):
        return lpm.minimum(me.wealth * self.tax >> 16, 10**6)


def economy():
    """Return twelve people in two cells, on a ring."""
    traced, a = trace(Economy), np.arange(N)
    table = ContactTable(0 * a, a, (a + 1) % N, 0 * a, 1 + a % 2)
    contacts = ContactMatrices(table, traced.graph.channels, n=N, period=1)
    people = ModelPeople(N, contacts, CellMixing(a % 2, np.full(2, N // 2)))
    asked = [SeriesOutput("stock", "stock", 1e-6, 0, STEPS), SeriesOutput("givers", "GIVES", 1.0, STEPS, STEPS)]
    problem = ModelProblem(
        "economy", "a ring", traced.graph, people, STEPS, outputs_of(traced.graph, asked, steps=STEPS)
    )
    return problem, ModelPoint.of(GraphModel(traced.graph, traced.parameters))


def test_what_moves_smoothly_adds_its_own_derivative_to_that_of_what_is_drawn():
    problem, point = economy()
    differences = FiniteDifference(0.02).estimate(problem, point, range(4_000))
    for estimator, seeds in ((ModelScore(), 4_000), (ModelAlternatives(8), 400)):
        found = estimator.estimate(problem, point, range(10**6, 10**6 + seeds))
        error = np.hypot(found.error, differences.error)
        assert (np.abs(found.value - differences.value) <= 4.5 * error + 0.01 * np.abs(differences.value)).all()
        tax = point.names.index("tax")
        assert found.value[0, tax] > 10 * error[0, tax]
        assert abs(found.value[0, tax] / differences.value[0, tax] - 1) < 0.1


class Lamps(lpm.Model):
    """A lamp burns for a life that is drawn at the beginning, and looked at in every step."""

    light = lpm.stage("OFF", "ON")
    life = lpm.field(1, 9)
    age = lpm.field(0, 9)
    law = lpm.parameter((2**29, 2**30, 2**29, 2**31), unit=lpm.LAW, days=9)

    def begin(self, me, draw):
        return me.set(light="ON", age=0, life=draw.days(self.law, "life"))

    def update(self, me, heard, draw):
        age = lpm.minimum(me.age + 1, 9)
        return me.set(age=age, light=lpm.where(age < me.life, "ON", "OFF"))


def test_a_draw_that_a_field_holds_counts_once_however_often_it_is_looked_at():
    traced = trace(Lamps)
    asked = [SeriesOutput("hours", "ON", 1 / 20, 0, 6)]
    problem = ModelProblem(
        "lamps", "a test", traced.graph, ModelPeople(20), 6, outputs_of(traced.graph, asked, steps=6)
    )
    point = ModelPoint.of(GraphModel(traced.graph, traced.parameters))
    exact = point.families["law"][0].day_law.slope @ np.arange(1, 5)
    for estimator in (ModelScore(), ModelAlternatives(10)):
        found = estimator.estimate(problem, point, range(1_000))
        assert abs(found.value[0, 0] - exact) < 4.5 * found.error[0, 0] < 0.5


class DimLamps(Lamps):
    """A short life is as one hour: whether what is held matters is not decided by itself."""

    def update(self, me, heard, draw):
        age = lpm.minimum(me.age + 1, 9)
        life = lpm.where(me.life > 2, me.life, 1)
        return me.set(age=age, light=lpm.where(age < life, "ON", "OFF"))


def test_what_a_field_holds_matters_whatever_its_value():
    traced = trace(DimLamps)
    asked = [SeriesOutput("hours", "ON", 1 / 20, 0, 6)]
    problem = ModelProblem("dim", "a test", traced.graph, ModelPeople(20), 6, outputs_of(traced.graph, asked, steps=6))
    point = ModelPoint.of(GraphModel(traced.graph, traced.parameters))
    exact = point.families["law"][0].day_law.slope @ np.array([1, 1, 3, 4])
    for estimator in (ModelScore(), ModelAlternatives(20)):
        found = estimator.estimate(problem, point, range(2_000))
        assert abs(found.value[0, 0] - exact) < 4.5 * found.error[0, 0] < 0.5
