"""The last value, and a random walk of its logarithm from there."""

from typing import final

import numpy as np
from scipy import special

from client_sdk.private.table import F64
from lpm_secure.calibration.forecasts.baselines import counts_of, log_walk
from lpm_secure.evaluation.baselines.baseline import Baseline
from lpm_secure.evaluation.scores.quantiles import LEVELS


@final
class Persistence(Baseline):
    """The walk of `lpm calibrate` on `log(x + 1)` from the last value, with steps as large as so far; by formula."""

    def quantiles(self, values: F64, total: F64, ahead: int) -> F64:
        """See `Baseline`."""
        last, step = log_walk(values)
        sd = step * np.sqrt(np.arange(1.0, ahead + 1.0))
        return counts_of(last + sd[:, None] * special.ndtri(LEVELS))
