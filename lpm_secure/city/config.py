"""The configuration of a city run: TOML into frozen types."""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, final

import msgspec

from lpm_secure.config.synthetic import LinkConfig
from lpm_secure.models.axes import Value
from lpm_secure.populations.epidemic.disease_config import DiseaseConfig, InterventionsConfig
from lpm_secure.populations.source import PopulationConfig
from protocols.errors import ConfigError
from protocols.identity.trust import Name
from protocols.toml_file import load_config, read_tables


@final
class EngineConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What computes.

    Attributes:
        backend: "numba", compiled, on the CPU; or "torch", by operations, on CPU or CUDA. The bits are the same.
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
    """A run of synthetic agents: of a disease, or of any model by its name.

    Attributes:
        name: of the run, in reports.
        seed: of all simulation draws.
        days: how many, each one step.
        disease, interventions: the staged epidemic by age in a person's figures.
        model: `package.module:Class`, from the working folder too, or one of the library.
        parameters: of a model that is named, in its author's units.
        channels: of each of its channels, where it meets.
        columns: of its private columns that the population does not have, from which range each value is drawn.
        environment: of a model that hears public numbers: its `name`, and its own keys.
    """

    name: Name
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    days: Annotated[int, msgspec.Meta(ge=1, le=30_000)]
    population: PopulationConfig
    disease: DiseaseConfig | None = None
    model: str | None = None
    parameters: dict[str, Value] = {}
    channels: dict[str, tuple[LinkConfig, ...]] = {}
    columns: dict[str, tuple[int, int]] = {}
    environment: dict[str, Any] = {}
    interventions: InterventionsConfig = InterventionsConfig()
    engine: EngineConfig = EngineConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    def __post_init__(self) -> None:
        """Refuse a run of two models, or of none, and what belongs to the other kind."""
        if (self.disease is None) == (self.model is None):
            raise ConfigError('a city needs either [disease], or a model by its name, such as model = "package:Class"')
        other = ("interventions",) if self.model else ("parameters", "channels", "columns", "environment")
        for name in other:
            if getattr(self, name) not in ({}, InterventionsConfig()):
                raise ConfigError(f"[{name}] does not go with {'a model by its name' if self.model else '[disease]'}")

    @property
    def hash(self) -> str:
        """Return SHA-256 of the whole configuration, by which a run's folder is found again."""
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
