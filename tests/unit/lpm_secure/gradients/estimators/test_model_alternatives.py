"""Intervals of coupled alternatives: as wide as they are far off, for a parameter among many too."""

import numpy as np

import lpm_secure as lpm
from lpm_secure.gradients.estimators.model_alternatives import ModelAlternatives
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, outputs_of
from lpm_secure.gradients.model.outputs import SeriesOutput
from lpm_secure.gradients.model.point import ModelPoint
from lpm_secure.models.tracer import trace
from protocols.models.graph.agents import GraphModel

WARDS, STEPS, SEEDS = 24, 4, 64  # a verification's first round is of 64 seeds


class Lamps(lpm.Model):
    """A lamp turns on at its ward's rate, and stays on."""

    lamp = lpm.stage("OFF", "ON")
    ward = lpm.private(0, WARDS - 1)
    switch = lpm.parameter({"ward": (0.5, *(0.002,) * (WARDS - 1))}, unit=lpm.PROBABILITY, by="ward")

    def begin(self, me, draw):
        return me.set(lamp="OFF")

    def update(self, me, heard, draw):
        return me.set(lamp=lpm.where(draw.happens(self.switch, "switch"), "ON", me.lamp))


def test_intervals_by_each_of_many_parameters_cover_the_exact_derivative():
    traced, n = trace(Lamps), 2 * WARDS
    outputs = outputs_of(traced.graph, [SeriesOutput("on", "ON", 1 / n, STEPS, STEPS)], steps=STEPS)
    people = ModelPeople(n, columns={"ward": np.arange(n) % WARDS})
    problem = ModelProblem("lamps", "a test", traced.graph, people, STEPS, outputs)
    point = ModelPoint.of(GraphModel(traced.graph, dict(traced.parameters)))
    chance = np.array([point[p] for p in range(WARDS)])
    exact = STEPS * (1 - chance) ** (STEPS - 1) / WARDS
    found = [ModelAlternatives(8).estimate(problem, point, range(k, k + SEEDS)) for k in range(0, 16 * SEEDS, SEEDS)]
    far = np.stack([np.abs(each.value[0] - exact) > 1.96 * each.error[0] for each in found])
    assert far.mean() < 0.1  # 5 % but for the tails of few draws; 0.18 where rare wards were left to a few lucky ones
