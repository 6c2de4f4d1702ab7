"""How good a forecast was: the weighted interval score, and how often intervals held."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from client_sdk.private.table import F64

ALPHAS: Final = np.array([0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])


@final
@dataclass(frozen=True, slots=True)
class Score:
    """Over all counts that became known.

    Attributes:
        wis: mean weighted interval score, in the series' unit; lower is better.
        cover50, cover90: share of counts inside the central intervals of 50 % and 90 %.
        counts: how many.
    """

    wis: float
    cover50: float
    cover90: float
    counts: int


def score(draws: F64, truth: F64) -> Score:
    """Return the score of forecasts given as draws.

    Args:
        draws: float64[S, ...].
        truth: float64[...]; what is nan is not known exactly, and not scored.
    """
    known = np.isfinite(truth)
    if not known.any():
        return Score(float("nan"), float("nan"), float("nan"), 0)
    kept, y = draws[:, known], truth[known]
    low, high = np.quantile(kept, 0.25, axis=0), np.quantile(kept, 0.75, axis=0)
    low90, high90 = np.quantile(kept, 0.05, axis=0), np.quantile(kept, 0.95, axis=0)
    inside, inside90 = (float(((a <= y) & (y <= b)).mean()) for a, b in ((low, high), (low90, high90)))
    return Score(float(weighted_interval_score(kept, y).mean()), inside, inside90, int(y.size))


def weighted_interval_score(draws: F64, y: F64) -> F64:
    """Return the score of each count, float64[...], from float64[S, ...] and float64[...].

    Source: Bracher, Ray, Gneiting, Reich 2021 (PLoS Comput Biol 17(2): e1008618), Eq. 1 and 2.
    """
    total = 0.5 * np.abs(y - np.median(draws, axis=0))
    for alpha in ALPHAS:
        low, high = np.quantile(draws, [alpha / 2, 1 - alpha / 2], axis=0)
        outside = np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)
        total = total + alpha / 2 * (high - low + 2 / alpha * outside)
    return np.asarray(total / (ALPHAS.size + 0.5))
