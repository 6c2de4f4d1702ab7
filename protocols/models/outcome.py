"""An outcome: a linear sum of what reaches an agent, and what of it the agent's holder may learn."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, final

from protocols.arithmetic.fixed_point import prove_no_wrap
from protocols.errors import WouldWrap

LARGEST_SUM: Final = 2**57  # of exposures: what an aggregator's words hold
Threshold = Literal["once", "restart", "step"]
WHEN: Final[Mapping[str, str]] = MappingProxyType(
    {"once": "told once", "restart": "told at each restart", "step": "told in each step"}
)


@final
@dataclass(frozen=True, slots=True)
class OutcomeSpec:
    """What aggregators and clients need to know of an outcome, all of it public.

    Attributes:
        name: of the outcome in its model.
        coefficients: of each contact channel, by which its exposure is multiplied.
        cell_coefficients: of each cell channel: the growth in a step where all of a cell say the most.
        reveals: "bit": whether the level is above a private threshold; "sum": the exact level.
        keep: whether the level adds up over the steps, or is that of the present step.
        threshold: when it may change: never, when the level begins anew, or in each step.
        restarts: whether the level of an agent can begin anew from 0.
        weight: the largest private weight by which growth is multiplied; None where nothing is weighted.
    """

    name: str
    coefficients: tuple[int, ...]
    cell_coefficients: tuple[int, ...] = ()
    reveals: Literal["bit", "sum"] = "bit"
    keep: bool = True
    threshold: Threshold = "once"
    restarts: bool = False
    weight: int | None = None

    @property
    def is_bit(self) -> bool:
        """Whether no more is revealed than a comparison's bit."""
        return self.reveals == "bit"

    @property
    def disclosure(self) -> str:
        """What an agent's holder learns of it in a step, in words."""
        if self.is_bit:
            return f"a bit: {self.name} above a private threshold ({WHEN[self.threshold]})"
        return f"the exact sum {self.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Return what a client tells of each agent when the aggregators decide, by name and in order."""
        changes = self.is_bit and self.threshold != "once"
        names = {"level": True, "threshold": changes, "anew": self.anew, "weight": self.weight is not None}
        return tuple(name for name, is_there in names.items() if is_there)

    @property
    def anew(self) -> bool:
        """Whether clients tell which levels begin anew; one of the present step alone does so in each."""
        return self.restarts and self.keep

    @property
    def multiplies(self) -> bool:
        """Whether a level takes a multiplication on shares: by a private weight, or by a bit that begins it anew."""
        return self.anew or self.weight is not None

    def column_bits(self, *, level: int, threshold: int) -> list[int]:
        """Return of how many bits each column of an agent is, given those of levels and thresholds."""
        bits = {"level": level, "threshold": threshold, "anew": 1, "weight": (self.weight or 1).bit_length()}
        return [bits[name] for name in self.columns]


def bound_level(name: str, largest: int, *, reveals: str) -> int:
    """Return the largest level of an outcome, where it stays within what is assumed of it.

    Raises:
        WouldWrap: it could reach 2**63, or a sum that is revealed exceed 2**57.
    """
    level = prove_no_wrap({f"the level of {name}": largest})
    if reveals == "sum" and level > LARGEST_SUM:
        raise WouldWrap(
            f"the sum that {name} reveals could reach 2**{math.log2(level):.1f}, and must stay within 2**57: use fewer "
            "fraction bits, smaller weights or fewer steps"
        )
    return level
