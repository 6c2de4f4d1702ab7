"""Local chains of models' graphs: against the law of simulated agents, a closed form, and differences."""

import math

import numpy as np
import pytest

import lpm_secure as lpm
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.gradients.model.point import ModelPoint
from lpm_secure.models.tracer import trace
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.errors import ModelError
from protocols.models.agent_model import AgentSource, StepInputs
from protocols.models.chain import chain_groups, exploration
from protocols.models.chain.chain import chain_of
from protocols.models.chain.chain_groups import ChainGroups
from protocols.models.chain.chain_parameters import chain_parameters, describe_chain
from protocols.models.chain.steps.transition import Transition
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.score_parameters import entries_of

STEPS = 30
GROWTH = {"infection": 0.05, "infection_a": 0.04, "infection_b": 0.02}  # of levels in a step, in units of a hazard
SHORT = {"infectious_law": (2**29,) * 8, "waning_law": (2**30, 2**30, 0, 2**31)}
GIVEN = {
    "seir": {"initial": 0.1},
    "seirs": {"initial": 0.1},
    "strains": {"initial": 0.1},
    "doses": {"initial": 0.1, "first": 2, "days": 5},
}


def model_of(name, **changes):
    model = graph_model_of(name, GIVEN.get(name, {}))
    laws = {each: law for each, law in SHORT.items() if each in model.parameters and name != "staged"}
    return GraphModel(model.graph, {**model.parameters, **laws, **changes})


def own_chain(model, names=(), steps=STEPS):
    """Return the chain of agents of whom nothing is known."""
    least = {name: field.low for name, field in model.graph.fields.items()}
    return chain_of(model, entries_of(model, names), least, dict.fromkeys(least, False), steps=steps)


def growth_of(model):
    """Return by how much each level grows in a step, before weights: those of doses are in units of 1 / 256."""
    return {outcome: round(GROWTH[outcome] * 2**32) for outcome in model.graph.outcomes}


def expected(model, growth, names=(), steps=STEPS):
    """Return the expected share of each stage by step, float64[T + 1, q], and derivatives, float64[T + 1, q, p]."""
    chain = own_chain(model, names, steps)
    heard = {outcome: np.array([[float(each)], *[[0.0]] * len(names)]) for outcome, each in growth.items()}
    found = np.array(list(followed(chain, heard, steps + 1)))
    return found[..., 0], found[..., 1:]


def begin_of(chain):
    return np.concatenate([chain.begin.value[None], chain.begin.tangent])


def followed(chain, growth, steps):
    """Yield what an agent is expected to count for in each step, float64[q, 1 + p]."""
    transition = Transition.of(chain, chain.totals)
    state = transition.begin(begin_of(chain), 1)
    for step in range(steps):
        totals = np.empty((len(chain.totals.value), *state.shape[1:]))
        transition.count(state, totals, step=step)
        yield totals[..., 0]
        transition.move(state, growth, step=step)


def simulated(model, growth, n, steps=STEPS):
    """Return the share of each stage among simulated agents that all hear the same, float64[T + 1, q]."""
    agents, source = model.agents, AgentSource(np.arange(n, dtype=np.uint64), (7, 8))
    state, levels, shares = agents.initial_state(source, {}), np.zeros((n, len(agents.outcomes)), dtype=np.int64), []
    one, none = np.ones(n, dtype=np.int64), np.zeros((n, len(model.contact_channels)), dtype=np.int64)
    added = np.array([growth[outcome.name] for outcome in agents.outcomes])
    cells = np.zeros((n, len(agents.cell_channels)), dtype=np.int64)
    for step in range(steps + 1):
        shares.append(agents.totals(state) / n)
        levels += added * agents.weights(state)
        decided = (levels > agents.thresholds(state)).astype(np.int64)
        state, anew = agents.update(state, StepInputs(step, none, none, cells, one, decided), source)
        levels[anew] = 0
    return np.array(shares)


SOON = ("seir", "doses")


@pytest.mark.parametrize(
    "name", [each if each in SOON else pytest.param(each, marks=pytest.mark.slow) for each in GIVEN]
)
def test_a_chain_is_the_law_of_simulated_agents(name):
    model, n = model_of(name), 10_000 if name == "seirs" else 100_000  # which draws anew in every spell, slowly
    growth = growth_of(model)
    share, found = expected(model, growth)[0], simulated(model, growth, n)
    assert share.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    error = np.sqrt(share * (1 - share) / n)
    assert (np.abs(share - found) <= 4.5 * error + 1e-9).all()
    assert share[10].min() > 0.001  # every stage is reached


