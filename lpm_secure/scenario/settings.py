"""Values of a configuration by their names: what `with_` and `--set` change, and what a report calls them by."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from lpm_secure.city.config import CityConfig
from lpm_secure.config.graph_model import graph_model_of
from lpm_secure.config.simulation import Config
from lpm_secure.models.reference import find
from lpm_secure.models.tracer import trace
from protocols.errors import ConfigError, ParameterError, did_you_mean
from protocols.report.model_report import parameters_in_words

Tables = dict[str, Any]
OF_MODELS: Final = ("model", "parameters", "disease")  # tables whose keys need no table before them
STEPS: Final = ("steps", "days")  # how long a run is: of private agents, of a city


def plain(value: Any) -> Any:
    """Return a value as a TOML file has it: numbers of numpy as those of Python, arrays and tuples as lists."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, msgspec.Struct):
        return plain(msgspec.to_builtins(value))
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return [plain(each) for each in value] if isinstance(value, tuple | list) else value


def tables_of_config(config: Config | CityConfig) -> Tables:
    """Return a configuration as tables, without what is not given."""
    content: Tables = msgspec.to_builtins(config)
    return {name: value for name, value in content.items() if value is not None}


def change(config: Config | CityConfig, changes: Mapping[str, Any]) -> Tables:
    """Return the tables of a configuration with other values.

    Args:
        config: that is changed.
        changes: of each name a value. A name is of a parameter of the model, of a key of the table `[model]` or
            `[disease]`, of a key of the top level, or has its tables before it: `cells.count`.

    Raises:
        ParameterError: there is no such name; the nearest one is said, where there is one.
    """
    tables = tables_of_config(config)
    for name, value in changes.items():
        *outer, last = _path(tables, name)
        table = tables
        for key in outer:
            table[key] = dict(table[key]) if isinstance(table.get(key), Mapping) else {}
            table = table[key]
        table[last] = _value(table.get(last), plain(value), name)
    return tables


def parameters_of(tables: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the parameters of the model that a configuration names; none where it has a table."""
    model = tables.get("model")
    return tuple(trace(find(model)).parameters) if isinstance(model, str) else ()


def parameters_in_units(config: Config | CityConfig) -> tuple[tuple[str, str, str], ...]:
    """Return of each parameter of a configuration's model its name, value and unit; none of a table `[disease]`."""
    if isinstance(config, Config):
        model = config.run_model
    elif config.model is None:
        return ()
    else:
        model = graph_model_of(config.model, config.parameters)
    return tuple(parameters_in_words(model.graph, model.parameters))


def _path(tables: Tables, name: str) -> Sequence[str]:
    """Return the keys that lead to a value, from the outermost table on."""
    first, dot, rest = name.partition(".")
    own = parameters_of(tables)
    if first in own:
        return ("parameters", *name.split("."))
    if own and dot and first in ("model", "parameters"):
        if rest.partition(".")[0] not in own:
            raise ParameterError(_unknown(rest, own))
        return ("parameters", *rest.split("."))
    within = [table for table in OF_MODELS if isinstance(tables.get(table), Mapping) and first in tables[table]]
    if within and first not in tables:
        return (within[0], *name.split("."))
    if not dot and name in STEPS:
        return (next(each for each in STEPS if each in tables),)
    top = {*Config.__struct_fields__, *CityConfig.__struct_fields__}
    if first in top:
        return name.split(".")
    keys = [key for table in OF_MODELS if isinstance(tables.get(table), Mapping) for key in tables[table]]
    raise ParameterError(_unknown(name, [*dict.fromkeys([*own, *keys]), *sorted(top)]))


def _unknown(name: str, known: Sequence[str]) -> str:
    near = did_you_mean(name, known) or f"; there are {', '.join(known) or 'none'}"
    return f"there is no parameter {name}{near}"


def _value(old: Any, value: Any, name: str) -> Any:
    """Return what stands for a value: of a table with one number, such as of a single channel, that number."""
    if isinstance(old, Mapping) and not isinstance(value, Mapping) and isinstance(value, int | float):
        if len(old) != 1:
            raise ConfigError(f"{name} has a value of each of {', '.join(old) or 'nothing'}; give {name}.NAME, or all")
        return dict.fromkeys(old, value)
    return value
