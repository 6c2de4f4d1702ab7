"""Levels, totals and cells of agents stay within what a graph's bounds assume of them."""

import numpy as np
import pytest

import lpm_secure.models as lpm
from client_sdk.private.contacts import ContactTable
from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.model_agents import NOWHERE, CellMixing, ContactMatrices, ModelAgents
from lpm_secure.models.tracer import trace
from protocols.errors import DataError, ModelError, ParameterError, WouldWrap

N = 4


class Gossip(lpm.Model):
    """An agent learns the sum of what its neighbours say, and how many in its cell say something."""

    total = lpm.field(0, 2**57)
    crowd = lpm.field(0, 2**32)
    loud = lpm.parameter(1, bounds=(0, 2**40))
    talk = lpm.message(most=2**10)
    shout = lpm.cell_message(most=2**10)
    sum = lpm.outcome({talk: loud}, reveals="sum")

    def begin(self, me, draw):
        return me.set(total=0, crowd=0)

    def says(self, me):
        return {self.talk: 2**10, self.shout: 2**10}

    def update(self, me, heard, draw):
        return me.set(total=heard[self.sum], crowd=heard.cell[self.shout])


def contacts(weight=1):
    """Return contacts of each agent with the next one, on one day."""
    a = np.arange(N)
    zero = np.zeros(N, np.int64)
    table = ContactTable(zero, a, (a + 1) % N, zero, np.full(N, weight, np.int64))
    return ContactMatrices(table, trace(Gossip).graph.channels, n=N, period=1)


def agents(*, loud=1, cells=NOWHERE, among=None, steps=10):
    """Return agents of the model."""
    return ModelAgents(
        NumpyBackend(trace(Gossip).graph),
        {"loud": loud},
        agents=np.arange(N, dtype=np.uint64),
        key=(1, 2),
        contacts=among or contacts(),
        cells=cells,
        steps=steps,
    )


ONE_CELL = CellMixing(np.zeros(N, np.int64), np.array([N]))


def test_a_sum_that_could_exceed_its_proved_range_is_refused_at_the_beginning():
    agents(loud=2**40, steps=2**6, cells=ONE_CELL)
    with pytest.raises(WouldWrap, match=r"2\*\*57") as refused:
        agents(loud=2**40, steps=2**6 + 1, cells=ONE_CELL)
    assert "\n" not in str(refused.value)
    with pytest.raises(WouldWrap, match=r"2\*\*57"):
        agents(loud=2**40, steps=10, among=contacts(weight=2**4), cells=ONE_CELL)
    with pytest.raises(WouldWrap, match="the level of sum"):
        agents(loud=2**40, steps=2**20, cells=ONE_CELL)


def test_a_run_ends_where_its_levels_are_no_longer_proved():
    world = agents(steps=1, cells=ONE_CELL)
    world.update()
    with pytest.raises(ParameterError, match="1 steps"):
        world.update()
    assert world.state["total"].tolist() == [2**11] * N


def test_what_others_add_to_a_cell_counts_as_the_nearest_that_its_people_could_say():
    for more, expected in ((2**60, 2**12), (-(2**60), 2**12), (-(2**63), 2**12), (2**63 - 1, 2**12)):
        world = agents(cells=ONE_CELL)
        world.update(others={"shout": np.array([more])})
        assert world.state["crowd"].tolist() == [expected] * N


@pytest.mark.parametrize(
    "cells",
    [
        CellMixing(np.full(N, 1), np.array([N])),
        CellMixing(np.full(N, -1), np.array([N])),
        CellMixing(np.zeros(1, np.int64), np.array([N])),
        CellMixing(np.zeros(N, np.int64), np.array([2**23])),
        CellMixing(np.zeros(N, np.int64), np.array([-1])),
    ],
)
def test_cells_that_could_exceed_their_proved_range_are_refused(cells):
    with pytest.raises(DataError):
        agents(cells=cells)


def test_a_contact_never_takes_anything_away():
    with pytest.raises(DataError, match="negative weight"):
        contacts(weight=-1)
    with pytest.raises(WouldWrap):
        contacts(weight=2**61)


@pytest.mark.parametrize(
    ("terms", "match"),
    [
        ({Gossip.talk: -1}, "give 0 or more"),
        ({Gossip.shout: 1}, "declare most=1"),
    ],
)
def test_an_outcome_of_what_could_fall_or_is_cut_off_is_refused(terms, match):
    with pytest.raises(ModelError, match=match):
        trace(type("Wrong", (Gossip,), {"sum": lpm.outcome(terms, reveals="sum")}))
