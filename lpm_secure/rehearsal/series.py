"""Made-up series of a calibration's project: drawn from the model, its priors and the institutions' shares."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import torch

from client_sdk.likelihood.forecasts.forecast_institution import ForecastInstitution
from client_sdk.likelihood.institution import SeriesInstitution
from client_sdk.likelihood.series import Series
from lpm_secure.calibration.centre.setting import CentreSetting

NARROW: Final = 0.5  # of a draw of the prior: an epidemic that is not absurd
LEAST: Final = 1e-9


def draw_series(setting: CentreSetting, shares: Mapping[str, Sequence[float]]) -> dict[str, Series]:
    """Return a series of each institution in all periods, fitted and forecast, by the seed of the project.

    Args:
        setting: of the calibration.
        shares: of each place, by institution.
    """
    table = setting.table
    rng, course = np.random.default_rng(table.seed), setting.course.lengthen(len(setting.periods))
    z = torch.from_numpy(rng.normal(0.0, NARROW, (1, course.p)))
    expected = torch.exp(course.log_mean(z)).numpy()[0]
    law, spread = table.observation.likelihood_of(Series.of(np.zeros(0))), table.observation.median_spread
    drawn = {}
    for name, share in shares.items():
        size = np.exp(rng.normal(0.0, table.observation.size_sd))
        drawn[name] = Series.of(law.draw(size * (np.array(share) @ expected) + LEAST, spread, rng))
    return drawn


def institutions_of(
    setting: CentreSetting, shares: Mapping[str, Sequence[float]], series: Mapping[str, Series]
) -> dict[str, ForecastInstitution]:
    """Return the institutions as they begin, each with its fitted periods."""
    table = setting.table
    return {
        name: ForecastInstitution(
            SeriesInstitution(
                series[name].first(table.fit_periods),
                np.array(share),
                table.observation,
                table.fit.local_steps,
                table.period_days,
            ),
            table.forecast_periods,
        )
        for name, share in shares.items()
    }
