"""Scores of a graph's agents: those of the estimator in the clear, and of draws whose laws are known by hand."""

import numpy as np
import pytest

import lpm_secure as lpm
from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.model_agents import ContactMatrices, ModelAgents
from lpm_secure.gradients.estimators.model_score import scores_of
from lpm_secure.gradients.history.recorder import HistoryRecorder
from lpm_secure.gradients.model.model_problem import ModelPeople, ModelProblem, outputs_of
from lpm_secure.gradients.model.outputs import SeriesOutput
from lpm_secure.gradients.model.point import ModelPoint
from lpm_secure.models.tracer import trace
from protocols.models.agent_model import UNKNOWN, AgentSource, StepInputs
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.dependence import Dependence
from protocols.models.likelihood.graph_score import GraphScore
from protocols.models.likelihood.score_parameters import score_parameters
from tests.conformance.estimators.model_worlds import GIVEN, model_problem

SEED = 7


def by(*names, clip=2.0**20, bits=30):
    return Gradient(way="score", parameters=names, clip=clip, tangent_bits=bits)


class Tip(lpm.Model):
    """Leans by a weighted sum of what its contacts do, which it learns exactly."""

    side = lpm.stage("DOWN", "UP")
    lean = lpm.field(0, 2**30)
    pull = lpm.parameter(0.4, unit=lpm.rate(20), bounds=(0.0, 1.0))
    fades = lpm.parameter(0.5, unit=lpm.rate(8), bounds=(0.0, 1.0))
    cheer = lpm.message(most=1)
    heat = lpm.outcome({cheer: pull}, reveals="sum", keep=False)
    all_heat = lpm.outcome({cheer: pull}, reveals="sum")

    def begin(self, me, draw):
        return me.set(side=lpm.where(draw.happens(2**31, "side"), "UP", "DOWN"), lean=0)

    def says(self, me):
        return {self.cheer: me.side == "UP"}

    def weight(self, me):
        return {self.heat: lpm.where(me.side == "UP", 1, 2)}

    def update(self, me, heard, draw):
        lean = lpm.minimum((me.lean * self.fades >> 8) + heard[self.heat] + (heard[self.all_heat] >> 3), 2**30)
        likely = lpm.minimum(lean << 8, 2**31) + 2**29
        return me.set(side=lpm.where(draw.happens(likely, "side"), "UP", "DOWN"), lean=lean)


def tip_problem(n=40, steps=5):
    traced, a = trace(Tip), np.arange(n)
    table = ContactTable(0 * a, a, (a + 1) % n, 0 * a, 1 + a % 2)
    people = ModelPeople(n, ContactMatrices(table, traced.graph.channels, n=n, period=1))
    laid = outputs_of(traced.graph, [SeriesOutput("up", "UP", 1.0, steps, steps)], steps=steps)
    problem = ModelProblem("tip", "a ring", traced.graph, people, steps, laid)
    return problem, ModelPoint.of(GraphModel(traced.graph, traced.parameters))


@pytest.mark.parametrize("name", [*GIVEN, "tip"])
def test_in_sum_mode_scores_are_those_of_the_estimator_in_the_clear(name):
    problem, point = tip_problem() if name == "tip" else model_problem(name)
    model = GraphModel(problem.graph, dict(point.integers))
    gradient = by(*score_parameters(model, exact=True).known)
    assert gradient.parameters
    numbers, people = (np.arange(problem.people.n) + (SEED << 32)).astype(np.uint64), problem.people
    agents = ModelAgents(
        NumpyBackend(problem.graph),
        model.parameters,
        agents=numbers,
        key=(0, 0),
        contacts=people.contacts,
        cells=people.cells,
        columns=people.columns,
        steps=problem.steps,
    )
    score = GraphScore(model, gradient, AgentSource(numbers, (0, 0)), people.columns)
    agents.observer = score
    history = HistoryRecorder(problem, point, range(SEED, SEED + 1), Dependence.of(problem.graph)).run()
    for moment in history.moments[:-1]:
        agents.update({number: int(told[0]) for number, told in moment.public.items()})
    expected = scores_of(history, 1, len(point.names)).sum(axis=(0, 1))
    places = [point.names.index(name) for name in gradient.parameters]
    found = score.encode() * 2.0**-gradient.tangent_bits
    np.testing.assert_allclose(found, expected[places], rtol=1e-9, atol=people.n * 2.0**-gradient.tangent_bits)
    assert (found != 0).all()


