"""Disease and work in one: against a simulation that shares no code, and each part alone where nothing couples them."""

import math
import random
import statistics

import numpy as np
import pytest

from lpm_secure.models.library.pandemic_work import FULL, PandemicWork
from lpm_secure.models.library.seir import BITS
from lpm_secure.models.library.work import LabourMarket

EMPLOYED, FURLOUGHED, UNEMPLOYED = range(3)
S, E, I, R = range(4)  # noqa: E741 - the field's letters
ONE_DAY, FOUR_DAYS = (2**32,), (0, 0, 0, 2**32)
GIVEN = {"spending": 0.9, "spending_idle": 0.3, "layoff": 0.5, "recall": 0.3, "dismissal": 0.3, "hiring": 0.2}
GIVEN |= {"unemployment": 0.2, "initial": 0.05}


def integers(given):
    return {name: int(value * 2**32) for name, value in given.items()}


def accounts(n):
    return {"wage": [0] * n, "reserve": [0] * n, "caution": [0] * n}


def world(world_of, n, *, seed, rate, home, **given):
    return world_of(
        PandemicWork,
        n,
        seed=seed,
        cell=n,
        columns=accounts(n),
        price=0,
        latent_law=ONE_DAY,
        infectious_law=FOUR_DAYS,
        cell_rate=int(rate * 2**BITS),
        home=int(home * FULL),
        **integers(GIVEN | given),
    )


class Person:
    """One of the simulation's, in plain Python."""

    def __init__(self, draw, given):
        self.stage, self.left = (I, 4) if draw.random() < given["initial"] else (S, 0)
        self.job = UNEMPLOYED if draw.random() < given["unemployment"] else EMPLOYED
        self.shop(draw, given)

    def shop(self, draw, given):
        self.buys = draw.random() < given["spending" if self.job == EMPLOYED else "spending_idle"] and self.stage != I

    def fall_ill(self, draw, hazard):
        if self.stage == S:
            if draw.random() < 1 - math.exp(-hazard):
                self.stage, self.left = E, 1
        elif self.stage != R:
            self.left -= 1
            if not self.left:
                self.stage, self.left = (I, 4) if self.stage == E else (R, 0)

    def work(self, draw, demand, given):
        dice = draw.random()
        if self.job == EMPLOYED:
            self.job = FURLOUGHED if dice < given["layoff"] * (1 - demand) else EMPLOYED
        elif self.job == UNEMPLOYED:
            self.job = EMPLOYED if dice < given["hiring"] * demand else UNEMPLOYED
        elif dice < given["recall"] * demand:
            self.job = EMPLOYED
        elif draw.random() < given["dismissal"]:
            self.job = UNEMPLOYED


def simulate(draw, n, steps, *, rate, home, given):
    people = [Person(draw, given) for _ in range(n)]
    for _ in range(steps):
        hazard, demand = rate * sum(each.stage == I for each in people) / n, sum(each.buys for each in people) / n
        for each in people:
            each.fall_ill(draw, hazard * (1 if each.job == EMPLOYED else home))
            each.work(draw, demand, given)
            each.shop(draw, given)
    return people


def figures(stages, jobs, buys):
    n = len(stages)
    shares = {f"job {job}": jobs.count(job) / n for job in range(3)}
    return shares | {f"stage {stage}": stages.count(stage) / n for stage in range(4)} | {"buys": sum(buys) / n}


@pytest.mark.parametrize(("steps", "home"), [(3, 0.25), (12, 0.25), (12, 0.0)])
def test_both_together_are_as_in_a_simulation_that_shares_no_code(steps, home, world_of):
    n, runs, rate, draw = 200, 40, 0.8, random.Random(steps)
    ours, theirs = [], []
    for seed in range(runs):
        agents = world(world_of, n, seed=seed, rate=rate, home=home)
        for _ in range(steps):
            agents.update()
        ours.append(figures(*(agents.state[name].tolist() for name in ("stage", "job", "buys"))))
        people = simulate(draw, n, steps, rate=rate, home=home, given=GIVEN)
        theirs.append(figures(*zip(*((each.stage, each.job, each.buys) for each in people), strict=True)))
    for name in ours[0]:
        one, other = ([each[name] for each in of] for of in (ours, theirs))
        error = math.hypot(statistics.stdev(one), statistics.stdev(other)) / math.sqrt(runs)
        assert abs(statistics.mean(one) - statistics.mean(other)) <= 5 * error, name


def test_without_infections_work_is_what_it_is_alone(world_of):
    n = 100
    whole = world(world_of, n, seed=3, rate=0.0, home=1.0, initial=0.0)
    own = integers({name: value for name, value in GIVEN.items() if name != "initial"})
    alone = world_of(LabourMarket, n, seed=3, cell=n, columns=accounts(n), price=0, **own)
    for _ in range(10):
        whole.update()
        alone.update()
        for field in ("job", "buys", "savings"):
            np.testing.assert_array_equal(whole.state[field], alone.state[field])


def test_whoever_is_infectious_buys_nothing_and_whoever_has_no_job_may_be_spared(world_of):
    agents = world(world_of, 300, seed=1, rate=2.0, home=0.0, spending=1.0, spending_idle=1.0, initial=0.3)
    while (agents.state["stage"] == I).any():
        np.testing.assert_array_equal(agents.state["buys"] == 1, agents.state["stage"] != I)
        stage, job = agents.state["stage"], agents.state["job"]
        agents.update()
        new = (stage == S) & (agents.state["stage"] == E)
        assert not (new & (job != EMPLOYED)).any()
