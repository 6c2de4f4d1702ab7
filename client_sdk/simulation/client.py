"""A client's part of a run: speak, exchange, update its own agents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np
import numpy.typing as npt

from client_sdk.private.slots import Slots
from client_sdk.private.state import PrivateState
from client_sdk.simulation.exchange import Answer, Exchange
from client_sdk.simulation.own_hazard import OwnHazard
from client_sdk.simulation.own_score import OwnScore
from protocols.arithmetic.counters import FIRST_STEP, Step
from protocols.arithmetic.fixed_point import I64, U64, to_ring
from protocols.errors import RoundClosed
from protocols.models import Exposure, SubstepModel
from protocols.models.cells import cell_totals, pressure
from protocols.task.devices import unpack_presence
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest
from protocols.task.rounds import Phase
from protocols.wire.transport import Transport


@final
@dataclass(slots=True)
class Client:
    """Runs one client's agents through a run.

    Attributes:
        step: that comes next, 0 to T; after the last one it is T + 1.
        missed: the steps of which a round closed without this client.

    Security: the aggregators, as long as they follow the protocol and one of them does not collude with the others,
        learn nothing of the agents; what one that lies can find out, the threat model says. In outcome mode this client
        learns one bit for each of its agents and steps. In `sum` mode it learns their exact exposures, and so something
        of their neighbours: see the README.
    """

    manifest: Manifest
    private: PrivateState = field(repr=False)
    exchange: Exchange = field(repr=False)
    step: Step = FIRST_STEP
    missed: list[int] = field(default_factory=list)
    _layout: Layout = field(init=False, repr=False)
    _model: SubstepModel = field(init=False, repr=False)
    _own: OwnHazard = field(init=False, repr=False)
    _score: OwnScore = field(init=False, repr=False)
    _slots: Slots | None = field(init=False, repr=False, default=None)  # where edges are permuted
    _exposure: tuple[Step, Exposure] | None = field(init=False, repr=False, default=None)  # a step half done

    def __post_init__(self) -> None:
        """Prepare; nothing is sent."""
        self._layout = Layout.of(self.manifest)
        self._model = self.manifest.model.model()
        self._own = OwnHazard.of(self.manifest, self._layout.size(self.private.name))
        self._score = OwnScore(self.manifest, self.private)

    @classmethod
    async def join(cls, manifest: Manifest, private: PrivateState, transports: Sequence[Transport]) -> "Client":
        """Join a run at all of its aggregators.

        Args:
            manifest: of the run.
            private: this client's agents.
            transports: one for each aggregator, in the manifest's order.

        Raises:
            ProtocolError: an aggregator refuses.
            RoundClosed: in outcome mode, the run has begun, and no more thresholds are taken in.
            Unavailable: an aggregator does not answer in time.
        """
        return await cls.join_over(manifest, private, Exchange(manifest, private.name, transports))

    @classmethod
    async def join_over(cls, manifest: Manifest, private: PrivateState, exchange: Exchange) -> "Client":
        """Join a run as `join` does, of which this is the twin whose coins are the exchange's."""
        client = cls(manifest, private, exchange)
        next_step = await exchange.join()
        if manifest.schedule.outcome:
            thresholds = client._own.thresholds(private.state)
            answer = await exchange.round(to_ring(thresholds), step=FIRST_STEP, phase=Phase.THRESHOLDS)
            if manifest.devices is not None:
                client._slots = Slots.of(manifest, private, unpack_presence(answer.synthetic, client._layout.n))
                await exchange.round(client._slots.tokens, step=FIRST_STEP, phase=Phase.TOKENS)
        while client.step < next_step:
            client._miss()
        return client

    async def run(self, on_step: Callable[[int], None] = lambda step: None) -> None:
        """Take part until the run ends; `on_step` is told each step that is over."""
        while self.step <= self.manifest.steps:
            step = self.step
            await self.advance()
            on_step(step)

    async def advance(self) -> None:
        """Take part in one step, and update the agents by what it brought.

        If a round closed without this client (it was late), its agents go on without what others told them. After any
        other error the same step may be tried again: every round is then asked again with the same vector.
        """
        step = self.step
        if self._exposure is None or self._exposure[0] != step:
            self._exposure = step, await self._receive(step)
        told = self._exposure[1]
        if step < self.manifest.steps:
            if self.manifest.schedule.outcome:
                told = Exposure(told.contact, told.pressure, await self._decide(told, step))
            self._update(told)
        self.step = Step(step + 1)

    def _update(self, told: Exposure) -> None:
        """Move own agents on by one step."""
        before = self.private.state
        after = self._score.observe(told, dict(self._model.update(before, told)))
        self._own.observe(before, after)
        self.private.state = after

    def _miss(self) -> None:
        """Live through a step that began before this client joined: nothing from others reaches its agents."""
        exposure, _ = self._speak(self.step)
        hazard = np.zeros(exposure.shape[0], dtype=np.int64)
        self._update(Exposure(exposure, hazard))
        self.missed.append(self.step)
        self.step = Step(self.step + 1)

    async def _receive(self, step: Step) -> Exposure:
        """Speak, and return what reaches own agents as far as this client may know it."""
        exposure, vector = self._speak(step)
        try:
            answer = await self.exchange.round(vector, step=step)
        except RoundClosed:
            self.missed.append(step)
            return Exposure(exposure, np.zeros(exposure.shape[0], dtype=np.int64))
        if not self.manifest.schedule.outcome:
            exposure += answer.own.reshape(exposure.shape)
        return Exposure(exposure, self._pressure(answer))

    def _speak(self, step: Step) -> tuple[I64, U64]:
        """Return own agents' exposure to each other, int64[n_own, c], and the vector to share, uint64[d]."""
        layout = self._layout
        first, end = layout.own[self.private.name]
        says = np.asarray(self._model.message(self.private.state, channels=layout.channels))
        own = np.zeros((end - first, layout.channels), dtype=np.int64)
        if self._slots is not None:
            spoken = self._slots.pack(says, step=step, last=step == self.manifest.steps)
        elif step == self.manifest.steps:
            spoken = np.zeros((layout.n, layout.channels), dtype=np.int64)  # the closing round carries no messages
        else:
            spoken = self.private.contacts.add_up(says, step=step)
            own[:] = spoken[first:end]
            spoken[first:end] = 0
        if layout.cells:
            cells = cell_totals(says[:, layout.channels], self.private.cell, cells=layout.cells)
        else:
            cells = np.zeros(0, dtype=np.int64)
        tally = np.array(self._model.tally(self.private.state), dtype=np.int64)
        return own, layout.pack(self._score.columns(spoken), cells, self._score.append_to(tally, step))

    async def _decide(self, own: Exposure, step: Step) -> npt.NDArray[np.bool_]:
        """Tell own hazards as shares, and return whether each agent's hazard has crossed its threshold, bool[n_own].

        What a client knows by itself, contacts among its own agents and the pressure of cells, it adds in secret here.
        """
        state = self.private.state
        grown = self._own.grow(state, np.asarray(self._model.increment(own)))
        try:
            answer = await self.exchange.round(self._own.words(state, grown), step=step, phase=Phase.DECIDE)
        except RoundClosed:
            self.missed.append(step)
            self._own.settle(grown, told=False)
            return np.zeros(grown.size, dtype=bool)
        self._own.settle(grown, told=True)
        return np.asarray(answer.own == 1)

    def _pressure(self, answer: Answer) -> I64:
        """Return the hazard that own agents' cells exert in this step, int64[n_own]."""
        layout = self._layout
        if layout.cells == 0:
            return np.zeros(layout.size(self.private.name), dtype=np.int64)
        totals = answer.release[: layout.cells] + answer.synthetic
        sizes = np.array(self.manifest.cells, dtype=np.int64)
        return pressure(totals, sizes, self.manifest.model.cell_beta)[self.private.cell]
