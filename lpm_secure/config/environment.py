"""`[environment]` of a configuration: the name of one, and its own keys."""

import dataclasses
import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from lpm_secure.environments.environment import Environment
from lpm_secure.models.mistake import mistakes_of
from lpm_secure.models.reference import find_class
from protocols.errors import ConfigError, did_you_mean

GROUP: Final = "lpm_secure.environments"  # of entry points: name = package.module:Class
LIBRARY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "schedule": "lpm_secure.environments.schedule:InterventionSchedule",
        "threshold": "lpm_secure.environments.threshold_policy:ThresholdPolicy",
        "uniform": "lpm_secure.environments.uniform_draws:UniformDraws",
    }
)


def environment_of(table: Mapping[str, Any]) -> Environment | None:
    """Return a new environment; None of an empty table.

    Args:
        table: `name`, which is `package.module:Class`, from the working folder too, or one of the library; and that
            class' own keys.

    Raises:
        ModelError: there is none of this name, or it has a mistake; with the place in its author's file.
        ConfigError: a key is missing, unknown, or of another type.
    """
    if not table:
        return None
    keys = dict(table)
    name = keys.pop("name", None)
    if not isinstance(name, str):
        raise ConfigError(f"[environment] needs a name: {', '.join(LIBRARY)}, or package:Class")
    kind = find_class(name, Environment, group=GROUP, library=LIBRARY)  # type: ignore[type-abstract]
    _check_keys(name, kind, keys)
    with mistakes_of(f"the environment {name}"):
        try:
            return msgspec.convert(keys, kind) if dataclasses.is_dataclass(kind) else kind(**keys)
        except msgspec.ValidationError as error:
            wrong = error
    raise ConfigError(f"[environment] of {name}: {wrong}") from wrong


def _check_keys(name: str, kind: type[Environment], keys: Mapping[str, Any]) -> None:
    """Refuse a key that the class does not take, or the lack of one that it needs."""
    taken = inspect.signature(kind).parameters
    if not any(each.kind is each.VAR_KEYWORD for each in taken.values()):
        for key in keys:
            if key not in taken:
                hint = did_you_mean(key, taken, quote="`") or f"; known keys are {', '.join(taken) or 'none'}"
                raise ConfigError(f"[environment] has {key}, which {name} does not take{hint}")
    plain = (each for each in taken.values() if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL))
    missing = [each.name for each in plain if each.default is each.empty and each.name not in keys]
    if missing:
        raise ConfigError(f"[environment] needs {', '.join(missing)}, which {name} takes; give it")
