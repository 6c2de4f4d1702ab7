"""Simulated people of a model: who meets whom, in which cells they mix, and their private columns."""

import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from client_sdk.private.contacts import ContactTable
from lpm_secure.analysis.sensitivity.city_contacts import city_contacts
from lpm_secure.analysis.sensitivity.problem_config import ProblemConfig
from lpm_secure.data import workplace
from lpm_secure.data.look_alike import look_alike
from lpm_secure.engine.kernels.random_graph import homogeneous_graph
from lpm_secure.engine.model_agents import NOWHERE, CellMixing, ContactMatrices
from lpm_secure.gradients.model.model_problem import ModelPeople
from lpm_secure.populations import Population
from lpm_secure.populations.synthesis import nyc
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ConfigError
from protocols.models.graph import ModelGraph


class _Contacts(NamedTuple):
    """Who meets whom, among so many agents, where that is from, and columns that come with it."""

    table: ContactTable
    n: int
    source: str
    columns: dict[str, I64]


def simulate_people(config: ProblemConfig, graph: ModelGraph, seed: int) -> tuple[ModelPeople, str]:
    """Return simulated people, and where their contacts come from.

    Raises:
        ConfigError, ParameterError: a column or an exposure does not fit.
        DataError: the people's data cannot be had.
    """
    draw = np.random.Generator(np.random.Philox(key=seed))
    made = _contacts(config, seed, draw)
    table, n = made.table, made.n
    names = sorted(name for name, each in graph.channels.items() if not each.cell)
    channels = len(names)
    day, a, b = (np.tile(column, channels) for column in (table.day, table.a, table.b))
    channel, weight = np.repeat(np.arange(channels), table.a.size), np.tile(table.weight, channels)
    for place, name in enumerate(names):
        if (along := graph.channels[name].along) is not None:  # each contact's own number, in place of its weight
            weight[channel == place] = draw.integers(*along, table.a.size, endpoint=True)
    period = int(table.day.max(initial=0)) + 1
    contacts = ContactMatrices(ContactTable(day, a, b, channel, weight), graph.channels, n=n, period=period)
    of = draw.integers(0, config.cells, n)
    mixes = any(channel.cell for channel in graph.channels.values())
    cells = CellMixing(of, np.bincount(of, minlength=config.cells)) if mixes else NOWHERE
    if mixes and graph.cell_field is not None:
        cells = CellMixing(of[:0], np.full(len(graph.fields[graph.cell_field].cells), n))
    columns = _columns(config, graph, n, draw) | {
        name: column for name, column in made.columns.items() if name in graph.fields and graph.fields[name].private
    }
    return ModelPeople(n, contacts if channels else None, cells, columns), made.source


def _contacts(config: ProblemConfig, seed: int, draw: np.random.Generator) -> _Contacts:
    if config.population == "city":
        return _city(config, seed)
    if config.population in ("workplace", "look_alike"):
        data = look_alike(seed) if config.population == "look_alike" else workplace.load()
        a, b = np.searchsorted(data.people, data.a), np.searchsorted(data.people, data.b)
        table = ContactTable(data.day, a, b, np.zeros_like(data.day), data.weight)
        return _Contacts(table, data.people.size, data.source, {})
    n, degree = config.agents, config.degree
    if config.population == "homogeneous":
        rows = homogeneous_graph(n, degree=degree, seed=seed)
        ends = np.stack([np.repeat(np.arange(n), degree), rows.indices]).astype(np.int64)
        a, b = ends[:, ends[0] < ends[1]]  # each contact stands on both sides
        source = f"{n:,} agents of degree {degree}"
    else:
        a = draw.integers(0, n, n * degree // 2)
        b = (a + draw.integers(1, n, a.size)) % n
        source = f"{n:,} drawn agents of mean degree {degree}"
    return _Contacts(ContactTable(np.zeros_like(a), a, b, np.zeros_like(a), np.ones_like(a)), n, source, {})


def _city(config: ProblemConfig, seed: int) -> _Contacts:
    with tempfile.TemporaryDirectory() as made:
        path = config.folder or nyc.build(Path(made) / "city", agents=config.agents, seed=seed).path
        population = Population.open(Path(path))
        table = city_contacts(population, seed, config.exposure)
        columns = {name: population.column(name).astype(np.int64) for name in population.card.columns}
        source = f"{population.card.title}, {table.a.size:,} contacts"
        return _Contacts(table, population.n, source, columns)


def _columns(config: ProblemConfig, graph: ModelGraph, n: int, draw: np.random.Generator) -> dict[str, I64]:
    private = {name: field for name, field in sorted(graph.fields.items()) if field.private}
    unknown = sorted(set(config.columns) - set(private))
    if unknown:
        raise ConfigError(f"columns has {unknown[0]}; the model's private columns are {', '.join(private) or 'none'}")
    columns = {}
    for name, field in private.items():
        low, high = config.columns.get(name, (field.low, field.high))
        if not field.low <= low <= high <= field.high:
            raise ConfigError(f"columns.{name} is [{low}, {high}]; it must lie in [{field.low}, {field.high}]")
        columns[name] = draw.integers(low, high, n, endpoint=True)
    return columns
