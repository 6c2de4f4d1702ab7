"""A configuration as data, for a process that has none of its author's code."""

from pathlib import Path
from typing import Any, final

import msgspec

from lpm_secure.city.config import CityConfig
from lpm_secure.config.graph_model import GRAPH, encode_model, graph_model_of
from lpm_secure.config.simulation import Config
from lpm_secure.models.reference import is_own
from lpm_secure.scenario.settings import tables_of_config


@final
class TaskFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a process of an ensemble computes the seeds of.

    Attributes:
        config: tables of a configuration; its model is a file of a graph, or a table.
        beside: the folder that a population's relative path starts from.
        device: where a run computes: auto, cpu or cuda.
        cores: that a process has.
    """

    config: dict[str, Any]
    beside: str
    device: str
    cores: int


@final
class SeedAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a process says of a seed.

    Attributes:
        notices: for whoever waits.
        code, message: of the error that it ended with; empty where the series is written.
    """

    notices: tuple[str, ...] = ()
    code: str = ""
    message: str = ""


def write_task(
    folder: Path, number: int, config: Config | CityConfig, *, beside: Path, device: str, cores: int
) -> None:
    """Write what a process needs to compute the seeds of a configuration with so many cores."""
    tables = tables_of_config(config)
    if isinstance(config.model, str):
        path = folder / f"model-{number}{GRAPH}"
        path.write_bytes(encode_model(graph_model_of(config.model, config.parameters)))
        tables |= {"model": str(path), "parameters": {}}
    if isinstance(config, CityConfig) and not config.engine.threads:
        tables["engine"] = tables["engine"] | {"threads": cores}
    content = msgspec.json.encode(TaskFile(tables, str(beside.absolute()), device, cores))
    (folder / f"task-{number}.json").write_bytes(content)


def read_task(folder: Path, number: int) -> TaskFile:
    """Return what `write_task` wrote."""
    return msgspec.json.decode((folder / f"task-{number}.json").read_bytes(), type=TaskFile)


def is_portable(config: Config | CityConfig) -> bool:
    """Return whether another process can compute it: an environment that this process alone has runs nowhere else."""
    return not is_own(str(config.environment.get("name", "")))


def series_path(folder: Path, number: int, seed: int) -> Path:
    """Return where a process writes the series of a seed."""
    return folder / f"series-{number}-{seed}.parquet"
