"""A policy that reacts to what is released: a measure that is taken above one total, and lifted below another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

from lpm_secure.environments.environment import Environment, StepTotals
from protocols.errors import ModelError


@final
@dataclass(frozen=True, slots=True)
class ThresholdPolicy(Environment):
    """A measure with hysteresis: what lies between the two totals leaves it as it is.

    Attributes:
        number: the public number that says whether it is taken.
        total: the stage or observable that is watched, over all agents, as the step before released it.
        above: at so many or more it is taken.
        below: at so many or fewer it is lifted.
        on, off: the number's two values.
    """

    number: str
    total: str
    above: int
    below: int
    on: int = 1
    off: int = 0

    def __post_init__(self) -> None:
        """Check the order of the two totals."""
        if self.below >= self.above:
            raise ModelError(f"above is {self.above} and below {self.below}; give a below that is less than above")

    def step(self, before: Mapping[str, int], releases: Sequence[StepTotals], t: int) -> Mapping[str, int]:
        """Return whether the measure is taken in step `t`.

        Args:
            before, releases, t: as `Environment.step` has them; the last release counts.

        Raises:
            ModelError: the model has no such total.
        """
        if not releases:
            return {self.number: self.off}
        seen, value = releases[-1].total(self.total), before[self.number]
        if seen >= self.above:
            value = self.on
        elif seen <= self.below:
            value = self.off
        return {self.number: value}
