"""Numbers on a schedule: interventions with dates, weather, prices; and what an earlier run announced."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import final

from lpm_secure.environments.environment import Environment, StepTotals
from protocols.errors import ModelError


@final
@dataclass(frozen=True, slots=True)
class InterventionSchedule(Environment):
    """Each number keeps a value until the next date, whatever is released: as `Environment`, by `step` alone.

    What is no schedule raises ModelError when it is made.

    Attributes:
        numbers: of each, from which step on it has which value: `[[0, 100], [30, 60]]`.
    """

    numbers: Mapping[str, tuple[tuple[int, int], ...]]

    def __post_init__(self) -> None:
        """Check that there is a value from step 0 on, and that dates follow each other."""
        for name, dates in self.numbers.items():
            steps = [step for step, _ in dates]
            if steps[:1] != [0] or any(one >= other for one, other in pairwise(steps)):
                raise ModelError(f"the dates of {name} are the steps {steps}; give them in order, from step 0 on")

    @classmethod
    def of(cls, series: Mapping[str, Sequence[int]]) -> "InterventionSchedule":
        """Return what announces again what a run announced: a `series` of each number, from step 0 on."""
        return cls({name: tuple(enumerate(numbers)) for name, numbers in series.items()})

    def step(self, before: Mapping[str, int], releases: Sequence[StepTotals], t: int) -> Mapping[str, int]:
        """Return the values of the last date of each up to step `t`; `before` and `releases` count for nothing."""
        return {name: dates[bisect_right(dates, t, key=itemgetter(0)) - 1][1] for name, dates in self.numbers.items()}
