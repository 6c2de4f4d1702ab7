"""The engine's own agents in a private run: who meets in cells only, or lives in a population."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

import msgspec
import numpy as np

from client_sdk.private.state import simulation_key
from lpm_secure.config.synthetic import SyntheticConfig
from lpm_secure.engine.clear_agents import clear_agents
from lpm_secure.engine.device import Device
from lpm_secure.engine.graph_population import VenuePopulation, setting_of_cells
from lpm_secure.engine.loop import EngineAgents, PopulationWithTwins
from lpm_secure.engine.twins import Twins
from lpm_secure.engine.venues.channels import VenueChannels, VenueLink, Venues
from lpm_secure.models.library.seir_channels import rate_names
from lpm_secure.populations import Population
from lpm_secure.populations.channels import Links, columns_of, place_channels
from lpm_secure.populations.settings import settings_with_beta
from lpm_secure.populations.source import PopulationConfig, open_population
from protocols.arithmetic.fixed_point import I64, U64, to_fixed
from protocols.arithmetic.philox import DrawPurpose, words
from protocols.errors import ConfigError, DataError
from protocols.models.agent_model import AgentSource
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.draws import BEGIN, DrawSource, integer
from protocols.task.layout import Layout
from protocols.task.manifest import SimulationManifest
from protocols.task.parties import agents_of

SYNTHETIC_FROM: Final = 2**40  # numbers of synthetic agents begin here, above all private ones
TWINS_FROM: Final = 2**50  # and those of twins here, by slot of the private agents
SHARE_BITS: Final = 16  # of exposures in venues
Ranges = Mapping[str, tuple[int, int]]  # of private columns: what simulated people have, both ends included
NO_RANGES: Final[Ranges] = MappingProxyType({})
NOTICES: Final = logging.getLogger("lpm")  # for whoever waits; `lpm` prints them


@final
class EngineFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `lpm engine` needs beside the manifest.

    Attributes:
        synthetic: what was asked for; the population is the one that the run has.
        sha256: of the population's card; empty where there is none.
        columns: ranges of private columns that were asked for.
    """

    synthetic: SyntheticConfig
    sha256: str = ""
    columns: dict[str, tuple[int, int]] = {}


@final
@dataclass(frozen=True, slots=True, eq=False)
class Synthetic:
    """The engine's agents of a run, before they are drawn.

    Attributes:
        config: with the population that the run really has.
        population: None where they meet in cells only.
        columns: ranges of private columns that were asked for.
    """

    config: SyntheticConfig
    population: Population | None = field(repr=False, default=None)
    columns: Ranges = field(default_factory=lambda: NO_RANGES)

    @property
    def file(self) -> EngineFile:
        """What an engine in another process needs."""
        return EngineFile(self.config, self.population.card.sha256 if self.population else "", dict(self.columns))

    @classmethod
    def of(cls, config: SyntheticConfig, columns: Ranges = NO_RANGES) -> "Synthetic":
        """Open or build the population; where its tables are not at hand, say so in one line and generate one.

        Raises:
            ConfigError: too few agents for a population, or a beta of a setting that it does not have.
            DataError: no population at its path.
        """
        if not config.lives or not config.agents:
            return cls(config, columns=columns)
        try:
            found = cls(config, open_population(_population(config), beside=Path()), columns)
        except DataError as error:
            if config.path is not None:
                raise
            NOTICES.warning("%s; going on with a GENERATED LOOK-ALIKE of a city", error)
            config = msgspec.structs.replace(config, population="look_alike")
            found = cls(config, open_population(_population(config), beside=Path()), columns)
        if found.population and found.population.n != config.agents:
            raise ConfigError(
                f"{config.path} has {found.population.n:,} people, and synthetic.agents is {config.agents:,}; give that"
            )
        if found.population and config.beta:
            settings_with_beta(found.population, config.beta)
        return found

    @classmethod
    def again(cls, file: EngineFile) -> "Synthetic":
        """Return the agents of a run that another process began.

        Raises:
            DataError: the population differs from that of the run.
        """
        found = cls.of(file.synthetic, file.columns)
        if found.file != file:
            raise DataError(
                f"the population of this run has SHA-256 {file.sha256[:12]}...; the one here has "
                f"{found.file.sha256[:12]}...; start the run anew"
            )
        return found

    def check(self, manifest: SimulationManifest) -> None:
        """Refuse channels of a model by its name that do not fit the population.

        Raises:
            ConfigError: they do not.
        """
        if self.population is not None and not self.config.beta:
            model = manifest.model
            _channels(manifest, model, self.population, self.config.channels)

    def agents(self, manifest: SimulationManifest, device: Device) -> EngineAgents:
        """Draw the agents, and twins where the run has them; in venues they are computed on the CPU, as twins are."""
        return with_twins(manifest, self._population_of(manifest, device), columns=self.columns)

    def _population_of(self, manifest: SimulationManifest, device: Device) -> EngineAgents:
        if self.population is None:
            return synthetic_agents(manifest, self.config.agents, device, columns=self.columns)
        model = manifest.model
        if self.config.beta:
            return _settings_population(manifest, model, self.population, self.config.beta)
        return _graph_population(manifest, model, self.population, self)


