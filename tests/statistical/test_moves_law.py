"""The law of who moves: people of `tests.moving_models.Places` against a simulation that shares no code with it.

Both are run often, with dice of their own. Means over runs of how many are immune and in each place, and of the ill
of each place, differ by less than five standard errors: one comparison in two million does by chance, of 77.
"""

import random

import numpy as np

from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.model_agents import CellMixing, ModelAgents
from lpm_secure.models.tracer import trace
from tests.moving_models import Places

N, STEPS, RUNS, PLAIN = 80, 6, 30, 100
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
