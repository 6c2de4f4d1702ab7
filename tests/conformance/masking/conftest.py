"""Two clients of two agents each, one step, over the masked backend."""

import pytest

from lpm_secure.models.tracer import trace
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.models.graph.agents import GraphModel


@pytest.fixture(params=["keys", pytest.param("tree", marks=pytest.mark.slow)])
def compared(request):
    """Return what a manifest says of how aggregators compare: by keys, or by a tree."""
    return {} if request.param == "keys" else {"comparison": request.param}


@pytest.fixture
def small(manifest_of, seir, compared):
    """Return a function that makes the manifest; a level is what was told, times 1."""

    def make(**changes):
        model = seir(beta=(1,), cell_beta=0, f=1)
        given = {"agents": ((1, 2), (3, 4)), "steps": 1, "max_message": 4, "model": model} | compared | changes
        return manifest_of(given.pop("agents"), mode="outcome", **given)

    return make


@pytest.fixture
def start(small):
    """Return a function that starts such a run."""

    def begin(changes=None, **given):
        return MaskedRun.draw(small(**(changes or {})), **given).start()

    return begin


@pytest.fixture
def start_model(manifest_of, compared):
    """Return a function that starts a run of two steps of a model that is a class."""

    def begin(kind, changes, **given):
        traced = trace(kind)
        model = GraphModel(traced.graph, traced.parameters)
        fixed = {"model": model, "model_hash": model.digest, "channels": model.contact_channels, "mode": "outcome"}
        manifest = manifest_of(((1, 2), (3, 4)), **fixed, **compared, steps=2, **changes)
        return MaskedRun.draw(manifest, **given).start()

    return begin
