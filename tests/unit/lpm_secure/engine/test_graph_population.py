"""Agents of a graph in the engine hear of their cells what clients hear: the totals that all were told."""

import numpy as np
import pytest

import lpm_secure as lpm
from lpm_secure.engine.graph_population import GraphPopulation
from lpm_secure.models.tracer import trace
from protocols.models.agent_model import AgentSource
from protocols.models.graph.agents import GraphModel


class Crowd(lpm.Model):
    """Everybody speaks, and knows how many did."""

    seen = lpm.field(0, 100)
    glad = lpm.cell_message(most=1)

    def begin(self, me, draw):
        return me.set(seen=0)

    def says(self, me):
        return {self.glad: 1}

    def update(self, me, heard, draw):
        return me.set(seen=lpm.clip(heard.cell[self.glad], 0, 100))


@pytest.mark.parametrize(("told", "heard"), [(9, 9), (3, 3), (0, 0), (-4, 0), (31, 30), (2**63 - 1, 30), (-(2**63), 0)])
def test_a_total_counts_as_it_was_told_though_noise_took_more_than_others_said(manifest_of, told, heard):
    traced = trace(Crowd)
    model = GraphModel(traced.graph, dict(traced.parameters))
    manifest = manifest_of(model=model, model_hash=model.digest, channels=(), cells=(30,))
    source = AgentSource(np.arange(8, dtype=np.uint64), (1, 2))
    population = GraphPopulation(manifest.dynamics, source, cell=np.zeros(8, dtype=np.int64))
    assert population.cell_totals().tolist() == [8]
    population.update(np.array([told]), step=0)
    assert population.state["seen"].tolist() == [heard] * 8