def test_a_chain_is_the_closed_form_of_stays():
    model = model_of("seir", latent_law=(2**31, 0, 2**31))
    share, hazard, initial = expected(model, growth_of(model))[0], GROWTH["infection"], 0.1
    latent = np.array([2**31, 0, 2**31]) / LAW_TOTAL
    stay = np.array(SHORT["infectious_law"]) / LAW_TOTAL
    longer_latent = np.concatenate([[1], 1 - np.cumsum(latent), np.zeros(STEPS)])  # than k steps
    longer_stay = np.concatenate([[1], 1 - np.cumsum(stay), np.zeros(STEPS)])
    for t in range(STEPS + 1):
        begun = [(1 - initial) * math.exp(-hazard * (u - 1)) * -math.expm1(-hazard) for u in range(1, t + 1)]
        exposed = sum(new * longer_latent[t - u] for u, new in enumerate(begun, 1))
        ill = initial * longer_stay[t] + sum(
            new * weight * longer_stay[t - u - days]
            for u, new in enumerate(begun, 1)
            for days, weight in enumerate(latent, 1)
            if days <= t - u
        )
        free = (1 - initial) * math.exp(-hazard * t)
        assert share[t] == pytest.approx([free, exposed, ill, 1 - free - exposed - ill], abs=1e-8)


@pytest.mark.parametrize("name", ["doses", "strains", pytest.param("seirs", marks=pytest.mark.slow)])
def test_derivatives_of_a_chain_are_its_differences(name):
    model = model_of(name)
    rates = {each for outcome in model.graph.outcomes.values() for each in outcome.coefficients.values()}
    titles = tuple(title for title in chain_parameters(model).known if title not in rates)  # these are heard, not moved
    growth, point = growth_of(model), ModelPoint.of(model, only=titles)
    slopes = expected(model, growth, titles)[1]
    for p, title in enumerate(titles):
        low, high, distance = point.ends(point.names.index(title), 0.01)
        ends = [expected(GraphModel(model.graph, dict(end.integers)), growth)[0] for end in (low, high)]
        difference = (ends[1] - ends[0]) / distance
        np.testing.assert_allclose(slopes[..., p], difference, rtol=2e-3, atol=2e-4)
        assert np.abs(slopes[..., p]).max() > 1e-3


@pytest.mark.parametrize(("name", "count"), [("seir", 14), ("seirs", 18), ("strains", 26), ("doses", 21)])
def test_states_that_behave_alike_are_one(name, count):
    assert len(own_chain(model_of(name)).states) == count


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("banks", "the outcome insolvency compares the level of the present step alone"),
        ("opinion", "the outcome persuasion compares the level of the present step alone"),
        ("supply", "the outcome delivery compares the level of the present step alone"),
        ("work", "update looks at the total of an agent's cell on purchase"),
        ("pandemic_work", "update looks at the total of an agent's cell on purchase"),
        ("staged", "course_test draws one of 2147483648 numbers"),
    ],
)
def test_a_model_without_a_chain_is_refused_in_one_line(name, reason):
    with pytest.raises(ModelError, match=reason) as refused:
        own_chain(model_of(name))
    assert "take scores or coupled alternatives" in str(refused.value)
    assert "\n" not in str(refused.value)


class Wanderer(lpm.Model):
    """Goes up and down among many places; a threshold of its own tells when it stops."""

    mood = lpm.stage("ON", "OFF")
    place = lpm.field(0, 2**20)
    patience = lpm.field(0, 37 << 20)
    push = lpm.message(most=2**20)
    tired = lpm.outcome(push, above=patience)

    def begin(self, me, draw):
        return me.set(mood="ON", place=0, patience=draw.exponential(20, "patience"))

    def says(self, me):
        return {self.push: me.place}

    def update(self, me, heard, draw):
        far = lpm.clip(me.place * 3 + draw.uniform(0, 3, "step"), 0, 2**20)
        return me.set(mood=lpm.where(heard[self.tired], "OFF", me.mood), place=far)


def test_a_model_of_very_many_states_is_refused(monkeypatch):
    monkeypatch.setattr(exploration, "MOST_EXPLORED", 400)
    model = GraphModel(trace(Wanderer).graph)
    assert len(own_chain(model, steps=3).states) > 27
    with pytest.raises(ModelError, match="an agent has more than 400 states"):
        own_chain(model, steps=20)


class Wait(lpm.Model):
    """Waits as long as its holder says at most, and is told by nobody."""

    mood = lpm.stage("WAITS", "GOES")
    span = lpm.private(0, 2**12)
    left = lpm.field(0, 2**12)
    push = lpm.message(most=1)

    def begin(self, me, draw):
        return me.set(mood="WAITS", left=draw.uniform(0, me.span + 1, "wait"))

    def says(self, me):
        return {self.push: me.mood == "GOES"}

    def update(self, me, heard, draw):
        return me.set(mood=lpm.where(me.left == 0, "GOES", me.mood), left=lpm.clip(me.left - 1, 0, 2**12))


