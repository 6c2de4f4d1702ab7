"""Worlds of one device: whose contacts are halved, and whose people."""

import dataclasses

import numpy as np
import pytest

from lpm_secure.analysis.risk.worlds import halve, select_departments
from lpm_secure.data.contact_data import ContactData
from protocols.errors import ConfigError

PEOPLE, EDGES = 6, (0.25, 0.5, 0.75)


def drawn(seed=4):
    draw = np.random.default_rng(seed)
    rows = sorted({(day, *sorted(draw.choice(PEOPLE, 2, replace=False) + 50)) for day in (0, 1, 2) for _ in range(7)})
    day, a, b = np.array(rows).T
    weight = draw.integers(1, 50, day.size)
    return ContactData(np.arange(50, 50 + PEOPLE), ("x", "y", "x") * 2, 3, day, a, b, weight, "drawn for a test", True)


def test_of_each_pairs_contacts_every_second_unit_is_kept_from_one_coin_on():
    data = dataclasses.replace(drawn(), weight=np.ones(drawn().day.size, dtype=np.int64))
    rows = list(zip(data.a.tolist(), data.b.tolist(), strict=True))
    firsts = []
    for seed in range(40):
        kept = halve(data, seed=seed).tolist()
        for pair in set(rows):
            own = [keep for each, keep in zip(rows, kept, strict=True) if each == pair]
            assert own == [(own[0] + at) % 2 for at in range(len(own))]
            firsts.append(own[0])
    assert 0.4 < np.mean(firsts) < 0.6
    assert halve(dataclasses.replace(data, weight=data.weight * 7), seed=1).max() == 4
    none = np.zeros(0, dtype=np.int64)
    assert halve(dataclasses.replace(data, day=none, a=none, b=none, weight=none), seed=1).size == 0


def test_departments_are_chosen_by_name():
    few = select_departments(drawn(), ("x",))
    assert few.people.tolist() == [50, 52, 53, 55]
    assert set(few.a) | set(few.b) <= set(few.people.tolist())
    with pytest.raises(ConfigError, match="z; the data have x, y"):
        select_departments(drawn(), ("z",))
