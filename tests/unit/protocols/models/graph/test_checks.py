"""A field that says in which cell an agent is: what goes with it, and what is refused in one line."""

import numpy as np
import pytest

from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.engine.model_agents import CellMixing, ModelAgents
from lpm_secure.engine.venues.channels import VenueChannels, Venues
from lpm_secure.models.tracer import trace
from protocols.errors import DataError, ModelError, ParameterError
from protocols.models.chain.chain import check_chain
from protocols.models.graph import GraphChannel, GraphField, GraphNode, GraphOutcome, ModelGraph
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.graph import decode, encode
from tests.moving_models import Places

CELLS = ("NORTH", "SOUTH")
HERE = GraphField(0, 1, cells=CELLS)


def moving(**changes):
    """Return a graph whose agents stay where they are, and tell 1 to their cell."""
    nodes = (GraphNode("field", name="at"), GraphNode("constant", numbers=(1,)))
    channels = {"told": GraphChannel(most=1, cell=True)}
    given = {"fields": {"at": HERE}, "nodes": nodes, "begin": {"at": 0}, "messages": {"told": 1}, "update": {"at": 0}}
    return ModelGraph(**{"channels": channels} | given | changes)


def test_a_graph_with_a_field_of_cells_is_decoded_as_it_was_encoded():
    model = GraphModel(moving())
    assert decode(encode(model.graph)) == model.graph
    assert (model.agents.cell_field, model.agents.cell_names) == ("at", CELLS)
    assert [word.name for word in model.agents.tally] == []  # nobody counts who is where
    names = {spec.name: spec.names for spec in GraphModel(trace(Places).graph, trace(Places).parameters).agents.columns}
    assert names["place"] == ("HOME", "SHOP", "PARK")


CONTACT = {"channels": {"told": GraphChannel(most=1)}}
SIZE = (GraphNode("field", name="at"), GraphNode("constant", numbers=(1,)), GraphNode("size", name="told"))
SHARE = {"outcomes": {"share": GraphOutcome({"told": 1}, threshold="step")}, "thresholds": {"share": 0}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fields": {"at": HERE, "too": HERE}, "begin": {"at": 0, "too": 0}}, "at and too say in which cell"),
        ({"fields": {"at": GraphField(0, 2, cells=CELLS)}}, "at says in which of 2 cells an agent is; it is 0 to 1"),
        ({"fields": {"at": GraphField(0, 1, private=True, cells=CELLS)}}, "at says in which of 2 cells"),
        ({"fields": {"at": GraphField(0, 1, stages=CELLS, cells=CELLS)}}, "at says in which of 2 cells"),
        ({"fields": {"at": GraphField(0, 1, bits=3, cells=CELLS)}}, "at says in which of 2 cells"),
        ({"fields": {"at": GraphField(0, 1, cells=("NORTH", "NORTH"))}}, "two cells of at have one name"),
        (CONTACT, "cells are told nothing; add a channel"),
        ({"nodes": SIZE}, "how many people are in a cell of at is not known, since they move; tell 1 to it"),
        (SHARE, "the outcome share adds up told, a share of a cell, of which at moves people; tell 1 to it"),
    ],
)
def test_what_does_not_go_with_moves_is_refused_in_one_line(changes, said):
    with pytest.raises(ModelError, match=said) as refused:
        GraphModel(moving(**changes))
    assert "\n" not in str(refused.value)


def test_an_update_is_proved_to_move_to_a_cell_that_there_is():
    nodes = (*moving().nodes, GraphNode("add", (0, 1)))
    with pytest.raises(ModelError, match="update of at can be 1 to 2, and it is declared 0 to 1"):
        GraphModel(moving(nodes=nodes, update={"at": 2}))


@pytest.mark.parametrize(
    ("of", "sizes"), [([0, 0, 0], [3, 3]), ([], [3, 2]), ([], [3, 3, 3]), ([], [3])], ids=["given", "small", "3", "1"]
)
def test_agents_in_other_cells_than_their_own_are_refused(of, sizes):
    cells = CellMixing(np.array(of, dtype=np.int64), np.array(sizes, dtype=np.int64))
    with pytest.raises(DataError, match="3 agents move between the 2 cells of at, each of which could hold all"):
        ModelAgents(NumpyBackend(moving()), {}, agents=np.arange(3, dtype=np.uint64), key=(1, 2), cells=cells)


def test_venues_and_chains_know_no_moves():
    with pytest.raises(ParameterError, match="agents move between the cells of at, and venues' people stay"):
        VenueChannels(Venues.nowhere(3), {"told": ()}).degree_of(moving())
    with pytest.raises(ModelError, match="agents move between the cells of at"):
        check_chain(GraphModel(moving()))
