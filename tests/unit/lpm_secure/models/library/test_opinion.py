"""Opinion by thresholds: Granovetter's two crowds, random networks in plain Python, and who reconsiders."""

import itertools
import math
import random

import pytest

from lpm_secure.models.library.opinion import Opinion

NOBODY, ALWAYS = 0, 2**32


def complete(n):
    return [(a, b, 1) for a in range(n) for b in range(a)]


@pytest.mark.parametrize(("second", "ends"), [(1, 100), (2, 1)])
def test_one_persons_threshold_decides_whether_granovetters_crowd_riots(second, ends, world_of, series_of):
    doubt = [0, second, *range(2, 100)]
    world = world_of(Opinion, 100, complete(100), columns={"doubt": doubt}, start=NOBODY)
    counts = [sum(step) for step in series_of(world, "opinion", 101)]
    assert counts == [min(step, ends) for step in range(102)]


def simulate(doubt, opinion, contacts, steps):
    """Yield who says yes, by the law, in loops over people."""
    for _ in range(steps):
        sees = [0] * len(doubt)
        for a, b, weight in contacts:
            sees[a] += weight * opinion[b]
            sees[b] += weight * opinion[a]
        opinion = [int(seen >= needs) for seen, needs in zip(sees, doubt, strict=True)]
        yield opinion


@pytest.mark.parametrize("seed", range(5))
def test_on_a_drawn_network_everyone_follows_its_neighbours_both_ways(seed, world_of, series_of):
    draw, n = random.Random(seed), 60
    contacts = [(*draw.sample(range(n), 2), draw.randint(1, 3)) for _ in range(3 * n)]
    doubt, start = [draw.randint(0, 9) for _ in range(n)], [draw.randint(0, 1) for _ in range(n)]
    world = world_of(Opinion, n, contacts, columns={"doubt": doubt}, known={"opinion": start})
    series = series_of(world, "opinion", 15)
    assert series == [start, *simulate(doubt, start, contacts, 15)]
    changes = [(a, b) for one, two in itertools.pairwise(series) for a, b in zip(one, two, strict=True)]
    assert {(0, 1), (1, 0)} <= set(changes)


def test_whoever_reconsiders_does_so_at_its_own_time(world_of, series_of):
    n, attention, start, steps = 40_000, 0.2, 0.25, 6
    world = world_of(
        Opinion, n, columns={"doubt": [0] * n}, start=int(start * 2**32), attention=int(attention * ALWAYS)
    )
    for step, opinion in enumerate(series_of(world, "opinion", steps)):
        share = 1 - (1 - start) * (1 - attention) ** step
        assert abs(sum(opinion) / n - share) < 5 * math.sqrt(share * (1 - share) / n)


def test_whoever_wavers_leans_to_one_side_whatever_its_neighbours_say(world_of, series_of):
    n, wavering, leaning = 40_000, 0.4, 0.7
    given = {"wavering": int(wavering * ALWAYS), "leaning": int(leaning * ALWAYS)}
    world = world_of(Opinion, n, columns={"doubt": [1] * n}, start=NOBODY, **given)
    for opinion in series_of(world, "opinion", 3)[1:]:
        share = wavering * leaning
        assert abs(sum(opinion) / n - share) < 5 * math.sqrt(share * (1 - share) / n)
