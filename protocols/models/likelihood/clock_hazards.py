"""Hazards of exponential clocks, from the last time at which an outcome told that its level had not crossed."""

from collections.abc import Iterator
from typing import Any, final

import numpy as np

from protocols.models.escape import probability
from protocols.models.likelihood.clocks import Clock
from protocols.models.likelihood.events import CLOCK, Chance, ChanceEvent, event_of
from protocols.models.likelihood.tape import NONE, Slopes, choose, combine


@final
class ClockHazard:
    """One outcome's hazard since it was last looked at, and who has crossed."""

    def __init__(self, name: str, clock: Clock, n: int, at_bounds: set[int]) -> None:
        """Begin at 0; parameters by which a hazard of 0 would grow are added to those at bounds."""
        self._name, self._unit, self._n, self._at_bounds = name, 2.0**clock.bits, n, at_bounds
        self._hazard: Any = np.zeros(n)
        self._slopes: Slopes = NONE
        self._crossed: Any = np.zeros(n, dtype=np.bool_)

    def hear(self, growth: Any, slopes: Slopes, crosses: Any, mask: Any, step: int) -> Iterator[ChanceEvent]:
        """Add a step's growth; yield what happened where it mattered.

        Args:
            growth, slopes: of the level, in units of the threshold's integer.
            crosses: bool[n], whether the level is above the threshold now.
            mask: to whom it matters.
            step: of the run.
        """
        self._hazard = self._hazard + growth / self._unit
        self._slopes = combine((1.0, self._slopes), (1 / self._unit, slopes))
        heard = mask & ~self._crossed
        likely = heard & (self._hazard > 0)
        self._at_bounds.update(p for p, slope in self._slopes.items() if (heard & ~likely & (slope != 0)).any())
        hazard = np.where(likely, self._hazard, 1.0)
        caught = probability(hazard)
        weight = np.where(likely, np.where(crosses, (1.0 - caught) / caught, -1.0), 0.0)
        score = combine((weight, self._slopes))
        rate = combine((np.where(heard & ~crosses, 1.0, 0.0), self._slopes))
        yield from event_of((CLOCK, self._name), step, Chance(score, rate, np.int64(1)), heard, self._n)
        self._crossed = self._crossed | (heard & crosses)
        self._clear(heard)

    def restart(self, anew: Any) -> None:
        """Begin anew where a level does."""
        self._crossed = self._crossed & ~anew
        self._clear(anew)

    def _clear(self, mask: Any) -> None:
        self._hazard = np.where(mask, 0.0, self._hazard)
        self._slopes = choose(mask, NONE, self._slopes)
