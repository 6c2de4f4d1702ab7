"""The law of who moves: people of `tests.moving_models.Places` against a simulation that shares no code with it.

Both are run often, with dice of their own. Means over runs of how many are immune and in each place, and of the ill
of each place, differ by less than five standard errors: one comparison in two million does by chance, of 65.
"""

import random

import numpy as np

import lpm_secure as lpm
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.model_agents import CellMixing, ModelAgents
from lpm_secure.models.tracer import trace
from protocols.models.agent_model import AgentSource
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.graph_score import GraphScore
from tests.moving_models import Places

N, STEPS, RUNS, PLAIN = 60, 5, 24, 80
HOME, SHOP, PARK = range(3)
START, CATCHING, RECOVERY = 0.3, 0.02, 0.3


def wish(place, fear, ill, habit, draw):
    """Return how much somebody wants to be in a place: two units, which fear and illness drive, and a habit."""
    scared, careful = max(3 * fear - 2 * ill + 4, 0), max(-4 * fear + 2 * ill - 4, 0)
    weights = {HOME: (3, -1), SHOP: (-2, 2), PARK: (1, 3)}[place]
    return (weights[0] * scared + weights[1] * careful) // 16 + 5 * (habit == place) + draw.randrange(12)


def plain_run(draw):
    """Return int[T + 1, 11], the counts of a run in plain Python."""
    people = [
        {"habit": draw.randrange(3), "ill": draw.random() < START, "immune": False, "fear": draw.randrange(8)}
        for _ in range(N)
    ]
    for each in people:
        each["place"] = draw.randrange(3)
    series = []
    for _ in range(STEPS + 1):
        near = [sum(each["ill"] for each in people if each["place"] == place) for place in range(3)]
        there = [sum(each["place"] == place for each in people) for place in range(3)]
        habits = [sum(each["place"] == each["habit"] == place for each in people) for place in range(3)]
        immune = sum(each["immune"] for each in people)
        series.append([*near, *there, *habits, immune, sum(each["fear"] for each in people)])
        for each in people:
            ill = min(near[each["place"]], 40)
            wishes = [wish(place, each["fear"], ill, each["habit"], draw) for place in range(3)]
            if each["ill"]:
                each["immune"] = draw.random() < RECOVERY
                each["ill"] = not each["immune"]
            elif not each["immune"]:
                each["ill"] = draw.random() < CATCHING * ill
            each["fear"] = min(max(each["fear"] - 1 + min(ill, 4), 0), 15)
            elsewhere = PARK if wishes[PARK] > wishes[SHOP] else SHOP
            each["place"] = HOME if wishes[HOME] >= max(wishes[1:]) else elsewhere
    return series


def model_run(seed, graph, parameters):
    """Return the same counts of a run of the model's graph."""
    habit = np.random.default_rng(seed).integers(0, 3, N)
    cells = CellMixing(np.zeros(0, dtype=np.int64), np.full(3, N))
    own = {"agents": np.arange(N, dtype=np.uint64), "key": (seed, 1), "cells": cells, "columns": {"habit": habit}}
    agents = ModelAgents(NumpyBackend(graph), parameters, **own)
    series = []
    for _ in range(STEPS + 1):
        state = agents.state
        there = np.bincount(state["place"], minlength=3)
        habits = np.bincount(state["place"][state["place"] == habit], minlength=3)
        immune = int((state["health"] == 2).sum())
        series.append([*agents.cell_totals()["cough"], *there, *habits, immune, int(state["fear"].sum())])
        agents.update()
    return series


