"""Relaxed agents on torch: the engine's own, and in the clear run everybody's."""

from typing import Any, final

import torch

from client_sdk.private.contacts import ContactTable
from protocols.arithmetic.fixed_point import I64
from protocols.models.dual import Number
from protocols.models.seir import relaxation
from protocols.models.seir.relaxation import RelaxedParameters
from protocols.task.manifest import Simulation


def escape(hazard: Any) -> Number:
    """Return `1 - exp(-h)` as torch computes it, which differentiates it best."""
    return -torch.expm1(-hazard)


@final
class TorchAgents:
    """n relaxed agents as float64 tensors; autograd goes through them. No fixed point, no rounding."""

    def __init__(self, manifest: Simulation, *, cell: I64, n: int, contacts: ContactTable | None = None) -> None:
        """Keep who meets whom and who is in which cell."""
        self._manifest, self._n = manifest, n
        self._cell = torch.from_numpy(cell)
        self._sizes = torch.tensor(manifest.cells, dtype=torch.float64)
        self._days = [] if contacts is None or manifest.mode != "sum" else _days(contacts, manifest)
        self._initial = relaxation.names(manifest.channels).index("initial")
        self._stages: Any = ()  # susceptible, exposed, infectious

    def begin(self, theta: torch.Tensor) -> None:
        """Begin with the initial share in `theta`, float64[m]."""
        ill = theta[self._initial] * torch.ones(self._n, dtype=torch.float64)
        self._stages = (1.0 - ill, torch.zeros_like(ill), ill)

    def cells(self) -> torch.Tensor:
        """Return what the agents say to each cell, float64[cells]."""
        total = torch.zeros(self._sizes.numel(), dtype=torch.float64)
        return total.index_add(0, self._cell, self._stages[2]) if self._sizes.numel() else total

    def tally(self) -> torch.Tensor:
        """Return how many agents are expected in each stage, float64[q]."""
        s, e, i = self._stages
        return torch.stack([stage.sum() for stage in (s, e, i, 1.0 - s - e - i)])

    def update(self, totals: torch.Tensor, theta: torch.Tensor, step: int) -> None:
        """Move on by one step, with everybody's cell totals."""
        share: Number = None
        if self._sizes.numel():
            share = (torch.minimum(totals.clamp(min=0.0), self._sizes) / self._sizes)[self._cell]
        parameters, contact = RelaxedParameters.of(list(theta)), self._contact(step)
        if share is None and not contact:
            contact = [torch.zeros(self._n, dtype=torch.float64)] * len(self._manifest.channels)
        s, e, i = self._stages
        self._stages = relaxation.advance(
            (s, e, i),
            contact=contact,
            cell=share,
            susceptibility=torch.ones(self._n, dtype=torch.float64),
            theta=parameters,
            factor=relaxation.factor(self._manifest.gradient, parameters, step),
            escape=escape,
        )

    def _contact(self, step: int) -> list[Number]:
        if not self._days:
            return []
        found: list[Number] = []
        for sender, target, weight in self._days[step % len(self._days)]:
            zero = torch.zeros(self._n, dtype=torch.float64)
            found.append(zero.index_add(0, target, self._stages[2][sender] * weight))
        return found


def _days(table: ContactTable, manifest: Simulation) -> list[list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]]:
    """Return both directions of each contact by day and channel: sender, target, weight."""
    a, b, weight = (torch.from_numpy(column) for column in (table.a, table.b, table.weight))
    days = []
    for day in range(manifest.period):
        channels = []
        for channel in range(len(manifest.channels)):
            rows = torch.from_numpy((table.day == day) & (table.channel == channel))
            sender, target = torch.cat([a[rows], b[rows]]), torch.cat([b[rows], a[rows]])
            channels.append((sender, target, weight[rows].repeat(2).to(torch.float64)))
        days.append(channels)
    return days
