"""A model that tells cells alone, or nobody anything, has no contact channel; it runs privately as in the clear."""

import numpy as np
import pytest

import lpm_secure as lpm
from client_sdk import ContactTable
from lpm_secure.models.tracer import trace
from lpm_secure.testbed.testbed import Testbed
from protocols.models.graph.agents import GraphModel
from tests.user_models import Loner


class Crowd(Loner):
    """Who is in a glad cell becomes sad, and the other way round."""

    limit = lpm.private(0, 3)
    glad = lpm.cell_message(most=1)
    seen = lpm.outcome({glad: 5}, above=limit, keep=False)

    def says(self, me):
        return {self.glad: me.mood == "GLAD"}

    def update(self, me, heard, draw):
        return me.set(mood=lpm.where(heard[self.seen], "SAD", "GLAD"))


@pytest.mark.parametrize(("model", "mode"), [(Loner, "sum"), (Crowd, "sum"), (Crowd, "outcome")])
def test_a_private_run_is_the_clear_run(model, mode, manifest_of, run_private, run_clear):
    traced, nobody = trace(model), np.zeros(0, dtype=np.int64)
    graph = GraphModel(traced.graph, dict(traced.parameters))
    cells = (6,) if model is Crowd else ()
    manifest = manifest_of(
        model=graph, model_hash=graph.digest, channels=(), mode=mode, cells=cells, engine=True, steps=6
    )
    cell = np.zeros(5 if cells else 0, dtype=np.int64)
    columns = {"limit": np.array([0, 1, 1, 0, 1])} if cells else {}
    testbed = Testbed(manifest, ContactTable(*[nobody] * 5), cell, 0, "drawn", True, columns=columns)
    private, clear = run_private(testbed), run_clear(testbed)
    np.testing.assert_array_equal(private.series.counts, clear.series.counts)
    assert np.unique(private.series.counts[:, 0], axis=0).shape[0] > 1
