"""The baseline of the COVID-19 Forecast Hub: the last value, and its past differences, of both signs."""

from typing import Final, final

import numpy as np

from client_sdk.private.table import F64
from lpm_secure.calibration.forecasts.baselines import reports
from lpm_secure.evaluation.baselines.baseline import Baseline
from lpm_secure.evaluation.scores.quantiles import MEDIAN, quantiles_of

PATHS: Final = 2000  # of which every second one mirrors the one before
KEY: Final = 1  # of the draws, which are the same for every series


@final
class HubBaseline(Baseline):
    """Every step is drawn from the one-step differences so far and their opposites; the median is the last value.

    Source: Cramer et al. 2022 (PNAS 119(15): e2113561119), "COVIDhub-baseline".
    """

    def quantiles(self, values: F64, total: F64, ahead: int) -> F64:
        """See `Baseline`."""
        own = reports(values)[1]
        steps = np.diff(own) if own.size > 1 else np.zeros(1)
        symmetric = np.sort(np.concatenate([steps, -steps]))
        uniform = np.random.Generator(np.random.Philox(KEY)).random((PATHS // 2, ahead))
        drawn = np.interp(np.concatenate([uniform, 1.0 - uniform]), np.linspace(0.0, 1.0, symmetric.size), symmetric)
        found = quantiles_of(own[-1] + np.cumsum(drawn, axis=1))
        found[:, MEDIAN] = own[-1]
        return np.maximum(found, 0.0)
