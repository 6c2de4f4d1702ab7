"""A model's check runs small worlds, and holds every state to its declared range."""

import msgspec
import pytest

from lpm_secure.engine.backends import NumpyBackend
from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.tracer import trace
from lpm_secure.testbed.model_check import check_model, draw_world, find_outside


@pytest.mark.parametrize("agents", [2, 3])
def test_a_world_of_few_agents_has_empty_cells(agents):
    assert not check_model(SeirModel, agents=agents, steps=3).differences


def test_a_field_that_leaves_its_range_is_found():
    traced = trace(SeirModel)
    world = draw_world(traced, NumpyBackend, n=50, seed=1, steps=2)
    assert find_outside(traced.graph, world) == []
    fields = dict(traced.graph.fields)
    fields["latent"] = msgspec.structs.replace(fields["latent"], high=1)
    narrow = msgspec.structs.replace(traced.graph, fields=fields)
    assert find_outside(narrow, world) == ["latent, which leaves its declared range"]
