"""Fisher scoring of a series whose expectation comes with derivatives: one step a run, to the posterior's mode."""

from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from client_sdk.likelihood.likelihood import Likelihood
from client_sdk.private.table import F64

LONGEST: Final = 1.0  # of a step, in standard deviations of the prior
LEAST_MEAN: Final = 1e-6


def log_derivatives(mean: F64, by_z: F64) -> F64:
    """Return derivatives of the logs of expected values, float64[T, p], from those of values.

    A value is taken to be at least `LEAST_MEAN`, as a point has it: one that noise has made smaller would tell most.
    """
    return np.asarray(by_z / np.maximum(mean, LEAST_MEAN)[:, None])


def noise_weight(law: Likelihood, mean: F64, *, spread: float, noise: float) -> F64:
    """Return by how much each value tells less, float64[T], as what is expected of it has noise of such a variance."""
    return np.asarray(1.0 / (1.0 + law.information(mean, spread) * noise / mean**2))


@final
@dataclass(frozen=True, slots=True, eq=False)
class ScoringPoint:
    """Where the fit is, and what one run said of it.

    Attributes:
        z: float64[p], whose prior is standard normal.
        value: log posterior, but for a constant.
        gradient: float64[p], of it.
        information: float64[p, p], of the observations.
        dispersion: Pearson's: how much wider values are than their law says; at least 1.
    """

    z: F64
    value: float
    gradient: F64
    information: F64
    dispersion: float

    @classmethod
    def of(
        cls, z: F64, mean: F64, by_log: F64, law: Likelihood, *, spread: float, noise: float = 0.0
    ) -> "ScoringPoint":
        """Return a point from a run there.

        Args:
            z: float64[p].
            mean: float64[T], expected values.
            by_log: float64[T, p], derivatives of their logs by z.
            law: of what was observed.
            spread: its second parameter.
            noise: variance of what privacy adds to each expected value.
        """
        mean = np.maximum(mean, LEAST_MEAN)
        value, by_mean, _ = law.log_likelihood(mean, spread)
        weight = noise_weight(law, mean, spread=spread, noise=noise)
        known = law.series.known
        by_mean, information = weight * by_mean, weight * known * law.information(mean, spread)
        residual = np.where(known, (law.series.guess - mean) / mean, 0.0)
        pearson = float((information * residual**2).sum()) / max(int(known.sum()) - z.size, 1)
        return cls(
            z=z,
            value=float(value.sum()) - 0.5 * float(z @ z),
            gradient=by_log.T @ by_mean - z,
            information=by_log.T @ (information[:, None] * by_log),
            dispersion=max(pearson, 1.0),
        )

    @property
    def precision(self) -> F64:
        """Return the observations' information and the prior's, float64[p, p], as the law has it."""
        return np.asarray(self.information + np.eye(self.z.size))

    def posterior(self, scores: F64) -> tuple[F64, F64]:
        """Return the posterior's mean and covariance in z, as discrete runs at this point correct them.

        Args:
            scores: float64[R, p], gradients of the log likelihood by z of what R such runs had; none where R is 0.

        Returns:
            float64[p]: the mode, moved by what these runs' mean differs from what is expected of them; float64[p, p]:
            of scores that vary together over steps (Godambe), whose mean is known up to R runs.
        """
        runs = len(scores)
        if runs <= self.z.size:
            return self.z, self.covariance
        inverse = np.linalg.inv(self.precision)
        spread = np.atleast_2d(np.cov(scores.T)) * (1 + 1 / runs) + np.eye(self.z.size)
        return self.z - inverse @ scores.mean(axis=0), inverse @ spread @ inverse

    def posterior_under_noise(self, scores: F64, information: F64) -> tuple[F64, F64]:
        """Return the posterior's mean and covariance in z where noise may tell more than the observations.

        One step of Newton from here is an estimate whose spread the replicates show, and which the prior is held
        against: so it is never wider than the prior, however large the noise.

        Args:
            scores: float64[R, p], as of `posterior`, with noise of their own in what is expected, and in derivatives.
            information: float64[p, p], without that noise, which would make it larger than it is.
        """
        runs = len(scores)
        if runs <= self.z.size:
            return self.z, self.covariance
        spread = np.atleast_2d(np.cov(scores.T)) * (1 + 1 / runs)
        told = information.T @ np.linalg.inv(spread)
        covariance = np.linalg.inv(told @ information + np.eye(self.z.size))
        gradient = self.gradient + self.z  # without the prior's
        mean = covariance @ told @ (information @ self.z + gradient - scores.mean(axis=0))
        return np.asarray(mean), np.asarray(covariance)

    @property
    def covariance(self) -> F64:
        """Return the posterior's around the mode, float64[p, p], as much wider as values are dispersed."""
        return np.asarray(np.linalg.inv(self.information / self.dispersion + np.eye(self.z.size)))

    @property
    def step(self) -> F64:
        """Return where scoring goes from here, float64[p]; no parameter by more than `LONGEST`."""
        step = np.linalg.solve(self.precision, self.gradient)
        return np.asarray(step * min(1.0, LONGEST / max(float(np.abs(step).max()), 1e-12)))

    @property
    def remaining(self) -> float:
        """Return the longest part of the next step, in standard deviations of the posterior."""
        return float((np.abs(self.step) / np.sqrt(np.diag(self.covariance))).max())


@final
@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """Scoring with steps that are halved while they make it worse.

    Attributes:
        best: the best point so far; None before the first run.
        share: of the step from there that comes next.
    """

    best: ScoringPoint | None = None
    share: float = 1.0

    def next_z(self, p: int) -> F64:
        """Return where the next run is to be, float64[p]; the first one is at the prior's median."""
        return np.zeros(p) if self.best is None else self.best.z + self.share * self.best.step

    def after(self, found: ScoringPoint) -> "Search":
        """Return the search after a run."""
        if self.best is not None and found.value < self.best.value:
            return replace(self, share=self.share / 2)
        return Search(found, 1.0)

    def is_over(self, tolerance: float) -> bool:
        """Tell whether what remains is less than a tolerance."""
        return self.best is not None and self.share * self.best.remaining < tolerance
