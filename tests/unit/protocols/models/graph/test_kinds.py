"""What each node of a graph is, and graphs whose nodes do not fit together."""

import msgspec
import pytest

from lpm_secure.models.library.seir import SeirModel
from lpm_secure.models.tracer import trace
from protocols.errors import ModelError
from protocols.models.graph.draws import BEGIN
from protocols.models.graph.graph import GraphNode
from protocols.models.graph.kinds import BOOLEAN, INTEGER, TABLE, kinds_of

GRAPH = trace(SeirModel).graph
ONE = GraphNode(op="constant", numbers=(1,))


def with_node(node, *before):
    """Return the graph with nodes at its end, and the number of the last one."""
    nodes = (*GRAPH.nodes, *before, node)
    return msgspec.structs.replace(GRAPH, nodes=nodes), len(nodes) - 1


def test_each_node_has_a_kind():
    kinds = kinds_of(GRAPH)
    assert len(kinds) == len(GRAPH.nodes)
    assert set(kinds) <= {INTEGER, BOOLEAN, TABLE}
    end = len(GRAPH.nodes)
    graph, last = with_node(GraphNode(op="less", inputs=(end, end)), ONE)
    assert kinds_of(graph)[last - 1 :] == (INTEGER, BOOLEAN)


@pytest.mark.parametrize(
    ("node", "why"),
    [
        (GraphNode(op="add", inputs=(10**6, 0)), "nodes follow their inputs"),
        (GraphNode(op="call"), "no operation is called so"),
        (GraphNode(op="field", name="nobody's"), "there is no field"),
        (GraphNode(op="constant", numbers=(1, 2)), "or takes these"),
        (GraphNode(op="happens", name="x", numbers=(BEGIN,)), "takes"),
        (GraphNode(op="happens", name="seed", numbers=(BEGIN,), inputs=(-1,)), "the purpose seed is that of"),
        (GraphNode(op="exponential", name="x", numbers=(BEGIN, 58)), "0 to 57 fraction bits, not 58"),
        (GraphNode(op="not", inputs=(-1,)), "not takes"),
        (GraphNode(op="add", inputs=(-1,)), "add takes"),
    ],
)
def test_a_node_that_does_not_fit_is_refused_in_one_line(node, why):
    inputs = tuple(len(GRAPH.nodes) if index == -1 else index for index in node.inputs)
    graph, _ = with_node(msgspec.structs.replace(node, inputs=inputs), ONE)
    with pytest.raises(ModelError, match=why) as refused:
        kinds_of(graph)
    assert "\n" not in str(refused.value)
