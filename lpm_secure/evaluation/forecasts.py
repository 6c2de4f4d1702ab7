"""What a method forecasts at an origin: of every institution, and of events in all places."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

import numpy as np

from client_sdk.private.table import F64
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.evaluation.baselines.baseline import Baseline
from lpm_secure.evaluation.secure_totals import SecureTotals


@final
@dataclass(frozen=True, slots=True, eq=False)
class OriginForecast:
    """Quantiles of one method at one origin, at `LEVELS`.

    Attributes:
        institutions: float64[h, H, Q]; each institution has its own alone.
        public: float64[H, Q], events a day in all places; None where nobody counts them.
    """

    institutions: F64 = field(repr=False)
    public: F64 | None = field(repr=False)


ByOrigin = dict[int, OriginForecast]


def forecast_baseline(
    name: str, baseline: Baseline, data: InstitutionSeries, origins: Sequence[int], *, ahead: int, totals: SecureTotals
) -> ByOrigin:
    """Return a baseline's forecasts at origins; what it needs of all institutions together is a secure sum."""
    values = [each.guess for each in data.series]
    shared = {origin: np.zeros(0) for origin in origins}
    if baseline.length:
        own = zip(data.names, values, strict=True)
        answers = {key: lambda origin, each=each: baseline.summand(each[:origin]) for key, each in own}
        shared = totals.open(f"{name}: what it needs of all", answers, origins, length=baseline.length)
    found, days = {}, data.calendar.days
    for origin in origins:
        each_own = [baseline.quantiles(each[:origin], shared[origin], ahead) for each in values]
        public = None
        if data.events_a_day is not None:
            known = data.events_a_day[:origin] * days
            public = baseline.quantiles(known, baseline.summand(known), ahead) / days
        found[origin] = OriginForecast(np.stack(each_own), public)
    return found
