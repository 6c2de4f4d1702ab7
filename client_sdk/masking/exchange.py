"""The rounds of `client_sdk.simulation` over the masked backend: the same client, with other messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, final

import numpy as np

from client_sdk.masking.channel import ServerChannel
from client_sdk.masking.masking_client import NOTHING, MaskingClient, Reading
from client_sdk.simulation.exchange import Answer
from protocols.arithmetic.counters import FIRST_ROUND, FIRST_STEP, RoundNumber, Step
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import AnswerLost, LpmError, ParameterError, RoundClosed, RunEnded, RunExpired, Unavailable
from protocols.identity.sealing_key import public_key
from protocols.identity.server_keys import IDENTITY
from protocols.identity.signing import read_key
from protocols.masking.envelope import SignedMessage, Signer
from protocols.masking.journal import Journal
from protocols.masking.plan import plan_of
from protocols.models.outcome import OutcomeSpec
from protocols.task.manifest import Manifest
from protocols.task.outcome_layout import split_columns
from protocols.task.rounds import Phase
from protocols.task.signature import trust_of
from protocols.wire.transport import Transport

SEED_AHEAD: Final = 3  # rounds that may have to be over before a seed serves, the one in hand among them


class ReplyChannel(Protocol):
    """How a client reaches both aggregators."""

    async def join(self) -> Step:
        """Join at both, and return the first step that has begun at neither."""

    async def hand(self, envelope: SignedMessage) -> None:
        """Hand a sealed seed to both, for the first round."""

    async def exchange(
        self, envelope: SignedMessage, *, step: Step, rounds: int = 1
    ) -> tuple[SignedMessage, SignedMessage]:
        """Hand a round's message to both, and return what each replies when the round is over."""

    async def stop(self, envelope: SignedMessage) -> None:
        """Tell everybody that the run is over."""


