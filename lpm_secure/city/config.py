"""The configuration of a city run: TOML into frozen types."""

import hashlib
from pathlib import Path
from typing import Annotated, Literal, final

import msgspec

from lpm_secure.city.disease_config import DiseaseConfig, InterventionsConfig
from lpm_secure.populations.source import PopulationConfig
from protocols.errors import ConfigError
from protocols.identity.trust import Name
from protocols.toml_file import load_config, read_tables


@final
class EngineConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What computes.

    Attributes:
        backend: "numba", compiled, on the CPU; or "torch", the substeps on CPU or CUDA. The bits are the same.
        threads: of numba; 0 takes all cores. The bits do not depend on it.
    """

    backend: Literal["numba", "torch"] = "numba"
    threads: Annotated[int, msgspec.Meta(ge=0, le=1_024)] = 0


@final
class CheckpointConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When the state is written to the run's folder, so that `lpm run CONFIG --resume` goes on after a crash.

    Attributes:
        every_days: simulated days; 0 never, for their sake.
        every_s: seconds of the clock.
    """

    every_days: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    every_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 30.0


@final
class CityConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A run of synthetic agents.

    Attributes:
        name: of the run, in reports.
        seed: of all simulation draws.
        days: how many, each one step.
    """

    name: Name
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    days: Annotated[int, msgspec.Meta(ge=1, le=30_000)]
    population: PopulationConfig
    disease: DiseaseConfig
    interventions: InterventionsConfig = InterventionsConfig()
    engine: EngineConfig = EngineConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    @property
    def hash(self) -> str:
        """SHA-256 of the whole configuration, by which a run's folder is found again."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


def is_city(path: Path) -> bool:
    """Return whether a file configures a city run: whether it has the table `population`.

    Raises:
        ConfigError: it has the table `private`, too.
    """
    try:
        tables = read_tables(path)
    except ConfigError:
        return False  # whoever reads it in earnest says what is wrong
    if "population" in tables and "private" in tables:
        raise ConfigError(f"{path} has both [private] and [population]: a run has private agents or a city; delete one")
    return "population" in tables


def load(path: Path) -> CityConfig:
    """Read a city run's configuration.

    Raises:
        ConfigError: one line that says what was got, what is allowed, and what to do.
    """
    return load_config(path, CityConfig)
