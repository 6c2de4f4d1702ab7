"""The last value, and a random walk of its logarithm from there."""

from typing import Final, final

import numpy as np
from scipy import special

from client_sdk.private.table import F64
from lpm_secure.evaluation.baselines.baseline import Baseline, reports
from lpm_secure.evaluation.scores.quantiles import LEVELS

LEAST_STEP: Final = 0.05  # of a log value, a period
ONLY_STEP: Final = 1.0  # where there is one value alone
MOST: Final = 20.0  # of a log value


@final
class Persistence(Baseline):
    """A random walk on `log(x + 1)` from the last value, with steps as large as so far; by formula."""

    def quantiles(self, values: F64, total: F64, ahead: int) -> F64:
        """See `Baseline`."""
        log_values = np.log(reports(values)[1] + 1.0)
        square = np.mean(np.diff(log_values) ** 2) if log_values.size > 1 else ONLY_STEP**2
        sd = max(float(np.sqrt(square)), LEAST_STEP) * np.sqrt(np.arange(1.0, ahead + 1.0))
        walk = log_values[-1] + sd[:, None] * special.ndtri(LEVELS)
        return np.asarray(np.maximum(np.exp(np.minimum(walk, MOST)) - 1.0, 0.0))
