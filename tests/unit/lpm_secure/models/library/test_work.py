"""Work: shares of jobs by their formula, falling demand against plain Python, and every coin accounted for."""

import math
import random
import statistics

import numpy as np
import pytest

from lpm_secure.models.library.work import BITS, LARGEST_WAGE, LabourMarket

EMPLOYED, FURLOUGHED, UNEMPLOYED = range(3)


def parameters(**given):
    """Return probabilities as a model's integers."""
    return {name: int(value * 2**32) for name, value in given.items()}


def accounts(n, *, wage=0, reserve=0):
    return {"wage": [wage] * n, "reserve": [reserve] * n, "caution": [0] * n}


def check_means(runs, expected, *, errors=0.0):
    """Hold the mean of independent runs against a number: within five standard errors."""
    for name, values in runs.items():
        error = math.hypot(statistics.stdev(values) / math.sqrt(len(values)), errors and errors[name])
        assert abs(statistics.mean(values) - expected[name]) < 5 * error, name


def shares(world, n):
    return dict(enumerate((np.bincount(world.state["job"], minlength=3) / n).tolist()))


def test_with_steady_demand_the_shares_of_jobs_are_those_of_the_formula(world_of):
    n, runs, demand = 1000, 30, 0.6
    layoff, recall, dismissal, hiring = 0.5, 0.4, 0.5, 0.5
    given = parameters(
        spending=demand, spending_idle=demand, layoff=layoff, recall=recall, dismissal=dismissal, hiring=hiring
    )
    ends = {job: [] for job in range(3)}
    for seed in range(runs):
        world = world_of(LabourMarket, n, seed=seed, cell=n, columns=accounts(n), price=0, **given)
        for _ in range(25):
            world.update()
        for job, share in shares(world, n).items():
            ends[job].append(share)
    goes = (1 - recall * demand) * dismissal
    furloughed = layoff * (1 - demand) / (recall * demand + goes)  # for each that is employed
    unemployed = furloughed * goes / (hiring * demand)
    whole = 1 + furloughed + unemployed
    check_means(ends, {EMPLOYED: 1 / whole, FURLOUGHED: furloughed / whole, UNEMPLOYED: unemployed / whole})


def simulate(draw, n, steps, *, spending, spending_idle, layoff, recall, dismissal, hiring, unemployment):
    """Return the shares of jobs at the end, worker by worker."""
    jobs = [UNEMPLOYED if draw.random() < unemployment else EMPLOYED for _ in range(n)]
    for _ in range(steps):
        demand = sum(draw.random() < (spending if job == EMPLOYED else spending_idle) for job in jobs) / n
        for worker, job in enumerate(jobs):
            if job == EMPLOYED and draw.random() < layoff * (1 - demand):
                jobs[worker] = FURLOUGHED
            elif job == FURLOUGHED and draw.random() < recall * demand:
                jobs[worker] = EMPLOYED
            elif job == FURLOUGHED and draw.random() < dismissal:
                jobs[worker] = UNEMPLOYED
            elif job == UNEMPLOYED and draw.random() < hiring * demand:
                jobs[worker] = EMPLOYED
    return {job: jobs.count(job) / n for job in range(3)}


@pytest.mark.parametrize("steps", [2, 12])
def test_demand_that_falls_with_jobs_moves_them_as_in_a_simulation_that_shares_no_code(steps, world_of):
    n, runs, draw = 300, 60, random.Random(steps)
    given = {"spending": 0.9, "spending_idle": 0.2, "layoff": 0.6, "recall": 0.3, "dismissal": 0.2}
    given |= {"hiring": 0.2, "unemployment": 0.3}
    ours, theirs = {job: [] for job in range(3)}, {job: [] for job in range(3)}
    for seed in range(runs):
        world = world_of(LabourMarket, n, seed=seed, cell=n, columns=accounts(n), price=0, **parameters(**given))
        for _ in range(steps):
            world.update()
        other = simulate(draw, n, steps, **given)
        for job, share in shares(world, n).items():
            ours[job].append(share)
            theirs[job].append(other[job])
    means = {job: statistics.mean(values) for job, values in theirs.items()}
    check_means(
        {job: values for job, values in ours.items() if any(values)},
        means,
        errors={job: statistics.stdev(values) / math.sqrt(runs) for job, values in theirs.items()},
    )


def test_every_coin_is_accounted_for(world_of):
    n, steps, price, draw = 200, 30, 90, random.Random(2)
    columns = {
        "wage": [draw.randrange(LARGEST_WAGE) for _ in range(n)],
        "reserve": [draw.randrange(300) for _ in range(n)],
        "caution": [0] * n,
    }
    given = parameters(layoff=0.5, unemployment=0.3) | {"furlough_pay": 3 << BITS - 2, "dole": 1 << BITS - 2}
    world = world_of(LabourMarket, n, cell=n, columns=columns, price=price, **given)
    savings, seen = list(columns["reserve"]), set()
    for _ in range(steps):
        jobs, buys = world.state["job"].tolist(), world.state["buys"].tolist()
        assert all(savings[who] >= price for who in range(n) if buys[who])
        paid = 0
        for who, wage in enumerate(columns["wage"]):
            benefit = {EMPLOYED: 0, FURLOUGHED: 3 * wage // 4, UNEMPLOYED: wage // 4}[jobs[who]]
            savings[who] += (wage if jobs[who] == EMPLOYED else benefit) - price * buys[who]
            paid += benefit
        world.update()
        assert world.state["savings"].tolist() == savings
        assert world.totals() == {"payments": paid}
        seen |= set(zip(jobs, buys, strict=True))
    assert len(seen) == 6


def test_whoever_has_nothing_buys_nothing(world_of):
    world = world_of(LabourMarket, 50, cell=50, columns=accounts(50), price=1, **parameters(unemployment=0.2))
    for _ in range(5):
        assert not world.state["buys"].any()
        world.update()
    assert world.state["savings"].sum() == 0


@pytest.mark.parametrize(("caution", "buys"), [(4, 0), (5, 1)])
def test_whoever_has_more_idle_contacts_than_it_bears_spends_as_they_do(caution, buys, world_of):
    columns = accounts(3, reserve=100) | {"caution": [caution, 0, 0]}
    known = {"job": [EMPLOYED, FURLOUGHED, UNEMPLOYED]}
    certain = parameters(spending=1, spending_idle=0, layoff=0, recall=0, dismissal=0, hiring=0)
    world = world_of(LabourMarket, 3, [(0, 1, 2), (2, 0, 3)], cell=3, columns=columns, known=known, price=1, **certain)
    world.update()
    assert world.state["buys"].tolist() == [buys, 0, 0]
