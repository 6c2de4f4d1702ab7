"""Replays with an environment: an alternative hears what follows from its own releases, private and synthetic apart."""

import numpy as np
import pytest

import lpm_secure as lpm
from lpm_secure.gradients.estimators.model_alternatives import choose_alternatives
from lpm_secure.gradients.history.recorder import HistoryRecorder
from lpm_secure.gradients.history.replays import Replays
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, outputs_of
from lpm_secure.gradients.model.point import ModelPoint
from lpm_secure.models.tracer import trace
from protocols.models.graph.agents import GraphModel

N, SYNTHETIC, STEPS = 9, 4, 3


class Mirrors(lpm.Model):
    """Some lamps are on from the beginning; all mirrors show what is announced."""

    lamp = lpm.stage("OFF", "ON")
    mirror = lpm.stage("DARK", "BRIGHT")
    signal = lpm.public(0, 1)
    start = lpm.parameter(0.5, unit=lpm.PROBABILITY)

    def begin(self, me, draw):
        return me.set(lamp=lpm.where(draw.happens(self.start, "start"), "ON", "OFF"), mirror="DARK")

    def update(self, me, heard, draw):
        return me.set(mirror=lpm.where(heard[self.signal] == 1, "BRIGHT", "DARK"))


def parity(of):
    class Parity(lpm.Environment):
        def step(self, before, releases, t):
            return {"signal": of(releases[-1]) % 2 if releases else 0}

    return Parity


@pytest.mark.parametrize(
    ("of", "heard"),
    [
        (lambda release: release.total("lamp_ON"), range(N)),
        (lambda release: release.private["lamp_ON"], range(N - SYNTHETIC)),
        (lambda release: release.synthetic["lamp_ON"], range(N - SYNTHETIC, N)),
    ],
    ids=["all", "private", "synthetic"],
)
def test_one_changed_draw_turns_what_everybody_hears(of, heard):
    traced = trace(Mirrors)
    laid, people = outputs_of(traced.graph, [], steps=STEPS), ModelPeople(N, synthetic=SYNTHETIC)
    problem = ModelProblem("mirrors", "a test", traced.graph, people, STEPS, laid, environment=parity(of))
    point = ModelPoint.of(GraphModel(traced.graph, traced.parameters))
    recorder = HistoryRecorder(problem, point, range(5), problem.dependence)
    history = recorder.run()
    bright = history.series[:, 3]
    assert set(bright[:, 2:].reshape(-1)) == {0.0, float(N)}  # runs differ in what they hear
    alternatives = [each.alternative for each in choose_alternatives(history, point, range(5), N)]
    differences = Replays(recorder, history, {}).replay(alternatives)[:, 3]
    for each, difference in zip(alternatives, differences, strict=True):
        own = bright[each.row // N]
        turned = N - 2 * own if each.row % N in heard else 0 * own
        np.testing.assert_array_equal(difference, [0.0, 0.0, *turned[2:]])
    assert any(each.row % N in heard for each in alternatives)
