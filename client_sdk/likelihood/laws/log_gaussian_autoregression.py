"""Positive values whose relative errors are alike from period to period, in numpy."""

from dataclasses import dataclass
from typing import final

import numpy as np

from client_sdk.likelihood.laws.autoregression import AutoregressiveLikelihood
from client_sdk.likelihood.laws.log_gaussian import require_positive
from client_sdk.likelihood.series import F64


@final
@dataclass(frozen=True, slots=True, eq=False)
class LogGaussianAutoregression(AutoregressiveLikelihood):
    """See `AutoregressiveLikelihood`; what is expected is the median, and the spread that of the log."""

    def __post_init__(self) -> None:
        """Refuse values that have no log."""
        require_positive(self.series)

    def _error(self, values: F64, mean: F64) -> F64:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.maximum(values, 0.0)) - np.log(mean))

    def _slope(self, mean: F64) -> F64:
        return np.ones_like(mean)

    def _log_unit(self) -> F64:
        exact = self.series.exact
        return np.log(np.where(np.isfinite(exact), exact, 1.0))

    def _value(self, mean: F64, error: F64) -> F64:
        return np.asarray(mean * np.exp(error))
