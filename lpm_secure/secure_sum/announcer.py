"""Rounds of a run of sums, as whoever drives it announces them and reads what is opened."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from lpm_secure.engine.announcement import announce
from lpm_secure.engine.masked_part import MaskedAnnouncer, announcer_of
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import I64
from protocols.task import manifest as manifests
from protocols.task.manifest import is_active
from protocols.task.secure_sum.spec import SecureSum
from protocols.wire.messages import Announcement
from protocols.wire.transport import Transport


@final
@dataclass(frozen=True, slots=True, eq=False)
class ReleasedSum:
    """What a round released.

    Attributes:
        words: int64[length], the sum; nothing in rounds that only announce.
        names: of those that it is over.
        refused: who was found to send garbage, in it or by now.
    """

    words: I64 = field(repr=False)
    names: tuple[str, ...]
    refused: tuple[str, ...]


@final
class SumAnnouncer:
    """Drives the rounds of one run of sums over its transports, whatever their security."""

    def __init__(self, task: SecureSum, transports: Sequence[Transport], folder: Path) -> None:
        """Begin; nothing is sent.

        Args:
            task: the run's manifest.
            transports: to the aggregators, in the manifest's order.
            folder: of the engine's keys, by which it signs where security is active; read there alone.
        """
        self._task, self._transports = task, transports
        self._masked: MaskedAnnouncer | None = announcer_of(task, transports, folder) if is_active(task) else None

    async def advance(self, step: int, words: I64) -> ReleasedSum:
        """Announce a round, and return what it released; errors are those of the run's way of announcing."""
        if self._masked is not None:
            size = self._masked.plan.announcement_words(RoundNumber(step))
            reading = await self._masked.advance(step, words[:size])
            return ReleasedSum(reading.release, tuple(sorted(reading.accepted)), reading.refused)
        call = Announcement(manifests.run_id(self._task), Step(step), words)
        release = await announce(self._task, self._transports, call)
        return ReleasedSum(release.words, release.names, release.refused)
