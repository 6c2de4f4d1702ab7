"""A client's part of a run: speak, protect, exchange, update."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from client_sdk.private_state import PrivateState
from protocols import manifest as manifests
from protocols.cells import cell_totals, pressure
from protocols.errors import ParameterError, PartiesDisagree, RoundClosed
from protocols.fixed import I64, U64, from_ring
from protocols.layout import Layout
from protocols.manifest import Manifest
from protocols.messages import Closed, Join, Share
from protocols.patience import patience_s
from protocols.sharing import Sharing
from protocols.substeps import Exposure, Model
from protocols.wire.transport import Transport


@final
@dataclass(slots=True)
class Client:
    """Runs one client's agents through a run.

    Attributes:
        step: the round that comes next, 0 to T; after the last one it is T + 1.
        missed: the steps whose rounds closed without this client.

    Security: the aggregators, as long as one of them does not collude with the others, learn nothing of the agents. In
        `sum` mode this client learns its agents' exact exposures, and so something of their neighbours: see the README.
    """

    manifest: Manifest
    private: PrivateState = field(repr=False)
    transports: Sequence[Transport]
    step: int = 0
    missed: list[int] = field(default_factory=list)
    _id: bytes = field(init=False, repr=False)
    _keys: tuple[bytes, ...] = field(init=False, repr=False)
    _layout: Layout = field(init=False, repr=False)
    _model: Model = field(init=False, repr=False)
    _sharing: Sharing = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare; nothing is sent."""
        if len(self.transports) != len(self.manifest.aggregators):
            raise ParameterError(
                f"got {len(self.transports)} transports for {len(self.manifest.aggregators)} aggregators; give one each"
            )
        self._id = manifests.run_id(self.manifest)
        self._layout = Layout.of(self.manifest)
        self._model = self.manifest.model.model()
        self._sharing = self.manifest.share()
        self._keys = self._sharing.keys()

    @classmethod
    async def join(cls, manifest: Manifest, private: PrivateState, transports: Sequence[Transport]) -> "Client":
        """Join a run at all of its aggregators.

        Args:
            manifest: of the run.
            private: this client's agents.
            transports: one for each aggregator, in the manifest's order.

        Raises:
            ProtocolError: an aggregator refuses.
            Unavailable: an aggregator does not answer in time.
        """
        client = cls(manifest, private, transports)
        keys = [*client._keys, b""] if len(transports) > 1 else [b""]
        timeout_s = patience_s(manifest, 0)
        joined = await asyncio.gather(
            *(
                transport.call(Join(client._id, key), timeout_s=timeout_s)
                for transport, key in zip(transports, keys, strict=True)
            )
        )
        client.step = max(reply.step for reply in joined)
        return client

    async def run(self, on_step: Callable[[int], None] = lambda step: None) -> None:
        """Take part until the run ends; `on_step` is told each round that is over."""
        while self.step <= self.manifest.steps:
            step = self.step
            await self.advance()
            on_step(step)

    async def advance(self) -> None:
        """Take part in one round, and update the agents by what it brought.

        If the round closed without this client (it was late), its agents go on without what others told them.
        """
        step, layout = self.step, self._layout
        first, end = layout.own[self.private.name]
        exposure, vector = self._speak(step, first, end)
        try:
            replies = await self._exchange(vector, step)
        except RoundClosed:
            self.missed.append(step)
            hazard = np.zeros(end - first, dtype=np.int64)
        else:
            total = self._sharing.join([reply.exposure for reply in replies])
            exposure += from_ring(total).reshape(exposure.shape)
            hazard = self._pressure(replies)
        if step < self.manifest.steps:
            self.private.state = dict(self._model.update(self.private.state, Exposure(exposure, hazard)))
        self.step = step + 1

    def _speak(self, step: int, first: int, end: int) -> tuple[I64, U64]:
        """Return own agents' exposure to each other, int64[n_own, c], and the vector to share, uint64[d]."""
        layout = self._layout
        says = np.asarray(self._model.message(self.private.state, channels=layout.c))
        if step < self.manifest.steps:
            spoken = self.private.contacts.add_up(says, step=step)
        else:
            spoken = np.zeros((layout.n, layout.c), dtype=np.int64)  # the closing round carries no messages
        own = spoken[first:end].copy()
        spoken[first:end] = 0
        if layout.cells:
            cells = cell_totals(says[:, layout.c], self.private.cell, cells=layout.cells)
        else:
            cells = np.zeros(0, dtype=np.int64)
        return own, layout.pack(spoken, cells, np.array(self._model.tally(self.private.state), dtype=np.int64))

    async def _exchange(self, vector: U64, step: int) -> list[Closed]:
        """Share the vector, and return what all aggregators answered."""
        share = self._sharing.split(vector, self._keys, step=step)
        nothing = np.zeros(0, dtype=np.uint64)
        last = len(self.transports) - 1
        calls = (
            transport.call(
                Share(self._id, step, share if index == last else nothing), timeout_s=patience_s(self.manifest, step)
            )
            for index, transport in enumerate(self.transports)
        )
        answers = await asyncio.gather(*calls, return_exceptions=True)
        errors = [answer for answer in answers if isinstance(answer, BaseException)]
        if errors:  # a late client is told so by every aggregator; any other refusal matters more
            raise next((error for error in errors if not isinstance(error, RoundClosed)), errors[0])
        return self._checked([answer for answer in answers if isinstance(answer, Closed)], step)

    def _checked(self, replies: list[Closed], step: int) -> list[Closed]:
        layout = self._layout
        first, end = layout.own[self.private.name]
        expected = (step, (end - first) * layout.c, layout.released, layout.cells)
        for reply in replies:
            if (reply.step, reply.exposure.size, reply.release.size, reply.synthetic.size) != expected:
                raise PartiesDisagree(f"an aggregator answered step {step} with vectors of another size; stop the run")
        if len({(reply.members, reply.synthetic.tobytes()) for reply in replies}) != 1:
            raise PartiesDisagree(f"aggregators told different things about step {step}; stop the run")
        return replies

    def _pressure(self, replies: list[Closed]) -> I64:
        """Return the hazard that own agents' cells exert in this step, int64[n_own]."""
        layout = self._layout
        if layout.cells == 0:
            first, end = layout.own[self.private.name]
            return np.zeros(end - first, dtype=np.int64)
        released = from_ring(self._sharing.join([reply.release for reply in replies]))
        totals = released[: layout.cells] + replies[0].synthetic
        sizes = np.array(self.manifest.cells, dtype=np.int64)
        return pressure(totals, sizes, self.manifest.model.cell_beta)[self.private.cell]
