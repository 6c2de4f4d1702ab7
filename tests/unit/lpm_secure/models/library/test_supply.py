"""Supply chains: an outage that runs down a chain by hand, drawn networks in plain Python, and a stock that lasts."""

import itertools
import math
import random

import pytest

from lpm_secure.models.library.supply import Supply


def test_an_outage_runs_down_a_chain_as_it_does_by_hand(world_of, series_of):
    chain = [(0, 1, 5), (1, 2, 5), (2, 3, 5)]
    columns = {"need": [0, 5, 5, 5], "cover": [0, 1, 2, 0]}
    known = {"state": [1, 0, 0, 0], "outage": [4, 0, 0, 0]}
    series = series_of(world_of(Supply, 4, chain, columns=columns, known=known), "state", 8)
    assert ["".join("rS"[stopped] for stopped in firm) for firm in zip(*series, strict=True)] == [
        "SSSSrrrrr",
        "rrSSSrrrr",  # one step on stock
        "rrrrrSrrr",  # two steps on stock
        "rrrrrrSrr",  # none
    ]


@pytest.mark.parametrize(("need", "stops"), [(7, True), (6, False)])
def test_a_firm_runs_on_the_suppliers_that_are_left_if_they_meet_its_need(need, stops, world_of, series_of):
    columns = {"need": [0, 0, need], "cover": [0, 0, 0]}
    known = {"state": [1, 0, 0], "outage": [9, 0, 0]}
    world = world_of(Supply, 3, [(0, 2, 4), (1, 2, 6)], columns=columns, known=known)
    assert series_of(world, "state", 1)[-1] == [1, 0, int(stops)]


class Firm:
    """A firm of the law, written once more."""

    def __init__(self, need, cover, idle):
        self.need, self.cover, self.idle = need, cover, idle
        self.stock, self.running = cover, idle == 0

    def step(self, delivered):
        self.idle -= self.idle > 0
        enough = delivered >= self.need
        self.running = self.idle == 0 and (enough or self.stock > 0)
        if enough:
            self.stock = min(self.stock + 1, self.cover)
        elif self.running:
            self.stock -= 1


@pytest.mark.parametrize("seed", range(5))
def test_drawn_networks_stop_and_start_as_they_do_firm_by_firm(seed, world_of, series_of):
    draw, n = random.Random(seed), 60
    goods = [(*draw.sample(range(n), 2), draw.randint(1, 5)) for _ in range(3 * n)]
    firms = []
    for firm in range(n):
        comes = sum(weight for _, customer, weight in goods if customer == firm)
        need = draw.choice([0, comes // 2, comes - comes // 4])
        firms.append(Firm(need, draw.randint(0, 4), draw.choice([0, 0, 0, 4, 9])))
    columns = {name: [getattr(firm, name) for firm in firms] for name in ("need", "cover")}
    known = {"state": [int(not firm.running) for firm in firms], "outage": [firm.idle for firm in firms]}
    series, stocks = [], []
    world = world_of(Supply, n, goods, columns=columns, known=known)
    for _ in range(25):
        series.append([int(not firm.running) for firm in firms])
        stocks.append([firm.stock for firm in firms])
        delivered = [0] * n
        for supplier, customer, weight in goods:
            delivered[customer] += weight * firms[supplier].running
        for firm, each in zip(firms, delivered, strict=True):
            firm.step(each)
    assert world.state["stock"].tolist() == stocks[0]
    assert series_of(world, "state", 24) == series
    assert world.state["stock"].tolist() == stocks[-1]
    turns = {(a, b) for one, two in itertools.pairwise(series[1:]) for a, b in zip(one, two, strict=True)}
    assert {(0, 1), (1, 0)} <= turns


def test_a_shock_hits_as_many_as_it_says_for_as_long_as_its_law_says(world_of, series_of):
    n, shock = 40_000, 0.3
    columns = {"need": [0] * n, "cover": [0] * n}
    world = world_of(Supply, n, columns=columns, shock=int(shock * 2**32), outage_law=(2**30, 0, 3 * 2**30))
    for step, stopped in enumerate(series_of(world, "state", 4)):
        share = shock * (1, 0.75, 0.75, 0, 0)[step]
        assert abs(sum(stopped) / n - share) <= 5 * math.sqrt(share * (1 - share) / n)
