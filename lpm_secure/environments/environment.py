"""An environment: what happens to everybody alike, as public numbers of each step (Eq. 2 of arXiv 2507.09901)."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from protocols.errors import ModelError


@final
@dataclass(frozen=True, slots=True)
class StepTotals:
    """What a step released, which is all that an environment may react to.

    Attributes:
        private: of each stage and observable, the total over the clients' agents.
        synthetic: the same over the engine's own.
        cells: of each cell channel, what everybody in each cell said together.
    """

    private: Mapping[str, int]
    synthetic: Mapping[str, int]
    cells: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def total(self, name: str) -> int:
        """Return the total of a stage or observable over all agents.

        Raises:
            ModelError: the model has none of this name.
        """
        if name not in self.private:
            raise ModelError(f"there is no total {name}; the model's are {', '.join(self.private)}")
        return self.private[name] + self.synthetic[name]


@final
@dataclass(frozen=True, slots=True)
class PublicValue:
    """A public number of which relaxed runs take the unrounded value, and exact ones the integer.

    Attributes:
        exact: the integer that is announced.
        relaxed: a torch scalar in the number's range, through which derivatives may go.
    """

    exact: int
    relaxed: Any


class Environment(abc.ABC):
    """Computes public numbers from releases alone; runs in the engine, in plain Python, with whatever it imports.

    A run begins with a new one, and asks it once a step, in order. What it keeps of earlier steps may only follow from
    what it was given in them.
    """

    @abc.abstractmethod
    def step(
        self, before: Mapping[str, int], releases: Sequence[StepTotals], t: int
    ) -> Mapping[str, int | PublicValue]:
        """Return each public number of the model, in its range.

        Args:
            before: those of the step before; none in step 0.
            releases: of steps 0 to t - 1, in order.
            t: the step, from 0 on.

        Raises:
            ModelError: what its author makes of a total that the model has not; a run ends with it in one line.
        """
