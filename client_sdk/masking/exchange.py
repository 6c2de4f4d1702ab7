"""The rounds of `client_sdk.simulation` over the masked backend: the same client, with other messages."""

from dataclasses import dataclass, field
from typing import Protocol, final

import numpy as np

from client_sdk.masking.masking_client import MaskingClient
from client_sdk.simulation.exchange import Answer
from protocols.arithmetic.counters import FIRST_STEP, Step
from protocols.arithmetic.fixed_point import U64
from protocols.errors import LpmError
from protocols.masking.envelope import SignedMessage
from protocols.models.outcome import OutcomeSpec
from protocols.task.outcome_layout import split_columns
from protocols.task.rounds import Phase


class ReplyChannel(Protocol):
    """How a client reaches both aggregators."""

    async def join(self, envelope: SignedMessage) -> None:
        """Hand a sealed seed to both."""

    async def exchange(self, client: str, envelope: SignedMessage) -> tuple[SignedMessage, SignedMessage]:
        """Hand a round's message to both, and return what each replies when the round is over."""

    async def stop(self, envelope: SignedMessage) -> None:
        """Tell everybody that the run is over."""


@final
@dataclass(slots=True, eq=False)
class MaskedExchange:
    """One client's rounds.

    Attributes:
        client: what it sends and opens.
        channel: to the aggregators.
    """

    client: MaskingClient
    channel: ReplyChannel
    _told: list[U64] | None = field(init=False, repr=False, default=None)

    async def join(self) -> Step:
        """Hand the seed over; the run begins with its first step."""
        await self.channel.join(self.client.join())
        return FIRST_STEP

    async def recall(self, since: Step, until: Step) -> list[dict[str, int]]:
        """Return no numbers for each of these steps: no model of a masked run hears any."""
        return [{} for _ in range(since, until)]

    async def round(self, vector: U64, *, step: Step, phase: Phase = Phase.SPEAK) -> Answer:
        """Take part in one round.

        Args:
            vector: uint64, of the length that the layout gives the phase.
            step: of the run.
            phase: of the step.

        Raises:
            PartiesDisagree, BadSignature: a server lied; everybody is told that the run is over.
            RunEnded: the run is over.
        """
        number = self.client.plan.manifest.schedule.number(step, phase)
        words = self._growth(vector) if phase == Phase.DECIDE else vector
        replies = await self.channel.exchange(self.client.signer.name, self.client.message(number, words))
        try:
            reading = self.client.open(number, replies)
        except LpmError:
            await self.channel.stop(self.client.stop())
            raise
        if phase == Phase.DECIDE:
            self._told = self._levels(vector.copy())
        return Answer(reading.bits, reading.release, reading.announcement)

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
