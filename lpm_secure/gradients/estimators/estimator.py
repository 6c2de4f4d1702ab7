"""The derivative of expected outputs by parameters, as every estimator gives it."""

import abc
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from protocols.arithmetic.distributions import F64

OnSeed = Callable[[], None]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Jacobian:
    """Estimated derivatives, `d E[output] / d parameter`.

    Attributes:
        value: float64[o, p].
        error: float64[o, p], standard errors; 0 from an estimator that draws nothing.
        seeds: how many runs it took.
        seconds: of wall time.
        expected: float64[o], mean outputs of the runs; empty where the estimator does not see them.
    """

    value: F64 = field(repr=False)
    error: F64 = field(repr=False)
    seeds: int
    seconds: float
    expected: F64 = field(repr=False, default_factory=lambda: np.zeros(0))

    @classmethod
    def mean(cls, samples: F64, *, since: float, outputs: F64 | None = None) -> "Jacobian":
        """Average independent samples, float64[seeds, o, p], taken since a time of `time.perf_counter`.

        Where the runs' outputs are given, float64[seeds, o], they are averaged too.
        """
        count = len(samples)
        error = samples.std(axis=0, ddof=1) / np.sqrt(count)
        expected = np.zeros(0) if outputs is None else outputs.mean(axis=0)
        return cls(samples.mean(axis=0), error, count, time.perf_counter() - since, expected)

    @classmethod
    def join(cls, parts: Sequence["Jacobian"]) -> "Jacobian":
        """Join estimates from disjoint seeds."""
        seeds = np.array([part.seeds for part in parts])
        share = (seeds / seeds.sum())[:, None, None]
        value = np.sum([part.value for part in parts] * share, axis=0)
        error = np.sqrt(np.sum(([part.error for part in parts] * share) ** 2, axis=0))
        expected = np.sum([part.expected for part in parts] * share[:, :, 0], axis=0)
        return cls(value, error, int(seeds.sum()), sum(part.seconds for part in parts), expected)

    def relative(self) -> float:
        """Return the largest standard error as a part of its value; infinite where only the value is 0."""
        known = self.error > 0
        with np.errstate(divide="ignore"):
            return float(np.max(self.error[known] / np.abs(self.value[known]), initial=0.0))


class Estimator(abc.ABC):
    """Estimates the derivatives of a problem's outputs from runs of it. Subclasses are final and keep no state.

    Attributes:
        name: in tables and configurations.
        unbiased: whether its expectation is the derivative, for every problem.
        draws: whether it draws anything, so that more seeds tell more.
    """

    name: ClassVar[str]
    unbiased: ClassVar[bool]
    draws: ClassVar[bool] = True

    @abc.abstractmethod
    def estimate(self, problem: Any, theta: Any, seeds: range, *, on_seed: OnSeed = lambda: None) -> Jacobian:
        """Estimate all derivatives.

        Args:
            problem: with its outputs.
            theta: where.
            seeds: of the runs, at least two.
            on_seed: called after each seed, for a progress bar.
        """


def covariances(outputs: F64, scores: F64) -> F64:
    """Return each seed's part of the covariance of outputs and scores, float64[seeds, o, p].

    Args:
        outputs: float64[seeds, o, t], by step.
        scores: float64[seeds, t, p], of draws up to it.
    """
    count = len(outputs)
    products: F64 = np.einsum("sot,stp->sop", outputs - outputs.mean(axis=0), scores)
    return products * (count / (count - 1))


def stack(samples: Iterable[F64], on_seed: OnSeed) -> F64:
    """Stack samples, calling `on_seed` after each."""
    found = []
    for sample in samples:
        found.append(sample)
        on_seed()
    return np.stack(found)
