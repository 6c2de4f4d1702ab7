"""Agents of a chain."""

import msgspec
import numpy as np

import lpm_secure as lpm
from lpm_secure.models.tracer import trace
from protocols.models.chain.chain_agents import ChainAgents
from protocols.models.chain.chain_groups import ChainGroups
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel


class Lights(lpm.Model):
    """Go on and off by coins alone."""

    light = lpm.stage("OFF", "ON")

    def begin(self, me, draw):
        return me.set(light=draw.happens(2**30, "first"))

    def update(self, me, heard, draw):
        return me.set(light=draw.happens(2**31, "next"))


def test_agents_of_a_model_that_reads_no_field_are_of_one_kind():
    graph = trace(Lights).graph
    drawn = graph.nodes[graph.begin["light"]].inputs[2]  # whether its holder knows it or not: what no author writes
    model = GraphModel(msgspec.structs.replace(graph, begin={"light": drawn}))
    groups, nowhere = ChainGroups.of(model, (), columns={}, n=3, steps=2), np.zeros(0, dtype=np.int64)
    agents = ChainAgents(groups, Gradient(way="tangents", parameters=()), sizes=(), cell=nowhere)
    assert [each.value.tolist() for each in agents.total_means()] == [[0.75] * 3, [0.25] * 3]
    agents.move([], [])
    assert [each.value.tolist() for each in agents.total_means()] == [[0.5] * 3] * 2