def test_all_kinds_of_agents_together_have_a_bounded_number_of_ways(monkeypatch):
    model = model_of("seir")
    columns = {"stage": np.array([0, 1, 2, 3]), "timer": np.array([0, 2, 3, 0])}
    given = {"columns": columns, "n": 4, "steps": 5}
    assert len(ChainGroups.of(model, (), **given).parts) == 4
    monkeypatch.setattr(chain_groups, "MOST_IN_ALL", own_chain(model, steps=5).ways + 2)
    with pytest.raises(ModelError, match="all kinds of agents have more than 262144 ways"):
        ChainGroups.of(model, (), **given)


def test_how_many_numbers_a_draw_has_is_decided_without_looking_at_a_column():
    model = GraphModel(trace(Wait).graph)
    with pytest.raises(ModelError, match="wait draws one of 4097 numbers, more than 4096"):
        chain_parameters(model)
    with pytest.raises(ModelError, match="wait draws one of 4097 numbers, more than 4096"):
        own_chain(model)  # where the column is 0, and the draw of one number


class Twice(lpm.Model):
    """Takes one random number for two draws in a step."""

    mood = lpm.stage("A", "B", "C")
    push = lpm.message(most=1)
    first = lpm.parameter(0.5, unit=lpm.PROBABILITY)

    def begin(self, me, draw):
        return me.set(mood="A")

    def says(self, me):
        return {self.push: me.mood == "B"}

    def update(self, me, heard, draw):
        one, other = draw.happens(self.first, "coin"), draw.happens(2**30, "coin")
        return me.set(mood=lpm.where(one, "B", lpm.where(other, "C", me.mood)))


def test_two_draws_that_are_one_random_number_are_refused():
    with pytest.raises(ModelError, match="two draws of coin in one step are one random number"):
        own_chain(GraphModel(trace(Twice).graph, {"first": 2**31}))


def test_a_threshold_that_is_given_is_refused():
    model = model_of("seir")
    least = {name: field.low for name, field in model.graph.fields.items()}
    known = {name: name == "tau" for name in least}
    with pytest.raises(ModelError, match="tau, the threshold of infection, is given"):
        chain_of(model, (), least, known, steps=3)


def test_agents_begin_in_the_stage_that_is_known():
    model = model_of("seir")
    least = {name: field.low for name, field in model.graph.fields.items()}
    known = {name: name in ("stage", "timer") for name in least}
    chain = chain_of(model, (), least | {"stage": 2, "timer": 3}, known, steps=5)
    ill = [float(totals[2, 0]) for totals in followed(chain, {"infection": np.zeros((1, 1))}, 5)]
    assert ill == [1.0, 1.0, 1.0, 0.0, 0.0]


def deep(levels):
    """Return a model whose update is so many additions deep."""

    class Deep(lpm.Model):
        """Counts in a long way round."""

        mood = lpm.stage("A", "B")
        count = lpm.field(0, 10)
        push = lpm.message(most=10)

        def begin(self, me, draw):
            return me.set(mood="A", count=0)

        def says(self, me):
            return {self.push: me.count}

        def update(self, me, heard, draw):
            count = me.count
            for _ in range(levels):
                count = count + 1
            return me.set(count=lpm.clip(count - levels + 1, 0, 10))

    return GraphModel(trace(Deep).graph)


def test_a_deep_model_has_a_chain_and_a_deeper_one_is_refused():
    assert len(own_chain(deep(115)).states) == 11
    with pytest.raises(ModelError, match="expressions are 123 deep; relaxed runs take at most 120"):
        own_chain(deep(118))


class Lamps(lpm.Model):
    """A lamp turns on at its ward's rate."""

    lamp = lpm.stage("OFF", "ON")
    ward = lpm.private(0, 2)
    switch = lpm.parameter({"ward": (0.1, 0.2, 0.3)}, unit=lpm.PROBABILITY, by="ward")
    fail = lpm.parameter(0.1, unit=lpm.PROBABILITY)

    def begin(self, me, draw):
        return me.set(lamp="OFF")

    def update(self, me, heard, draw):
        lit = lpm.where(draw.happens(self.fail, "fail"), "OFF", me.lamp)
        return me.set(lamp=lpm.where(draw.happens(self.switch, "switch"), "ON", lit))


def test_a_table_stands_by_its_name_among_what_derivatives_are_by():
    traced = trace(Lamps)
    line = describe_chain(GraphModel(traced.graph, dict(traced.parameters)), steps=3)
    assert line.endswith("derivatives by fail, switch (3 entries)")
