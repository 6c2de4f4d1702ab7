"""Forecasts of a fit beside those of baselines, and the table that compares them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, final

import msgspec
import numpy as np
import torch

from client_sdk.likelihood.forecast import predict
from client_sdk.likelihood.institution import Hospital
from client_sdk.private.table import F64
from lpm_secure.calibration.dynamics.simulator import Simulator
from lpm_secure.calibration.forecasts import baselines
from lpm_secure.calibration.forecasts.scores import score
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.calibration.study import Study

DRAWS: Final = 1000
HORIZONS: Final = (4, 8)
RECENT_WEEKS: Final = 6
MOST: Final = 1e6  # admissions a day; noise can drive draws to where no epidemic is
OURS: Final = "federated fit"
Baseline = Callable[[F64, int, int, np.random.Generator], F64]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Draws for all weeks, fitted and kept back.

    Attributes:
        hospitals: name to float64[S, weeks], own counts.
        admissions: float64[S, weeks], of the whole city, a day.
        theta: parts of theta by name, float64[S, ...].
    """

    hospitals: dict[str, F64] = field(repr=False)
    admissions: F64 = field(repr=False)
    theta: dict[str, F64] = field(repr=False)


def forecast(fit: Fit, study: Study, hospitals: dict[str, Hospital], *, seed: int, draws: int = DRAWS) -> Forecast:
    """Return what the posterior says of every week; each hospital adds what it knows of itself."""
    z, generator = fit.draws(draws, seed=seed), torch.Generator().manual_seed(seed)
    weeks = len(study.weeks)
    longer = Simulator(study.city, weeks, fit.simulator.lead, fit.simulator.immune)
    parameters, further = fit.parameters.extend(z, longer.lead + weeks, generator)
    theta = parameters.theta(further)
    log_inpatients = longer.log_inpatients(further, parameters).numpy()
    own = {
        name: predict(hospital, log_inpatients, np.random.default_rng([seed, place]))
        for place, (name, hospital) in enumerate(hospitals.items())
    }
    admissions = torch.nan_to_num(longer.admissions(theta).sum(dim=-2)).clamp(0.0, MOST)
    names = ("contact", "prevalence", "hospital_rate", "stay_days")
    parts = {name: torch.nan_to_num(getattr(theta, name)).numpy() for name in names}
    return Forecast(own, admissions.numpy(), parts)


def recent_trend(series: F64, ahead: int, count: int, rng: np.random.Generator) -> F64:
    """Return draws of `baselines.trend` on the last weeks alone."""
    return baselines.trend(series[-RECENT_WEEKS:], ahead, count, rng)


BASELINES: Final[dict[str, Baseline]] = {
    "persistence": baselines.persistence,
    "own trend, all weeks": baselines.trend,
    f"own trend, last {RECENT_WEEKS} weeks": recent_trend,
}


def table(study: Study, found: Forecast, *, seed: int) -> list[dict[str, Any]]:
    """Return a row for each method and horizon: scores over all hospitals, and over the city's admissions.

    Baselines of the city's admissions see that series itself up to the last fitted week; the fit never sees it.
    """
    w, count = study.fitted, next(iter(found.hospitals.values())).shape[0]
    methods: dict[str, tuple[F64, F64 | None]] = {}
    ours = np.stack([found.hospitals[name][:, w:] for name in study.names], axis=1)
    methods[OURS] = (ours, found.admissions[:, w:])
    for name, method in BASELINES.items():
        rng = np.random.default_rng(seed)
        own = np.stack([method(series[:w], study.ahead, count, rng) for series in study.series], axis=1)
        city = None if study.admissions is None else method(study.admissions[:w] * 7, study.ahead, count, rng) / 7
        methods[name] = (own, city)
    rows = []
    for horizon in sorted({min(horizon, study.ahead) for horizon in HORIZONS}):
        weeks = slice(w, w + horizon)
        for name, (own, city) in methods.items():
            row = {"method": name, "weeks": horizon, "of": "hospitals"}
            rows.append(row | msgspec.to_builtins(score(own[..., :horizon], study.series[:, weeks])))
            if city is not None and study.admissions is not None:
                row = {"method": name, "weeks": horizon, "of": "city admissions a day"}
                rows.append(row | msgspec.to_builtins(score(city[:, :horizon], study.admissions[weeks])))
    return rows
