"""Processes of an ensemble: each reads lines `TASK SEED`, and answers with a line of JSON and a file of the series.

`python -m ... FOLDER ASKS:ANSWERS ...` takes the descriptors of two pipes for each process; the first one forks the
others, when it has imported what all need and has started no thread.
"""

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import IO, Final, final

import msgspec
from pyarrow import parquet

from lpm_secure.scenario.construction import config_of
from lpm_secure.scenario.ensemble.seeds import Seeds, seeds_of
from lpm_secure.scenario.ensemble.task import SeedAnswer, TaskFile, read_task, series_path
from protocols.errors import LpmError

FIRST: Final = 0  # number of a task
NOTICES: Final = logging.getLogger("lpm")


@final
class NoticeList(logging.Handler):
    """Keeps notices until whoever waits asks for them."""

    def __init__(self) -> None:
        """Have none."""
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a notice."""
        self.lines.append(record.getMessage())


def main() -> None:
    """Serve the first pair of pipes, and fork a process for each of the others; all have the first task prepared."""
    folder = Path(sys.argv[1])
    pairs = [tuple(map(int, each.split(":"))) for each in sys.argv[2:]]
    tasks = dict[int, Seeds]()
    if len(pairs) > 1:
        with contextlib.suppress(LpmError):  # who is asked for a seed says it again
            _prepare(folder, tasks)
    own, forked = pairs[0], list[int]()
    while len(pairs) > 1:
        pair = pairs.pop()
        process = os.fork()
        if process == 0:
            _close(pairs)
            own, forked = pair, []
            break
        forked.append(process)
        _close([pair])  # it is the other's alone, whose end is seen by this
    asks, answers = own
    with os.fdopen(asks) as lines, os.fdopen(answers, "w") as out:
        serve(folder, lines, out, tasks)
    for process in forked:
        os.waitpid(process, 0)


def _close(pairs: list[tuple[int, ...]]) -> None:
    for end in (end for pair in pairs for end in pair):
        os.close(end)


def _prepare(folder: Path, tasks: dict[int, Seeds]) -> None:
    """Prepare the first task, where that starts no thread; notices are of the runs that follow."""
    level = NOTICES.level
    NOTICES.setLevel(logging.CRITICAL)
    try:
        task = read_task(folder, FIRST)
        if task.cores == 1:
            seeds = _seeds(task)
            seeds.prepare(0)
            tasks[FIRST] = seeds
    finally:
        NOTICES.setLevel(level)


def _seeds(task: TaskFile) -> Seeds:
    return seeds_of(config_of(task.config), beside=Path(task.beside), device=task.device)


def serve(folder: Path, lines: IO[str], out: IO[str], tasks: dict[int, Seeds]) -> None:
    """Answer until there are no more lines; of `tasks` some are prepared."""
    notices = NoticeList()
    NOTICES.addHandler(notices)
    NOTICES.propagate = False
    for line in lines:
        number, seed = map(int, line.split())
        notices.lines.clear()
        try:
            if number not in tasks:
                tasks = {number: _seeds(read_task(folder, number))}  # one at a time: people take memory
            parquet.write_table(tasks[number].series(seed), series_path(folder, number, seed))
            answer = SeedAnswer(tuple(notices.lines))
        except LpmError as error:
            answer = SeedAnswer(tuple(notices.lines), error.code, str(error))
        out.write(msgspec.json.encode(answer).decode() + "\n")
        out.flush()


if __name__ == "__main__":
    main()
