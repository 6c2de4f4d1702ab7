"""Who tells whom on torch: sums of messages where the agents' states are held."""

from typing import final

import torch

from lpm_secure.engine.backends.torch_backend import TorchBackend
from lpm_secure.engine.model_agents import ContactMatrices, ContactSums
from protocols.arithmetic.fixed_point import I64


@final
class TensorContacts(ContactSums):
    """The edges of each day and channel on a device; sums of integers do not depend on the order of their terms."""

    def __init__(self, matrices: ContactMatrices, channels: tuple[str, ...], backend: TorchBackend) -> None:
        """Take contacts to the device.

        Args:
            matrices: of the contacts.
            channels: names of those along contacts.
            backend: which holds the agents.
        """
        self.degree, self._n = matrices.degree, matrices.n
        self._days, self._along = [], []
        for day in range(matrices.period):
            edges = {name: matrices.matrix(name, step=day).tocoo() for name in channels}
            self._days.append(
                {
                    name: tuple(backend.hold(each.astype("int64")) for each in (*edge.coords, edge.data))
                    for name, edge in edges.items()
                }
            )

            along = {}
            for name in matrices.along:
                sender, number = matrices.edges(name, step=day)
                along[name] = backend.hold(sender), number, backend.hold(matrices.hearers(name, step=day))
            self._along.append(along)

    def add_up(self, channel: str, messages: torch.Tensor, *, step: int) -> torch.Tensor:
        """Return the sum of what reaches each agent."""
        hearer, speaker, weight = self._days[step % len(self._days)][channel]
        return torch.zeros_like(messages).index_add_(0, hearer, messages[speaker] * weight)

    def edges(self, channel: str, *, step: int) -> tuple[torch.Tensor, I64]:
        """Return who tells, and the contacts' own numbers."""
        sender, number, _ = self._along[step % len(self._along)][channel]
        return sender, number

    def collect(self, channel: str, told: torch.Tensor, *, step: int) -> torch.Tensor:
        """Return the sum of what reaches each agent."""
        hearer = self._along[step % len(self._along)][channel][2]
        return torch.zeros(self._n, dtype=told.dtype, device=told.device).index_add_(0, hearer, told)
