"""A client's part of a run with tangents: relaxed agents that speak, exchange, and move on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from client_sdk.private.contacts import Contacts
from client_sdk.private.state import PrivateState
from client_sdk.simulation.exchange import RoundExchange
from protocols.arithmetic.counters import FIRST_STEP, Step
from protocols.arithmetic.fixed_point import I64
from protocols.errors import AnswerLost, RoundClosed
from protocols.models.chain.chain_agents import ChainAgents
from protocols.models.contribution import ContributionBound
from protocols.models.dynamics import Relaxation
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation
from protocols.task.release_plan import ReleasePlan


def add_up_messages(contacts: Contacts, messages: I64, *, step: int) -> I64:
    """Return what own agents tell every agent of the run, int64[n, c, 1 + p], from int64[1 + p, n_own, c + w]."""
    total = np.empty((contacts.n, contacts.c, len(messages)), dtype=np.int64)
    for column, told in enumerate(messages):
        total[..., column] = contacts.add_up(told, step=step)
    return total


@final
@dataclass(slots=True)
class TangentClient:
    """Runs one client's relaxed agents through a run.

    Attributes:
        relaxation: of the run.
        step: that comes next.
        missed: the steps of which a round closed without this client.

    Security: the aggregators, as long as one of them does not collude with the others, learn nothing of the agents, nor
        of their derivatives: these leave the client as shares, clipped for each agent. In sum mode this client learns
        its agents' exposures and their tangents exactly.
    """

    relaxation: Relaxation
    private: PrivateState = field(repr=False)
    exchange: RoundExchange = field(repr=False)
    _layout: Layout = field(repr=False)
    _bound: ContributionBound | None = field(repr=False)
    step: Step = FIRST_STEP
    missed: list[int] = field(default_factory=list)
    agents: ChainAgents = field(init=False)

    def __post_init__(self) -> None:
        """Prepare; nothing is sent."""
        private = self.private
        given: Any = {"columns": private.columns, "cell": private.cell, "n": private.source.agents.size}
        self.agents = ChainAgents.of_run(self.relaxation, **given)

    @classmethod
    async def join_over(cls, manifest: Simulation, private: PrivateState, exchange: RoundExchange) -> "TangentClient":
        """Join a run; raises what `Client.join` does."""
        bound = ReleasePlan.of(manifest).contribution_bound()
        client = cls(manifest.relaxation, private, exchange, Layout.of(manifest), bound)
        next_step = await client.exchange.join()
        while client.step < next_step:
            client._miss()
        return client

    async def run(self, on_step: Callable[[int], None] = lambda step: None) -> None:
        """Take part until the run ends; `on_step` is told each step that is over."""
        while self.step <= self.relaxation.steps:
            step = self.step
            await self.advance()
            on_step(step)

    async def advance(self) -> None:
        """Take part in one step; after an error the same step may be tried again, with the same vector."""
        step, layout = self.step, self._layout
        messages = self.agents.messages()
        own, others = self._contact(messages, step)
        cells, tally, bound = self._cells(messages), self.agents.tally(), self._bound
        contribution = bound.contribution(self.agents, messages) if bound else None
        if contribution:
            cells, tally = contribution.cells, contribution.tally
        vector = layout.pack(others, cells.reshape(-1), tally.reshape(-1))
        try:
            answer = await self.exchange.round(vector, step=step)
        except RoundClosed as error:
            if bound and contribution and isinstance(error, AnswerLost):
                bound.spend(contribution)  # which counted
            return self._miss()
        if bound and contribution:
            bound.spend(contribution)
        if step < self.relaxation.steps:
            totals = (answer.release[: layout.cells] + answer.synthetic).reshape(cells.shape)
            self.agents.update(own + answer.own.reshape(own.shape), totals, step=step)
        self.step = Step(step + 1)
        return None

    def _miss(self) -> None:
        """Live through a step without this client's part in it: nothing from others reaches its agents."""
        messages = self.agents.messages()
        own, _ = self._contact(messages, self.step)
        if self.step < self.relaxation.steps:
            self.agents.update(own, np.zeros_like(self._cells(messages)), step=self.step)
        self.missed.append(self.step)
        self.step = Step(self.step + 1)

    def _cells(self, messages: I64) -> I64:
        """Return what own agents tell their cells, int64[w * cells, 1 + p]."""
        return self.agents.cells(messages, channels=len(self.relaxation.model.agents.cell_most))

    def _contact(self, messages: I64, step: int) -> tuple[I64, I64]:
        """Return own agents' exposure to each other, int64[n_own, c, 1 + p], and what is told to others."""
        layout = self._layout
        first, end = layout.own[self.private.name]
        if not layout.c:
            return np.zeros((end - first, 0, len(messages)), dtype=np.int64), np.zeros(0, dtype=np.int64)
        if step < self.relaxation.steps:
            total = add_up_messages(self.private.contacts, messages, step=step)
        else:
            total = np.zeros((layout.n, layout.channels, len(messages)), dtype=np.int64)
        own = total[first:end].copy()
        total[first:end] = 0
        return own, total
