"""What an engine makes of a release: the tally, exact, or estimated from noised infections by the laws of days."""

from dataclasses import dataclass, field
from typing import final

import numpy as np
import numpy.typing as npt

from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.arithmetic.fixed_point import I64
from protocols.models import Stage
from protocols.task.manifest import Manifest
from protocols.task.release_plan import releases_of


@final
@dataclass(frozen=True, slots=True)
class TallyEstimator:
    """Turns the words of a run's releases into tallies, step by step; post-processing, which costs no privacy."""

    manifest: Manifest
    _new: list[int] = field(default_factory=list)

    def tally(self, words: I64) -> I64:
        """Return int64[q] of the step that comes next, and behind it what stands beside the tally as it was told."""
        releases = releases_of(self.manifest)
        if releases.of("tally") is not None or not words.size:
            return words
        told = int(words[Stage.S])
        self._new.append(told - sum(self._new) if releases.of("running") else told)
        n = sum(len(client.agents) for client in self.manifest.clients)
        model = self.manifest.model.require_seir("estimates of a tally")
        late, ill = _survivals(model.latent), _survivals(model.infectious)
        beginners, infected = self._new[0], np.array(self._new[1:], dtype=np.float64)
        stage = np.zeros(len(Stage), dtype=np.int64)
        stage[Stage.S] = n - sum(self._new)
        stage[Stage.E] = round(_still(infected, late))
        not_recovered = _still(infected, _sum_survivals(model.latent, model.infectious))
        begun = beginners * (ill[len(infected)] if len(infected) < len(ill) else 0.0)
        stage[Stage.I] = round(not_recovered - _still(infected, late) + begun)
        stage[Stage.R] = n - int(stage.sum())
        return np.concatenate([stage, words[len(Stage) :]])


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
