"""Results of configurations over seeds: in the clear, side by side; or over processes, one party each."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from lpm_secure.city.config import CityConfig
from lpm_secure.config.simulation import Config
from lpm_secure.engine.series import split_replicates
from lpm_secure.report.summary import Summary
from lpm_secure.run.observer import OnStep, StepObserver
from lpm_secure.scenario.ensemble.ensemble import NOTICES, EnsembleTask, compute
from lpm_secure.scenario.ensemble.ensemble_progress import record_ensemble
from lpm_secure.scenario.progress import OnSeries, watch
from lpm_secure.scenario.results.result import Result
from lpm_secure.scenario.results.storage import stages_of
from lpm_secure.scenario.results.words import SeriesWords, describe, parity_word, words_of
from lpm_secure.scenario.settings import parameters_in_units, plain, tables_of_config
from protocols.errors import ParameterError
from protocols.models.agent_model import TallyWord
from protocols.releases.ledger import SHORT
from protocols.task.checks.replicates import MOST_NUMBERS
from protocols.task.manifest import MOST_COPIES

MOST_SEEDS: Final = 100_000
CLEAR: Final = "Runs in the clear: all agents in this program and its processes."
PRIVATE: Final = "Private, over processes of this machine; each run is in the list by itself."


def run_clear(
    tasks: Mapping[str, EnsembleTask],
    seeds: Sequence[int],
    *,
    workers: int | None = None,
    device: str = "auto",
    progress: bool = True,
    journal: Path | None = None,
) -> dict[str, Result]:
    """Return the result of each configuration over the same seeds, all agents in the clear, each run by itself.

    Args:
        tasks: configurations by the names of scenarios.
        seeds: of each.
        workers, device: as `compute` has them.
        progress: show a bar.
        journal: folder for a journal of how far they are; none unless given.

    Raises:
        ParameterError: as `compute` does; or the number of workers is none.
    """
    workers = plain(workers)
    if workers is not None and (not isinstance(workers, int) or isinstance(workers, bool) or not 1 <= workers <= 1024):
        raise ParameterError(f"workers is {workers}; give a whole number from 1 to 1024, or leave it out")
    titles, name = list(tasks), next(iter(tasks.values())).config.name
    with (
        record_ensemble(journal, name=name, titles=titles, seeds=len(seeds), facts=(CLEAR,)) as ensemble,
        watch(titles, seeds=len(seeds), shown=progress) as on_series,
    ):

        def take(scenario: int, table: pa.Table) -> None:
            ensemble.add(scenario, table)
            on_series(scenario)

        found = compute(list(tasks.values()), seeds, workers=workers, device=device, on_series=take)
    return {
        name: _result(task.config, seeds, tables) for (name, task), tables in zip(tasks.items(), found, strict=True)
    }


def run_batch(
    task: EnsembleTask, seeds: Sequence[int], *, progress: bool = True, journal: Path | None = None
) -> Result | None:
    """Return the result of a configuration's seeds that are computed many at once; none where a notice says why not.

    Raises:
        ParameterError: a mistake in the configuration.
    """
    from lpm_secure.engine.bitslice.lane_model import EnsembleObstacle  # noqa: PLC0415 - LLVM and torch
    from lpm_secure.scenario.ensemble.batch import compute_batch  # noqa: PLC0415

    name, facts = task.config.name, (CLEAR, "Computed at once: the law of single runs, not their bits.")
    with (
        record_ensemble(journal, name=name, titles=[name], seeds=len(seeds), facts=facts) as ensemble,
        watch([name], seeds=len(seeds), shown=progress) as on_series,
    ):

        def take(table: pa.Table) -> None:
            ensemble.add(0, table)
            on_series(0)

        try:
            tables = compute_batch(task.config, seeds, beside=task.beside, on_series=take)
        except EnsembleObstacle as reason:
            NOTICES.warning("the seeds of %s are computed one by one: %s", task.config.name, reason)
            return None
    result = _result(task.config, seeds, tables)
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
    journal: Path | None = None,
) -> Result:
    """Return the result of runs over processes of this machine: of seeds that follow each other, replicates of one run.

    Of more seeds than a run may have replicates there are several runs. Where a run cannot have any, or seeds do not
    follow each other, there is one run for each seed, and a notice says why. All have the same private agents.

    Args:
        config, beside, out, parity, device: as `execute` has them.
        seeds: of the runs.
        progress: show a bar.
        journal: folder for a journal of all of them; each has its own in its folder.

    Raises:
        ParameterError, ProtocolError, Unavailable: as `execute` does; or a gradient is asked for.
    """
    from lpm_secure.scenario.execution import execute, series_of  # noqa: PLC0415 - torch

    if config.gradient is not None:
        raise ParameterError(f"{config.name} asks for a gradient, and not for series: use lpm run, or leave it out")
    each = _replicates(config, seeds)
    seeds = seeds if len(seeds) > 1 else range(seeds[0], seeds[0] + len(each[0]))
    name, summaries, tables = config.name, list[Summary](), list[pa.Table]()
    with (
        record_ensemble(journal, name=name, titles=[name], seeds=len(seeds), facts=(PRIVATE,)) as ensemble,
        watch([name], seeds=len(each) * config.steps, shown=progress, unit="steps") as on_step,
    ):
        for of_run in each:
            drawn, observer = config.with_draws(of_run[0], replicates=len(of_run)), _observer(on_step)
            summaries.append(execute(drawn, beside=beside, out=out, parity=parity, device=device, observer=observer))
            for own in split_replicates(series_of(summaries[-1])):
                tables.append(own)
                ensemble.add(0, describe(own, SeriesWords(stages_of(own, summaries[-1].figures), "")))
    result = _result(config, seeds, tables)
    same = [each.figures["parity"] for each in summaries if each.figures["parity"] is not None]
    return dataclasses.replace(
        result,
        stages=stages_of(tables[0], summaries[0].figures),
        parity=parity_word(all(same)) if same else None,
        hashes=tuple(own for each in summaries for own in _hashes(each)),
        folders=tuple(out / f"{config.name}-{each.figures['run'][:SHORT]}" for each in summaries),
    )


def _observer(on_step: OnSeries) -> StepObserver:
    """Return what tells each step of a run, but for the one before the first."""

    @contextmanager
    def observe(title: str, *, steps: int, words: Sequence[TallyWord]) -> Iterator[OnStep]:
        yield lambda step, release: on_step(0) if step else None

    return observe


def _hashes(summary: Summary) -> list[str]:
    """Return the hash of each replicate's series."""
    each = summary.figures.get("replicates", [{"sha256": summary.figures["sha256_private"]}])
    return [str(own["sha256"]) for own in each]


