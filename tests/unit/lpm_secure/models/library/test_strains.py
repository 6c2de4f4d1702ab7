"""Two strains: the law of one race, whole epidemics against plain Python, and immunity to both."""

import itertools
import math
import random
import statistics

import numpy as np
import pytest

from lpm_secure.models.library.strains import BITS, Strains

S, E_A, E_B, I_A, I_B, R = range(6)
LONG = 30_000  # steps: longer than any run here
LAW = (2**30,) * 4


@pytest.mark.parametrize(("a", "b"), [(0.2, 0.2), (1.5, 1.5), (0.9, 0.3)])
def test_each_strain_wins_as_many_races_as_its_hazard_says(a, b, world_of):
    n, steps = 40_000, 3
    contacts = [(agent, source, 1) for agent in range(2, n) for source in (0, 1)]
    stage = [I_A, I_B] + [S] * (n - 2)
    known = {"stage": stage, "timer": [LONG, LONG] + [0] * (n - 2), "latent": [LONG] * n}
    rates = {"contact_rate_a": int(a * 2**BITS), "contact_rate_b": int(b * 2**BITS)}
    world = world_of(Strains, n, contacts, known=known, **rates)
    lost = 0.0  # share that is infected before the step
    won = {E_A: 0.0, E_B: 0.0}
    for _ in range(steps):
        world.update()
        for strain, own, other in ((E_A, a, b), (E_B, b, a)):
            won[strain] += (1 - lost) * (1 - math.exp(-own)) * (1 + math.exp(-other)) / 2
            share = np.mean(world.state["stage"][2:] == strain)
            assert abs(share - won[strain]) < 5 * math.sqrt(won[strain] * (1 - won[strain]) / n)
        lost = sum(won.values())
    infected = int((world.state["stage"][2:] != S).sum())
    if a == b:
        half = int((world.state["stage"][2:] == E_A).sum())
        assert abs(half - infected / 2) < 5 * math.sqrt(infected / 4)


def simulate(draw, n, rates, initial, steps):
    """Return how many had each strain, and how many are infectious after half of the steps, person by person."""
    ends, had, halfway = {}, [0, 0], [0, 0]  # of who is infected: strain, first and last infectious step
    for person in range(n):
        if draw.random() < initial:
            ends[person] = (draw.randrange(2), 0, draw.randint(1, 4))
    for step in range(steps):
        now = [sum(strain == each and since <= step < end for strain, since, end in ends.values()) for each in (0, 1)]
        halfway = now if step == steps // 2 else halfway
        crossing = [1 - math.exp(-rate * count / n) for rate, count in zip(rates, now, strict=True)]
        for person in range(n):
            if person in ends:
                continue
            caught = [strain for strain in (0, 1) if draw.random() < crossing[strain]]
            if caught:
                since = step + 1 + draw.randint(1, 4)
                ends[person] = (draw.choice(caught), since, since + draw.randint(1, 4))
    had = [sum(strain == each for strain, _, _ in ends.values()) for each in (0, 1)]
    return (*had, *halfway)


@pytest.mark.parametrize("rates", [pytest.param((0.8, 0.8), marks=pytest.mark.slow), (1.0, 0.5)])
def test_epidemics_in_a_cell_end_as_those_of_a_simulation_that_shares_no_code(rates, world_of):
    n, initial, steps, runs = 250, 0.06, 40, 50
    draw, rows, theirs = random.Random(7), [], []
    given = {
        "cell_rate_a": int(rates[0] * 2**BITS),
        "cell_rate_b": int(rates[1] * 2**BITS),
        "initial": int(initial * 2**32),
        "latent_law": LAW,
        "infectious_law": LAW,
    }
    for seed in range(runs):
        world = world_of(Strains, n, seed=seed, cell=n, **given)
        infected, halfway = {}, ()
        for step in range(steps):
            stage = world.state["stage"]
            infected |= {person: int(stage[person]) for person in np.flatnonzero(stage) if person not in infected}
            halfway = tuple(np.bincount(stage, minlength=6)[[I_A, I_B]]) if step == steps // 2 else halfway
            world.update()
        had = [sum(first in strain for first in infected.values()) for strain in ((E_A, I_A), (E_B, I_B))]
        rows.append((*had, *halfway))
        theirs.append(simulate(draw, n, rates, initial, steps))
    for one, other in zip(zip(*rows, strict=True), zip(*theirs, strict=True), strict=True):
        error = math.sqrt((statistics.variance(map(float, one)) + statistics.variance(other)) / runs)
        assert abs(statistics.mean(map(float, one)) - statistics.mean(other)) < 5 * error
    differences = [float(a - b) for a, b, *_ in rows]
    error = statistics.stdev(differences) / math.sqrt(runs)
    assert (abs(statistics.mean(differences)) < 5 * error) == (rates[0] == rates[1])


def test_whoever_had_a_strain_never_has_another(world_of, series_of):
    world = world_of(Strains, 400, cell=400, cell_rate_a=2**BITS, cell_rate_b=2**BITS, initial=2**30)
    series = series_of(world, "stage", 40)
    moves = {(a, b) for one, two in itertools.pairwise(series) for a, b in zip(one, two, strict=True) if a != b}
    assert moves == {(S, E_A), (S, E_B), (E_A, I_A), (E_B, I_B), (I_A, R), (I_B, R)}
