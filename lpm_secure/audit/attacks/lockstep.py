"""An active run in one process in lockstep: a round is over as soon as all have spoken, and no clock is looked at."""

import asyncio
from typing import final

import numpy as np

from client_sdk.masking.exchange import MaskedExchange, ReplyChannel
from lpm_secure.testbed.masked_run import MaskedRun
from protocols.arithmetic.counters import FIRST_STEP, RoundNumber, Step
from protocols.arithmetic.fixed_point import I64
from protocols.errors import LpmError, ParameterError, RunEnded
from protocols.masking.envelope import SignedMessage
from protocols.task.manifest import SimulationManifest
from protocols.task.parties import ENGINE

Replies = tuple[SignedMessage, SignedMessage]


@final
class LockstepRun:
    """All servers of a run, and what they tell each client and the engine when a round is over."""

    def __init__(self, run: MaskedRun) -> None:
        """Take a run whose servers have agreed on their key."""
        self.run = run
        self._answers: dict[str, asyncio.Future[Replies]] = {}

    def exchange(self, client: str) -> MaskedExchange:
        """Return a client's rounds."""
        return MaskedExchange(self.run.clients[client], LockstepChannel(self))

    async def speak(self, envelope: SignedMessage) -> Replies:
        """Hand a client's words to both aggregators, and return what both tell it when the round is over."""
        self.run.hand(envelope.sender, envelope)
        answer: asyncio.Future[Replies] = asyncio.get_running_loop().create_future()
        self._answers[envelope.sender] = answer
        if self._answers.keys() >= {*self.run.aggregators[0].members}:
            self._finish()
        return await answer

    def stop(self) -> None:
        """Tell all parties that the run is over, those that wait too."""
        self.run.stop()
        answers, self._answers = self._answers, {}
        for answer in answers.values():
            answer.set_exception(RunEnded("the run is over"))

    def _finish(self) -> None:
        """Play the round that all have spoken in."""
        run, number = self.run, self.run.aggregators[0].number
        answers, self._answers = self._answers, {}
        try:
            if run.plan.announces(number):
                run.announce(number, self._public(number))
            replies = run.finish()
            if ENGINE in replies:
                run.read_release(replies[ENGINE])
        except LpmError as error:
            for answer in answers.values():
                answer.set_exception(error)
            return
        for name, answer in answers.items():
            answer.set_result(replies[name])

    def _public(self, number: RoundNumber) -> I64:
        """Return what the engine announces: nothing of cells, and each public number at its lowest."""
        words, manifest = np.zeros(self.run.plan.announcement_words(number), dtype=np.int64), self.run.plan.manifest
        lowest = (
            [low for low, _ in manifest.model.agents.public.values()]
            if isinstance(manifest, SimulationManifest)
            else []
        )
        words[words.size - len(lowest) :] = lowest
        return words


@final
class LockstepChannel(ReplyChannel):
    """A client's way to both aggregators; nobody comes late, and nobody comes back."""

    def __init__(self, lockstep: LockstepRun) -> None:
        """Reach both."""
        self._lockstep = lockstep

    async def join(self) -> Step:
        """Return the first step."""
        return FIRST_STEP

    async def hand(self, envelope: SignedMessage) -> None:
        """Hand a sealed seed to both, for the first round."""
        self._lockstep.run.hand(envelope.sender, envelope)

    async def exchange(self, envelope: SignedMessage, *, step: Step, rounds: int = 1) -> Replies:
        """Hand a round's message to both, and return what each replies when the round is over.

        Raises:
            ParameterError: a seed in the middle of a run.
        """
        if rounds != 1:
            raise ParameterError("nobody comes back to a run in lockstep")
        return await self._lockstep.speak(envelope)

    async def stop(self, envelope: SignedMessage) -> None:
        """Tell everybody that the run is over."""
        self._lockstep.stop()
