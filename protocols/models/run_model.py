"""What a manifest's model can be, and how the parties of a run meet it."""

from functools import lru_cache

from protocols.models.agent_model import AgentModel
from protocols.models.graph.agents import GraphModel
from protocols.models.seir.agents import SeirAgents
from protocols.models.seir.parameters import Seir

RunModel = Seir | GraphModel


def agent_model_of(model: RunModel) -> AgentModel:
    """Return a model as parties meet it: nothing else needs to know which kind it is of."""
    return _seir(model) if isinstance(model, Seir) else model.agents


@lru_cache(maxsize=64)
def _seir(model: Seir) -> SeirAgents:
    return SeirAgents(model)
