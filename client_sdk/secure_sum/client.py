"""A hospital's part of a calibration: hear the draws, answer with a gradient, which leaves as shares."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np

from client_sdk.likelihood.institution import F64, Hospital
from client_sdk.secure_sum.contribution import Contribution
from client_sdk.secure_sum.journal import VectorJournal
from client_sdk.simulation.exchange import Answer, Exchange
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.arithmetic.fixed_point import U64, to_ring
from protocols.errors import ParameterError, RoundAhead, RoundClosed, ShareRefused, Unavailable
from protocols.task.manifest import Manifest
from protocols.task.secure_sum.spec import Calibration, answers
from protocols.wire.transport import Transport

AGAIN_S: Final = 0.2  # between two calls of a round that is not open, or of an aggregator that is not there
LARGEST_LOG: Final = 50.0  # of inpatients; no city has more than exp(50)


def calibration_of(manifest: Manifest) -> Calibration:
    """Return what a manifest says of its calibration; ParameterError if it is of another kind of run."""
    if manifest.calibration is None:
        raise ParameterError(f"{manifest.name} is no calibration; take part in it with python -m client_sdk")
    return manifest.calibration


def is_fit(draws: F64) -> bool:
    """Tell whether announced numbers can be logs of inpatients: finite, and no more than any city has."""
    return bool(np.isfinite(draws).all() and np.abs(draws).max() <= LARGEST_LOG)


@final
@dataclass(slots=True)
class VectorClient:
    """Runs one hospital through a calibration.

    Attributes:
        number: of the run's round that comes next.
        missed: rounds of the calibration, from 0, whose sum has no part of this hospital.
        wait_s: how long a round may take to open, or an aggregator to be back.

    Security: the aggregators, as long as one of them does not collude with the others, learn nothing of the hospital.
        It may be ended at any time, and go on: a round in which it may have told a gradient it does not answer again.
    """

    manifest: Manifest
    hospital: Hospital = field(repr=False)
    exchange: Exchange = field(repr=False)
    kept: VectorJournal = field(repr=False)
    wait_s: float = 600.0
    number: RoundNumber = FIRST_ROUND
    missed: list[int] = field(default_factory=list)
    _calibration: Calibration = field(init=False, repr=False)
    _contribution: Contribution = field(init=False, repr=False)
    _heard: F64 | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        """Go on from what was kept; nothing is sent."""
        given = self._calibration = calibration_of(self.manifest)
        self._contribution = Contribution(given.clip, given.bits)
        if (self.hospital.share.size, self.hospital.counts.weeks) != given.shape[1:]:
            raise ParameterError(
                f"got {self.hospital.share.size} catchment shares and {self.hospital.counts.weeks} weeks; the run has "
                f"{given.places} boroughs and {given.weeks} weeks"
            )
        if self.kept.state is not None:
            self.hospital.go_on(self.kept.state)

    @classmethod
    async def join(
        cls, manifest: Manifest, name: str, hospital: Hospital, *, transports: Sequence[Transport], kept: VectorJournal
    ) -> "VectorClient":
        """Join a run at all of its aggregators, for the first time or again.

        Raises:
            ProtocolError: an aggregator refuses.
            Unavailable: an aggregator does not answer in time.
        """
        exchange = Exchange(manifest, name, transports, keys=kept.keys)
        client = cls(manifest, hospital, exchange, kept)
        client.number = RoundNumber(await exchange.join())  # a calibration's steps are its rounds
        return client

    async def run(self, on_round: Callable[[int], None] = lambda number: None) -> None:
        """Take part until the run ends; `on_round` is told each round of the run that is over."""
        while self.number <= self.manifest.steps:
            number = self.number
            await self.advance()
            on_round(number)

    async def advance(self) -> None:
        """Take part in one round of the run: hear draws, or answer them; without having heard them, sit it out."""
        number, heard = self.number, self._heard
        self._heard = None
        if not answers(number):
            nothing = np.zeros(self._calibration.words, dtype=np.uint64)
            answer = await self._told(nothing, number)
            self._heard = None if answer is None else self._draws(answer)
        elif heard is None or self.kept.answered >= number or not await self._answer(heard, number):
            self.missed.append(number // 2)
        self.number = RoundNumber(number + 1)

    async def _answer(self, draws: F64, number: RoundNumber) -> bool:
        """Share a gradient; return whether the round's sum has it."""
        gradient, _ = self.hospital.answer(draws)
        vector = to_ring(self._contribution.encode(gradient))
        self.kept.about_to_answer(number, self.hospital.state)
        return await self._told(vector, number) is not None

    async def _told(self, vector: U64, number: RoundNumber) -> Answer | None:
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

    def _draws(self, answer: Answer) -> F64 | None:
        """Return the announced float64[S, B, W]; nothing of what no model of a city would say."""
        draws = np.frombuffer(answer.synthetic.tobytes(), dtype="<f8").reshape(self._calibration.shape)
        return draws.astype(np.float64) if is_fit(draws) else None
