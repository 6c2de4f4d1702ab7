"""Seeds of several configurations: the same seeds of each, in this process or over others."""

import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import pyarrow as pa

from lpm_secure.city.config import CityConfig
from lpm_secure.config.simulation import Config
from lpm_secure.scenario.ensemble.pool import Task, WorkerPool
from lpm_secure.scenario.ensemble.task import is_portable, write_task
from protocols.errors import ParameterError

NOTICES: Final = logging.getLogger("lpm")  # for whoever waits; `lpm` prints them
WORTH_S: Final = 10.0  # of runs in this process: below it, other processes would have started in vain


@final
@dataclass(frozen=True, slots=True, eq=False)
class EnsembleTask:
    """A configuration whose seeds are asked for; a population's relative path starts from `beside`."""

    config: Config | CityConfig
    beside: Path


def compute(
    tasks: Sequence[EnsembleTask],
    seeds: Sequence[int],
    *,
    workers: int | None = None,
    device: str = "auto",
    on_series: Callable[[int, pa.Table], None] = lambda task, table: None,
) -> list[list[pa.Table]]:
    """Return the series of each seed of each configuration.

    Args:
        tasks: configurations.
        seeds: of each of them: common random numbers, as draws are by seed, agent, purpose and step.
        workers: processes; 1 for this one alone, None for as many as are worth their start. The bits are the same.
        device: where each run computes: auto, cpu or cuda.
        on_series: told the number of the configuration of which a seed has ended, and its series.

    Raises:
        ParameterError: a mistake in a configuration; or several workers, and an environment of this process alone.
    """
    found: dict[Task, pa.Table] = {}

    def take(task: Task, table: pa.Table) -> None:
        found[task] = table
        on_series(task[0], table)

    todo = [(number, seed) for number in range(len(tasks)) for seed in seeds]
    portable = all(is_portable(each.config) for each in tasks)
    if workers is not None and workers > 1 and not portable:
        raise ParameterError(
            f"got workers = {workers}, and the environment is a class of this session: write it into a file, and "
            "import it, or use workers=1"
        )
    with _single_notices() as notice, tempfile.TemporaryDirectory(prefix="lpm-") as folder:
        count = workers
        if count is None or count == 1:
            count = _here(tasks, todo, device=device, take=take, adapt=count is None and portable)
        left = [task for task in todo if task not in found]
        if left:
            cores = max((os.cpu_count() or 1) // count, 1)
            for number, each in enumerate(tasks):
                write_task(Path(folder), number, each.config, beside=each.beside, device=device, cores=cores)
            WorkerPool(Path(folder), count, cores, notice).compute(left, take)
    return [[found[number, seed] for seed in seeds] for number in range(len(tasks))]


def _here(
    tasks: Sequence[EnsembleTask],
    todo: Sequence[Task],
    *,
    device: str,
    take: Callable[[Task, pa.Table], None],
    adapt: bool,
) -> int:
    """Compute seeds in this process: all, or so many until others are worth their start; return how many of these."""
    from lpm_secure.scenario.ensemble.seeds import Seeds, seeds_of  # noqa: PLC0415 - torch, which processes load alone

    cores, own = os.cpu_count() or 1, dict[int, Seeds]()
    for done, (number, seed) in enumerate(todo, start=1):
        if number not in own:
            own = {number: seeds_of(tasks[number].config, beside=tasks[number].beside, device=device)}
        begun, begun_cpu = time.perf_counter(), time.process_time()
        take((number, seed), own[number].series(seed))
        busy_s = min(time.perf_counter() - begun, time.process_time() - begun_cpu)  # whatever else this machine does
        left = (len(todo) - done) * busy_s
        if adapt and done > 1 and cores > 1 and left > WORTH_S:  # the first compiles, and says little
            return min(cores, len(todo) - done)
    return 1


@contextmanager
def _single_notices() -> Iterator[Callable[[str], None]]:
    """Let each notice of many runs be logged once; what is yielded takes one of another process."""
    seen: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        new = text not in seen
        seen.add(text)
        return new

    NOTICES.addFilter(is_new)
    try:
        yield NOTICES.warning
    finally:
        NOTICES.removeFilter(is_new)
