"""Forecasts as quantiles at the levels that forecast hubs score."""

from typing import Final

import numpy as np

from client_sdk.private.table import F64

LEVELS: Final[F64] = np.array([0.01, 0.025, *(place / 20 for place in range(1, 20)), 0.975, 0.99])
MEDIAN: Final = LEVELS.size // 2
LOW50, LOW90 = 6, 2  # places of the lower ends of the central intervals of 50 % and 90 %


def quantiles_of(draws: F64) -> F64:
    """Return quantiles of draws at `LEVELS`: float64[..., Q], from float64[S, ...]."""
    return np.ascontiguousarray(np.moveaxis(np.quantile(draws, LEVELS, axis=0), 0, -1))
