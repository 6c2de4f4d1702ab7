"""An institution forecasts its own series: the published course, its private size, and its own recent deviation."""

from typing import Final

import numpy as np
import numpy.typing as npt

from client_sdk.likelihood.institution import SeriesInstitution

F64 = npt.NDArray[np.float64]
RECENT: Final = 0.5  # weight of a period's deviation beside that of the period after it
HALF_LIFE: Final = 4.0  # in periods, of a deviation from the common course
LARGEST_LOG: Final = 20.0  # of an expected value
LOWEST, HIGHEST = -25.0, 14.0  # of the log of what is expected of a place
STEP_FLOOR: Final = 0.03  # of the log of a deviation, a period
STEP_PRIOR, PRIOR_PERIODS = 0.12, 4  # the typical step, and how many periods of own data it weighs


def predict(institution: SeriesInstitution, log_expected: F64, rng: np.random.Generator) -> F64:
    """Return draws of the own series in the fitted periods and after them, float64[S, W + ahead].

    Fitted periods follow the own law around the fit. After them the institution knows more than the common course: how
    far it was off of late. That deviation falls back by half in `HALF_LIFE` periods, and walks by steps as large as
    those it has taken so far.

    Args:
        institution: after the fit.
        log_expected: float64[S, B, W + ahead], of the places, for draws of the posterior.
        rng: of the draws.

    Security: stays with the institution. Scores and pictures of it are for the testbed, which plays all of them.
    """
    series, law, spread = institution.series, institution.likelihood, institution.spread
    w = series.periods
    mean = institution.predict_mean(np.clip(np.nan_to_num(log_expected, nan=LOWEST), LOWEST, HIGHEST))
    a, precision = institution.size(mean[:, :w])
    a = a + rng.standard_normal(a.shape) / np.sqrt(precision) * (institution.observation.size_sd > 0)
    mean = np.maximum(mean * np.exp(a)[:, None], 1e-9)
    fitted = law.draw(mean[:, :w], spread, rng)
    last, step = deviation(series.guess, mean[:, :w])
    ahead = np.arange(1, mean.shape[1] - w + 1)
    walk = step[:, None] * np.cumsum(rng.standard_normal((mean.shape[0], ahead.size)), axis=1)
    log_mean = np.log(mean[:, w:]) + last[:, None] * 0.5 ** (ahead / HALF_LIFE) + walk
    later = law.draw_beside_walk(np.exp(np.minimum(log_mean, LARGEST_LOG)), spread, rng)
    return np.concatenate([fitted, later], axis=1)


def deviation(series: F64, mean: F64) -> tuple[F64, F64]:
    """Return the log deviation of recent values from expected ones and its typical step in a period, twice float64[S].

    Args:
        series: float64[W], nan where missing.
        mean: float64[S, W].
    """
    told = np.flatnonzero(np.isfinite(series))
    if not told.size:
        return np.zeros(mean.shape[0]), np.full(mean.shape[0], STEP_PRIOR)
    off = np.log(np.maximum(series[told], 0.0) + 1.0) - np.log(mean[:, told] + 1.0)
    weight = RECENT ** (series.size - 1.0 - told)
    last = (off * weight).sum(axis=1) / max(weight.sum(), 1.0)  # long ago told says little of today
    steps = np.diff(off, axis=1) ** 2
    square = (steps.sum(axis=1) + PRIOR_PERIODS * STEP_PRIOR**2) / (steps.shape[1] + PRIOR_PERIODS)
    return last, np.sqrt(np.maximum(square, STEP_FLOOR**2))
