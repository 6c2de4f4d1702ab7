"""The rounds of a client that may be ended at any time, and goes on in another process."""

from collections.abc import Sequence
from typing import Final, final

import numpy as np

from client_sdk.simulation.exchange import Answer, Exchange
from client_sdk.simulation.round_journal import RoundJournal
from protocols.arithmetic.counters import RoundNumber, Step
from protocols.arithmetic.fixed_point import U64
from protocols.errors import AnswerLost, RecordsDiffer, RoundClosed, Unavailable
from protocols.masking.journal import Journal
from protocols.task.manifest import SimulationManifest
from protocols.task.rounds import Phase
from protocols.wire.transport import Transport

NOTHING: Final = Answer(*(np.zeros(0, dtype=np.int64) for _ in range(3)))


@final
class DurableExchange:
    """The rounds of `Exchange` with a journal, from which a client that was started again lives through them once more.

    What it has been told stands there; a vector of which it does not know whether it went out goes out again, the same
    one. Of rounds that have closed meanwhile it hears whether its share counted.
    """

    def __init__(
        self, manifest: SimulationManifest, name: str, transports: Sequence[Transport], journal: Journal
    ) -> None:
        """Begin the run, or go on with it; nothing is sent."""
        self._manifest, self._journal = manifest, RoundJournal(journal, manifest.share())
        self._exchange = Exchange(manifest, name, transports, keys=self._journal.keys)
        self._alone = False

    @property
    def has_joined(self) -> bool:
        """Tell whether this client has joined the run, in this process or another."""
        return self._journal.joined is not None

    @property
    def is_over(self) -> bool:
        """Tell whether the journal has the run to its end, so that no server is needed."""
        return self._journal.has_heard(RoundNumber(self._manifest.schedule.rounds - 1))

    def leave(self) -> None:
        """Ask no server any more: what the journal lacks counts as missed now, and may come at a later start."""
        self._alone = True

    async def join(self) -> Step:
        """Join at all aggregators, and return the step that came next when this client did so first.

        Raises:
            PartiesDisagree: an aggregator told a step that the run does not have.
            RecordsDiffer: the aggregators have counted what the journal does not have.
        """
        joined = self._journal.joined
        if joined is not None and (self.is_over or self._alone):
            return joined
        step = await self._exchange.join()
        counted = await self._exchange.ask_last_round()
        if counted is not None and not self._journal.has_told(counted):
            raise RecordsDiffer(
                "what this client has kept of the run is not what it has told: its folder was put back, or a copy of "
                "it has taken part; this one sits the run out"
            )
        if joined is None:
            self._journal.join(step)
        return step if joined is None else joined

    async def recall(self, since: Step, until: Step) -> list[dict[str, int]]:
        """Return the environment's numbers of steps `since` to `until` - 1, as `Exchange.recall` does or did.

        Raises:
            Unavailable: the journal lacks them, without which agents cannot go on, and no server is asked any more.
        """
        kept = self._journal.recall(since, until)
        if kept is None:
            if self._alone and until > since and self._manifest.model.agents.public:
                raise Unavailable(f"no server answers, and this client's journal lacks what was public in step {since}")
            kept = await self._exchange.recall_words(since, until)
            self._journal.remember(since, until, kept)
        return self._exchange.public_numbers(kept, since, until)

    async def round(self, vector: U64, *, step: Step, phase: Phase = Phase.SPEAK) -> Answer:
        """Take part in one round as `Exchange.round` does, or take what it told from the journal.

        Raises:
            ConflictingReplay: another vector was told in it: this client's files are others than they were.
        """
        number = self._manifest.schedule.number(step, phase)
        if self._alone and not self._journal.has_heard(number):
            raise RoundClosed(f"no server answers, and this client's journal ends before step {step}")
        keys = self._journal.tell(number, vector)
        if self._journal.has_heard(number):
            return self._journal.answer(number)
        try:
            answer = await self._exchange.round(vector, step=step, phase=phase, keys=keys)
        except RoundClosed as error:
            if not (isinstance(error, AnswerLost) and phase == Phase.THRESHOLDS and self._manifest.devices is None):
                self._journal.miss(number, error)
                raise
            answer = NOTHING  # thresholds that count: nothing is told of them
        self._journal.hear(number, answer)
        return answer
