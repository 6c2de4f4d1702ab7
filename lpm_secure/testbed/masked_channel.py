"""Clients and the engine of a masked run in this process, each in a task of its own, which meet round by round."""

import asyncio
from typing import final

import numpy as np

from client_sdk.masking.masking_client import Reading
from lpm_secure.engine.loop import PrivatePart, StepRelease
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.arithmetic.fixed_point import I64
from protocols.errors import LpmError
from protocols.masking.envelope import SignedMessage
from protocols.task.parties import ENGINE


@final
class MaskedChannel:
    """Clients and the engine of a masked run, each in a task of its own, meet here round by round."""

    def __init__(self, run: MaskedRun, *, engine: bool) -> None:
        """Wait in each round for all clients that are left, and in each step for the engine, where there is one."""
        self.run, self._engine = run, engine
        self._waiting: dict[str, asyncio.Future[tuple[SignedMessage, SignedMessage]]] = {}

    async def join(self, envelope: SignedMessage) -> None:
        """Hand a sealed seed to both aggregators."""
        self.run.hand(envelope.sender, envelope)

    async def exchange(self, client: str, envelope: SignedMessage) -> tuple[SignedMessage, SignedMessage]:
        """Hand a round's message over, and return both replies."""
        self.run.hand(client, envelope)
        return await self._meet(client)

    async def announce(self, step: int, words: I64) -> Reading:
        """Announce a step, and return its release."""
        number = self.run.aggregators[0].number
        while not self.run.plan.opens(number) or self.run.plan.manifest.schedule.step(number) != step:
            await asyncio.sleep(0)
            number = self.run.aggregators[0].number
        self.run.announce(number, words)
        return self.run.read_release(await self._meet(ENGINE))

    async def stop(self, envelope: SignedMessage) -> None:
        """Tell everybody that the run is over."""
        self.run.stop()

    async def _meet(self, name: str) -> tuple[SignedMessage, SignedMessage]:
        number = self.run.aggregators[0].number
        waiting = self._waiting[name] = asyncio.get_running_loop().create_future()
        expected = len(self.run.aggregators[0].members) + (self._engine and self.run.plan.opens(number))
        if len(self._waiting) == expected:
            together, self._waiting = self._waiting, {}
            try:
                replies = self.run.finish()
            except LpmError as error:
                for each in together.values():
                    each.set_exception(error)
            else:
                for who, each in together.items():
                    each.set_result(replies[who])
        replied: tuple[SignedMessage, SignedMessage] = await waiting
        return replied


@final
class MaskedPart(PrivatePart):
    """Private agents behind the masked backend, as the engine meets them."""

    def __init__(self, channel: MaskedChannel) -> None:
        """Reach both aggregators over a channel."""
        self._channel = channel

    async def advance(self, step: int, announced: I64) -> StepRelease:
        """Announce a step, and return its release.

        Raises:
            PartiesDisagree: the aggregators told different things.
        """
        reading = await self._channel.announce(step, announced)
        cells, tally = np.split(reading.release, [self._channel.run.plan.layout.cells])
        return StepRelease(cells, tally, len(reading.accepted), 0)
