"""A client's part of a run: speak, exchange, update its own agents."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, final

import numpy as np

from client_sdk.private.slots import Slots
from client_sdk.private.state import PrivateState
from client_sdk.simulation.exchange import Exchange, RoundExchange
from client_sdk.simulation.exposure import Exposure
from client_sdk.simulation.own_levels import OwnLevels
from client_sdk.simulation.own_score import OwnScore
from protocols.arithmetic.counters import FIRST_STEP, Step
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import AnswerLost, RoundClosed
from protocols.models.agent_model import AgentModel, Edges, StepInputs, decide
from protocols.models.cells import cell_totals
from protocols.task.devices import unpack_presence
from protocols.task.gradients.hidden_score import count_factors
from protocols.task.layout import Layout
from protocols.task.manifest import SimulationManifest, run_id
from protocols.task.release_plan import ReleasePlan
from protocols.task.rounds import Phase
from protocols.wire.transport import Transport

NOTHING: Final = np.zeros(0, dtype=np.int64)
NO_PUBLIC: Final[Mapping[str, int]] = MappingProxyType({})  # of the last step, which nobody is moved on by


@final
@dataclass(slots=True)
class Client:
    """Runs one client's agents through a run.

    Attributes:
        step: that comes next, 0 to T; after the last one it is T + 1.
        missed: the steps of which a round closed without this client.
        released, public, decided: what the last step released, int64[cells + q], the environment's numbers, and own
            agents' outcomes, int64[n_own, o]; empty where this client was not told.

    Security: the aggregators, as long as they follow the protocol and one of them does not collude with the others,
        learn nothing of the agents; what one that lies can find out, the threat model says. In outcome mode this client
        learns what the model reveals of its agents in each step, by default a bit. In `sum` mode it learns their
        exact exposures, and so something of their neighbours: see the README.
    """

    manifest: SimulationManifest
    private: PrivateState = field(repr=False)
    exchange: RoundExchange = field(repr=False)
    step: Step = FIRST_STEP
    missed: list[int] = field(default_factory=list)
    released: I64 = field(init=False, repr=False, default_factory=lambda: NOTHING)
    public: Mapping[str, int] = field(init=False, repr=False, default_factory=lambda: NO_PUBLIC)
    decided: I64 = field(init=False, repr=False, default_factory=lambda: NOTHING)
    _layout: Layout = field(init=False, repr=False)
    _model: AgentModel = field(init=False, repr=False)
    _own: OwnLevels = field(init=False, repr=False)
    _score: OwnScore = field(init=False, repr=False)
    _slots: Slots | None = field(init=False, repr=False, default=None)  # where edges are permuted
    _heard: tuple[Step, Exposure] | None = field(init=False, repr=False, default=None)  # a step half done

    def __post_init__(self) -> None:
        """Prepare; nothing is sent."""
        self._layout = Layout.of(self.manifest)
        self._model = self.manifest.model.agents
        self._own = OwnLevels.of(self._model, self.manifest.level_bounds, self._layout.size(self.private.name))
        plan, factors = ReleasePlan.of(self.manifest), count_factors(self.manifest.gradient, self.manifest.mode)
        self._score = OwnScore(self.manifest.model, plan, self._layout, self.private, factors=factors)

    @classmethod
    async def join(
        cls, manifest: SimulationManifest, private: PrivateState, transports: Sequence[Transport]
    ) -> "Client":
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
    async def join_over(cls, manifest: SimulationManifest, private: PrivateState, exchange: RoundExchange) -> "Client":
        """Join a run as `join` does, of which this is the twin whose coins are the exchange's."""
        client = cls(manifest, private, exchange)
        next_step = await exchange.join()
        if manifest.schedule.outcome:
            words = client._own.first_words(private.state)
            answer = await exchange.round(words, step=FIRST_STEP, phase=Phase.THRESHOLDS)
            if manifest.devices is not None:
                run, here = run_id(manifest), unpack_presence(answer.synthetic, client._layout.n)
                client._slots = Slots.of(run, manifest.devices.degree, private, here)
                await exchange.round(client._slots.tokens, step=FIRST_STEP, phase=Phase.TOKENS)
        for public in await exchange.recall(FIRST_STEP, next_step):
            client._miss(public)
        return client

    async def run(self, on_step: Callable[[int], None] = lambda step: None) -> None:
        """Take part until the run ends; `on_step` is told each step that is over."""
        while self.step <= self.manifest.steps:
            step = self.step
            await self.advance()
            on_step(step)

    async def advance(self) -> None:
        """Take part in one step, and update the agents by what it brought.

        If a round closed without this client (it was late), its agents go on without what others told them; public
        numbers it asks for. After any other error the same step may be tried again: every round is then asked again
        with the same vector.
        """
        step = self.step
        if self._heard is None or self._heard[0] != step:
            self._heard = step, await self._receive(step)
        heard = self._heard[1]
        if step < self.manifest.steps:
            outcome = self.manifest.schedule.outcome
            self.decided = await self._ask(heard, step) if outcome else self._decide(heard)
            self._update(heard, self.decided, step)
        self.step = Step(step + 1)

    def _update(self, heard: Exposure, decided: I64, step: Step) -> None:
        """Move own agents on by one step."""
        private = self.private
        inputs = StepInputs(step, heard.contact, heard.pressure, heard.cells, heard.sizes, decided, heard.public)
        after, anew = self._model.update(private.state, inputs, private.source)
        self._score.observe(inputs)
        self._own.restart(anew)
        private.state = after

    def _miss(self, public: Mapping[str, int]) -> None:
        """Live through a step that began before this client joined: nothing from others reaches its agents."""
        contact, _ = self._speak(self.step)
        heard = self._hear(contact, public)
        self._update(heard, self._decide(heard), self.step)
        self.missed.append(self.step)
        self.step = Step(self.step + 1)

    async def _receive(self, step: Step) -> Exposure:
        """Speak, and return what reaches own agents as far as this client may know it."""
        contact, vector = self._speak(step)
        try:
            answer = await self.exchange.round(vector, step=step)
        except RoundClosed:
            recalled = await self.exchange.recall(step, Step(min(step + 1, self.manifest.steps)))
            self.missed.append(step)
            self.released, self.public = NOTHING, recalled[0] if recalled else NO_PUBLIC
            return self._hear(contact, self.public)
        if not self.manifest.schedule.outcome:
            contact += answer.own.reshape(contact.shape)
        cells, self.public = self._layout.cells, self._layout.public_numbers(answer.synthetic, step=step)
        self.released = answer.release
        return self._hear(contact, self.public, answer.release[:cells] + answer.synthetic[:cells])

    def _hear(self, contact: I64, public: Mapping[str, int], totals: I64 | None = None) -> Exposure:
        cell, sizes = self.private.cell, self._layout.mixing
        heard = self._layout.of_agents(public, self.private.name)
        return Exposure.of(self._model, contact, heard, cell=cell, sizes=sizes, totals=totals)

    def _speak(self, step: Step) -> tuple[I64, U64]:
        """Return own agents' exposure to each other, int64[n_own, c], and the vector to share, uint64[d]."""
        layout, private = self._layout, self.private
        first, end = layout.own[private.name]
        says = self._model.messages(private.state)
        own, along = np.zeros((end - first, layout.channels), dtype=np.int64), self._along
        if self._slots is not None:
            spoken = self._slots.pack(says, step=step, last=step == self.manifest.steps, along=along)
        elif step == self.manifest.steps:
            spoken = np.zeros((layout.n, layout.channels), dtype=np.int64)  # the closing round carries no messages
        else:
            spoken = private.contacts.add_up(says, step=step, along=along)
            own[:] = spoken[first:end]
            spoken[first:end] = 0
        to_cells = says[:, layout.channels :].T if layout.cells else says.T[:0]
        cells = [cell_totals(each, private.cell, cells=len(layout.mixing)) for each in to_cells]
        tally = self._score.append_to(self._model.totals(private.state, copies=layout.copies), step)
        totals = np.concatenate([np.zeros(0, dtype=np.int64), *cells])
        return own, layout.pack(self._score.columns(spoken), totals, tally)

    def _along(self, messages: I64, edges: Edges) -> I64:
        return self._model.messages_along(self.private.state, messages, edges)

    def _decide(self, heard: Exposure) -> I64:
        """Return own agents' outcomes, int64[n_own, o], of levels that this client knows as a whole."""
        grown = self._grow(heard)
        self._own.settle(grown, told=True)
        return decide(self._model.outcomes, grown, self._model.thresholds(self.private.state))

    async def _ask(self, heard: Exposure, step: Step) -> I64:
        """Tell own parts of levels as shares, and return own agents' outcomes, int64[n_own, o].

        What a client knows by itself, contacts among its own agents and the pressure of cells, it adds in secret here.
        """
        grown = self._grow(heard)
        try:
            answer = await self.exchange.round(
                self._own.words(self.private.state, grown), step=step, phase=Phase.DECIDE
            )
        except RoundClosed as error:
            self.missed.append(step)
            self._own.settle(grown, told=isinstance(error, AnswerLost))
            bits = np.array([outcome.is_bit for outcome in self._model.outcomes], dtype=np.bool_)
            return np.where(bits, 0, grown)  # of a sum, what it knows itself
        self._own.settle(grown, told=True)
        return answer.own

    def _grow(self, heard: Exposure) -> I64:
        """Return levels after a step, int64[n_own, o], as far as this client knows what they grow by."""
        return self._own.grow(self.private.state, self._model.increments(heard.contact, heard.pressure))
