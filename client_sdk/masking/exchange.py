"""The rounds of `client_sdk.simulation` over the masked backend: the same client, with other messages."""

from dataclasses import dataclass, field
from typing import Protocol, final

import numpy as np

from client_sdk.masking.masking_client import MaskingClient
from client_sdk.simulation.exchange import Answer
from protocols.arithmetic.counters import FIRST_STEP, Step
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import PartiesDisagree
from protocols.masking.envelope import SignedMessage
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
    _told: I64 | None = field(init=False, repr=False, default=None)

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
            PartiesDisagree: a server lied; everybody is told that the run is over.
            RunEnded: the run is over.
        """
        number = self.client.plan.manifest.schedule.number(step, phase)
        words = self._growth(vector) if phase == Phase.DECIDE else vector
        replies = await self.channel.exchange(self.client.signer.name, self.client.message(number, words))
        try:
            reading = self.client.open(number, replies)
        except PartiesDisagree:
            await self.channel.stop(self.client.stop())
            raise
        return Answer(reading.bits, reading.release, reading.announcement)

    def _growth(self, vector: U64) -> U64:
        """Return the words of a decision with the growth of own levels in place of their sums."""
        outcomes, grown = self.client.plan.layout.outcomes, vector.copy()
        levels = [columns["level"] for columns in split_columns(outcomes, grown)]
        sums = np.stack(levels).view(np.int64)
        if self._told is not None:
            for row, outcome in enumerate(outcomes):
                if outcome.keep:
                    levels[row] -= self._told[row].view(np.uint64)
        self._told = sums
        return grown
