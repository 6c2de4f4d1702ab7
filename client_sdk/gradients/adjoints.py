"""A client's part of a run with adjoints: relaxed agents forth, their derivatives back. Needs torch.

The backward pass of a neighbour sum is a neighbour sum on the reversed edges, so what an agent says on the way back,
the derivative of the loss by its exposure, travels by the same protocol as what it said on the way forth.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
import torch

from client_sdk.gradients.journal import AdjointJournal, JournalEntry
from client_sdk.private.state import PrivateState
from client_sdk.simulation.exchange import Answer, Exchange
from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.arithmetic.fixed_point import I64
from protocols.errors import RoundClosed
from protocols.models import Stage
from protocols.models.cells import cell_totals
from protocols.models.dual import Number
from protocols.models.gradient import Gradient
from protocols.models.seir import relaxation
from protocols.models.seir.agents import susceptibility
from protocols.models.seir.relaxation import F64, RelaxedParameters
from protocols.task.gradients.turn import Turn
from protocols.task.layout import Layout
from protocols.task.manifest import Simulation
from protocols.wire.transport import Transport

Q: Final = len(Stage)


@final
@dataclass(frozen=True, slots=True, eq=False)
class _Message:
    """What a client says in a round: to its own agents, int64[n_own, c], and the parts of the vector that it shares."""

    own: I64 = field(repr=False)
    vector: tuple[I64, I64, I64] = field(repr=False)


@final
@dataclass(slots=True)
class AdjointClient:
    """Runs one client's relaxed agents forth and back.

    What each step began with stands in a journal, (3 + c) numbers for each agent and step, or c and three for every so
    many steps: see `AdjointJournal`. A round that closes without this client counts for nothing here; the engine sees
    that a client is missing, and gives no gradient.

    Attributes:
        journal: of the forward pass, for the backward one.
        number: of the round that comes next.
        missed: the rounds that closed without this client.

    Security: derivatives leave the client as shares, clipped for each agent, and what is opened is summed over at least
        `min_cohort` clients. In sum mode this client learns its agents' exposures forth, and the sums of their
        neighbours' derivatives back, exactly.
    """

    manifest: Simulation
    private: PrivateState = field(repr=False)
    exchange: Exchange = field(repr=False)
    journal: AdjointJournal = field(default_factory=AdjointJournal, repr=False)
    number: RoundNumber = FIRST_ROUND
    missed: list[int] = field(default_factory=list)
    _layout: Layout = field(init=False, repr=False)
    _sizes: F64 = field(init=False, repr=False)
    _stages: F64 = field(init=False, repr=False)
    _adjoint: F64 = field(init=False, repr=False)
    _pending: _Message | None = field(init=False, repr=False, default=None)  # of a round that is not over

    def __post_init__(self) -> None:
        """Prepare; nothing is sent."""
        self._layout = Layout.of(self.manifest)
        self._sizes = np.array(self.manifest.cells, dtype=np.float64)
        self._stages = self._adjoint = np.zeros((3, self._layout.size(self.private.name)))

    @classmethod
    async def join(
        cls, manifest: Simulation, private: PrivateState, transports: Sequence[Transport], *, every: int = 1
    ) -> "AdjointClient":
        """Join a run at all of its aggregators, keeping the states of every so many steps.

        Raises:
            RoundClosed: the run has begun, and a gradient needs all rounds.
        """
        return await cls.join_over(manifest, private, Exchange(manifest, private.name, transports), every=every)

    @classmethod
    async def join_over(
        cls, manifest: Simulation, private: PrivateState, exchange: Exchange, *, every: int = 1
    ) -> "AdjointClient":
        """Join a run as `join` does, of which this is the twin whose coins are the exchange's."""
        client = cls(manifest, private, exchange, AdjointJournal(every))
        if await client.exchange.join():
            raise RoundClosed("the run has begun, and a gradient needs all of its rounds; join the next one")
        return client

    async def run(self, on_step: Callable[[int], None] = lambda step: None) -> None:
        """Take part until the run ends; `on_step` is told each round that is over."""
        while self.number <= self.manifest.schedule.steps:
            number = self.number
            await self.advance()
            on_step(number)

    async def advance(self) -> None:
        """Take part in one round; after an error the same round may be tried again, with the same vector."""
        turn = Turn.of(self.number, self.manifest.steps)
        if self._pending is None:
            self._pending = self._forward_message(turn.t) if turn.forth else self._backward_message(turn.t)
        message = self._pending
        try:
            step = self.manifest.schedule.step(self.number)
            answer = await self.exchange.round(self._layout.pack(*message.vector), step=step)
        except RoundClosed:
            answer = self._missing_answer(message, turn)
            self.missed.append(self.number)
        if turn.forth:
            self._move_forward(turn.t, message, answer)
        else:
            self._move_backward(turn.t, message, answer)
        self.number, self._pending = RoundNumber(self.number + 1), None

    def _missing_answer(self, message: _Message, turn: Turn) -> Answer:
        """Return what stands for a round that closed without this client: nothing told, and no news of parameters."""
        announced = np.zeros(self._layout.cells)
        if turn.forth:
            announced[self._sizes.size :] = (
                self.journal.entries[-1].theta
                if self.journal.entries
                else relaxation.values(self.manifest.model.require_seir("adjoints"), self.manifest.gradient)
            )
        else:
            announced[self._sizes.size + Q] = 1.0
        nothing = np.zeros(self._layout.cells, dtype=np.int64)
        return Answer(np.zeros_like(message.own).reshape(-1), nothing, announced.view(np.int64))

    def _forward_message(self, t: int) -> _Message:
        """Return what is said on the way forth: messages, and in the block cell totals and tally."""
        n = self._stages.shape[1]
        if t < 0:
            self.journal.clear()
            return self._message(np.zeros((n, self._layout.channels), dtype=np.int64), self._block([], []), 0)
        bits = self._spec.value_bits
        says = _to_fixed(self._stages[2], bits)
        s, e, i = self._stages
        tally = [int(_to_fixed(stage, bits).sum()) for stage in (s, e, i, 1.0 - s - e - i)]
        wide = np.repeat(says[:, None], self._layout.channels, axis=1) * (t < self.manifest.steps)
        return self._message(wide, self._block(self._by_cell(says), tally), t)

    def _move_forward(self, t: int, message: _Message, answer: Answer) -> None:
        """Take in what reached own agents on the way forth."""
        cells, n = len(self._sizes), self._stages.shape[1]
        announced = answer.synthetic.view(np.float64)
        theta = announced[cells:]
        if t < 0:
            self._stages = np.array(relaxation.begin(RelaxedParameters.of(list(theta)), np.ones(n)), dtype=np.float64)
            return
        unit = 2.0**-self._spec.value_bits
        contact: F64 = (message.own + answer.own.reshape(message.own.shape)).T * np.float64(unit)
        totals = answer.release[:cells] * unit + announced[:cells]
        self.journal.entries.append(JournalEntry(contact, totals, theta))
        if t < self.manifest.steps:
            self.journal.put(t, self._stages)
            self._stages = self._after(t, self._stages)

    def _backward_message(self, t: int) -> _Message:
        """Return what is said on the way back: derivatives by exposures, and in the block by cells and parameters."""
        n = self._stages.shape[1]
        messages = np.zeros((n, self._layout.channels), dtype=np.int64)
        if t == self.manifest.steps:
            self._adjoint = np.zeros((3, n))
            return self._message(messages, self._block([], []), 0)
        if t < 0:
            by_theta = np.zeros((len(relaxation.names(self.manifest.channels)), n))
            by_theta[relaxation.names(self.manifest.channels).index("initial")] = self._adjoint[2] - self._adjoint[0]
            return self._message(messages, self._block([], self._clip(by_theta).sum(axis=1)), 0)
        after, leaves = self._torch(t, self.journal.take(t, self._after))
        found = torch.autograd.grad(after, leaves, list(torch.from_numpy(self._adjoint)), allow_unused=True)
        by = [np.zeros(n) if grad is None else grad.numpy() for grad in found]
        self._adjoint = np.stack(by[:3])
        c = self._layout.c
        if c:
            messages = self._clip(np.stack(by[3 : 3 + c], axis=1))
        by_cell = self._by_cell(self._clip(by[3 + c]))
        return self._message(messages, self._block(by_cell, self._clip(np.stack(by[4 + c :])).sum(axis=1)), t)

    def _move_backward(self, t: int, message: _Message, answer: Answer) -> None:
        """Take in what reached own agents on the way back, then what the engine announces, in its unit from now on."""
        if t < 0:
            return
        cells, unit = len(self._sizes), 2.0**-self._spec.tangent_bits
        announced = answer.synthetic.view(np.float64)
        by_says = (message.own + answer.own.reshape(message.own.shape)).sum(axis=1) * unit
        if cells:
            by_says = by_says + (answer.release[:cells] * unit)[self.private.cell]
        self._adjoint[2] += by_says
        by_tally, units = announced[cells : cells + Q], announced[cells + Q]
        self._adjoint = self._adjoint * units + (by_tally[:3] - by_tally[3])[:, None]
        if cells:
            self._adjoint[2] += announced[:cells][self.private.cell]

    def _after(self, t: int, stages: F64) -> F64:
        """Return the stages after a step, from those before it."""
        with torch.no_grad():
            after: F64 = torch.stack(self._torch(t, stages)[0]).numpy()
        return after

    def _torch(self, t: int, stages: F64) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Return the stages after a step, and all that they come from: stages, exposures, cell totals, parameters.

        Every parameter is a number for each agent, so that its derivative can be clipped for each agent.
        """
        entry, n = self.journal.entries[t], stages.shape[1]
        totals = entry.cell[self.private.cell] if self._sizes.size else np.zeros(n)
        theta = np.repeat(entry.theta[:, None], n, axis=1)
        given = (*stages, *entry.contact, totals, *theta)
        leaves = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in given]
        contact, cell, numbers = leaves[3:-1], leaves[3 + len(entry.contact)], leaves[4 + len(entry.contact) :]
        cell_share = None
        if self._sizes.size:
            sizes = torch.from_numpy(self._sizes[self.private.cell])
            cell_share = torch.minimum(torch.clamp(cell, min=0.0), sizes) / sizes
        parameters = RelaxedParameters.of(list(numbers))
        after = relaxation.advance(
            (leaves[0], leaves[1], leaves[2]),
            contact=list(contact[: len(entry.contact)]),
            cell=cell_share,
            susceptibility=torch.from_numpy(susceptibility(self.private.columns, self.private.source.agents.size)),
            theta=parameters,
            factor=relaxation.factor(self.manifest.gradient, parameters, t),
            escape=_escape,
        )
        return [stage for stage in after if isinstance(stage, torch.Tensor)], leaves

    def _message(self, says: I64, block: I64, t: int) -> _Message:
        """Return what own agents say to each other and what is shared, from int64[n_own, c], what they say on each."""
        layout, contacts = self._layout, self.private.contacts
        first, end = layout.own[self.private.name]
        tally = np.zeros(layout.q, dtype=np.int64)
        if not layout.c:
            return _Message(np.zeros((end - first, 0), dtype=np.int64), (tally[:0], block, tally))
        wide = np.concatenate([says, says[:, :1]], axis=1)
        total = contacts.add_up(wide, step=t) if says.any() else np.zeros((layout.n, layout.c), dtype=np.int64)
        own = total[first:end].copy()
        total[first:end] = 0
        return _Message(own, (total, block, tally))

    def _block(self, cells: "I64 | list[int]", rest: "I64 | list[int]") -> I64:
        """Return int64[cells + m]: what is released, zeros where nothing is."""
        block = np.zeros(self._layout.cells, dtype=np.int64)
        block[: len(cells)] = cells
        block[self._sizes.size : self._sizes.size + len(rest)] = rest
        return block

    def _by_cell(self, said: I64) -> I64:
        if not self._sizes.size:
            return np.zeros(0, dtype=np.int64)
        return cell_totals(said, self.private.cell, cells=self._sizes.size)

    def _clip(self, derivative: F64) -> I64:
        clip = self._spec.clip
        return _to_fixed(np.clip(derivative, -clip, clip), self._spec.tangent_bits)

    @property
    def _spec(self) -> Gradient:
        return self.manifest.require_gradient()


def _escape(hazard: Any) -> Number:
    return -torch.expm1(-hazard)


def _to_fixed(real: F64, bits: int) -> I64:
    found: I64 = np.rint(real * 2.0**bits).astype(np.int64)
    return found
