"""An institution's part of a secure sum: hear what is announced, answer with a vector, which leaves as shares."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.secure_sum.contribution import F64, Contribution
from client_sdk.secure_sum.institution import Institution
from client_sdk.secure_sum.journal import SumJournal
from client_sdk.simulation.exchange import Answer, Exchange, RoundExchange
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.arithmetic.fixed_point import U64, to_ring
from protocols.errors import RoundAhead, RoundClosed, ShareRefused, Unavailable
from protocols.task.secure_sum.spec import SecureSum, answers
from protocols.wire.transport import Transport

AGAIN_S: Final = 0.2  # between two calls of a round that is not open, or of an aggregator that is not there


@final
@dataclass(slots=True)
class SumClient:
    """Runs one institution through a run of sums.

    Attributes:
        number: of the run's round that comes next.
        missed: sums, from 0, that have no part of this institution.
        wait_s: how long a round may take to open, or an aggregator to be back.

    Security: the aggregators, as long as one of them does not collude with the others, learn nothing of the
        institution. It may be ended at any time, and go on: a round in which it may have told a vector it does not
        answer again. Where security is active it cannot go on, and one that has left is out of the run.
    """

    manifest: SecureSum
    institution: Institution = field(repr=False)
    exchange: RoundExchange = field(repr=False)
    journal: SumJournal = field(repr=False)
    wait_s: float = 600.0
    number: RoundNumber = FIRST_ROUND
    missed: list[int] = field(default_factory=list)
    _contribution: Contribution = field(init=False, repr=False)
    _heard: F64 | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        """Go on from the journal; nothing is sent."""
        self._contribution = Contribution(self.manifest.norm, self.manifest.bits)
        self.institution.require(self.manifest.shape)
        if self.journal.state is not None:
            self.institution.resume(self.journal.state)

    @classmethod
    async def join(
        cls,
        manifest: SecureSum,
        name: str,
        institution: Institution,
        *,
        transports: Sequence[Transport],
        journal: SumJournal,
    ) -> "SumClient":
        """Join a run at all of its aggregators, for the first time or again.

        Raises:
            ProtocolError: an aggregator refuses.
            Unavailable: an aggregator does not answer in time.
        """
        exchange = Exchange(manifest, name, transports, keys=journal.keys)
        return await cls.join_over(manifest, institution, exchange, journal)

    @classmethod
    async def join_over(
        cls, manifest: SecureSum, institution: Institution, exchange: RoundExchange, journal: SumJournal
    ) -> "SumClient":
        """Join a run as `join` does, of which this is the twin whose coins are the exchange's."""
        client = cls(manifest, institution, exchange, journal)
        client.number = RoundNumber(await exchange.join())  # the steps of a run of sums are its rounds
        return client

    async def run(self, on_round: Callable[[int], None] = lambda number: None) -> None:
        """Take part until the run ends; `on_round` is told each round of the run that is over."""
        while self.number <= self.manifest.steps:
            number = self.number
            await self.advance()
            on_round(number)

    async def advance(self) -> None:
        """Take part in one round: hear what is announced, or answer it; sit it out where it was not heard."""
        number, heard = self.number, self._heard
        self._heard = None
        if not answers(number):
            nothing = np.zeros(self.manifest.words(number), dtype=np.uint64)
            answer = await self._share(nothing, number)
            self._heard = None if answer is None else self._announced(answer)
        elif heard is None or self.journal.answered >= number or not await self._answer(heard, number):
            self.missed.append(number // 2)
        self.number = RoundNumber(number + 1)

    async def _answer(self, announced: F64, number: RoundNumber) -> bool:
        """Share the own vector; return whether the round's sum has it."""
        vector = to_ring(self._contribution.encode(self.institution.vector(announced)))
        self.journal.about_to_answer(number, self.institution.state)
        return await self._share(vector, number) is not None

    async def _share(self, vector: U64, number: RoundNumber) -> Answer | None:
        """Take part in a round, again while the others are not there; return nothing if it closed without this client.

        Raises:
            ShareRefused: they found that this client shares numbers out of range, and go on without it.
            Unavailable: they were not there for too long.
        """
        until = asyncio.get_running_loop().time() + self.wait_s
        while True:
            try:
                return await self.exchange.round(vector, step=self.manifest.schedule.step(number))
            except ShareRefused:
                raise
            except RoundClosed:
                return None
            except (RoundAhead, Unavailable):
                if asyncio.get_running_loop().time() > until:
                    raise
                await asyncio.sleep(AGAIN_S)

    def _announced(self, answer: Answer) -> F64 | None:
        """Return what was announced, in the run's shape; nothing of what no honest centre would say."""
        words = np.frombuffer(answer.synthetic.tobytes(), dtype="<f8").reshape(self.manifest.shape)
        announced = words.astype(np.float64)
        return announced if self.institution.accepts(announced) else None
