"""The private agents as a part of a torch graph: in the clear, the oracle that private adjoints are held against."""

import abc
from typing import final

import torch

from lpm_secure.gradients.private.relaxed_agents import TorchAgents
from lpm_secure.testbed.testbed import Testbed
from protocols.task.layout import Layout

Pair = tuple[torch.Tensor, torch.Tensor]


class Differentiable(abc.ABC):
    """The private agents, as the engine's torch graph meets them."""

    @abc.abstractmethod
    def begin(self, theta: torch.Tensor) -> None:
        """Begin a pass, with the initial share in `theta`, float64[m]."""

    @abc.abstractmethod
    def advance(self, t: int, synthetic: torch.Tensor, theta: torch.Tensor) -> Pair:
        """Announce the engine's cell totals and the parameters of step t; return private cell totals and tally."""


@final
class ClearAdjoints(Differentiable):
    """All private agents in one torch graph of this process, in the clear, with no fixed point."""

    def __init__(self, testbed: Testbed) -> None:
        """Take the testbed's private agents."""
        manifest = testbed.manifest
        n = Layout.of(manifest).n
        self._agents = TorchAgents(manifest, cell=testbed.cell, n=n, contacts=testbed.contacts)
        self._steps = manifest.steps

    def begin(self, theta: torch.Tensor) -> None:
        """Begin a pass."""
        self._agents.begin(theta)

    def advance(self, t: int, synthetic: torch.Tensor, theta: torch.Tensor) -> Pair:
        """Move the agents on, and return their totals before that."""
        cells, tally = self._agents.cells(), self._agents.tally()
        if t < self._steps:
            self._agents.update(cells + synthetic, theta, t)
        return cells, tally
