"""Rounds of a run of sums, as whoever drives it announces them and reads what is opened."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, final

from client_sdk.secure_sum.contribution import F64
from lpm_secure.engine.announcement import AnnouncementTerms, announce
from lpm_secure.engine.masked_part import MaskedAnnouncer, announcer_of
from lpm_secure.event_loop import LoopRunner
from lpm_secure.secure_sum.transport import OpenedSum, Reason, RoundCounter, SumTransport, words_of
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import I64
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
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
        self._run, self._transports = manifests.run_id(task), transports
        self._terms = AnnouncementTerms(task.share(), Layout.of(task).release_words, task)
        self._masked: MaskedAnnouncer | None = announcer_of(task, transports, folder) if is_active(task) else None

    async def advance(self, step: int, words: I64) -> ReleasedSum:
        """Announce a round, and return what it released; errors are those of the run's way of announcing."""
        if self._masked is not None:
            size = self._masked.plan.announcement_words(RoundNumber(step))
            reading = await self._masked.advance(step, words[:size])
            return ReleasedSum(reading.release, tuple(sorted(reading.accepted)), reading.refused)
        call = Announcement(self._run, Step(step), words)
        release = await announce(self._terms, self._transports, call)
        return ReleasedSum(release.words, release.names, release.refused)


@dataclass(slots=True, eq=False)
class AnnouncedSum(SumTransport):
    """A secure sum whose servers are other processes; a context: they are reached in its first round, and then left."""

    _counter: RoundCounter = field(init=False, repr=False)
    _runner: LoopRunner = field(init=False, repr=False, default_factory=LoopRunner)
    _transports: Sequence[Transport] = field(init=False, repr=False, default=())
    _announcer: SumAnnouncer | None = field(init=False, repr=False, default=None)
    _left_out: dict[str, Reason] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Begin before the first round."""
        self._counter = RoundCounter(self.manifest)

    def __enter__(self) -> Self:
        """Begin; nothing is started or sent yet."""
        return self

    def open(self, announced: F64) -> OpenedSum:
        """Announce in one round of the run, and get the sum of what institutions answer in the next one."""
        self._counter.require(announced)
        released = self._released(self._counter.round, words_of(announced))
        self._left_out |= dict.fromkeys(released.refused, Reason.GARBAGE)
        return self._counter.count(released.words, released.names, self._left_out)

    @abc.abstractmethod
    def _released(self, number: int, words: I64) -> ReleasedSum:
        """Return what a round of sums released, of the words that are announced in it."""

    def _reach(self, connect: Callable[[], Sequence[Transport]], folder: Path) -> SumAnnouncer:
        """Connect to the servers, and return the way to announce to them by the engine's keys in a folder."""

        async def connected() -> Sequence[Transport]:  # transports belong to a loop that runs
            return connect()

        self._transports = self._runner.run(connected())
        self._announcer = SumAnnouncer(self.manifest, self._transports, folder)
        return self._announcer

    def _leave(self) -> None:
        """Leave the servers."""

        async def left() -> None:
            for transport in self._transports:
                await transport.close()

        self._runner.run(left())
        self._runner.close()
