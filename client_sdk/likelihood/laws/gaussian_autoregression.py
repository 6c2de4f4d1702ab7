"""Values of any sign whose errors, of one size, are alike from period to period, in numpy."""

from dataclasses import dataclass
from typing import final

import numpy as np

from client_sdk.likelihood.laws.autoregression import AutoregressiveLikelihood
from client_sdk.likelihood.series import F64


@final
@dataclass(frozen=True, slots=True, eq=False)
class GaussianAutoregression(AutoregressiveLikelihood):
    """See `AutoregressiveLikelihood`; the spread is in the series' unit."""

    def _error(self, values: F64, mean: F64) -> F64:
        return values - mean

    def _slope(self, mean: F64) -> F64:
        return mean

    def _log_unit(self) -> F64:
        return np.zeros(self.series.periods)

    def _value(self, mean: F64, error: F64) -> F64:
        return np.asarray(mean + error)
