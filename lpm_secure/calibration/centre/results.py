"""What a calibration's centre has at the end: the posterior, and events in all places with their forecast."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, final

import msgspec
import numpy as np
import torch

from lpm_secure.calibration.centre.setting import CentreSetting
from lpm_secure.calibration.forecasts.bands import Rows, bands, posterior_rows
from lpm_secure.calibration.forecasts.forecast import BASELINES, DRAWS, EVENTS, HORIZONS, OURS, Forecast, predict_all
from lpm_secure.calibration.forecasts.scores import score
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.report.table import csv_of_rows

FORECAST: Final = "calibration.csv"
POSTERIOR: Final = "calibration_posterior.csv"
SCORES: Final = "calibration_scores.csv"


@final
@dataclass(frozen=True, eq=False)
class CentreResult:
    """A fit that has ended, at its centre.

    Attributes:
        setting: what the centre knows beside sums.
        fit: with its posterior.
        sha256: over all opened sums; a pooled fit of the same series has the same.
        forecast: of all periods; no institution's series is in it.
    """

    setting: CentreSetting
    fit: Fit
    sha256: str
    forecast: Forecast = field(repr=False)

    @classmethod
    def of(cls, setting: CentreSetting, fit: Fit, sha256: str) -> "CentreResult":
        """Draw from the posterior, in all periods."""
        seed = setting.table.seed
        longer, generator = fit.course.lengthen(len(setting.periods)), torch.Generator().manual_seed(seed)
        z = fit.course.extend(fit.draws(DRAWS, seed=seed), longer, generator)
        return cls(setting, fit, sha256, predict_all(longer, z, {}, seed=seed, stream=fit.stream))

    @property
    def posterior(self) -> Rows:
        """Return a row for each parameter, by place or period where it has several."""
        return posterior_rows(self.forecast.parameters, self.fit.course.places, self.setting.periods)

    @property
    def events(self) -> Rows:
        """Return a row for each period: events a day in all places, and what is known of them."""
        setting, found, rows = self.setting, bands(self.forecast.events_a_day), []
        known = np.full(len(setting.periods), np.nan) if setting.events_a_day is None else setting.events_a_day
        for place, day in enumerate(setting.periods):
            value = float(known[place]) if np.isfinite(known[place]) else None
            row = {"series": EVENTS, "period": day, "fitted": place < setting.table.fit_periods, "value": value}
            rows.append(row | {key: values[place] for key, values in found.items()})
        return rows

    @cached_property
    def scores(self) -> Rows:
        """Return a row for each method and horizon of public events; none where no value is known after the fit."""
        setting, known = self.setting, self.setting.events_a_day
        if known is None or not setting.known:
            return []
        table, rows = setting.table, []
        w, ahead, days = table.fit_periods, table.forecast_periods, table.period_days
        methods = {OURS: self.forecast.events_a_day[:, w:]}
        for name, method in BASELINES.items():
            rng = np.random.default_rng(table.seed)
            methods[name] = method(known[:w] * days, ahead, DRAWS, rng) / days
        for horizon in sorted({min(horizon, ahead) for horizon in HORIZONS}):
            for name, draws in methods.items():
                row: dict[str, Any] = {"method": name, "periods": horizon, "of": EVENTS}
                rows.append(row | msgspec.to_builtins(score(draws[:, :horizon], known[w : w + horizon])))
        return [row for row in rows if row["counts"]]

    @property
    def tables(self) -> dict[str, bytes]:
        """Return the CSV files, by name."""
        rows = {FORECAST: self.events, POSTERIOR: self.posterior} | ({SCORES: self.scores} if self.scores else {})
        return {name: csv_of_rows(each) for name, each in rows.items()}