@final
@dataclass(slots=True, eq=False)
class MaskedExchange:
    """One client's rounds.

    A client that was started again, or came too late for a round, comes back with a fresh seed from the beginning of a
    step on. What it was told before, it takes from its journal, so that it lives through the same steps once more; of
    steps that it missed it is told the public numbers.

    Attributes:
        client: what it sends and opens.
        channel: to the aggregators.
    """

    client: MaskingClient
    channel: ReplyChannel
    _told: list[U64] | None = field(init=False, repr=False, default=None)
    _live: RoundNumber = field(init=False, default=FIRST_ROUND)  # rounds before it are over for this client
    _public: I64 = field(init=False, repr=False, default_factory=lambda: np.zeros(0, dtype=np.int64))
    _alone: bool = field(init=False, default=False)

    @property
    def has_joined(self) -> bool:
        """Tell whether a seed of this client may have gone out, in this process or another."""
        return self.client.has_joined

    @property
    def is_over(self) -> bool:
        """Tell whether the journal has the answer of every round, so that no server is needed."""
        return self.client.is_over

    def leave(self) -> None:
        """Ask no server any more: what the journal lacks counts as missed now, and may come at a later start.

        Raises:
            RunEnded: this client had stopped.
        """
        self.client.require_running()
        self.client.recall_attendance()
        self._alone = True

    async def join(self) -> Step:
        """Hand a seed over, for the first step or for the next one; the run is told from its first step.

        Raises:
            RunEnded: this client had stopped, before it was started again, and tells so once more.
        """
        if self.client.ending:
            await self.channel.stop(self.client.stop())
            self.client.require_running()
        if self.client.is_over or self._alone:
            self._live = RoundNumber(self.client.plan.manifest.schedule.rounds)
        elif self.client.has_joined:
            await self._return(FIRST_STEP)
        else:
            await self.channel.join()
            try:
                await self.channel.hand(self.client.join())
            except RoundClosed as error:
                raise RunEnded(f"this client takes no part: {error}") from error
        return FIRST_STEP

    async def recall(self, since: Step, until: Step) -> list[dict[str, int]]:
        """Return the environment's numbers of steps `since` to `until` - 1, as both aggregators told them.

        Raises:
            Unavailable: the journal lacks them, without which agents cannot go on, and no server is asked any more.
        """
        layout = self.client.plan.layout
        if self._alone and until > since and layout.environment:
            raise Unavailable(f"no server answers, and this client's journal lacks what was public in step {since}")
        width, nothing = len(layout.environment), np.zeros(layout.cells, dtype=np.int64)
        rows = (self._public[width * step : width * (step + 1)] for step in range(since, until))
        return [
            layout.public_numbers(np.concatenate([nothing, row]), step=since + place) for place, row in enumerate(rows)
        ]

    async def round(self, vector: U64, *, step: Step, phase: Phase = Phase.SPEAK) -> Answer:
        """Take part in one round, or take its answer from the journal.

        Args:
            vector: uint64, of the length that the layout gives the phase.
            step: of the run.
            phase: of the step.

        Raises:
            PartiesDisagree, BadSignature, Unavailable: a server lied or keeps silent; everybody is told that the run is
                over. If one refusal of one server could make a client go, that server would drop whom it likes.
            RoundClosed, AnswerLost: this client was away, or lost its answer; it goes on with what it knows itself.
            RunEnded: the run is over, or this client is out of it: it left its ranges, or came for no later step.
        """
        number = self.client.plan.manifest.schedule.number(step, phase)
        words = self._growth(vector) if phase == Phase.DECIDE else vector
        reading = None
        if number >= self._live:
            reading = await self._ask(number, words, step)
        if reading is None:
            reading = self.client.recall(number, words)
        counted = reading is not None or number in self.client.attendance.rounds_of(self.client.signer.name, self._live)
        if phase == Phase.DECIDE and counted:
            self._told = self._levels(vector.copy())
        if reading is not None:
            public = self.client.plan.layout.settle(reading.announcement, reading.accepted)
            return Answer(reading.outcomes, reading.release, public)
        if phase == Phase.THRESHOLDS and counted:
            return Answer(NOTHING, NOTHING, NOTHING)
        raise (AnswerLost if counted else RoundClosed)(f"this client was away in step {step}")

    async def _ask(self, number: RoundNumber, words: U64, step: Step) -> Reading | None:
        """Send a round's words, and return what was told; None where the round closed without this client."""
        try:
            message = self.client.message(number, words)
        except RunExpired as error:
            await self._stop(error)
            raise
        try:
            return self.client.open(number, await self.channel.exchange(message, step=step))
        except RoundClosed:
            if step == self.client.plan.manifest.schedule.steps:
                self._live = RoundNumber(number + 1)
            else:
                await self._return(Step(step + 1))
            return None
        except LpmError as error:
            await self._stop(error)
            raise

    async def _return(self, step: Step) -> None:
        """Come back with a fresh seed, from a step on in which nothing was sent; rounds before are over.

        Raises:
            RunEnded: there is no such step, or this client is out for good.
            RecordsDiffer: its journal is not of what was sent.
        """
        schedule, sent = self.client.plan.manifest.schedule, self.client.last_sent
        after = FIRST_STEP if sent is None else Step(schedule.step(sent) + (schedule.phase(sent) != Phase.THRESHOLDS))
        try:
            step = max(step, after, await self.channel.join())
            if step > schedule.steps:
                raise RoundClosed("the run is over, or its last step has begun")
            number = schedule.number(step, Phase.SPEAK)
            self.client.renew(number)
            seed = self.client.join()
            self._public = self.client.attend(number, await self.channel.exchange(seed, step=step, rounds=SEED_AHEAD))
        except RoundClosed as error:
            raise RunEnded(f"this client takes part no longer, and the others go on: {error}") from error
        except LpmError as error:
            await self._stop(error)
            raise
        self.client.require_whole()
        self._live = number

    async def _stop(self, error: LpmError) -> None:
        self.client.abandon(str(error))
        await self.channel.stop(self.client.stop())

    def _growth(self, vector: U64) -> U64:
        """Return the words of a decision with the growth of own levels in place of their sums."""
        grown = vector.copy()
        if self._told is not None:
            for outcome, columns, told in zip(
                self._outcomes, split_columns(self._outcomes, grown), self._told, strict=True
            ):
                if outcome.keep:
                    goes_on = np.uint64(1) - columns.get("anew", np.zeros_like(told))
                    columns["level"] -= told * goes_on
        return grown

    def _levels(self, vector: U64) -> list[U64]:
        """Return the sums of own levels among the words of a decision, uint64[n_own] of each outcome, as views."""
        return [columns["level"] for columns in split_columns(self._outcomes, vector)]

    @property
    def _outcomes(self) -> tuple[OutcomeSpec, ...]:
        return self.client.plan.layout.outcomes


def require_no_relay(relay: str | None) -> None:
    """Refuse to reach one aggregator over the other.

    Raises:
        ParameterError: the client's configuration names a relay.
    """
    if relay is not None:
        raise ParameterError(
            "the run's security is active: an aggregator that relays could drop this client; reach both"
        )


def begin_exchange(
    manifest: Manifest, name: str, transports: Sequence[Transport], *, identity: Path, journal: Journal
) -> MaskedExchange:
    """Return a client's rounds over a network, to begin with or to go on with.

    Args:
        manifest: of the run.
        name: of the client.
        transports: to both aggregators, in the manifest's order.
        identity: the folder of its key.
        journal: of what it has sent and was told.
    """
    plan, trust = plan_of(manifest), trust_of(manifest)
    dealer = trust.keys[plan.dealer.name].sealing
    if dealer is None:
        raise ParameterError("the manifest pins no sealing key of the dealer; its security cannot be active")
    signer = Signer.draw(name, read_key(identity / IDENTITY))
    client = MaskingClient(plan, signer, trust.signing_keys, journal, dealer=public_key(dealer))
    return MaskedExchange(client, ServerChannel(plan.run, manifest, transports))
