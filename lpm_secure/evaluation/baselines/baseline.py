"""What a baseline is: quantiles of one series from its own values, and from a sum over all institutions."""

import abc

import numpy as np

from client_sdk.private.table import F64


class Baseline(abc.ABC):
    """Forecasts a series of values of at least 0, such as counts, without a model.

    Every institution does so for itself, and whoever knows a public series does for that. What a baseline knows of the
    others is one secure sum. No result depends on a seed or on the machine. Subclasses are final and hold no state.
    """

    @property
    def length(self) -> int:
        """Return d, how many numbers an institution adds to the sum; 0 where nothing leaves it."""
        return 0

    def summand(self, values: F64) -> F64:
        """Return what an institution adds, float64[d], for its values, float64[W], nan where missing."""
        return np.zeros(0)

    @abc.abstractmethod
    def quantiles(self, values: F64, total: F64, ahead: int) -> F64:
        """Return float64[ahead, Q], at `LEVELS`.

        Args:
            values: float64[W], of the series; a guess where only bounds are known, nan where missing.
            total: float64[d], the sum of all summands; a public series has its own alone.
            ahead: periods to forecast.
        """
