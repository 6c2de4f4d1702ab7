"""Points among a model's parameters: steps that stay within bounds, and laws that move by their mean."""

import numpy as np
import pytest

import lpm_secure as lpm
from lpm_secure.gradients.estimators.model_alternatives import ModelAlternatives
from lpm_secure.gradients.estimators.model_score import ModelScore
from lpm_secure.gradients.model.laws import GammaLaw, TiltedLaw
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, outputs_of
from lpm_secure.gradients.model.outputs import SeriesOutput
from lpm_secure.gradients.model.point import ModelPoint
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.work import LabourMarket
from lpm_secure.models.tracer import trace
from protocols.errors import ParameterError
from protocols.models.graph.agents import GraphModel

LAW = (2**29, 2**30, 2**31, 0, 2**29)


def point_of(model, families=None, **given):
    traced = trace(model)
    return ModelPoint.of(GraphModel(traced.graph, {**traced.parameters, **given}), families or {})


def test_at_a_bound_the_difference_is_to_one_side():
    for value, sides in ((0, (False, True)), (2**31, (True, True)), (2**32, (True, False))):
        point = point_of(SeirModel, initial=value)
        p = point.names.index("initial")
        below, above, distance = point.ends(p, 0.05)
        assert (below[p] < point[p], above[p] > point[p]) == sides
        assert distance == above[p] - below[p] > 0


def test_a_whole_number_moves_by_whole_numbers():
    point = point_of(LabourMarket, price=3)
    p = point.names.index("price")
    assert [each[p] for each in point.ends(p, 0.01)[:2]] == [2, 4]
    assert point.explain_coarse(p, 0.01) == ("moves by 1 at least, so differences, from 2 to 4, are no derivative")
    assert not point.explain_coarse(p, 0.3)  # a third of 3 is a step of its own


def test_a_fraction_of_few_bits_is_coarse_where_a_part_of_it_is_less_than_half_a_step_and_laws_never_are():
    point = point_of(SeirModel, initial=3)
    coarse = {name for p, name in enumerate(point.names) if point.is_coarse(p, 0.05)}
    assert coarse == {"initial"}


@pytest.mark.parametrize("family", [TiltedLaw(LAW), GammaLaw(4.0, 0.3)], ids=["tilted", "narrow"])
def test_laws_move_by_parts_of_their_spread_and_differ_by_their_slope(family):
    point = point_of(SeirModel, {"latent_law": family})
    p = point.names.index("latent_law")
    below, above, distance = point.ends(p, 0.01)
    assert distance == pytest.approx(0.02 * family.sd)
    ends = [np.array(each.integers["latent_law"]) / 2**32 for each in (below, above)]
    size = min(len(each) for each in ends)
    slope = family.day_law.slope[:size]
    np.testing.assert_allclose((ends[1][:size] - ends[0][:size]) / distance, slope, atol=2e-3 * np.abs(slope).max())
    assert all(sum(each.integers["latent_law"]) == 2**32 for each in (below, above))


def test_what_nothing_reads_and_laws_of_one_day_are_no_parameters():
    assert "latent_law" not in point_of(SeirModel, latent_law=(2**32,)).names
    assert set(point_of(SeirModel).names) == set(trace(SeirModel).graph.parameters)


def test_a_family_of_what_is_no_law_is_refused():
    with pytest.raises(ParameterError, match="its laws are infectious_law, latent_law"):
        point_of(SeirModel, {"initial": GammaLaw(2.0, 1.0)})


class Groups(lpm.Model):
    """Turns on with a probability of its group."""

    light = lpm.stage("OFF", "ON")
    group = lpm.private(0, 1)
    chance = lpm.parameter((2**30, 2**31), unit=lpm.PROBABILITY)

    def begin(self, me, draw):
        return me.set(light="OFF")

    def update(self, me, heard, draw):
        return me.set(light=lpm.where(draw.happens(self.chance[me.group], "switch"), "ON", "OFF"))


def test_entries_of_a_table_are_parameters_of_their_own():
    point = point_of(Groups)
    assert point.names == ("chance[0]", "chance[1]")
    assert point[1] == 0.5
    assert point.shift(1, 0.25).integers["chance"] == (2**30, 3 * 2**30)
    traced = trace(Groups)
    assert ModelPoint.of(GraphModel(traced.graph, traced.parameters), only=("chance[1]",)).names == ("chance[1]",)
    people = ModelPeople(40, columns={"group": np.repeat([0, 1], [10, 30])})
    outputs = outputs_of(traced.graph, [SeriesOutput("on", "ON", 1 / 40, 2, 2)], steps=2)
    problem = ModelProblem("groups", "a test", traced.graph, people, 2, outputs)
    for estimator in (ModelScore(), ModelAlternatives(10)):
        found = estimator.estimate(problem, point, range(2_000))
        assert (np.abs(found.value - [[0.25, 0.75]]) < 4.5 * found.error + 1e-9).all()
        assert (found.error < 0.1).all()


class Seasons(Groups):
    """Turns on with a probability of its group and week."""

    week = lpm.period("week", steps=7, count=2)
    chance = lpm.parameter(((0.1, 0.2), (0.3, 0.4)), unit=lpm.PROBABILITY, by="group", over=week)

    def update(self, me, heard, draw):
        return me.set(light=lpm.where(draw.happens(self.chance, "switch"), "ON", "OFF"))


def test_entries_by_group_and_period_are_called_by_these():
    point = point_of(Seasons)
    assert point.names[:3] == ("chance[group=0, week=0]", "chance[group=0, week=1]", "chance[group=1, week=0]")
    assert [round(point[p], 6) for p in range(4)] == [0.1, 0.2, 0.3, 0.4]


class Weather(Groups):
    """Hears a public number."""

    rain = lpm.public(0, 1)

    def update(self, me, heard, draw):
        return super().update(me, heard, draw).set(light=lpm.where(heard[self.rain] == 1, "ON", me.light))


def test_a_model_that_hears_numbers_that_nobody_says_is_refused():
    graph = trace(Weather).graph
    with pytest.raises(ParameterError, match=r"public numbers \(rain\), and nothing says them"):
        ModelProblem("rain", "a test", graph, ModelPeople(3), 2, outputs_of(graph, [], steps=2))
