"""Seeds of a city computed many at once on one population: the law of single runs, and not their bits."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from lpm_secure.city.agents import places_of
from lpm_secure.city.config import CityConfig
from lpm_secure.city.model import model_of
from lpm_secure.city.run import DayNumbers
from lpm_secure.city.series import CitySeries, CityWords
from lpm_secure.config.simulation import Config
from lpm_secure.engine.bitslice.agents import MOST, LaneAgents
from lpm_secure.engine.bitslice.lane_model import EnsembleObstacle, LaneModel
from lpm_secure.engine.bitslice.words.vectors import BITS
from lpm_secure.populations import Population
from lpm_secure.populations.source import open_population
from lpm_secure.scenario.results.words import SeriesWords, describe

MEMORY: Final = 3 * 2**30  # bytes of agents; where they need more, fewer seeds are computed at once


def compute_batch(
    config: Config | CityConfig, seeds: Sequence[int], *, beside: Path, on_series: Callable[[pa.Table], None]
) -> list[pa.Table]:
    """Return the series of each seed.

    Args:
        config: of a city.
        seeds: of it; the bits of each depend on all of them.
        beside: the folder that a population's relative path starts from.
        on_series: told the series of a seed that has ended.

    Raises:
        ConfigError, ModelError, ParameterError: as a single run does.
        EnsembleObstacle: its seeds have to be computed one by one.
    """
    if not isinstance(config, CityConfig):
        raise EnsembleObstacle("its agents are private ones; those of a city alone are computed at once")
    population = open_population(config.population, beside=beside)
    model = model_of(config, population)
    drawn = [name for name in model.columns if config.model and name not in population.card.columns]
    if drawn:
        raise EnsembleObstacle(
            f"the private column {drawn[0]} is not of the population, and is drawn anew for each seed"
        )
    given = (model.graph, model.parameters, model.channels)
    lanes = LaneModel.of(*given, columns=model.columns, steps=config.days)
    width = MOST
    while lanes.memory(width) > MEMORY and width > BITS:
        width //= 2
    if lanes.memory(width) > MEMORY:
        raise EnsembleObstacle(f"its agents take {lanes.memory(width) / 2**30:.0f} GiB for {width} seeds at once")
    tables = list[pa.Table]()
    for first in range(0, len(seeds), width):
        part = tuple(seeds[first : first + width])
        found = _batch(config, lanes, population, part)
        ended = [describe(each.table(), SeriesWords(each.words.shown, "")) for each in found]
        for table in ended:
            on_series(table)
        tables += ended
    return tables


def _batch(config: CityConfig, model: LaneModel, population: Population, seeds: tuple[int, ...]) -> list[CitySeries]:
    """Return the series of seeds that are computed at once."""
    graph = model.bound.graph
    words, (place, places) = CityWords.of(graph), places_of(population)
    content = msgspec.json.encode([msgspec.structs.replace(config, seed=0), seeds], order="deterministic")
    agents = LaneAgents(
        model,
        lanes=len(seeds),
        key=hashlib.sha256(content).digest(),
        places=place,
        arrivals=[words.names.index(stage) for stage in words.arrivals],
        threads=config.engine.threads or os.cpu_count() or 1,
    )
    counts, events = [agents.totals], [agents.arrivals]
    numbers = [DayNumbers(graph, config, words) for _ in seeds] if graph.public else []
    for _ in range(config.days):
        said = [each.next(totals) for each, totals in zip(numbers, counts[-1], strict=False)]
        agents.update({name: np.array([each[name] for each in said]) for name in graph.public})
        counts.append(agents.totals)
        events.append(agents.arrivals)
    for each, totals in zip(numbers, counts[-1], strict=False):
        each.next(totals)
    public = [each.numbers for each in numbers] or [{} for _ in seeds]
    by_lane = zip(np.stack(counts, axis=1), np.stack(events, axis=1), public, strict=True)
    return [CitySeries(totals, arrived, places, words, heard) for totals, arrived, heard in by_lane]