class Coin(lpm.Model):
    """Whoever holds a side may turn it, for as many steps as it drew; who turned counts."""

    side = lpm.stage("HEADS", "TAILS")
    stay = lpm.field(1, 3)
    shown = lpm.parameter(0.25, unit=lpm.PROBABILITY)
    turns = lpm.parameter(0.75, unit=lpm.PROBABILITY)
    gift = lpm.parameter(2, bounds=(0, 3))
    length = lpm.parameter((2**30, 2**31, 2**30), unit=lpm.LAW)
    told = lpm.observable(0, 9)

    def begin(self, me, draw):
        return me.set(side=lpm.where(draw.happens(self.shown, "shown"), "HEADS", "TAILS"), stay=1)

    def totals(self, me):
        return {self.told: me.stay + self.gift}

    def update(self, me, heard, draw):
        turned = (me.side == "HEADS") & draw.happens(self.turns, "turns")
        stay = lpm.where(turned, draw.days(self.length, "stay"), me.stay)
        return me.set(side=lpm.where(turned, "TAILS", me.side), stay=stay)


def coins(n=400, columns=None, names=("shown", "turns", "length"), **given):
    """Return a model, the score and the courses of some coins, of two steps."""
    traced = trace(Coin)
    model = GraphModel(traced.graph, traced.parameters | given)
    source, columns = AgentSource(np.arange(n, dtype=np.uint64), (3, 0)), columns or {}
    score, states = GraphScore(model, by(*names), source, columns), [model.agents.initial_state(source, columns)]
    for step in range(2):
        nothing = np.zeros((n, 0), dtype=np.int64)
        inputs = StepInputs(step, nothing, nothing, nothing, np.zeros(n, dtype=np.int64), nothing)
        score.observe(states[-1], inputs)
        states.append(model.agents.update(states[-1], inputs, source)[0])
    return score.encode() * 2.0**-30, states


def test_draws_are_scored_by_their_laws_where_they_mattered():
    found, (first, *later) = coins()
    heads = int((first["side"] == 0).sum())
    assert found[0] == pytest.approx(heads / 0.25 - (400 - heads) / 0.75)
    steps = list(zip([first, *later], later, strict=False))
    turned, held = ([(one["side"] == 0) & (two["side"] == side) for one, two in steps] for side in (1, 0))
    assert found[1] == pytest.approx(sum(map(np.sum, turned)) / 0.75 - sum(map(np.sum, held)) / 0.25)
    stays = np.concatenate([after["stay"][which] for after, which in zip(later, turned, strict=True)])
    assert found[2] == pytest.approx(((stays - 2) / 0.5).sum())


def test_what_a_holder_knows_of_its_agents_was_not_drawn():
    side = np.where(np.arange(400) < 300, np.arange(400) % 2, UNKNOWN)
    found, (first, *_) = coins(columns={"side": side})
    heads = int((first["side"][300:] == 0).sum())
    assert found[0] == pytest.approx(heads / 0.25 - (100 - heads) / 0.75, abs=1e-6)


def test_each_agent_is_clipped():
    traced = trace(Coin)
    model = GraphModel(traced.graph, traced.parameters)
    source = AgentSource(np.arange(50, dtype=np.uint64), (3, 0))
    gradient = by("shown", clip=0.5)
    assert abs(int(GraphScore(model, gradient, source, {}).encode()[0])) <= 50 * gradient.clip_word
    heads = int((model.agents.initial_state(source, {})["side"] == 0).sum())
    assert GraphScore(model, gradient, source, {}).encode()[0] == (2 * heads - 50) * gradient.clip_word


