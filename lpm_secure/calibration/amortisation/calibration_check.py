"""Is an amortised posterior calibrated? Ranks of the truth among draws, over simulations."""

import math
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
import numpy.typing as npt
import torch
from scipy import stats

from lpm_secure.calibration.amortisation.posterior import AmortisedPosterior

I64 = npt.NDArray[np.int64]
DRAWS: Final = 99  # of each posterior: a rank takes one of 100 values, and 90 of them are a 90 % interval
BINS: Final = 10
INSIDE: Final = 90


@final
@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """What simulations with a known truth say.

    Attributes:
        names: of the coordinates of z, p of them.
        ranks: int64[N, p]: how many of `DRAWS` draws lie below the truth.
        density: mean of log q(truth | sum); the prior's is `prior_density`.
        prior_density: mean of the log density of the truth under the prior.
        spread: float64[p], mean sd of the posterior of each coordinate; 1 is the prior's.

    Source: Talts et al. 2018 (arXiv 1804.06788), simulation-based calibration.
    """

    names: tuple[str, ...]
    ranks: I64 = field(repr=False)
    density: float
    prior_density: float
    spread: npt.NDArray[np.float64] = field(repr=False)

    @property
    def simulations(self) -> int:
        """N."""
        return int(self.ranks.shape[0])

    def p_values(self) -> npt.NDArray[np.float64]:
        """Return float64[p]: of a chi-squared test that the ranks of a coordinate are uniform."""
        bins = self.ranks * BINS // (DRAWS + 1)
        return np.array([stats.chisquare(np.bincount(column, minlength=BINS)).pvalue for column in bins.T])

    @property
    def p_value(self) -> float:
        """Smallest of `p_values`, corrected for their number (Bonferroni)."""
        return float(min(1.0, self.p_values().min() * len(self.names)))

    def coverage(self) -> npt.NDArray[np.float64]:
        """Return float64[p]: how often 90 % intervals hold the truth."""
        outside = (DRAWS + 1 - INSIDE) // 2
        inside = (self.ranks >= outside) & (self.ranks <= DRAWS - outside)
        return np.asarray(inside.mean(axis=0))

    def band(self) -> tuple[float, float]:
        """Return where 95 % of coverages of N intervals of 90 % lie."""
        law = stats.binom(self.simulations, INSIDE / (DRAWS + 1))
        return float(law.ppf(0.025) / self.simulations), float(law.ppf(0.975) / self.simulations)


def check(amortised: AmortisedPosterior, *, batches: int) -> Check:
    """Let institutions embed further simulations, and compare draws with the truth.

    Args:
        amortised: trained.
        batches: of as many simulations as a round of training has, none of which it was trained on.
    """
    ranks, density, prior, spread = [], [], [], []
    for batch in range(batches):
        z, exercise = amortised.exercise(amortised.training.rounds + batch)
        context = amortised.context(amortised.cohort.practise(exercise), exercise.told)
        with torch.no_grad():
            draws = amortised.draw(context.repeat_interleave(DRAWS, dim=0), seed=batch).reshape(len(z), DRAWS, -1)
            density.append(amortised.centre.posterior.log_density(z, context))
        prior.append(-0.5 * (z**2 + math.log(2.0 * math.pi)).sum(-1))
        ranks.append((draws < z[:, None]).sum(dim=1).numpy())
        spread.append(draws.std(dim=1))
    return Check(
        amortised.course.coordinates,
        np.concatenate(ranks),
        float(torch.cat(density).mean()),
        float(torch.cat(prior).mean()),
        torch.cat(spread).mean(dim=0).numpy(),
    )
