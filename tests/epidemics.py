"""The table `[model]` on contact graphs: the library's agents as tests and benchmarks make them."""

from lpm_secure.engine.built_in import graph_of
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.channels import VenueChannels


def agents_on(model, days, *, contact=1, **given):
    """Return agents of a model's graph who meet along the edges of each day of a period.

    Args:
        model: S-E-I-R of a run.
        days: a graph for each.
        contact: the hazard of an exposure of 1; 1 where the weights of contacts carry it.
        given: to `VenueAgents`.
    """
    graph, parameters = graph_of(model, contact=contact)
    return VenueAgents(graph, parameters, VenueChannels.of_contacts(graph, days), **given)