def test_parameters_without_a_score_are_told_why():
    traced = trace(Coin)
    reasons = score_parameters(GraphModel(traced.graph, traced.parameters), exact=True)
    assert reasons.known == ("length", "shown", "turns")
    assert reasons["gift"] == "moves no law that anything is drawn by"
    edges = {"shown": 0, "turns": 2**32, "length": (0, 2**32, 0)}
    reasons = score_parameters(GraphModel(traced.graph, traced.parameters | edges), exact=True)
    assert not reasons.known
    assert "is 0" in reasons["shown"]
    assert "is 1" in reasons["turns"]
    assert "one length" in reasons["length"]


class Crowd(lpm.Model):
    """Tells more the higher a parameter is, and a level grows by another."""

    state = lpm.stage("OUT", "IN")
    tau = lpm.field(0, 37 << 20)
    loud = lpm.parameter(0.5, unit=lpm.rate(8), bounds=(0.0, 1.0))
    pull = lpm.parameter(0.5, unit=lpm.rate(20), bounds=(0.0, 1.0))
    leaves = lpm.parameter(0.5, unit=lpm.PROBABILITY)
    call = lpm.message(most=2**8)
    drawn_in = lpm.outcome({call: pull}, above=tau)

    def begin(self, me, draw):
        return me.set(state="OUT", tau=draw.exponential(20, "tau"))

    def says(self, me):
        return {self.call: self.loud}

    def update(self, me, heard, draw):
        leaves = (me.state == "IN") & draw.happens(self.leaves, "leaves")
        return me.set(state=lpm.where(leaves, "OUT", lpm.where(heard[self.drawn_in], "IN", me.state)))


def test_what_others_or_the_aggregators_alone_know_is_not_scored_by_holders():
    traced = trace(Crowd)
    model = GraphModel(traced.graph, traced.parameters)
    outcome, exact = (score_parameters(model, exact=exact) for exact in (False, True))
    assert outcome.known == ("leaves",)
    assert exact.known == ("leaves", "pull")
    assert "mode sum alone" in outcome["pull"]
    assert "tell on call" in exact["loud"]


def test_a_score_prints_its_size_alone():
    traced = trace(Coin)
    model = GraphModel(traced.graph, traced.parameters)
    assert repr(GraphScore(model, by("shown"), AgentSource(np.arange(5, dtype=np.uint64), (3, 0)), {})) == (
        "GraphScore(5 agents, hidden)"
    )


class Letters(lpm.Model):
    """Holds a draw of the beginning that nothing looks at but what is told along contacts."""

    mood = lpm.stage("CALM")
    ink = lpm.field(1, 3)
    law = lpm.parameter((2**30, 2**31, 2**30), unit=lpm.LAW)
    post = lpm.message(most=3, along=(0, 3))

    def begin(self, me, draw):
        return me.set(mood="CALM", ink=draw.days(self.law, "ink"))

    def along(self, me, edge):
        return {self.post: lpm.minimum(me.ink, edge[self.post])}

    def update(self, me, heard, draw):
        return me.set(mood="CALM")


def test_a_draw_that_is_told_along_contacts_counts_once():
    traced, n = trace(Letters), 60
    model, source = GraphModel(traced.graph, traced.parameters), AgentSource(np.arange(60, dtype=np.uint64), (3, 0))
    score, state = GraphScore(model, by("law"), source, {}), model.agents.initial_state(source, {})
    assert not score.encode().any()
    for step in range(2):
        nothing = np.zeros((n, 0), dtype=np.int64)
        inputs = StepInputs(step, np.zeros((n, 1), dtype=np.int64), nothing, nothing, np.zeros(n, np.int64), nothing)
        score.observe(state, inputs)
        assert score.encode()[0] * 2.0**-30 == pytest.approx(((state["ink"] - 2) / 0.5).sum())
