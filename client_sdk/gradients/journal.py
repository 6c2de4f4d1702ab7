"""The journal of a client's forward pass: exposures of every step, and checkpoints of states for the backward pass."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

from protocols.errors import ParameterError
from protocols.models.relaxed_agents import Reception, States


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
    entries: list[Reception] = field(default_factory=list, repr=False)
    most: int = 0
    _states: dict[int, States] = field(default_factory=dict, repr=False)

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

    def put(self, t: int, states: States) -> None:
        """Take the state with which step t begins, and keep it if it is one of those to keep."""
        if t % self.every == 0:
            self._keep(t, states)

    def take(self, t: int, after: Callable[[int, States], States]) -> States:
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

    def _keep(self, t: int, states: States) -> None:
        self._states[t] = states
        self.most = max(self.most, len(self._states))
