"""A model as data: elementwise integer expressions of an agent's state, checked, bounded and interpreted anywhere."""

from protocols.models.graph.graph import GraphAxis as GraphAxis
from protocols.models.graph.graph import GraphChannel as GraphChannel
from protocols.models.graph.graph import GraphField as GraphField
from protocols.models.graph.graph import GraphNode as GraphNode
from protocols.models.graph.graph import GraphObservable as GraphObservable
from protocols.models.graph.graph import GraphOutcome as GraphOutcome
from protocols.models.graph.graph import GraphParameter as GraphParameter
from protocols.models.graph.graph import ModelGraph as ModelGraph
