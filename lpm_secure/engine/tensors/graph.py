"""Contacts of all private agents in the clear, for the clear run."""

from typing import final

import numpy as np
import torch

from client_sdk.private.contacts import ContactTable


@final
class Graph:
    """Undirected weighted edges by day, as tensors on one device."""

    def __init__(self, table: ContactTable, *, n: int, c: int, period: int, device: torch.device) -> None:
        """Keep both directions of each contact, by day."""
        self._n, self._c = n, c
        self._days = []
        for day in range(period):
            rows = np.flatnonzero(table.day == day)
            sender = np.concatenate([table.a[rows], table.b[rows]])
            target = np.concatenate([table.b[rows], table.a[rows]])
            channel, weight = (np.tile(column[rows], 2) for column in (table.channel, table.weight))
            edges = np.stack([sender * (c + 1) + channel, target * c + channel, weight])
            self._days.append(torch.from_numpy(edges).to(device))

    def add_up(self, says: torch.Tensor, *, step: int) -> torch.Tensor:
        """Return int64[n, c], each agent's exposure, from int64[n, c + 1], what everybody says."""
        sender, target, weight = self._days[step % len(self._days)]
        total = torch.zeros(self._n * self._c, dtype=torch.int64, device=says.device)
        total.index_add_(0, target, says.reshape(-1)[sender] * weight)
        return total.reshape(self._n, self._c)
