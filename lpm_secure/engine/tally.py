"""What an engine makes of a release: the tally, exact, or what is known of it where departures alone are released."""

from dataclasses import dataclass, field
from typing import final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.fixed_point import I64
from protocols.models.graph.agents import GraphModel
from protocols.releases.suppression import FIRST
from protocols.task.layout import Layout
from protocols.task.release_plan import ReleasePlan


@final
@dataclass(frozen=True, slots=True)
class TallyEstimator:
    """Turns the words of a run's releases into tallies, step by step; post-processing, which costs no privacy.

    Where departures from the first stage alone are released, the stages that follow are estimated by the laws of their
    days, where all agents have such laws (`stays`); else the tally says who is in the first stage, and who is not.

    Attributes:
        plan: of the run's releases.
        model: with its laws of days.
        n: private agents of one replicate.
    """

    plan: ReleasePlan
    model: GraphModel
    n: int
    _new: list[int] = field(default_factory=list)
    _departed: list[I64] = field(default_factory=list)  # of relaxed agents, with derivatives, in each step

    def tally(self, words: I64) -> I64:
        """Return int64[q] of the step that comes next, and behind it what stands beside the tally as it was told."""
        releases = self.plan.releases
        if releases.of("tally") is not None or not words.size:
            return words
        if (gradient := self.plan.gradient) is not None and gradient.relaxed:
            return self._remaining(words[: gradient.width], 2**gradient.value_bits)
        told = int(words[FIRST])
        self._new.append(told - sum(self._new) if releases.of("running") else told)
        beside = words[len(self.plan.tally) :]
        return np.concatenate([self._estimate(), beside])

    def _remaining(self, departed: I64, unit: int) -> I64:
        """Return who is in the first stage and who is not, int64[2 * (1 + p)]."""
        self._departed.append(departed)
        gone = np.sum(self._departed, axis=0)
        everybody = np.zeros_like(gone)
        everybody[0] = self.n * unit
        return np.concatenate([everybody - gone, gone])

    def _estimate(self) -> I64:
        gone, stays, n = sum(self._new), self.model.stays, self.n
        if not stays:
            return np.array([n - gone, gone], dtype=np.int64)
        one, other = stays
        late, later = _survivals(one), _survivals(other)
        beginners, begun = self._new[0], np.array(self._new[1:], dtype=np.float64)
        second = _still(begun, late)
        rest = beginners * (later[len(begun)] if len(begun) < len(later) else 0.0)
        third = round(_still(begun, _sum_survivals(one, other)) - second + rest)
        stages = [n - gone, round(second), third]
        return np.array([*stages, n - sum(stages)], dtype=np.int64)


@final
class ReplicateTallies:
    """Turns the words of a run's releases into tallies, step by step, of each replicate by itself."""

    def __init__(self, plan: ReleasePlan, model: GraphModel, layout: Layout) -> None:
        """Begin a run."""
        self._layout, n = layout, layout.n // layout.copies
        self._each = [TallyEstimator(plan, model, n) for _ in range(layout.copies)]

    def tally(self, words: I64) -> I64:
        """Return int64[q] of the step that comes next, of replicates side by side, as the layout has them."""
        own = self._layout.split(words)
        each = [estimator.tally(told) for estimator, told in zip(self._each, own, strict=True)]
        return np.stack(each, axis=1).reshape(-1)


def _law(law: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Return the probabilities of 0, 1, ... days."""
    return np.append(0.0, np.array(law, dtype=np.float64) / LAW_TOTAL)


def _survivals(law: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Return the probability of more than t days, for t = 0, 1, ..."""
    return 1.0 - np.cumsum(_law(law))


def _sum_survivals(one: tuple[int, ...], other: tuple[int, ...]) -> npt.NDArray[np.float64]:
    return 1.0 - np.cumsum(np.convolve(_law(one), _law(other)))


def _still(begun: npt.NDArray[np.float64], survival: npt.NDArray[np.float64]) -> float:
    """Return how many of those that began in each step, the last of them in this one, are expected to be in."""
    ages = np.arange(len(begun))[::-1]
    return float(np.dot(begun, np.where(ages < len(survival), survival[np.minimum(ages, len(survival) - 1)], 0.0)))
