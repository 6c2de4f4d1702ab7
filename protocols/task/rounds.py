"""The order of a run's rounds: which phases a step has in each mode."""

import enum
from dataclasses import dataclass
from typing import final

from protocols.arithmetic.counters import RoundNumber, Step
from protocols.errors import RoundAhead


@final
class Phase(enum.IntEnum):
    """What a round is for; the numbers travel on the wire."""

    SPEAK = 0  # messages to others, cell totals and tallies are added up
    DECIDE = 1  # outcome mode: own hazards are added, and every agent's hazard is compared with its threshold
    THRESHOLDS = 2  # outcome mode, once, before step 0: thresholds become shares
    TOKENS = 3  # permuted edges, once, after the thresholds: tokens of all slots become shares


@final
@dataclass(frozen=True, slots=True)
class Schedule:
    """Numbers the rounds of a run.

    In sum mode a step is one round. In outcome mode a run begins with a round for thresholds, and a step has two. After
    the last step a closing round carries the last tally, and no messages.

    Attributes:
        outcome: the mode.
        steps: T.
        devices: whether edges are permuted: a round for tokens comes after the thresholds.
    """

    outcome: bool
    steps: int
    devices: bool = False

    @property
    def rounds(self) -> int:
        """Return how many rounds there are."""
        return 2 * self.steps + 2 + self.devices if self.outcome else self.steps + 1

    def number(self, step: Step, phase: Phase) -> RoundNumber:
        """Return the number of a round, from 0.

        Raises:
            RoundAhead: the run has no such round.
        """
        if self.outcome:
            number = self._before.index(phase) if phase in self._before else self._first + 2 * step
            number += phase == Phase.DECIDE
        else:
            number = step if phase == Phase.SPEAK else self.rounds
        if not 0 <= number < self.rounds:
            raise RoundAhead(f"got step {step}, {phase.name.lower()}; the run has steps 0 to {self.steps}")
        return RoundNumber(number)

    def step(self, number: RoundNumber) -> Step:
        """Return the step that a round belongs to."""
        return Step(max(number - self._first, 0) // 2 if self.outcome else number)

    def phase(self, number: RoundNumber) -> Phase:
        """Return what a round is for."""
        if not self.outcome:
            return Phase.SPEAK
        if number < self._first:
            return self._before[number]
        return Phase.DECIDE if (number - self._first) % 2 else Phase.SPEAK

    @property
    def _before(self) -> tuple[Phase, ...]:
        return (Phase.THRESHOLDS, Phase.TOKENS) if self.devices else (Phase.THRESHOLDS,)

    @property
    def _first(self) -> int:
        return len(self._before)
