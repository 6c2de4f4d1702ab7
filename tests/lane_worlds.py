"""Small worlds of library models, in which many runs are computed at once and one by one."""

import contextlib
import dataclasses
import importlib
import pkgutil

import numpy as np

from lpm_secure.engine.bitslice.lane_model import LaneModel
from lpm_secure.engine.kernels.csr import Csr
from lpm_secure.engine.venues.agents import VenueAgents
from lpm_secure.engine.venues.channels import Setting, VenueChannels, VenueLink, Venues
from lpm_secure.models import library
from lpm_secure.models.model import Model
from lpm_secure.models.tracer import trace
from protocols.errors import ModelError
from tests.random_graph import random_graph

LARGEST = {"doubt": 4, "buffer": 3, "need": 4, "cover": 5, "wage": 200, "reserve": 900, "caution": 3}  # of columns
LATER = (0, 0, 0, 0, 3)  # weights of the first days, of which the last holds on
FASTER = 4  # hazards of contacts, so that an epidemic of a few days is one


def graphs_of_the_library():
    """Yield each model of the library with its graph; what is a part of others alone has none."""
    for found in pkgutil.iter_modules(library.__path__):
        module = importlib.import_module(f"{library.__name__}.{found.name}")
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Model) and kind.__module__ == module.__name__:
                with contextlib.suppress(ModelError):
                    yield kind, trace(kind).graph


def tells_bits(graph):
    """Return whether all messages are 0 or 1."""
    return all(channel.most <= 1 and channel.along is None for channel in graph.channels.values())


MODELS = tuple(kind for kind, graph in graphs_of_the_library() if tells_bits(graph))


def setting(n, name, size):
    """Return venues of so many agents each, drawn at random; five agents are in none."""
    venue = (np.arange(n) // size).astype(np.int32)
    np.random.default_rng(size).shuffle(venue)
    venue[:5] = -1
    return Setting(name, venue, np.maximum(np.bincount(venue[venue >= 0], minlength=n // size + 1), 1))


def world(kind, *, n, contacts=False, degree=6):
    """Return graph, parameters, channels and columns of a model, whose agents meet in venues or along contacts."""
    traced = trace(kind)
    graph = traced.graph
    venues = Venues.of([setting(n, "home", 3), setting(n, "work", 23)])
    edges, links, days = random_graph(n, mean_degree=degree, seed=2), {}, {}
    for name, channel in sorted(graph.channels.items()):
        along = not channel.cell and (channel.directed or contacts)
        days |= {name: (edges,)} if along else {}
        links[name] = () if along else (VenueLink(1),) if channel.cell else (VenueLink(0), VenueLink(1, scale=3))
    generator = np.random.default_rng(5)
    columns = {
        name: generator.integers(each.low, LARGEST[name] + 1, n) for name, each in graph.fields.items() if each.private
    }
    parameters = dict(traced.parameters)
    for name, each in graph.parameters.items():
        if "contact_rate" in name:
            parameters[name] = min(FASTER * parameters[name], each.high)
    return graph, parameters, VenueChannels(venues, links, days), columns


def uneven(given):
    """Return a world in which what agents hear differs from day to day, and some contacts count more than others."""
    graph, parameters, channels, columns = given
    links = {
        name: tuple(link if graph.channels[name].cell else dataclasses.replace(link, weight=LATER) for link in each)
        for name, each in channels.links.items()
    }
    contacts = {}
    for name, (day,) in channels.contacts.items():
        ends = np.repeat(np.arange(day.n), np.diff(day.indptr)) + day.indices
        other = random_graph(day.n, mean_degree=2, seed=3)
        contacts[name] = (Csr(day.indptr, day.indices, weight=(ends % 5 == 0) * 4), other, other)
    return graph, parameters, VenueChannels(channels.venues, links, contacts), columns


def lane_model(given, steps):
    """Return a world for many runs at once."""
    graph, parameters, channels, columns = given
    return LaneModel.of(graph, parameters, channels, columns=columns, steps=steps)


def single_runs(given, steps, seeds):
    """Return int64[seeds, T + 1, q], totals of runs computed one by one."""
    graph, parameters, channels, columns = given
    found = []
    for seed in seeds:
        agents = VenueAgents(graph, parameters, channels, key=(seed, 9), columns=columns, steps=steps)
        totals = [agents.tally()]
        for _ in range(steps):
            agents.update()
            totals.append(agents.tally())
        found.append(totals)
    return np.array(found)
