"""A run of simulated clients: who holds whom, and what each of them alone would know."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, final

import msgspec
import numpy as np

from client_sdk.private.contacts import ContactTable
from client_sdk.private.state import PrivateState, draw_numbers, simulation_key
from lpm_secure.config.environment import environment_of
from lpm_secure.config.simulation import Config
from lpm_secure.config.synthetic import SyntheticConfig
from lpm_secure.data.contact_data import ContactData
from lpm_secure.engine.clear_agents import clear_agents
from lpm_secure.engine.device import Device
from lpm_secure.engine.loop import EngineAgents
from lpm_secure.environments.announcer import rehearse
from lpm_secure.environments.environment import Environment
from lpm_secure.testbed.keyring import Keyring
from lpm_secure.testbed.manifest import manifest_of
from lpm_secure.testbed.synthetic import (
    NO_RANGES,
    EngineFile,
    Ranges,
    Synthetic,
    cells_of,
    draw_columns,
    draw_range,
    synthetic_agents,
    with_twins,
)
from protocols.arithmetic.fixed_point import I64
from protocols.models.agent_model import NO_COLUMNS, AgentSource, Columns
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation
from protocols.task.release_plan import ReleasePlan


@final
@dataclass(frozen=True, slots=True, eq=False)
class Testbed:
    """Everything of a run in one place, as only a test has it.

    Attributes:
        contacts: between all private agents, by slot.
        cell: int64[n], of each private agent; empty where the run has no cells.
        synthetic: how many agents the engine simulates.
        source: where the contacts come from, for reports; `look_alike` if they are generated.
        city: the population that the synthetic agents live in; None where they meet in cells only.
        columns: array[n] of each private column of the model.
        environment: `[environment]` of the configuration; empty where the model hears no public number.
        listeners: slots of agents that hear their contacts and tell them nothing: no client sends from these.
    """

    __test__ = False

    manifest: Simulation
    contacts: ContactTable = field(repr=False)
    cell: I64 = field(repr=False)
    synthetic: int
    source: str
    look_alike: bool
    city: Synthetic | None = None
    columns: Columns = field(default_factory=lambda: NO_COLUMNS, repr=False)
    keyring: Keyring = field(default_factory=Keyring, repr=False)
    environment: Mapping[str, Any] = field(default_factory=dict)
    listeners: I64 = field(default_factory=lambda: np.zeros(0, dtype=np.int64), repr=False)

    @property
    def replicates(self) -> "tuple[Testbed, ...]":
        """Return the testbed of each replicate's own run: the same people and contacts, and another seed."""
        if self.manifest.copies == 1:
            return (self,)
        return tuple(replace(self, manifest=self.manifest.replicate(copy)) for copy in range(self.manifest.copies))

    def contacts_of(self, name: str) -> ContactTable:
        """Return the contacts that one client knows: those with an end among its own agents."""
        own, table = Layout.of(self.manifest).people(name), self.contacts
        speakers = np.setdiff1d(np.arange(own.start, own.stop), self.listeners)
        known = np.isin(table.a, speakers) | np.isin(table.b, speakers)
        return ContactTable(table.day[known], table.a[known], table.b[known], table.channel[known], table.weight[known])

    def cell_of(self, name: str) -> I64:
        """Return the cells of one client's agents."""
        return self.cell[Layout.of(self.manifest).people(name)] if self.cell.size else self.cell

    def private_state(self, name: str) -> PrivateState:
        """Return what one client keeps to itself."""
        contacts = self.contacts_of(name)
        devices = self.keyring.of(name, self.manifest, contacts) if self.manifest.devices else None
        own = Layout.of(self.manifest).people(name)
        columns = {column: values[own] for column, values in self.columns.items()}
        return PrivateState(
            self.manifest, name, contacts=contacts, cell=self.cell_of(name), columns=columns, devices=devices
        )

    def clear_agents(self, device: Device) -> EngineAgents:
        """Return all private agents in the clear, whatever the model is, for the clear run."""
        return clear_agents(
            self.manifest.dynamics,
            self.source_of_draws,
            cell=self.cell,
            device=device,
            contacts=self.contacts,
            columns=self.columns,
        )

    @property
    def source_of_draws(self) -> AgentSource:
        """Return the numbers by which private agents draw, and the key of what is drawn of them."""
        numbers = [draw_numbers(client, self.manifest.common_draws) for client in self.manifest.clients]
        return AgentSource(np.concatenate(numbers), simulation_key(self.manifest.testbed_seed))

    def synthetic_agents(self, device: Device) -> EngineAgents:
        """Return the engine's own agents."""
        if self.city:
            return self.city.agents(self.manifest, device)
        return with_twins(self.manifest, synthetic_agents(self.manifest, self.synthetic, device))

    def new_environment(self) -> Environment | None:
        """Return a new environment of the run, if its model hears public numbers."""
        return environment_of(self.environment)

    @property
    def engine_file(self) -> EngineFile:
        """What an engine in another process needs beside the manifest."""
        return self.city.file if self.city else EngineFile(SyntheticConfig(agents=self.synthetic))