def _replicates(config: Config, seeds: Sequence[int]) -> list[Sequence[int]]:
    """Return the seeds of each run's replicates; of one each where a notice says why.

    Raises:
        ParameterError: the configuration names others already.
    """
    given, count = config.private.replicates, len(seeds)
    if count == 1:
        return [range(seeds[0], seeds[0] + given)]
    if given > 1:
        raise ParameterError(f"private.replicates is {given}, and {count} seeds are asked for; leave one of both out")
    obstacles = {
        "they do not follow each other": list(seeds) != list(range(seeds[0], seeds[0] + count)),
        "edges are permuted": config.protocol.edges == "permuted",
        "there are twins": config.synthetic.twin,
    }
    why = next((reason for reason, holds in obstacles.items() if holds), None)
    if why is not None:
        NOTICES.warning("the seeds of %s have a run each, one after the other: %s", config.name, why)
    most = min(MOST_COPIES, MOST_NUMBERS // max(len(config.run_model.agents.public), 1)) if why is None else 1
    return [seeds[first : first + most] for first in range(0, count, most)]


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


def _result(config: Config | CityConfig, seeds: Sequence[int], tables: Sequence[pa.Table]) -> Result:
    """Return series of seeds as one table, which says whose each row is."""
    words = [words_of(table) for table in tables]
    numbered = [
        table.replace_schema_metadata().add_column(0, "seed", pa.array(np.full(table.num_rows, seed, dtype=np.int64)))
        for seed, table in zip(seeds, tables, strict=True)
    ]
    stages = list(dict.fromkeys(stage for each in words for stage in each.stages))
    table = pa.concat_tables(numbered)
    return Result(
        name=config.name,
        table=table,
        stages=tuple(stages),
        hashes=tuple(each.sha256 for each in words),
        config=tables_of_config(config),
        parameters=parameters_in_units(config),
    )
