"""The model of a city run, its numbers, and where its people meet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np

from lpm_secure.city.config import CityConfig
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.engine.venues.channels import VenueChannels
from lpm_secure.models.tracer import trace
from lpm_secure.populations import Population
from lpm_secure.populations.channels import columns_of, place_channels
from lpm_secure.populations.epidemic.disease import bands_of, course_of, disease_settings, venues_of
from lpm_secure.populations.epidemic.disease_config import DiseaseConfig
from protocols.models.graph import ModelGraph
from protocols.models.graph.draws import DrawSource

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
    channels = venues_of(disease, config.interventions, disease_settings(population, disease))
    traced = trace(kind)
    age = bands_of(population.column("age"), disease.ages)
    return CityModel(traced.graph, {**traced.parameters, **given}, channels, {"age": age})


def _named(config: CityConfig, population: Population) -> CityModel:
    model = graph_model_of(config.model or "", config.parameters)
    channels = place_channels(population, model.graph, config.channels, what="[channels]")
    source = DrawSource(np.arange(population.n, dtype=np.uint64), 0, (config.seed, KEY))
    return CityModel(
        model.graph, model.parameters, channels, columns_of(population, model.graph, config.columns, source)
    )
