"""What an institution takes home of a calibration: its series with bands, and the courses that were published."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from client_sdk.likelihood.series import F64, Series
from client_sdk.likelihood.series_file import Periods
from client_sdk.private.table_file import write_file

BANDS: Final = {"q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95}


def write_forecast(path: Path, draws: F64, known: Series, periods: Periods, *, fitted: int) -> None:
    """Write a row for each period: its first day, whether it was fitted, the own value, and bands; mode 0600.

    Args:
        draws: float64[S, W + ahead], of the own series.
        known: the own series, in all of these periods.
        periods: of it.
        fitted: W.
    """
    exact = [value if np.isfinite(value) else "" for value in known.exact.tolist()]
    rows = [
        [periods.first_day(place), "yes" if place < fitted else "no", exact[place], *band]
        for place, band in enumerate(_bands(draws))
    ]
    write_file(path, ["period", "fitted", "value", *BANDS], rows)


def write_course(path: Path, log_expected: F64, places: Sequence[str], periods: Periods) -> None:
    """Write a row for each place and period with bands of what is expected there, which is public.

    Args:
        log_expected: float64[S, B, W + ahead], as it was published.
        places: their names.
        periods: of the run.
    """
    rows = [
        [place, periods.first_day(period), *band]
        for index, place in enumerate(places)
        for period, band in enumerate(_bands(np.exp(log_expected[:, index])))
    ]
    write_file(path, ["place", "period", *BANDS], rows)


def _bands(draws: F64) -> list[list[float]]:
    """Return quantiles of each period, from float64[S, periods]."""
    return [[float(f"{value:.6g}") for value in each] for each in np.quantile(draws, list(BANDS.values()), axis=0).T]
