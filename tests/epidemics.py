"""The table `[model]` on contact graphs: the library's agents as tests and benchmarks make them."""

import enum

from lpm_secure.config.model import TableIntegers, graph_of
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.channels import VenueChannels, Venues
from lpm_secure.models.library.seir_channels import rate_names


def channels_of(graph, days):
    """Return the channels of a model whose agents meet along the same edges on each of them, and in no cell."""
    contacts = {name: tuple(days) for name, channel in graph.channels.items() if not channel.cell}
    return VenueChannels(Venues.nowhere(days[0].n), dict.fromkeys(graph.channels, ()), contacts)


class Stage(enum.IntEnum):
    """The stages of the table `[model]`, by their places."""

    S = 0
    E = 1
    I = 2  # noqa: E741 - the field's letter
    R = 3


def agents_on(model, days, *, contact=1, **given):
    """Return agents of a model's graph who meet along the edges of each day of a period.

    Args:
        model: S-E-I-R of a run.
        days: a graph for each.
        contact: the hazard of an exposure of 1; 1 where the weights of contacts carry it.
        given: to `VenueAgents`.
    """
    graph, numbers = model.graph, {**model.parameters, rate_names(1)[0]: contact}
    return VenueAgents(graph, numbers, channels_of(graph, days), **given)


def table_of(model):
    """Return the whole numbers that a table's graph was made of."""
    numbers, channels, wanes = model.parameters, len(model.contact_channels), "waning_law" in model.parameters
    return TableIntegers(
        beta=tuple(numbers[name] for name in rate_names(channels)),
        cell_beta=numbers["cell_rate"],
        latent=numbers["latent_law"],
        infectious=numbers["infectious_law"],
        initial=numbers["initial"],
        f=model.graph.parameters["cell_rate"].bits,
        waning=numbers["waning_law"] if wanes else (),
        doses={name: numbers[name] for name in ("first", "days", "coverage", "left") if name in numbers},
    )


def doses_of(first, days, coverage, left):
    """Return a vaccination as a table has it."""
    return {"first": first, "days": days, "coverage": coverage, "left": left}


def alike(model, **changes):
    """Return a table's graph as derivatives take it: of people who are all drawn."""
    return graph_of(table_of(model)._replace(**changes), listed=False)


def relaxed_parameters(model):
    """Return the graph's names of what a table's relaxed run is derived by."""
    return (*rate_names(len(model.contact_channels)), "cell_rate", "latent_law", "infectious_law", "initial")
