"""The table `[model]` of a configuration as a graph of the library, for engines that know no model."""

from collections.abc import Mapping

from lpm_secure.models.library.seirs import venue_model
from lpm_secure.models.tracer import trace
from protocols.errors import ParameterError
from protocols.models import Seir
from protocols.models.graph import ModelGraph

Parameters = Mapping[str, int | tuple[int, ...]]


def graph_of(model: Seir, *, contact: int = 1) -> tuple[ModelGraph, Parameters]:
    """Return the graph of a run's S-E-I-R, and its numbers; waning where its immunity does.

    Args:
        model: of the run.
        contact: the hazard of an exposure of 1; 1 where links or weights of contacts carry the rates.

    Raises:
        ParameterError: a model of private doses.
    """
    if model.doses is not None:
        raise ParameterError("synthetic agents of a population know no private doses; leave doses out of the model")
    traced = trace(venue_model(model.f, wanes=bool(model.waning), contact=contact))
    laws = {"latent_law": model.latent, "infectious_law": model.infectious, "waning_law": model.waning}
    numbers = {"initial": model.initial, "cell_rate": model.cell_beta} | laws
    return traced.graph, {name: numbers.get(name, value) for name, value in traced.parameters.items()}