def _settings_population(
    manifest: SimulationManifest, model: GraphModel, population: Population, given: Mapping[str, float]
) -> VenuePopulation:
    """Return agents of the table `[model]`, who meet in settings of which each has its own rate.

    Their exposures are in its units; nobody of them is told anything on other channels.
    """
    name = rate_names(1)[0]
    settings, cells = settings_with_beta(population, given), setting_of_cells(manifest.cells, population.n)
    f = model.graph.parameters[name].bits - SHARE_BITS
    beta = [to_fixed(given[s.name] * manifest.dt, f=f, name=f"synthetic.beta.{s.name}") for s in settings]
    links = tuple(VenueLink(place, 1 << SHARE_BITS, (each,)) for place, each in enumerate(beta))
    meets = dict.fromkeys(model.contact_channels, ()) | {model.contact_channels[0]: links}
    venues = Venues.of([*settings, cells])
    channels = VenueChannels(venues, meets | dict.fromkeys(model.agents.cell_channels, (VenueLink(len(settings)),)))
    numbers, key = {**model.parameters, name: 1}, simulation_key(manifest.testbed_seed)
    return VenuePopulation(manifest.dynamics, numbers, channels, key=key, first=SYNTHETIC_FROM)


def _graph_population(
    manifest: SimulationManifest, model: GraphModel, population: Population, synthetic: Synthetic
) -> VenuePopulation:
    """Return agents of a model's graph who meet in the settings of its channels."""
    source = _source(manifest, population.n)
    ranges = {name: each for name, each in synthetic.columns.items() if name not in population.card.columns}
    columns = columns_of(population, model.graph, ranges, DrawSource(source.agents, 0, source.key))
    channels, first = _channels(manifest, model, population, synthetic.config.channels), SYNTHETIC_FROM
    return VenuePopulation(manifest.dynamics, model.parameters, channels, key=source.key, first=first, columns=columns)


def _channels(manifest: SimulationManifest, model: GraphModel, population: Population, given: Links) -> VenueChannels:
    cells = setting_of_cells(manifest.cells, population.n)
    return place_channels(population, model.graph, given, what="synthetic.channels", cells=cells)


def synthetic_agents(
    manifest: SimulationManifest, count: int, device: Device, *, columns: Ranges = NO_RANGES
) -> EngineAgents:
    """Return so many agents of the engine, each in a cell drawn at random."""
    source = _source(manifest, count)
    cell, drawn = cells_of(source.agents, manifest), draw_columns(manifest, source.agents, columns)
    return clear_agents(manifest.dynamics, source, cell=cell, device=device, columns=drawn)


def with_twins(manifest: SimulationManifest, agents: EngineAgents, *, columns: Ranges = NO_RANGES) -> EngineAgents:
    """Return the engine's agents with twins of the private ones beside them, where a run has twins."""
    if not manifest.twins:
        return agents
    source = _source(manifest, agents_of(manifest.clients), first=TWINS_FROM)
    drawn, bounds = draw_columns(manifest, source.agents, columns), manifest.level_bounds
    twins = Twins(manifest.dynamics, Layout.of(manifest), manifest.twins, source, columns=drawn, bounds=bounds)
    return PopulationWithTwins(agents, twins)


def _source(manifest: SimulationManifest, count: int, *, first: int = SYNTHETIC_FROM) -> AgentSource:
    agents = np.arange(count, dtype=np.uint64) + np.uint64(first)
    return AgentSource(agents, simulation_key(manifest.testbed_seed))


def cells_of(agents: U64, manifest: SimulationManifest) -> I64:
    """Draw a cell for each agent, int64[n]; none where the run has no cells, or agents move between them."""
    if not manifest.cells or manifest.model.agents.cell_field is not None:
        return np.zeros(0, dtype=np.int64)
    drawn = words(simulation_key(manifest.testbed_seed), agents, DrawPurpose.CELL) >> np.uint64(32)
    return (drawn * np.uint64(len(manifest.cells)) >> np.uint64(32)).astype(np.int64)


def draw_columns(manifest: SimulationManifest, agents: U64, ranges: Ranges = NO_RANGES) -> dict[str, I64]:
    """Draw the private columns of simulated people, each value of a column's range as likely as any other, int64[n].

    Columns that have a default are left out. A range that was asked for takes the place of the model's own.
    """
    specs = [spec for spec in manifest.model.agents.columns if spec.default is None]
    own = {spec.name: ranges.get(spec.name, (int(spec.low), int(spec.high))) for spec in specs}
    return {name: draw_range(manifest, agents, f"column {name}", range_) for name, range_ in own.items()}


def draw_range(manifest: SimulationManifest, numbers: U64, purpose: str, range_: tuple[int, int]) -> I64:
    """Draw a number in a range for each of some agents or contacts, int64[n], each as likely as any other."""
    return integer(DrawSource(numbers, 0, simulation_key(manifest.testbed_seed)).words(purpose, BEGIN), *range_)


def _population(config: SyntheticConfig) -> PopulationConfig:
    if config.path is not None:
        return PopulationConfig(path=config.path)
    return PopulationConfig(kind=config.population, agents=config.agents)
