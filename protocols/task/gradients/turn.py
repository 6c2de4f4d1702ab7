"""The order of an adjoint run's rounds: forth, then back, once for each pass."""

from dataclasses import dataclass
from typing import final

from protocols.arithmetic.counters import RoundNumber


@final
@dataclass(frozen=True, slots=True)
class Turn:
    """What a round of an adjoint run is for: step t, -1 to T on the way forth, T to -1 on the way back.

    In step -1 agents draw nothing and say nothing: forth the initial share is announced, back its derivative is summed.
    """

    forth: bool
    t: int

    @classmethod
    def of(cls, number: RoundNumber, steps: int) -> "Turn":
        """Return the turn of a round, by its number in the run."""
        place = number % turns(steps)
        return cls(True, place - 1) if place <= steps + 1 else cls(False, 2 * steps + 2 - place)


def turns(steps: int) -> int:
    """Return how many rounds one pass of an adjoint run has."""
    return 2 * steps + 4
