"""How far the seeds of scenarios are, and what they have yielded by now, for a journal of progress."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np
import pyarrow as pa

from lpm_secure.models.words import word_of
from lpm_secure.report.progress import Band, BandGroup, EnsembleProgress, ProgressHead, ProgressJournal, journal_of
from lpm_secure.scenario.results.figures import part_of
from lpm_secure.scenario.results.words import words_of
from protocols.quantity import quantity

LEVELS: Final = (0.05, 0.5, 0.95)
MOST: Final = 24  # plots that a page shows while runs go on; scenarios that have none are in the report


@final
@dataclass(slots=True, eq=False)
class EnsembleJournal:
    """Takes the series of each run that has ended.

    Attributes:
        titles: of scenarios; of a single one nothing is said.
        journal: that lines go to; None where nobody reads them.
        total: how many runs there will be.

    A line for each run says how many have ended. Bands are in it when there are half as many more as in the last one,
    and when all have ended, so that a journal stays small.
    """

    titles: Sequence[str]
    journal: ProgressJournal | None
    total: int
    _found: dict[int, list[pa.Table]] = field(init=False, default_factory=dict)
    _shown: int = field(init=False, default=0)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def add(self, scenario: int, table: pa.Table) -> None:
        """Take the series of a run of a scenario, from whichever thread waited for it."""
        if self.journal is not None:
            with self._lock:
                self._write(scenario, table, self.journal)

    def _write(self, scenario: int, table: pa.Table, journal: ProgressJournal) -> None:
        self._found.setdefault(scenario, []).append(table)
        done = sum(map(len, self._found.values()))
        groups: tuple[BandGroup, ...] = ()
        if done in (1, self.total) or 2 * done >= 3 * self._shown:
            self._shown = done
            groups = tuple(self._groups())[:MOST]
        days = tuple(map(float, table["day"].to_pylist())) if groups else ()
        journal.write(EnsembleProgress(at=time.time(), step=done, days=days, groups=groups))

    def _groups(self) -> Iterator[BandGroup]:
        """Yield the bands of the stages of each scenario by now, those of each part of the agents together."""
        for scenario, tables in sorted(self._found.items()):
            parts: dict[str, list[Band]] = {}
            for name in words_of(tables[0]).stages:
                part, label = part_of(name)
                title = f"{part} agents" if part else "agents"
                parts.setdefault(title, []).append(_band(word_of(label), [table[name].to_numpy() for table in tables]))
            for title, bands in parts.items():
                shown = f"{self.titles[scenario]}: {title}" if len(self.titles) > 1 else title
                yield BandGroup(title=shown, seeds=len(tables), series=tuple(bands))


def _band(name: str, values: Sequence[np.ndarray]) -> Band:
    low, median, high = (tuple(each.tolist()) for each in np.quantile(np.stack(values), LEVELS, axis=0))
    return Band(name=name, low=low, median=median, high=high)


@contextmanager
def record_ensemble(
    folder: Path | None, *, name: str, titles: Sequence[str], seeds: int, facts: tuple[str, ...] = ()
) -> Iterator[EnsembleJournal]:
    """Begin the journal of an ensemble in a folder, and end it with how it ended.

    Args:
        folder: of what will come of it; None for no journal.
        name: of the configuration.
        titles: of scenarios.
        seeds: of each.
        facts: what else a reader should know, in sentences.
    """
    total, over, several = len(titles) * seeds, quantity(seeds, "seed"), len(titles) > 1
    head = ProgressHead(
        at=time.time(),
        kind="comparison" if several else "ensemble",
        name=name,
        run=f"{name} over {over}",
        total=total,
        unit="run",
        facts=(f"{len(titles)} scenarios over {over} each." if several else f"{over}.", *facts),
    )
    with contextlib.ExitStack() as stack:
        journal = None if folder is None else stack.enter_context(journal_of(folder, head))
        yield EnsembleJournal(titles, journal, total)
