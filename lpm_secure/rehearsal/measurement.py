"""What one way of rehearsing took, and whether it had the numbers that it should."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

SAME: Final = "identical: private = clear"
NOISED: Final = "not compared: releases have noise, which the clear run has not; see the run in one process"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What one way of running took.

    Attributes:
        parity: in words: `SAME`, `NOISED`, or where private and clear run part.
        step_s: seconds of a step; start_s: before the first one, where that counts.
        received: bytes that each party received per step.
    """

    parity: str
    step_s: float
    start_s: float = 0.0
    received: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return self.parity in (SAME, NOISED)


def parity(apart: str) -> str:
    """Return in words whether two runs part; `apart` says where, and is empty where they do not."""
    return f"DIFFERENT: {apart}" if apart else SAME
