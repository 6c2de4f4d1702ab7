"""Twins are of all agents of all clients, in cells that stay; what they do not go with is refused in one line."""

import msgspec
import numpy as np
import pytest

from lpm_secure.models.tracer import trace
from protocols.errors import ParameterError
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from tests.moving_models import Places

TWINS = {"client-0": (2, 0), "client-1": (0, 1), "client-2": (1, 1)}


@pytest.fixture
def manifest(manifest_of):
    """Return a manifest of five agents, two cells and an engine, with twins."""
    return manifest_of(cells=(9, 9), engine=True, twins=TWINS)


def test_a_manifest_with_twins_is_read_as_it_was_written_and_without_them_it_is_as_before(manifest):
    assert manifests.decode(manifests.encode(manifest)) == manifest
    assert b"twins" not in manifests.encode(msgspec.structs.replace(manifest, twins=msgspec.UNSET))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"engine": False}, "a run with twins needs an engine, cells, and a model"),
        ({"cells": ()}, "a run with twins needs an engine, cells, and a model"),
        ({"twins": TWINS | {"client-9": (0, 0)}}, "twins are of all clients and of no others, and client-9"),
        ({"twins": {"client-0": (2, 0), "client-1": (0, 1)}}, "and client-2 is in only one of both"),
        ({"twins": TWINS | {"client-0": (2, 1)}}, "the twins of client-0 are 3 in 2 cells; it has 2 agents"),
        (
            {"twins": TWINS | {"client-0": (2,)}},
            "the twins of client-0 are 2 in 1 cells; it has 2 agents, and the run 2",
        ),
        ({"gradient": Gradient(way="tangents", parameters=("cell_beta",))}, "twins have no derivatives"),
    ],
)
def test_twins_that_cannot_be_are_refused_in_one_line(manifest, changes, said):
    with pytest.raises(ParameterError) as error:
        msgspec.structs.replace(manifest, **changes)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_agents_that_move_have_no_twins(manifest_of):
    traced = trace(Places)
    model = GraphModel(traced.graph, traced.parameters)
    given = {"model": model, "channels": model.contact_channels, "engine": True}
    count = len(model.agents.cell_names)
    with pytest.raises(ParameterError, match="which nobody but their holder knows"):
        manifest_of(cells=(50,) * count, twins={name: (sum(each),) for name, each in TWINS.items()}, **given)


def test_public_words_of_a_step_are_those_of_everybody_else_and_of_the_twins_of_who_is_away(manifest):
    layout = Layout.of(manifest)
    assert layout.announced == 2 + 1 + 1 + 2
    announced = np.array([10, 20, 1, 2, 3, 4])
    assert layout.settle(announced, ("client-0", "client-1", "client-2")).tolist() == [10, 20]
    assert layout.settle(announced, ("client-1",)).tolist() == [10 + 1 + 3, 20 + 4]
    assert announced.tolist() == [10, 20, 1, 2, 3, 4]
