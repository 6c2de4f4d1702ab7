"""Levels: the lowest, the highest and the quantile that neighbours name, against plain Python; mistakes in one line."""

import random

import numpy as np
import pytest

import lpm_secure.models as lpm
from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.model_agents import ContactMatrices, ModelAgents
from lpm_secure.models.tracer import trace
from protocols.errors import ModelError

COUNT = 4


class Prices(lpm.Model):
    """An agent keeps what it learned of the prices near it; its own price stays as it is."""

    price = lpm.field(0, COUNT)  # the last one is none
    enough = lpm.private(0, 9)
    low, high, common = lpm.field(0, COUNT), lpm.field(-1, COUNT - 1), lpm.field(0, COUNT)
    lowest = lpm.lowest(COUNT)
    highest = lpm.highest(COUNT, directed=True)
    quantile = lpm.lowest(COUNT, above=enough)

    def begin(self, me, draw):
        return me.set(price=draw.uniform(0, COUNT + 1, "price"), low=0, high=0, common=0)

    def says(self, me):
        return self.lowest.says(me.price) | self.highest.says(me.price) | self.quantile.says(me.price)

    def update(self, me, heard, draw):
        learned = (heard.level(each) for each in (self.lowest, self.highest, self.quantile))
        return me.set(**dict(zip(("low", "high", "common"), learned, strict=True)))


def test_an_agent_learns_the_lowest_the_highest_and_the_quantile_of_what_its_contacts_name():
    draw, n, graph = random.Random(4), 40, trace(Prices).graph
    price, enough = ([draw.randrange(top) for _ in range(n)] for top in (COUNT + 1, 8))
    pairs = [(*draw.sample(range(n), 2), draw.randrange(1, 4)) for _ in range(2 * n)]
    channels = sorted(graph.channels)
    rows = [(0, a, b, channel, weight) for a, b, weight in pairs for channel in range(len(channels))]
    agents = ModelAgents(
        NumpyBackend(graph),
        {},
        agents=np.arange(n, dtype=np.uint64),
        key=(1, 2),
        contacts=ContactMatrices(ContactTable(*np.array(rows).T), graph.channels, n=n, period=1),
        columns={"enough": np.array(enough)},
        known={"price": np.array(price)},
    )
    agents.update()
    seen = set()
    for who in range(n):
        told = [(price[a], weight) for a, b, weight in pairs if b == who]
        both = told + [(price[b], weight) for a, b, weight in pairs if a == who]
        low = min([level for level, _ in both], default=COUNT)
        high = max([level for level, _ in told if level < COUNT], default=-1)
        weighed = (sum(w for level, w in both if level <= each) for each in range(COUNT))
        common = next((each for each, sum_ in enumerate(weighed) if sum_ > enough[who]), COUNT)
        assert [agents.state[name][who] for name in ("low", "high", "common")] == [low, high, common]
        seen |= {("low", low), ("high", high), ("common", common)}
    assert {("common", COUNT), ("high", -1), ("high", COUNT - 1), ("low", 0)} <= seen


def test_each_level_costs_a_channel_and_a_bit_and_no_threshold_of_its_own():
    graph = trace(Prices).graph
    assert sorted(graph.outcomes) == sorted(
        f"{name}_by_{level}" for name in ("lowest", "highest", "quantile") for level in range(COUNT)
    )
    assert graph.outcomes["lowest_by_1"].coefficients == {"lowest_at_0": 1, "lowest_at_1": 1}
    assert graph.outcomes["highest_by_2"].coefficients == {"highest_at_2": 1, "highest_at_3": 1}
    assert all(outcome.threshold == "once" and not outcome.keep for outcome in graph.outcomes.values())


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ({"lowest": lambda: lpm.lowest(1)}, "test_declarations.py:.*: there are 1 levels; give 2 to 64"),
        ({"lowest": lambda: lpm.highest(65)}, "there are 65 levels; give 2 to 64"),
        (
            {"lowest_at_0": lambda: lpm.field(0, 1)},
            "test_declarations.py:.*: lowest_at_0 is declared, and lowest has it",
        ),
    ],
)
def test_wrong_levels_are_one_line_with_their_place(declared, said):
    with pytest.raises(ModelError, match=said) as caught:
        trace(type("Other", (Prices,), {name: make() for name, make in declared.items()}))
    assert "\n" not in str(caught.value)


def test_only_levels_have_a_level():
    class Other(Prices):
        def update(self, me, heard, draw):
            return me.set(low=heard.level(me.price))

    with pytest.raises(ModelError, match=r"test_declarations.py:.*: heard.level\(...\) takes levels"):
        trace(Other)
