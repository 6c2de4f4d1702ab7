"""What a run records: only what an observer asks for is kept."""

import abc
from collections.abc import Sequence
from typing import Any, Protocol, final

import numpy as np

from protocols.arithmetic.fixed_point import I64


class Steps(Protocol):
    """Agents of any back end that moves on step by step."""

    step: int

    def tally(self) -> I64:
        """Return how many agents are in each stage."""

    def update(self) -> None:
        """Move on by one step."""

    @property
    def stage(self) -> np.ndarray[Any, Any]:
        """Stage of each agent."""


class Observer(abc.ABC):
    """Sees the agents before every step and after the last."""

    @abc.abstractmethod
    def see(self, agents: Steps) -> None:
        """Record what it is for. What it keeps, it copies."""


@final
class StageCounts(Observer):
    """How many agents are in each stage, step by step; costs nothing per agent."""

    def __init__(self, before: I64 | None = None) -> None:
        """Begin with nothing, or with what was seen before a checkpoint, int64[steps, q]."""
        self._rows: list[I64] = [] if before is None else list(before)

    def see(self, agents: Steps) -> None:
        """Keep the tally."""
        self._rows.append(agents.tally())

    @property
    def counts(self) -> I64:
        """What was seen: int64[steps + 1, q]."""
        return np.stack(self._rows) if self._rows else np.zeros((0, 0), dtype=np.int64)


@final
class StagesBy(Observer):
    """How many agents of each group (age band, ward) are in one stage; one pass over the agents a step."""

    def __init__(self, group: np.ndarray[Any, Any], *, groups: int, stage: int) -> None:
        """Count agents of a stage by `group`, int[n], of which there are `groups`."""
        self._group, self._groups, self._stage = group, groups, stage
        self._rows: list[I64] = []

    def see(self, agents: Steps) -> None:
        """Count."""
        there = self._group[agents.stage == self._stage]
        self._rows.append(np.bincount(there, minlength=self._groups).astype(np.int64))

    @property
    def counts(self) -> I64:
        """What was seen: int64[steps + 1, groups]."""
        return np.stack(self._rows)


def run(agents: Steps, *, steps: int, observers: Sequence[Observer] = ()) -> None:
    """Move agents on by so many steps, while observers watch."""
    for _ in range(steps):
        for observer in observers:
            observer.see(agents)
        agents.update()
    for observer in observers:
        observer.see(agents)
