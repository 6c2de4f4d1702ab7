"""The journal of a client's forward pass: exposures of every step, and checkpoints of states for the backward pass."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

from protocols.errors import ParameterError
from protocols.models.seir.relaxation import F64


@final
@dataclass(frozen=True, slots=True, eq=False)
class JournalEntry:
    """One step of the journal: what reached a client from outside, and it could not compute again.

    Attributes:
        contact: float64[c, n], exposures of its agents.
        cell: float64[cells], everybody's cell totals.
        theta: float64[m], the parameters that the engine announced.
    """

    contact: F64 = field(repr=False)
    cell: F64 = field(repr=False)
    theta: F64


@final
@dataclass(slots=True, eq=False)
class AdjointJournal:
    """A journal with an entry for every step, and states at every `every`-th; those between are computed again.

    They come from the same lines and the same numbers, so they have the same bits. For T steps at most
    T / every + every states are kept at a time, at the price of one more way forth.

    Attributes:
        every: 1 keeps all states, and computes nothing again.
        entries: of each step so far.
        most: states kept at a time, at most, so far.
    """

    every: int = 1
    entries: list[JournalEntry] = field(default_factory=list, repr=False)
    most: int = 0
    _states: dict[int, F64] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Check the distance.

        Raises:
            ParameterError: it is below 1.
        """
        if self.every < 1:
            raise ParameterError(f"got every = {self.every}: keep the state of every step (1), or of every k-th")

    def clear(self) -> None:
        """Begin a pass."""
        self.entries.clear()
        self._states.clear()

    def put(self, t: int, stages: F64) -> None:
        """Take the state with which step t begins, and keep it if it is one of those to keep."""
        if t % self.every == 0:
            self._keep(t, stages)

    def take(self, t: int, after: Callable[[int, F64], F64]) -> F64:
        """Return the state with which step t begins, for the last time.

        Args:
            t: a step, each pass from the last one down.
            after: the state after a step, from the step and the state before.
        """
        start = t - t % self.every
        for step in range(start, t):
            if step + 1 not in self._states:
                self._keep(step + 1, after(step, self._states[step]))
        return self._states.pop(t)

    def _keep(self, t: int, stages: F64) -> None:
        self._states[t] = stages
        self.most = max(self.most, len(self._states))
