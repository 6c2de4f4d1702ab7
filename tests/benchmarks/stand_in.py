"""A generated stand-in for a city: homes, schools, workplaces and wards by age. No real place; sizes are plausible."""

import numpy as np

from lpm_secure.engine.venues.channels import Setting, Venues

BANDS = 16  # of five years


def sizes_of(generator, people, mean):
    """Return sizes of venues, heavy-tailed, that hold so many people; int64."""
    count = max(1, round(people / mean))
    drawn = np.maximum(1, (generator.pareto(1.6, size=count) * mean * 0.6).astype(np.int64))
    return np.minimum(drawn, max(2, people // 4))


def grouped(generator, who, mean, n):
    """Put people into venues near where they live: nearby rows share a venue; int32[n], -1 for the others."""
    sizes = np.cumsum(sizes_of(generator, who.size, mean))
    venue = np.full(n, -1, dtype=np.int32)
    near = who + generator.integers(-20_000, 20_000, size=who.size)  # the commute
    venue[who[np.argsort(near)]] = np.searchsorted(sizes, np.arange(who.size), side="right").astype(np.int32)
    return venue


def setting(name, venue):
    """Return a setting in which a member mixes with all others, at most 20 of them at work or school."""
    members = np.bincount(venue[venue >= 0])
    return Setting(name, venue, np.maximum(members.astype(np.int64) - 1, 1))


def city(n, *, seed=1):
    """Return venues and ages, uint8[n], of n people ordered by place."""
    generator = np.random.default_rng(seed)
    homes = np.repeat(np.arange(n, dtype=np.int32), generator.choice(5, p=[0.32, 0.29, 0.16, 0.14, 0.09], size=n) + 1)[
        :n
    ]
    age = generator.integers(BANDS, size=n).astype(np.uint8)
    pupils = np.flatnonzero((age == 1) | (age == 2) | (age == 3))
    workers = np.flatnonzero((age >= 4) & (age < 13) & (generator.random(n) < 0.7))
    wards = max(1, n // 45_000)
    ward = (np.arange(n, dtype=np.int64) * wards // n * BANDS + age).astype(np.int32)
    apart = np.abs(np.subtract.outer(np.arange(BANDS), np.arange(BANDS)))
    mixing = (256 * (0.3 + np.exp(-apart / 2)) / BANDS).astype(np.int64)
    people = np.maximum(np.bincount(ward, minlength=wards * BANDS), 1)
    return Venues.of(
        [
            setting("home", homes),
            setting("school", grouped(generator, pupils, 30, n)),
            setting("work", grouped(generator, workers, 12, n)),
            Setting("ward", ward, people, mixing),
        ]
    ), age
