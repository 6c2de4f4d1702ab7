"""Relaxed agents that can be gone back through, as a part of a torch graph: the engine's own, of any local chain."""

from collections.abc import Callable
from typing import Any, Final, final

import numpy as np
import torch

from protocols.arithmetic.fixed_point import I64
from protocols.models.relaxed_agents import F64, Reception, ReversibleAgents, States

Pull = Callable[[F64], tuple[F64, ...]]  # from derivatives by a result to those by each argument


@final
class ReversibleTensors:
    """n agents in cells, who have no contacts; no fixed point, no rounding."""

    def __init__(self, agents: ReversibleAgents, *, cell: I64, cells: int, channels: int, words: int) -> None:
        """Take agents.

        Args:
            agents: the engine's own.
            cell: int64[n], each agent's cell; empty where the run has none.
            cells: how many there are.
            channels: of contacts.
            words: channels of cells.
        """
        self._agents, self._cell, self._cells = agents, cell, cells
        self._channels, self._words, self._step = channels, words, 0
        self._shapes: list[tuple[int, ...]] = []
        self._states = self._means = torch.zeros(0, dtype=torch.float64)

    def begin(self, theta: torch.Tensor) -> None:
        """Begin, with parameters as the engine announces them, float64[m]."""

        def body(numbers: F64) -> tuple[F64, Pull]:
            states = self._agents.begin(numbers)
            self._shapes = [each.shape for each in states]
            return _joined(states), lambda by: (self._agents.back_begin(self._parted(by)).sum(axis=1),)

        self._step, self._states = 0, _apply(body, theta)
        self._count(theta)

    def cells(self) -> torch.Tensor:
        """Return what the agents say to each cell, float64[w * cells]."""
        total = torch.zeros(self._words, self._cells, dtype=torch.float64)
        if self._cells:
            total = total.index_add(1, torch.from_numpy(self._cell), self._means[self._channels :][: self._words])
        return total.reshape(-1)

    def tally(self) -> torch.Tensor:
        """Return what the agents are expected to count for, float64[q]."""
        return self._means[self._channels + self._words :].sum(dim=1)

    def update(self, totals: torch.Tensor, theta: torch.Tensor, step: int) -> None:
        """Move on by one step, with everybody's cell totals."""
        agents, n = self._agents, self._agents.n

        def body(flat: F64, cell: F64, numbers: F64) -> tuple[F64, Pull]:
            states, heard = self._parted(flat), Reception(np.zeros((0, n)), cell, numbers)

            def pull(by: F64) -> tuple[F64, ...]:
                before, found = agents.back(states, self._parted(by), heard, step=step)
                by_cell = [np.bincount(self._cell, own, minlength=self._cells) for own in found.cell]
                return _joined(before), np.concatenate([*by_cell, cell[:0]]), found.theta.sum(axis=1)

            return _joined(agents.move(states, heard, step=step)), pull

        self._step, self._states = step + 1, _apply(body, self._states, totals, theta)
        self._count(theta)

    def _count(self, theta: torch.Tensor) -> None:
        """Compute what the agents tell and count for, now that they came into their states with these parameters."""
        agents, step = self._agents, self._step

        def body(flat: F64, numbers: F64) -> tuple[F64, Pull]:
            states = self._parted(flat)

            def pull(by: F64) -> tuple[F64, ...]:
                adjoints = [np.zeros_like(each) for each in states]
                by_theta = agents.back_means(states, adjoints, by, theta=numbers, step=step)
                return _joined(adjoints), by_theta.sum(axis=1)

            return agents.means(states, numbers, step=step), pull

        self._means = _apply(body, self._states, theta)

    def _parted(self, flat: F64) -> States:
        """Return states of their own from numbers in a row."""
        ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes])
        parts = np.split(flat, ends[:-1]) if len(ends) else []
        return [part.reshape(shape).copy() for part, shape in zip(parts, self._shapes, strict=True)]


@final
class _Reversible(torch.autograd.Function):
    """A function of numpy arrays, with what takes derivatives back through it."""

    @staticmethod
    def forward(ctx: Any, body: Callable[..., tuple[F64, Pull]], *arguments: torch.Tensor) -> torch.Tensor:
        """Return the result."""
        result, ctx.pull = body(*(each.detach().numpy() for each in arguments))
        return torch.from_numpy(result)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return derivatives by each argument."""
        found = ctx.pull(np.ascontiguousarray(grads[0].numpy()))
        return None, *(torch.from_numpy(np.ascontiguousarray(each)) for each in found)


_apply: Final[Callable[..., torch.Tensor]] = _Reversible.apply


def _joined(states: States) -> F64:
    flat: F64 = np.concatenate([np.zeros(0), *(each.reshape(-1) for each in states)])
    return flat
