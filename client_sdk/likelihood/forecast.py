"""An institution forecasts its own series: the published course, and its own deviation, which it alone knows."""

import numpy as np
import numpy.typing as npt

from client_sdk.likelihood.deviation import Deviation
from client_sdk.likelihood.institution import SeriesInstitution

F64 = npt.NDArray[np.float64]
LOWEST, HIGHEST = -25.0, 14.0  # of the log of what is expected of a place


def predict(institution: SeriesInstitution, log_expected: F64, rng: np.random.Generator) -> F64:
    """Return draws of the own series in the fitted periods and after them, float64[S, W + ahead].

    Fitted periods follow the own law around the fit. After them the institution knows more than the common course: how
    far it was off, always and of late (`Deviation`); around that its values are as noisy as its law has it.

    Args:
        institution: after the fit.
        log_expected: float64[S, B, W + ahead], of the places, for draws of the posterior.
        rng: of the draws.

    Security: stays with the institution. Scores and pictures of it are for the testbed, which plays all of them.
    """
    series, law, spread = institution.series, institution.likelihood, institution.spread
    w = series.periods
    mean = institution.predict_mean(np.clip(np.nan_to_num(log_expected, nan=LOWEST), LOWEST, HIGHEST))
    mean = np.maximum(mean, 1e-9)
    a, precision = institution.size(mean[:, :w])
    a = a + rng.standard_normal(a.shape) / np.sqrt(precision) * (institution.observation.size_sd > 0)
    near = mean * np.exp(a)[:, None]
    fitted = law.draw(near[:, :w], spread, rng)
    own = Deviation.of(institution.observation, institution.period_days)
    off = a[:, None] + law.deviation(series.guess, near[:, :w])

    def off_later(noise: F64) -> F64:
        """Draw deviations from sized means; what is off begins from size 1, whose prior the deviation's level has."""
        weights = own.weights(off.mean(axis=0), noise.mean(axis=0))
        return own.draw_later(off, noise, weights, mean.shape[1] - w, rng) - a[:, None]

    later = law.draw_after(near, spread, off_later, rng)
    return np.concatenate([fitted, later], axis=1)
