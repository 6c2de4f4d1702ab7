"""What a run yields: how many agents are in each stage, day by day."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
import pyarrow as pa

from protocols.arithmetic.fixed_point import I64
from protocols.models import Stage

PARTS: Final = ("private", "synthetic")


@final
@dataclass(frozen=True, slots=True, eq=False)
class StageSeries:
    """Stage counts of private and synthetic agents.

    Attributes:
        counts: int64[T + 1, 2, q]: day, private or synthetic, stage or observable.
        dt: days in a step.
        names: of stages and observables.
    """

    counts: I64
    dt: float
    names: tuple[str, ...] = tuple(stage.name for stage in Stage)

    def of(self, part: str, stage: int) -> I64:
        """Return one stage of one part, int64[T + 1]."""
        result: I64 = self.counts[:, PARTS.index(part), stage]
        return result

    def incidence(self, part: str) -> I64:
        """Return new infections in the step before each day, int64[T + 1]; none before day 0.

        Where immunity wanes, less those who became susceptible again: the stages tell only the difference.
        """
        susceptible = self.of(part, Stage.S)
        return np.concatenate([[0], susceptible[:-1] - susceptible[1:]])

    def prevalence(self, part: str) -> float:
        """Return the last day's share of infectious agents; 0 where there are no agents."""
        return float(self.counts[-1, PARTS.index(part), Stage.I]) / max(self.size(part), 1)

    def attack_rate(self, part: str) -> float:
        """Return the share of agents that are no longer susceptible at the end; 0 where there are no agents."""
        return 1.0 - float(self.of(part, Stage.S)[-1]) / self.size(part) if self.size(part) else 0.0

    def size(self, part: str) -> int:
        """Return how many agents the part has on day 0."""
        return int(self.counts[0, PARTS.index(part)].sum())

    @property
    def hash(self) -> str:
        """SHA-256 of the counts as little-endian words, row by row."""
        return hashlib.sha256(self.counts.astype("<i8").tobytes()).hexdigest()

    def table(self) -> pa.Table:
        """Return one row for each day: day, then for each part its incidence and its stages."""
        columns: dict[str, Any] = {"day": np.arange(self.counts.shape[0]) * self.dt}
        for part in PARTS:
            columns[f"{part}_incidence"] = self.incidence(part)
            columns |= {f"{part}_{name}": self.of(part, place) for place, name in enumerate(self.names)}
        return pa.table(columns)
