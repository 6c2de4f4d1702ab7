"""Bounds of an agent's score: what is proved holds for all agents of drawn worlds, and is not wider than it must be."""

import numpy as np
import pytest

import lpm_secure as lpm
from lpm_secure.models.library.opinion import Opinion
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.library.work import LabourMarket
from lpm_secure.models.tracer import trace
from protocols.models.agent_model import AgentSource, StepInputs
from protocols.models.gradient import FACTOR, Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.graph_score import GraphScore
from protocols.models.likelihood.score_bounds import bound_words, score_range
from protocols.models.likelihood.score_parameters import entries_of, score_parameters
from tests.user_models import Seasons

N, STEPS, BITS = 300, 6, 30
INNER = {"attention": 2**31, "wavering": 2**30}


def model_of(author, **given):
    traced = trace(author)
    return GraphModel(traced.graph, traced.parameters | given)


def range_of(model, title, steps=STEPS):
    return score_range(model, entries_of(model, (title,))[0], steps=steps)


def scores(model, gradient, seed):
    """Return each agent's scores, float64[p, n], in a course of drawn inputs."""
    rng, agents = np.random.default_rng(seed), model.agents
    source = AgentSource(np.arange(N, dtype=np.uint64), (seed, 0))
    fields = {name: field for name, field in model.graph.fields.items() if field.private}
    columns = {name: rng.integers(each.low, min(each.high, each.low + 9) + 1, N) for name, each in fields.items()}
    score, state = GraphScore(model, gradient, source, columns), agents.initial_state(source, columns)
    for step in range(STEPS):
        contact = np.zeros((N, len(agents.most)), dtype=np.int64)
        decided, sizes = rng.integers(0, 2, (N, len(agents.outcomes))), np.full(N, 40)
        cells = rng.integers(0, 41, (N, len(agents.cell_most)))
        inputs = StepInputs(step, contact, np.zeros_like(decided), cells, sizes, decided)
        score.observe(state, inputs)
        state = agents.update(state, inputs, source)[0]
    return score.each()


@pytest.mark.parametrize("author", [Opinion, LabourMarket, SeirModel, Seasons], ids=lambda each: each.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_no_agent_scores_beyond_what_is_proved(author, seed):
    model = model_of(author, **(INNER if author is Opinion else {}))
    names = tuple(name for name in score_parameters(model, exact=False).known if not name.startswith(FACTOR))
    gradient = Gradient(way="score", parameters=names, clip=2.0**20, tangent_bits=BITS)
    found, ranges = scores(model, gradient, seed), [range_of(model, name) for name in names]
    assert any(ranges)
    for own, bound in zip(found, ranges, strict=True):
        assert bound is None or (own.min() >= float(bound[0]) - 1e-9 and own.max() <= float(bound[1]) + 1e-9)
    for own, change in zip(found, bound_words(model, gradient, steps=STEPS), strict=True):
        words = np.rint(np.append(own, 0) * 2.0**BITS)
        assert words.max() - words.min() <= change <= 2 * gradient.clip_word


def test_a_draw_of_the_beginning_is_made_once_and_one_of_a_step_in_each():
    model = model_of(Opinion, **INNER)
    low, high = range_of(model, "start")
    assert (float(low), float(high)) == pytest.approx((-1 / 0.7, 1 / 0.3))
    assert tuple(map(float, range_of(model, "attention", 5))) == (-10.0, 10.0)


def test_a_bound_that_is_clipped_on_one_side_is_narrower_by_that():
    gradient = Gradient(way="score", parameters=("start",), clip=2.0, tangent_bits=BITS)
    (change,) = bound_words(model_of(Opinion, **INNER), gradient, steps=STEPS)
    assert change == pytest.approx((2 + 1 / 0.7) * 2.0**BITS, abs=3)


def test_of_a_probability_that_is_computed_nothing_is_proved():
    model = model_of(LabourMarket)
    assert range_of(model, "dismissal") is not None
    assert range_of(model, "spending") is not None  # one of two, whole
    assert range_of(model, "layoff") is None  # times what demand is missing


class Grudge(lpm.Model):
    """Keeps a parameter in its state, and draws by that; and by twice another."""

    mood = lpm.stage("FINE", "CROSS")
    held = lpm.field(0, 2**32)
    temper = lpm.parameter(0.25, unit=lpm.PROBABILITY)
    spite = lpm.parameter(0.25, unit=lpm.PROBABILITY, bounds=(0.0, 0.5))

    def begin(self, me, draw):
        return me.set(mood="FINE", held=0)

    def update(self, me, heard, draw):
        cross = draw.happens(me.held, "cross") | draw.happens(self.spite * 2, "spite")
        return me.set(mood=lpm.where(cross, "CROSS", "FINE"), held=self.temper)


def test_what_reaches_a_draw_by_the_state_or_changed_is_clipped_instead():
    model = model_of(Grudge)
    assert range_of(model, "temper") is range_of(model, "spite") is None
    gradient = Gradient(way="score", parameters=("spite", "temper"), clip=3.0)
    assert bound_words(model, gradient, steps=9) == (2 * gradient.clip_word,) * 2


def test_in_sum_mode_a_level_is_clipped():
    assert range_of(model_of(SeirModel), "contact_rate") is None
