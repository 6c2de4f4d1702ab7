"""A model as data: elementwise integer expressions of an agent's state, checked, bounded and interpreted anywhere."""

from protocols.models.graph.graph import Channel as Channel
from protocols.models.graph.graph import Field as Field
from protocols.models.graph.graph import Graph as Graph
from protocols.models.graph.graph import Node as Node
from protocols.models.graph.graph import Observable as Observable
from protocols.models.graph.graph import Outcome as Outcome
from protocols.models.graph.graph import Parameter as Parameter

__all__ = ["Channel", "Field", "Graph", "Node", "Observable", "Outcome", "Parameter"]
