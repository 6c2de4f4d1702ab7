"""Epidemics compiled for the CPU: the same bits as the torch path, at the speed of memory.

`seir_step` is one step over a range of agents; `graph_agents` hold a population that takes such steps; `skip` samples
the same law by other draws.
"""

from lpm_secure.engine.epidemic.graph_agents import GraphAgents as GraphAgents
from lpm_secure.engine.epidemic.skip import SkipAgents as SkipAgents
from lpm_secure.engine.kernels.csr import Csr as Csr
from lpm_secure.engine.kernels.exposure import Traversal as Traversal
from lpm_secure.engine.kernels.observers import Observer as Observer
from lpm_secure.engine.kernels.observers import StageCounts as StageCounts
from lpm_secure.engine.kernels.observers import StagesBy as StagesBy
from lpm_secure.engine.kernels.observers import run as run
from lpm_secure.engine.kernels.random_graph import homogeneous_graph as homogeneous_graph
from lpm_secure.engine.kernels.random_graph import random_graph as random_graph

__all__ = [
    "Csr",
    "GraphAgents",
    "Observer",
    "SkipAgents",
    "StageCounts",
    "StagesBy",
    "Traversal",
    "homogeneous_graph",
    "random_graph",
    "run",
]
