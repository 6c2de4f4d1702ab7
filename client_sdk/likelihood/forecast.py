"""A hospital forecasts its own counts: the published epidemic, its private size, and its own recent deviation."""

from typing import Final

import numpy as np
import numpy.typing as npt

from client_sdk.likelihood.institution import Hospital

F64 = npt.NDArray[np.float64]
RECENT: Final = 0.5  # weight of a week's deviation beside that of the week after it
HALF_LIFE_WEEKS: Final = 4.0  # of a deviation from the city's course
LOWEST, HIGHEST = -25.0, 14.0  # log inpatients of a borough
STEP_FLOOR: Final = 0.03  # of the log of a deviation, a week
STEP_PRIOR, PRIOR_WEEKS = 0.12, 4  # the typical step, and how many weeks of own data it weighs


def predict(hospital: Hospital, log_inpatients: F64, rng: np.random.Generator) -> F64:
    """Return draws of own counts in the fitted weeks and after them, float64[S, W + ahead].

    Fitted weeks are negative binomial around the fit. After them the hospital knows more than the city's course: how
    far it was off of late. That deviation falls back by half in `HALF_LIFE_WEEKS`, and walks by steps as large as
    those it has taken so far.

    Args:
        hospital: after the fit.
        log_inpatients: float64[S, B, W + ahead], of the boroughs, for draws of the posterior.
        rng: of the draws.

    Security: stays with the hospital. Scores and pictures of it are for the testbed, which plays all hospitals.
    """
    counts = hospital.counts
    w, mean = counts.weeks, hospital.predict_mean(np.clip(np.nan_to_num(log_inpatients, nan=LOWEST), LOWEST, HIGHEST))
    a, precision = hospital.size(mean[:, :w])
    a = a + rng.standard_normal(a.shape) / np.sqrt(precision) * (hospital.scale_sd > 0)
    mean = np.maximum(mean * np.exp(a)[:, None], 1e-9)
    r = hospital.dispersion
    fitted = rng.negative_binomial(r, r / (r + mean[:, :w])).astype(np.float64)
    last, step = deviation(counts.guess, mean[:, :w])
    ahead = np.arange(1, mean.shape[1] - w + 1)
    walk = step[:, None] * np.cumsum(rng.standard_normal((mean.shape[0], ahead.size)), axis=1)
    log_mean = np.log(mean[:, w:]) + last[:, None] * 0.5 ** (ahead / HALF_LIFE_WEEKS) + walk
    return np.concatenate([fitted, rng.poisson(np.minimum(np.exp(log_mean), 1e6)).astype(np.float64)], axis=1)


def deviation(series: F64, mean: F64) -> tuple[F64, F64]:
    """Return the log deviation of recent counts from expected ones and its typical weekly step, twice float64[S].

    Args:
        series: float64[W], nan where missing.
        mean: float64[S, W].
    """
    told = np.flatnonzero(np.isfinite(series))
    if not told.size:
        return np.zeros(mean.shape[0]), np.full(mean.shape[0], STEP_PRIOR)
    off = np.log(series[told] + 1.0) - np.log(mean[:, told] + 1.0)
    weight = RECENT ** (series.size - 1.0 - told)
    last = (off * weight).sum(axis=1) / max(weight.sum(), 1.0)  # long ago told says little of today
    steps = np.diff(off, axis=1) ** 2
    square = (steps.sum(axis=1) + PRIOR_WEEKS * STEP_PRIOR**2) / (steps.shape[1] + PRIOR_WEEKS)
    return last, np.sqrt(np.maximum(square, STEP_FLOOR**2))
