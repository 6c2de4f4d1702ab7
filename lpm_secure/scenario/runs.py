"""Results of configurations over seeds: in the clear, side by side; or over processes, one party each."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from lpm_secure.config.simulation import Config
from lpm_secure.engine.series import split_replicates
from lpm_secure.report.summary import Summary
from lpm_secure.scenario.ensemble.ensemble import NOTICES, EnsembleTask, compute
from lpm_secure.scenario.progress import watch
from lpm_secure.scenario.results.result import Result
from lpm_secure.scenario.results.storage import stages_of
from lpm_secure.scenario.results.words import parity_word, words_of
from lpm_secure.scenario.settings import plain, tables_of_config
from protocols.errors import ParameterError
from protocols.task.manifest import MOST_COPIES

MOST_SEEDS: Final = 100_000
SHORT: Final = 12  # characters of a run's id in its folder's name


def run_clear(
    tasks: Mapping[str, EnsembleTask],
    seeds: Sequence[int],
    *,
    workers: int | None = None,
    device: str = "auto",
    progress: bool = True,
) -> dict[str, Result]:
    """Return the result of each configuration over the same seeds, all agents in the clear, each run by itself.

    Raises:
        ParameterError: as `compute` does; or the number of workers is none.
    """
    workers = plain(workers)
    if workers is not None and (not isinstance(workers, int) or isinstance(workers, bool) or not 1 <= workers <= 1024):
        raise ParameterError(f"workers is {workers}; give a whole number from 1 to 1024, or leave it out")
    with watch(list(tasks), seeds=len(seeds), shown=progress) as on_series:
        found = compute(list(tasks.values()), seeds, workers=workers, device=device, on_series=on_series)
    return {
        name: _result(task.config.name, tables_of_config(task.config), seeds, tables)
        for (name, task), tables in zip(tasks.items(), found, strict=True)
    }


def run_batch(task: EnsembleTask, seeds: Sequence[int], *, progress: bool = True) -> Result | None:
    """Return the result of a configuration's seeds that are computed many at once; none where a notice says why not.

    Raises:
        ParameterError: a mistake in the configuration.
    """
    from lpm_secure.engine.bitslice.lane_model import EnsembleObstacle  # noqa: PLC0415 - LLVM and torch
    from lpm_secure.scenario.ensemble.batch import compute_batch  # noqa: PLC0415

    with watch([task.config.name], seeds=len(seeds), shown=progress) as on_series:
        try:
            tables = compute_batch(task.config, seeds, beside=task.beside, on_series=lambda: on_series(0))
        except EnsembleObstacle as reason:
            NOTICES.warning("the seeds of %s are computed one by one: %s", task.config.name, reason)
            return None
    result = _result(task.config.name, tables_of_config(task.config), seeds, tables)
    return dataclasses.replace(result, hashes=(), ensemble="batched")


def run_parties(
    config: Config,
    seeds: Sequence[int],
    *,
    beside: Path,
    out: Path,
    parity: bool = True,
    device: str = "auto",
    progress: bool = True,
) -> Result:
    """Return the result of runs over processes of this machine: of seeds that follow each other, replicates of one run.

    Replicates have the people, cells and columns of the first seed. Where a run cannot have them, or seeds do not
    follow each other, there is one run for each seed, and a notice says why.

    Raises:
        ParameterError, ProtocolError, Unavailable: as `execute` does; or a gradient is asked for.
    """
    from lpm_secure.scenario.execution import execute, series_of  # noqa: PLC0415 - torch

    if config.gradient is not None:
        raise ParameterError(f"{config.name} asks for a gradient, and not for series: use lpm run, or leave it out")
    copies = _replicates(config, seeds)
    seeds = seeds if len(seeds) > 1 else range(seeds[0], seeds[0] + copies)
    summaries = list[Summary]()
    with watch([config.name], seeds=len(seeds), shown=progress) as on_series:
        for seed in seeds[::copies]:
            private = msgspec.structs.replace(config.private, replicates=copies)
            of_seed = msgspec.structs.replace(config, seed=seed, private=private)
            summaries.append(execute(of_seed, beside=beside, out=out, parity=parity, device=device))
            for _ in range(copies):
                on_series(0)
    tables = [own for each in summaries for own in split_replicates(series_of(each))]
    result = _result(config.name, tables_of_config(config), seeds, tables)
    same = [each.figures["parity"] for each in summaries if each.figures["parity"] is not None]
    return dataclasses.replace(
        result,
        stages=stages_of(tables[0], summaries[0].figures),
        parity=parity_word(all(same)) if same else None,
        hashes=tuple(own for each in summaries for own in _hashes(each)),
        folders=tuple(out / f"{config.name}-{each.figures['run'][:SHORT]}" for each in summaries),
    )


def _hashes(summary: Summary) -> list[str]:
    """Return the hash of each replicate's series."""
    each = summary.figures.get("replicates", [{"sha256": summary.figures["sha256_private"]}])
    return [str(own["sha256"]) for own in each]


def _replicates(config: Config, seeds: Sequence[int]) -> int:
    """Return how many replicates each run of some seeds has; one where a notice says why.

    Raises:
        ParameterError: the configuration names others already.
    """
    given, count = config.private.replicates, len(seeds)
    if count == 1:
        return given
    if given > 1:
        raise ParameterError(f"private.replicates is {given}, and {count} seeds are asked for; leave one of both out")
    obstacles = {
        "they do not follow each other": list(seeds) != list(range(seeds[0], seeds[0] + count)),
        f"a run has at most {MOST_COPIES:,} replicates": count > MOST_COPIES,
        "edges are permuted": config.protocol.edges == "permuted",
        "there are twins": config.synthetic.twin,
    }
    why = next((reason for reason, holds in obstacles.items() if holds), None)
    if why is not None:
        NOTICES.warning("the seeds of %s have a run each, one after the other: %s", config.name, why)
    return count if why is None else 1


def seeds_from(first: int, given: Any) -> tuple[int, ...]:
    """Return which seeds are asked for: so many from the first one on, or those that are given.

    Raises:
        ParameterError: there are none, too many, one twice, or one that is no seed.
    """
    wanted = plain(list(given) if isinstance(given, Iterable) and not hasattr(given, "tolist") else given)
    many = isinstance(wanted, int) and wanted <= MOST_SEEDS
    listed = list(range(first, first + wanted)) if many else wanted if isinstance(wanted, list) else []
    whole = all(isinstance(each, int) and not isinstance(each, bool) and 0 <= each < 2**63 for each in listed)
    if isinstance(wanted, bool) or not whole or not listed or len(set(listed)) < len(listed):
        raise ParameterError(
            f"seeds are {given}; give how many, 1 to {MOST_SEEDS:,}, or whole numbers, each once: seeds=20"
        )
    return tuple(listed)


def _result(name: str, config: Mapping[str, Any], seeds: Sequence[int], tables: Sequence[pa.Table]) -> Result:
    """Return series of seeds as one table, which says whose each row is."""
    words = [words_of(table) for table in tables]
    numbered = [
        table.replace_schema_metadata().add_column(0, "seed", pa.array(np.full(table.num_rows, seed, dtype=np.int64)))
        for seed, table in zip(seeds, tables, strict=True)
    ]
    stages = list(dict.fromkeys(stage for each in words for stage in each.stages))
    table = pa.concat_tables(numbered)
    return Result(
        name=name, table=table, stages=tuple(stages), hashes=tuple(each.sha256 for each in words), config=config
    )
