"""Numbers drawn at random from their ranges: for checks of models and of builds, in which any may come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from lpm_secure.environments.environment import Environment, StepTotals
from protocols.models.graph.draws import STEP, DrawSource, integer


@final
@dataclass(frozen=True, slots=True)
class UniformDraws(Environment):
    """Each number is drawn anew in each step; the same seed draws the same ones, whatever is released.

    Attributes:
        ranges: of each, its least and its largest value.
        seed: of the draws.
    """

    ranges: Mapping[str, tuple[int, int]]
    seed: int = 1

    def step(self, before: Mapping[str, int], releases: Sequence[StepTotals], t: int) -> Mapping[str, int]:
        """Draw each number."""
        source = DrawSource(np.zeros(1, dtype=np.uint64), t, (self.seed, 0))
        return {
            name: int(integer(source.words(f"public {name}", STEP), low, high)[0])
            for name, (low, high) in self.ranges.items()
        }