def test_people_move_and_fall_ill_by_the_law_that_the_model_states():
    traced, draw = trace(Places), random.Random(7)
    parameters = {**traced.parameters, "catching": round(CATCHING * 2**32)}
    ours = np.array([model_run(seed, traced.graph, parameters) for seed in range(RUNS)], dtype=np.float64)
    plain = np.array([plain_run(draw) for _ in range(PLAIN)], dtype=np.float64)
    assert plain[:, -1, 3:6].mean(axis=0).min() > N / 20  # every place is visited,
    assert plain[:, :, :3].std() > 2  # and has its ill
    error = np.sqrt(ours.var(axis=0) / RUNS + plain.var(axis=0) / PLAIN)
    distance = np.abs(ours.mean(axis=0) - plain.mean(axis=0))[error > 0] / error[error > 0]
    print(f"the furthest of {distance.size} means is {distance.max():.1f} standard errors away")
    assert distance.max() < 5


WORLDS, EACH, SEEDS, WALKS, STEP = 400, 4, 20, 0.5, 0.1


class Visits(lpm.Model):
    """Many small worlds of two cells each: the ill are in one of them and stay; whoever walks there may fall ill."""

    health = lpm.stage("WELL", "ILL")
    at = lpm.cell(*(f"cell_{number}" for number in range(2 * WORLDS)))
    world = lpm.private(0, WORLDS - 1)
    first = lpm.private(0, 1)  # who is ill at first
    walks = lpm.parameter(WALKS, unit=lpm.PROBABILITY)
    cough = lpm.cell_message(most=1)

    def begin(self, me, draw):
        return me.set(health=me.first, at=2 * me.world + lpm.where(me.first == 1, 0, 1))

    def says(self, me):
        return {self.cough: me.health == "ILL"}

    def update(self, me, heard, draw):
        caught = draw.happens(lpm.clip(heard.cell[self.cough], 0, 3) << 30, "caught")
        side = lpm.where(draw.happens(self.walks, "walks") & (me.health == "WELL"), 1 - me.at % 2, me.at % 2)
        return me.set(health=lpm.where(caught, "ILL", me.health), at=2 * me.world + side)


def visits(walks, seed, *, scores=False):
    """Return how many are ill at the end of each world, and by the score of each world if that is asked for."""
    model = GraphModel(trace(Visits).graph, {"walks": round(walks * 2**32)})
    n = WORLDS * EACH
    columns = {"world": np.arange(n) // EACH, "first": (np.arange(n) % EACH == 0).astype(np.int64)}
    source = AgentSource(np.arange(n, dtype=np.uint64), (seed, 9))
    cells = CellMixing(np.zeros(0, dtype=np.int64), np.full(2 * WORLDS, n))
    own = {"agents": source.agents, "key": source.key, "cells": cells, "columns": columns}
    agents = ModelAgents(NumpyBackend(model.graph), model.parameters, **own)
    gradient = Gradient(way="score", parameters=("walks",), clip=1000.0, tangent_bits=30)
    agents.observer = score = GraphScore(model, gradient, source, columns) if scores else None
    for _ in range(4):
        agents.update()
    ill = agents.state["health"].reshape(WORLDS, EACH).sum(axis=1)
    return ill, score.each()[0].reshape(WORLDS, EACH).sum(axis=1) if scores else None


def test_the_score_of_a_parameter_that_moves_people_is_the_derivative_of_what_comes_of_it():
    runs = [visits(WALKS, seed, scores=True) for seed in range(SEEDS)]
    ill, score = (np.concatenate(each).astype(np.float64) for each in zip(*runs, strict=True))
    products = (ill - ill.mean()) * score
    ends = [
        np.concatenate([visits(WALKS + side, seed)[0] for seed in range(SEEDS, 2 * SEEDS)]) for side in (-STEP, STEP)
    ]
    difference = (ends[1].mean() - ends[0].mean()) / (2 * STEP)
    error = np.sqrt(products.var() / products.size + (ends[0].var() + ends[1].var()) / ends[0].size / (2 * STEP) ** 2)
    print(f"score {products.mean():.3f}, difference {difference:.3f}, standard error {error:.3f}")
    assert abs(difference) > 5 * error
    assert abs(products.mean() - difference) < 4 * error
