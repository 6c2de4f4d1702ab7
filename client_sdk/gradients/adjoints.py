"""A client's part of a run with adjoints: relaxed agents forth, their derivatives back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from client_sdk.gradients.adjoint_pass import AdjointMessage, AdjointPass
from client_sdk.gradients.journal import AdjointJournal
from client_sdk.private.state import PrivateState
from client_sdk.simulation.exchange import Answer, RoundExchange
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.arithmetic.fixed_point import I64
from protocols.errors import RoundClosed
from protocols.task.gradients.turn import Turn
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation
from protocols.task.rounds import Schedule


@final
@dataclass(slots=True)
class AdjointClient:
    """Runs one client's relaxed agents forth and back.

    What each step began with stands in a journal, c numbers for each agent and step, and all states of an agent for
    every so many steps: see `AdjointJournal`. A round that closes without this client counts for nothing here; the
    engine sees that a client is missing, and gives no gradient.

    Attributes:
        schedule: of the run's rounds.
        steps: of a pass, either way.
        number: of the round that comes next.
        missed: the rounds that closed without this client.

    Security: derivatives leave the client as shares, clipped for each agent, and what is opened is summed over at least
        `min_cohort` clients. In sum mode this client learns its agents' exposures forth, and the sums of their
        neighbours' derivatives back, exactly.
    """

    private: PrivateState = field(repr=False)
    exchange: RoundExchange = field(repr=False)
    schedule: Schedule
    steps: int
    _layout: Layout = field(repr=False)
    _pass: AdjointPass = field(repr=False)
    number: RoundNumber = FIRST_ROUND
    missed: list[int] = field(default_factory=list)
    _pending: AdjointMessage | None = field(init=False, repr=False, default=None)  # of a round that is not over

    @property
    def journal(self) -> AdjointJournal:
        """Return the journal of the forward pass."""
        return self._pass.journal

    @classmethod
    async def join_over(
        cls, manifest: Simulation, private: PrivateState, exchange: RoundExchange, *, every: int = 1
    ) -> "AdjointClient":
        """Join a run, keeping the states of every so many steps.

        Raises:
            RoundClosed: the run has begun, and a gradient needs all rounds.
        """
        layout = Layout.of(manifest)
        own: Any = {"cell": private.cell, "columns": private.columns}
        passes = AdjointPass(manifest.relaxation, layout, n=private.source.agents.size, every=every, **own)
        client = cls(private, exchange, manifest.schedule, manifest.steps, layout, passes)
        if await client.exchange.join():
            raise RoundClosed("the run has begun, and a gradient needs all of its rounds; join the next one")
        return client

    async def run(self, on_step: Callable[[int], None] = lambda step: None) -> None:
        """Take part until the run ends; `on_step` is told each round that is over."""
        while self.number <= self.schedule.steps:
            number = self.number
            await self.advance()
            on_step(number)

    async def advance(self) -> None:
        """Take part in one round; after an error the same round may be tried again, with the same vector."""
        turn = Turn.of(self.number, self.steps)
        if self._pending is None:
            self._pending = self._pass.message(turn)
        message = self._pending
        own, others = self._contact(message.told, turn.t)
        tally = np.zeros(self._layout.q, dtype=np.int64)
        try:
            step = self.schedule.step(self.number)
            answer = await self.exchange.round(self._layout.pack(others, message.block, tally), step=step)
        except RoundClosed:
            nothing = np.zeros(self._layout.cells, dtype=np.int64)
            answer = Answer(np.zeros_like(own).reshape(-1), nothing, self._pass.silence(turn).view(np.int64))
            self.missed.append(self.number)
        heard = own + answer.own.reshape(own.shape)
        self._pass.take_in(turn, heard, answer.release, answer.synthetic.view(np.float64))
        self.number, self._pending = RoundNumber(self.number + 1), None

    def _contact(self, told: I64, t: int) -> tuple[I64, I64]:
        """Return what own agents tell each other, int64[n_own, c], and what they tell others."""
        layout = self._layout
        first, end = layout.own[self.private.name]
        if not layout.c:
            return np.zeros((end - first, 0), dtype=np.int64), np.zeros(0, dtype=np.int64)
        total = np.zeros((layout.n, layout.c), dtype=np.int64)
        if told.any():
            total = self.private.contacts.add_up(told, step=t)
        own = total[first:end].copy()
        total[first:end] = 0
        return own, total
