"""All private agents of a run with adjoints in this process, in the clear, in the fixed point of clients."""

from typing import final

import numpy as np

from client_sdk.gradients.adjoint_pass import AdjointPass
from lpm_secure.engine.loop import PrivatePart, StepRelease
from lpm_secure.engine.model_agents import ContactMatrices
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import I64
from protocols.task.gradients.turn import Turn
from protocols.task.layout import Layout


@final
class ClearAdjointPart(PrivatePart):
    """The oracle: one holder of all agents, in rounds with nobody; the same bits as in private."""

    def __init__(self, testbed: Testbed) -> None:
        """Take the testbed's private agents."""
        manifest = self._manifest = testbed.manifest
        self._layout = Layout.of(manifest)
        self._pass = AdjointPass(
            manifest.relaxation, self._layout, cell=testbed.cell, columns=testbed.columns, n=self._layout.n
        )
        channels = manifest.model.graph.channels
        self._matrices = ContactMatrices(testbed.contacts, channels, n=self._layout.n, period=manifest.period)

    async def advance(self, step: int, announced: I64) -> StepRelease:
        """Go through a round, and return what it releases."""
        turn = Turn.of(RoundNumber(step), self._manifest.steps)
        message = self._pass.message(turn)
        contact = np.zeros((self._layout.n, self._layout.c), dtype=np.int64)
        if message.told.any():
            for place, name in enumerate(self._manifest.model.contact_channels[: self._layout.c]):
                contact[:, place] = self._matrices.add_up(
                    name, np.ascontiguousarray(message.told[:, place]), step=turn.t
                )
        self._pass.take_in(turn, contact, message.block, announced.view(np.float64))
        return StepRelease(message.block, np.zeros(0, dtype=np.int64), len(self._manifest.clients), 0)
