"""Two clients of two agents each, one step, over the masked backend."""

import pytest

from lpm_secure.testbed.masked_run import MaskedRun


@pytest.fixture
def small(manifest_of, seir):
    """Return a function that makes the manifest; a level is what was told, times 1."""

    def make(**changes):
        model = seir(beta=(1,), cell_beta=0, f=1)
        given = {"agents": ((1, 2), (3, 4)), "steps": 1, "max_message": 4, "model": model} | changes
        return manifest_of(given.pop("agents"), mode="outcome", **given)

    return make


@pytest.fixture
def start(small):
    """Return a function that starts such a run."""

    def begin(changes=None, **given):
        return MaskedRun.draw(small(**(changes or {})), **given).start()

    return begin
