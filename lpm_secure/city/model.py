"""The model of a city run, its numbers, and where its people meet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np

from lpm_secure.city.config import CityConfig
from lpm_secure.city.disease import bands_of, channels_of, course_of
from lpm_secure.city.disease_config import DiseaseConfig
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.engine.venues import VenueChannels, VenueLink, Venues
from lpm_secure.models.tracer import trace
from lpm_secure.populations import Population
from lpm_secure.populations.settings import select_settings, settings_with_beta
from protocols.errors import ConfigError
from protocols.models.graph import ModelGraph
from protocols.models.graph.draws import BEGIN, DrawSource, integer

KEY: Final = 0x6369747900000000  # second word of a city's key: "city"


@final
@dataclass(frozen=True, slots=True, eq=False)
class CityModel:
    """What a city's agents are, and where they meet.

    Attributes:
        graph: of the model.
        parameters: an integer of each, or a law's weights.
        channels: where each of its channels meets.
        columns: whole numbers [n] of each private column.
    """

    graph: ModelGraph
    parameters: Mapping[str, int | tuple[int, ...]]
    channels: VenueChannels
    columns: Mapping[str, Any] = field(repr=False)


def model_of(config: CityConfig, population: Population) -> CityModel:
    """Return the model of a run in a population.

    Raises:
        ConfigError: the configuration does not fit the population, or the model.
        ModelError: there is no such model, or it has a mistake.
    """
    return _named(config, population) if config.disease is None else _staged(config, config.disease, population)


def _staged(config: CityConfig, disease: DiseaseConfig, population: Population) -> CityModel:
    kind, given = course_of(disease, config.interventions, days=config.days)
    channels = channels_of(disease, config.interventions, settings_with_beta(population, disease.beta))
    traced = trace(kind)
    age = bands_of(population.column("age"), disease.ages)
    return CityModel(traced.graph, {**traced.parameters, **given}, channels, {"age": age})


def _named(config: CityConfig, population: Population) -> CityModel:
    model = graph_model_of(config.model or "", config.parameters)
    graph = model.graph
    for name in config.channels:
        if name not in graph.channels:
            raise ConfigError(f"[channels] has {name}; the model's are {', '.join(graph.channels) or 'none'}")
    for name in graph.channels:
        if not config.channels.get(name):
            raise ConfigError(f'the channel {name} meets nowhere; say where: {name} = [{{ setting = "workplace" }}]')
    names = {link.setting for links in config.channels.values() for link in links} or set(population.card.settings)
    settings = select_settings(population, names, what="[channels]", places=True)
    place = {setting.name: at for at, setting in enumerate(settings)}
    links = {
        name: tuple(VenueLink(place[link.setting], link.scale, link.weights) for link in each)
        for name, each in config.channels.items()
    }
    return CityModel(
        graph, model.parameters, VenueChannels(Venues.of(settings), links), _columns(config, graph, population)
    )


def _columns(config: CityConfig, graph: ModelGraph, population: Population) -> dict[str, Any]:
    """Return private columns: those of the population by their names, and others drawn from their ranges."""
    private = {name: each for name, each in graph.fields.items() if each.private}
    for name in config.columns:
        if name not in private or name in population.card.columns:
            raise ConfigError(
                f"[columns] has {name}, which is no private column of the model, or one of the population"
            )
    source = DrawSource(np.arange(population.n, dtype=np.uint64), 0, (config.seed, KEY))
    columns: dict[str, Any] = {}
    for name, each in private.items():
        if name in population.card.columns:
            columns[name] = population.column(name)
        else:
            low, high = config.columns.get(name, (each.low, each.high))
            if not each.low <= low <= high <= each.high:
                raise ConfigError(f"columns.{name} is [{low}, {high}]; it must lie in [{each.low}, {each.high}]")
            columns[name] = integer(source.words(f"column {name}", BEGIN), low, high)
    return columns
