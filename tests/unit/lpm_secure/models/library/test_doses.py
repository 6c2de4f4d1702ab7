"""Doses: the bits of a plain simulation, and whom a leaky vaccine leaves."""

import math
import random

import numpy as np
import pytest

from lpm_secure.config.model import TableIntegers
from lpm_secure.models.library.doses import FULL, NEVER, LeakyVaccination
from tests.plain_epidemic import I, PlainEpidemic, S

SHORT = (2**31, 2**30, 2**30)
LONG = 30_000


@pytest.mark.parametrize("campaign", [(0, 1, 2**32, 0), (0, 6, 2**31, 64), (3, 9, 3 * 2**30, 256)])
def test_a_run_has_the_bits_of_a_plain_simulation(campaign, world_of):
    n, key, draw = 300, (5, 17), random.Random(5)
    contacts = [(*draw.sample(range(n), 2), draw.randint(1, 3)) for _ in range(3 * n)]
    rates = {"contact_rate": 2**29, "cell_rate": 2**28, "initial": 2**28}
    campaign = dict(zip(("first", "days", "coverage", "left"), campaign, strict=True))
    laws = {"latent_law": SHORT, "infectious_law": SHORT}
    world = world_of(LeakyVaccination, n, contacts, seed=key[0], cell=n, **rates, **campaign, **laws)
    table = TableIntegers(
        (rates["contact_rate"],), rates["cell_rate"], SHORT, SHORT, rates["initial"], f=32, doses=campaign
    )
    plain = PlainEpidemic(table, np.arange(n, dtype=np.uint64), key)
    weights = np.zeros((n, n), dtype=np.int64)
    for a, b, weight in contacts:
        weights[a, b] += weight
        weights[b, a] += weight
    for _ in range(25):
        for field in ("stage", "timer", "latent", "infectious", "tau", "vaccine"):
            np.testing.assert_array_equal(world.state[field], plain.state[field], err_msg=field)
        np.testing.assert_array_equal(world.levels["infection"], plain.level)
        ill = plain.says()
        plain.update((weights @ ill)[:, None], np.full(n, rates["cell_rate"] * int(ill.sum()) // n))
        world.update()
    assert len(np.unique(plain.state["stage"])) > 1


def test_a_dose_leaves_the_share_of_hazard_that_it_says_from_its_day_on(world_of):
    n, rate, first, days, coverage, left, steps = 40_000, 0.1, 2, 4, 0.6, 64, 8
    known = {"stage": [I] + [S] * (n - 1), "timer": [LONG] + [0] * (n - 1), "latent": [LONG] * n}
    given = {"contact_rate": int(rate * 2**32), "first": first, "days": days, "coverage": int(coverage * 2**32)}
    world = world_of(LeakyVaccination, n, [(0, agent, 1) for agent in range(1, n)], known=known, left=left, **given)
    day = world.state["vaccine"]
    for _ in range(steps):
        world.update()
    ill = world.state["stage"] != S
    for since, share in [(NEVER, 1 - coverage)] + [(first + each, coverage / days) for each in range(days)]:
        assert abs(np.mean(day == since) - share) < 5 * math.sqrt(share * (1 - share) / n)
        before = min(since, steps)
        risk = 1 - math.exp(-rate * (before + (steps - before) * left / FULL))
        group = ill[1:][day[1:] == since]
        assert abs(group.mean() - risk) < 5 * math.sqrt(risk * (1 - risk) / group.size)
