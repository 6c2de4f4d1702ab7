"""Scores of forecasts that are quantiles, against values that are known, known by bounds, or missing."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from client_sdk.private.table import F64
from lpm_secure.evaluation.scores.quantiles import LEVELS, LOW50, LOW90, MEDIAN

ALPHAS: Final = 2.0 * LEVELS[:MEDIAN]


@final
@dataclass(frozen=True, slots=True, eq=False)
class ValueScores:
    """Scores of each value, float64[...]; nan where it is missing.

    Attributes:
        wis: weighted interval score, in the series' unit; lower is better.
        wis_log: of `log(x + 1)`.
        held50, held90: 1 where the central interval of 50 % or 90 % holds the value, else 0.
        below, above: shares of the forecast below the value and not above it; the probability integral transform is
            uniform between them.
    """

    wis: F64
    wis_log: F64
    held50: F64
    held90: F64
    below: F64
    above: F64

    @property
    def bias(self) -> F64:
        """Return -1 where all of a forecast is below the value, 1 where all of it is above."""
        return 1.0 - self.below - self.above


def score_values(quantiles: F64, least: F64, most: F64) -> ValueScores:
    """Return the scores of forecasts.

    A value of which bounds are known is scored by the censored law: all between the bounds is one value, to forecasts
    as to what is held against them.

    Args:
        quantiles: float64[..., Q], at `LEVELS`.
        least, most: float64[...], bounds of each value, equal where it is known, nan where it is missing.
    """
    known = ~np.isnan(most)
    low, high = np.where(np.isneginf(least), np.minimum(most, 0.0), least)[..., None], most[..., None]
    inside = [(quantiles[..., place] <= most) & (quantiles[..., -1 - place] >= least) for place in (LOW50, LOW90)]
    edge = np.append(LEVELS, 1.0)
    below = np.append(0.0, LEVELS)[(quantiles < least[..., None]).sum(axis=-1)]
    above = edge[(quantiles <= most[..., None]).sum(axis=-1)]
    return ValueScores(
        score_intervals(quantiles, low, high),
        score_intervals(log_values(quantiles), log_values(low), log_values(high)),
        np.where(known, inside[0], np.nan),
        np.where(known, inside[1], np.nan),
        np.where(known, below, np.nan),
        np.where(known, above, np.nan),
    )


def score_intervals(quantiles: F64, least: F64, most: F64) -> F64:
    """Return the score of each value, float64[...], with what lies between its bounds as one value.

    Where the bounds are one it is the score of draws that `lpm calibrate` gives
    (`lpm_secure.calibration.forecasts.scores`), which takes no bounds, and needs the draws.

    Args:
        quantiles: float64[..., Q].
        least, most: float64[..., 1].

    Source: Bracher, Ray, Gneiting, Reich 2021 (PLoS Comput Biol 17(2): e1008618), Eq. 1 and 2; that a score of
        transformed values stays proper: Allen, Ginsbourger, Ziegel 2023 (SIAM/ASA JUQ 11(3): 906-940).
    """
    moved = np.where(quantiles > most, quantiles - (most - least), np.minimum(quantiles, least))
    y = least[..., 0]
    total = 0.5 * np.abs(y - moved[..., MEDIAN])
    for place, alpha in enumerate(ALPHAS):
        low, high = moved[..., place], moved[..., -1 - place]
        total = total + alpha / 2 * (high - low) + np.maximum(low - y, 0.0) + np.maximum(y - high, 0.0)
    return np.asarray(total / (ALPHAS.size + 0.5))


def log_values(values: F64) -> F64:
    """Return `log(x + 1)` of values, those below 0 as 0."""
    return np.log1p(np.maximum(values, 0.0))
