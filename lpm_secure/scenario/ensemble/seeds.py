"""The runs of one configuration by their seeds, in the clear and in this process."""

import abc
import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

import msgspec
import pyarrow as pa

from lpm_secure.city.config import CheckpointConfig, CityConfig
from lpm_secure.city.run import run as run_city
from lpm_secure.config.simulation import Config
from lpm_secure.engine.device import device_of
from lpm_secure.engine.series import PARTS, StageSeries
from lpm_secure.populations.source import open_population
from lpm_secure.run.processes import run_clear
from lpm_secure.scenario.results.words import SeriesWords, describe
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import free_addresses
from lpm_secure.testbed.testbed import Testbed, build

NEVER_S: Final = 86_400.0


class Seeds(abc.ABC):
    """A configuration whose people are at hand; subclasses are final, one for each kind of configuration."""

    @abc.abstractmethod
    def series(self, seed: int) -> pa.Table:
        """Return a row for each day of the run of a seed, with `SeriesWords` in the table's metadata."""

    @abc.abstractmethod
    def prepare(self, seed: int) -> None:
        """Load people and compiled code, by a run of one step; what a process forks then shares them."""


@final
class PrivateSeeds(Seeds):
    """Runs of private agents, all in the clear, beside the engine's own; each seed is of the same private agents."""

    def __init__(self, config: Config, *, device: str = "auto") -> None:
        """Take a configuration; derivatives that it asks for are left out."""
        self._config, self._place = msgspec.structs.replace(config, gradient=None), device_of(device)
        self._testbed: Testbed | None = None

    def series(self, seed: int) -> pa.Table:
        """Return private and synthetic stages and observables, day by day."""
        return self._series(seed, self._config.steps)

    def prepare(self, seed: int) -> None:
        """Run one step."""
        self._series(seed, 1)

    def _series(self, seed: int, steps: int) -> pa.Table:
        if self._testbed is None:
            config = self._config.with_draws(seed)
            self._testbed = build(config, contacts_of(config), free_addresses(config.protocol.addresses))
        manifest = msgspec.structs.replace(self._testbed.manifest, testbed_seed=seed, steps=steps)
        series = run_clear(dataclasses.replace(self._testbed, manifest=manifest), self._place).series
        return describe(series.table(), SeriesWords(stage_columns(series), series.hash))


@final
class CitySeeds(Seeds):
    """Runs of a population; each seed is of the same people."""

    def __init__(self, config: CityConfig, *, beside: Path, device: str = "auto") -> None:
        """Open the population, or build it."""
        self._config = msgspec.structs.replace(config, checkpoint=CheckpointConfig(every_s=NEVER_S))
        self._population, self._place = open_population(config.population, beside=beside), device_of(device)

    def series(self, seed: int) -> pa.Table:
        """Return stages, observables and arrivals, day by day."""
        return self._series(msgspec.structs.replace(self._config, seed=seed))

    def prepare(self, seed: int) -> None:
        """Run one day."""
        self._series(msgspec.structs.replace(self._config, seed=seed, days=1))

    def _series(self, config: CityConfig) -> pa.Table:
        with tempfile.TemporaryDirectory(prefix="lpm-") as folder:
            series = run_city(config, self._population, device=self._place, folder=Path(folder)).series
        return describe(series.table(), SeriesWords(series.words.shown, series.hash))


def seeds_of(config: Config | CityConfig, *, beside: Path, device: str = "auto") -> Seeds:
    """Return the runs of a configuration, whichever kind it is."""
    if isinstance(config, Config):
        return PrivateSeeds(config, device=device)
    return CitySeeds(config, beside=beside, device=device)


def stage_columns(series: StageSeries) -> tuple[str, ...]:
    """Return the columns of a series' stages, of those parts that have agents."""
    parts = [part for part in PARTS if series.has(part)] or list(PARTS[:1])
    names: Sequence[str] = series.names[: series.stages] or series.names
    return tuple(f"{part}_{name}" for part in parts for name in names)
