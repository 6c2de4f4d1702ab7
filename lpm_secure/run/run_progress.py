"""What the engine of a private run sees of it, step by step, for its journal of progress."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import msgspec

from lpm_secure.engine.loop import PrivatePart, StepRelease
from lpm_secure.engine.series import PARTS, first_stages
from lpm_secure.models.words import word_of
from lpm_secure.report.progress import (
    PartyProgress,
    ProgressHead,
    ProgressJournal,
    SeriesNames,
    StepProgress,
    journal_of,
)
from protocols.arithmetic.counters import Step
from protocols.arithmetic.fixed_point import I64
from protocols.report.disclosure import describe_releases, describe_security
from protocols.task import manifest as manifests
from protocols.task.manifest import Simulation
from protocols.task.parties import servers_of
from protocols.task.release_plan import ReleasePlan, releases_of

DRIVING: Final = "the steps"
STARTING: Final = "processes start, and join"


def head_of(manifest: Simulation, *, synthetic: int, facts: tuple[str, ...] = ()) -> ProgressHead:
    """Return the head of a run's progress, from what its manifest says to everybody.

    Args:
        manifest: of the run.
        synthetic: how many agents the engine has.
        facts: what else a reader should know, in sentences.
    """
    words = ReleasePlan.of(manifest).tally_words
    names, stages = tuple(word_of(word.name) for word in words), first_stages(words)
    parts = PARTS if synthetic else PARTS[:1]
    return ProgressHead(
        at=time.time(),
        kind="private run",
        name=manifest.name,
        run=manifests.run_id(manifest).hex(),
        total=manifest.steps,
        dt=manifest.dt,
        parts=tuple(SeriesNames(part=part, names=names, stages=stages) for part in parts),
        clients=tuple(client.name for client in manifest.clients),
        servers=tuple(each.name for each in servers_of(manifest.aggregators, manifest.dealer)),
        releases=tuple(describe_releases(manifest)),
        rho=releases_of(manifest).rho,
        facts=(
            *facts,
            *_first(manifest),
            f"Each release is over at least {manifest.min_cohort} clients.",
            describe_security(manifest),
        ),
    )


def _first(manifest: Simulation) -> tuple[str, ...]:
    """Return whose series are seen while a run with replicates goes on."""
    return (f"Of {manifest.copies} replicates these are the first one's.",) if manifest.copies > 1 else ()


@final
@dataclass(slots=True, eq=False)
class RunProgress:
    """Writes steps and lost parties of one run down.

    Attributes:
        journal: of the run.
        manifest: of the run.
        parts: how many of the parts of a series are written.

    Security: takes releases, names and exit codes; the log of a party, which its last line would be of, is its own.
    """

    journal: ProgressJournal
    manifest: Simulation
    parts: int
    _made: dict[str, int] = field(init=False, default_factory=dict)
    _lost: set[str] = field(init=False, default_factory=set)

    def see(self, step: int, counts: I64, release: StepRelease) -> None:
        """Write a step down; counts are int64[2, q]."""
        if not step:
            self.journal.enter(DRIVING)
        each = releases_of(self.manifest).each
        for opened in ReleasePlan.of(self.manifest).in_step(Step(step)):
            self._made[opened.name] = self._made.get(opened.name, 0) + 1
        values = tuple(tuple(part) for part in counts[: self.parts].tolist())
        copies = self.manifest.copies
        spent = math.fsum(opened.rho(self._made.get(opened.name, 0), copies=copies) for opened in each)
        self.count(step, release, values=values, spent=spent)

    def count(
        self, step: int, release: StepRelease, *, values: tuple[tuple[int, ...], ...] = (), spent: float = 0.0
    ) -> None:
        """Write down that a step is over, and who took part in it; `values` and `spent` are as `StepProgress` has."""
        late = None
        if release.names is not None:
            gone = {*release.names, *release.refused}
            late = tuple(client.name for client in self.manifest.clients if client.name not in gone)
        self.journal.write(
            StepProgress(
                at=time.time(),
                step=step,
                values=values,
                members=release.members,
                late=late,
                refused=release.refused,
                traffic=release.traffic,
                spent=spent,
            )
        )

    def lose(self, party: str, code: int) -> None:
        """Write down that a party's process has ended with an error, once."""
        if party not in self._lost:
            self._lost.add(party)
            self.journal.write(PartyProgress(at=time.time(), party=party, code=code))


@final
class RecordedPart(PrivatePart):
    """Private agents of which each round is written down, whatever it is of: derivatives have no stages to show."""

    def __init__(self, part: PrivatePart, progress: RunProgress) -> None:
        """Stand before a part."""
        self._part, self._progress, self._rounds = part, progress, 0

    async def advance(self, step: int, announced: I64) -> StepRelease:
        """Advance as the part does, and write down that it has."""
        if not self._rounds:
            self._progress.journal.enter(DRIVING)
        release = await self._part.advance(step, announced)
        self._rounds += 1
        self._progress.count(self._rounds, release)
        return release


@contextmanager
def record_derivatives(folder: Path, manifest: Simulation) -> Iterator[RunProgress]:
    """Begin the journal of a run for its derivatives, which counts rounds, and end it with how the run ended."""
    schedule = manifest.schedule
    total = manifest.steps + 1 if schedule.outcome else schedule.rounds
    head = msgspec.structs.replace(
        head_of(manifest, synthetic=0), kind="private derivatives", total=total, unit="round", parts=(), rho=0.0
    )
    with journal_of(folder, head) as journal:
        yield RunProgress(journal, manifest, 0)


@contextmanager
def record_run(
    folder: Path, manifest: Simulation, *, synthetic: int, facts: tuple[str, ...] = ()
) -> Iterator[RunProgress]:
    """Begin the journal of a run in its folder, and end it with how the run ended; see `head_of`."""
    head = head_of(manifest, synthetic=synthetic, facts=facts)
    with journal_of(folder, head) as journal:
        yield RunProgress(journal, manifest, len(head.parts))
