"""A process of an ensemble: reads lines `TASK SEED`, and answers each with a line of JSON and a file of its series."""

import logging
import sys
from pathlib import Path
from typing import Final, final

import msgspec
from pyarrow import parquet

from lpm_secure.scenario.ensemble.seeds import Seeds
from lpm_secure.scenario.ensemble.task import SeedAnswer, read_task, series_path
from protocols.errors import LpmError

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
    """SeedAnswer until there are no more lines."""
    folder, notices = Path(sys.argv[1]), NoticeList()
    NOTICES.addHandler(notices)
    NOTICES.propagate = False
    tasks: dict[int, Seeds] = {}
    for line in sys.stdin:
        number, seed = map(int, line.split())
        notices.lines.clear()
        try:
            if number not in tasks:
                tasks = {number: read_task(folder, number)}  # one at a time: people take memory
            parquet.write_table(tasks[number].series(seed), series_path(folder, number, seed))
            answer = SeedAnswer(tuple(notices.lines))
        except LpmError as error:
            answer = SeedAnswer(tuple(notices.lines), error.code, str(error))
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
