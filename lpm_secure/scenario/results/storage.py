"""Results in folders: written, read again, and listed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import msgspec
import numpy as np
import pyarrow as pa
from pyarrow import parquet

from lpm_secure.engine.series import PARTS, REPLICATE
from lpm_secure.scenario.results.result import FIGURES, Result
from lpm_secure.scenario.results.words import parity_word, words_of
from protocols.errors import ParameterError

COMPARISON: Final = "compare.json"
SERIES: Final = "series.parquet"


def open_result(folder: Path | str) -> Result:
    """Return what a folder of `lpm run`, or of `Result.save`, holds: one seed or several.

    Raises:
        ParameterError: it holds no series, or those of several scenarios.
    """
    path = Path(folder)
    if (path / COMPARISON).is_file() and not (path / FIGURES).exists():
        raise ParameterError(f"{path} holds several runs and their differences; give folders of one run each")
    try:
        table = parquet.read_table(path / SERIES)
        figures: dict[str, Any] = msgspec.json.decode((path / FIGURES).read_bytes(), type=dict[str, Any])
    except (OSError, pa.ArrowException, msgspec.MsgspecError) as error:
        raise ParameterError(
            f"{path} holds no series of a run that has ended ({error}); give a folder that lpm run or Result.save wrote"
        ) from error
    config = figures.get("config", {})
    seed = int(config.get("seed", figures.get("seed", 0)))
    if REPLICATE in table.column_names:
        own = pa.array(table[REPLICATE].to_numpy() + seed)
        table = table.set_column(table.column_names.index(REPLICATE), "seed", own)
    if "seed" not in table.column_names:
        table = table.add_column(0, "seed", pa.array(np.full(table.num_rows, seed)))
    stages = tuple(figures.get("stages", ())) or stages_of(table, figures)
    return Result(
        name=str(figures.get("name", config.get("name", path.name))),
        table=table,
        stages=stages,
        parity=parity_word(figures.get("parity")),
        ensemble=str(figures.get("ensemble", "exact")),
        config=config,
        parameters=tuple((str(name), str(value), str(unit)) for name, value, unit in figures.get("parameters", ())),
    )


def stages_of(table: pa.Table, figures: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns of a single run that are drawn: totals of parts that have agents, where it has parts."""
    drawn: list[str] = []
    for part in PARTS:
        columns = [
            f"{part}_{name}" for name in figures.get(f"tally_{part}", ()) if f"{part}_{name}" in table.column_names
        ]
        drawn += columns if any(any(table[name].to_pylist()) for name in columns) else []
    return tuple(drawn) or tuple(name for name in words_of(table).stages if not name.startswith("public_"))


@final
@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run in a list of runs.

    Attributes:
        folder: of it.
        name: of its configuration.
        seeds: how many.
        parity: as `Result` has it.
        ended_s: when its figures were written, in seconds since 1970.
    """

    folder: str
    name: str
    seeds: int
    parity: str | None
    ended_s: float


def list_runs(folder: Path | str = "runs") -> list[RunEntry]:
    """Return the runs of a folder that have ended, the last one first; what has other figures is left out.

    Raises:
        ParameterError: there is no such folder.
    """
    path = Path(folder)
    if not path.is_dir():
        raise ParameterError(f"{path} is no folder; give the one that runs are in, such as runs")
    return sorted(_entries(path), key=lambda each: each.ended_s, reverse=True)


def _entries(path: Path) -> Iterator[RunEntry]:
    for file in (file for name in (FIGURES, COMPARISON) for file in path.glob(f"*/{name}")):
        try:
            figures = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
            ended_s = file.stat().st_mtime
        except (OSError, msgspec.MsgspecError):
            continue
        config = figures.get("config", {})
        yield RunEntry(
            folder=str(file.parent),
            name=str(figures.get("name", config.get("name", file.parent.name))),
            seeds=len(figures.get("seeds", figures.get("replicates", [0]))),
            parity=parity_word(figures.get("parity")),
            ended_s=ended_s,
        )
