"""The configuration of `lpm verify-gradients` and `lpm sensitivity`: TOML into frozen types."""

from pathlib import Path
from typing import Annotated, final

import msgspec

from lpm_secure.analysis.sensitivity.problem_config import ProblemConfig
from protocols.errors import ConfigError
from protocols.toml_file import load_config, read_tables


@final
class GradientsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is verified.

    Attributes:
        seed: of simulated people; runs have the seeds from `first_seed` on.
        relative_error: standard error at which an estimator stops, as a part of every derivative.
        difference: half the distance of finite differences, as a part of a parameter's length.
        model: of each problem.

    Raises:
        ConfigError: there is none.
    """

    seed: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 1
    first_seed: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0
    relative_error: Annotated[float, msgspec.Meta(ge=1e-4, le=1.0)] = 0.02
    difference: Annotated[float, msgspec.Meta(ge=1e-3, le=0.5)] = 0.05
    model: tuple[ProblemConfig, ...] = ()

    def __post_init__(self) -> None:
        """Check that there is something to estimate."""
        if not self.model:
            raise ConfigError("there is no [[model]]; give at least one")

    def problem_of(self, name: str | None) -> ProblemConfig:
        """Return a problem by its name, or the first.

        Raises:
            ConfigError: there is none of that name.
        """
        for each in self.model:
            if name in (None, each.name):
                return each
        raise ConfigError(f"no problem {name}; there are {', '.join(each.name for each in self.model)}")


def load(path: Path) -> GradientsConfig:
    """Read a configuration: of gradients, or of a run, with own people or not.

    Raises:
        ConfigError: one line that says what was got, what is allowed, and what to do.
    """
    tables = read_tables(path)
    if "private" in tables:
        return GradientsConfig(model=(ProblemConfig(name=_name(str(tables.get("name", path.stem))), run=str(path)),))
    if "problem" in tables:
        raise ConfigError(
            f"{path}: [[problem]] was the epidemic of an earlier version; write [[model]] with a model by its name, as "
            "examples/gradients.toml does"
        )
    if not isinstance(tables.get("model", []), list) or "name" in tables:
        raise ConfigError(
            f"{path} has neither [[model]], as a configuration of gradients has, nor [private], as that of a run has; "
            "of others there are no derivatives"
        )
    config = load_config(path, GradientsConfig)
    return msgspec.structs.replace(config, model=tuple(each.beside(path.parent) for each in config.model))


def config_of(model: str) -> GradientsConfig:
    """Return the configuration of a model by its name alone, among drawn people."""
    name = _name(model.rpartition(":")[2])
    return GradientsConfig(model=(ProblemConfig(name=name, model=model),), relative_error=0.05)


def _name(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower())