def build(config: Config, data: ContactData, addresses: Sequence[str]) -> Testbed:
    """Make a testbed from a run's configuration.

    Args:
        config: of the run.
        data: people, groups and contacts.
        addresses: host and port of each aggregator; in outcome mode then those of their computation, and the dealer's.

    Raises:
        ConfigError, ParameterError, WouldWrap: the configuration does not fit the data, or totals could wrap.
        ModelError: the model or its environment has a mistake.
    """
    manifest = manifest_of(config, data, addresses)
    order = np.array([agent for client in manifest.clients for agent in client.agents], dtype=np.int64)
    agents, ranges, drawn = order.astype(np.uint64), config.private.columns, config.private.contacts
    rehearse(manifest.dynamics, ReleasePlan.of(manifest), environment_of(config.environment))
    city = Synthetic.of(config.synthetic, ranges)
    city.check(manifest)
    people = msgspec.structs.replace(manifest, testbed_seed=config.people_seed)
    cell = _cells_in(data, order) if data.cell else cells_of(agents, people)
    if config.synthetic.twin:
        manifest = msgspec.structs.replace(manifest, twins=count_twins(manifest, cell))
    return Testbed(
        manifest,
        contact_table(people, data, order, NO_RANGES if isinstance(drawn, str) else drawn),
        cell,
        config.synthetic.agents,
        data.source,
        data.look_alike,
        city,
        draw_columns(people, agents, ranges) | _columns_in(data, order),
        environment=config.environment,
    )


def count_twins(manifest: Simulation, cell: I64) -> dict[str, tuple[int, ...]]:
    """Return for each client how many of its agents are in each cell; `cell` is int64[n] by slot."""
    ends, cells = np.cumsum([len(client.agents) for client in manifest.clients])[:-1], len(manifest.cells)
    each = zip(manifest.clients, np.split(cell, ends), strict=True)
    return {client.name: tuple(np.bincount(own, minlength=cells).tolist()) for client, own in each}


def _columns_in(data: ContactData, order: I64) -> dict[str, np.ndarray]:
    """Return what is given and known of people, by slot."""
    rows = np.searchsorted(data.people, order)
    return {name: values[rows] for name, values in data.columns.items()}


def _cells_in(data: ContactData, order: I64) -> I64:
    """Return each person's cell by slot, int64[n]; cells are in the order of their names."""
    names = sorted(set(data.cell))
    number = np.array([names.index(name) for name in data.cell], dtype=np.int64)
    return number[np.searchsorted(data.people, order)]


def contact_table(manifest: Simulation, data: ContactData, order: I64, ranges: Ranges = NO_RANGES) -> ContactTable:
    """Return contacts by slot; a data set has one channel, so each of its contacts counts on all of the run.

    On a directed channel people who met tell each other, both ways; in a run without channels nobody meets. Where
    messages are made of contacts' own numbers, these are drawn in place of weights.

    Args:
        manifest: of the run.
        data: with contacts.
        order: int64[n], numbers of agents by slot.
        ranges: of contacts' own numbers, by channel, in place of the model's.
    """
    slot_of = np.argsort(order)
    a, b = (slot_of[np.searchsorted(order[slot_of], end)] for end in (data.a, data.b))
    if data.channel is not None:
        return ContactTable(data.day, a, b, data.channel, data.weight)
    tables = [np.zeros((5, 0), dtype=np.int64)]
    model, rows = manifest.model.agents, np.arange(data.day.size, dtype=np.uint64)
    for channel, (directed, along) in enumerate(zip(model.directed, model.along, strict=True)):
        on, name = np.full_like(data.day, channel), manifest.channels[channel]
        own = ranges.get(name, along)
        for way, ends in enumerate(((a, b), (b, a))[: 2 if directed else 1]):
            weight = data.weight if own is None else draw_range(manifest, rows, f"contact {name} {way}", own)
            tables.append(np.stack([data.day, *ends, on, weight]))
    day, one, other, on, weight = np.concatenate(tables, axis=1)
    return ContactTable(day, one, other, on, weight)
