"""A conditional posterior beside the online fit: means and spreads by parameter, seconds, and forecasts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final, final

import numpy as np
import torch

from client_sdk.likelihood.forecast import predict
from lpm_secure.calibration import job
from lpm_secure.calibration.amortisation.job import DRAWS, AmortisationResult
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.dynamics.parameters import KNOT_WEEKS, Parameters
from lpm_secure.calibration.forecasts.forecast import OURS, Forecast, table
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.calibration.study import Study
from lpm_secure.calibration.transports import in_process
from protocols.errors import ConfigError, ParameterError

METHOD: Final = "conditional posterior"
LEARNT_FROM: Final = 16  # draws, from which a hospital learns its catchment and dispersion before it forecasts
LOCAL_STEPS: Final = 50
Rows = list[dict[str, Any]]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Online:
    """What the online fit says of the same weeks.

    Attributes:
        parameters: of its weeks.
        z: float64[S, p].
        seconds: that it took; None where it was read from a checkpoint, which does not say.
    """

    parameters: Parameters
    z: torch.Tensor = field(repr=False)
    seconds: float | None


def online(
    config: CalibrationConfig, study: Study, folder: Path, *, on_round: Callable[[Fit], None] = lambda fit: None
) -> Online:
    """Read the fit that `lpm calibrate` has left in a folder; where there is none, fit now."""
    hospitals = study.hospitals(local_steps=config.fit.local_steps)
    fit = job.begin_fit(config, study, in_process(config, hospitals))
    seconds = None
    if (folder / job.CHECKPOINT).exists():
        fit.load(folder / job.CHECKPOINT)
        if fit.round < config.fit.rounds:
            raise ParameterError(f"the fit in {folder} is not finished; finish it with lpm calibrate --resume")
    else:
        started = perf_counter()
        fit.run(on_round)
        seconds = perf_counter() - started
    return Online(fit.parameters, fit.draws(DRAWS, seed=config.seed), seconds)


def restrict(z: torch.Tensor, longer: Parameters, shorter: Parameters) -> torch.Tensor:
    """Return the coordinates that a simulation of fewer weeks has, from float64[S, p] of a longer one."""
    return torch.cat([z[:, : shorter.knots], z[:, longer.knots :]], dim=1)


def summary(parameters: Parameters, z: torch.Tensor) -> Rows:
    """Return mean and standard deviation of each parameter in its own unit: contact rates at knots first."""
    at_knots = Parameters(parameters.boroughs, KNOT_WEEKS * (parameters.knots - 1) + 1, parameters.prior)
    theta = at_knots.theta(z)
    columns = [theta.contact[:, ::KNOT_WEEKS], theta.prevalence, theta.hospital_rate[:, None], theta.stay_days[:, None]]
    drawn = torch.cat(columns, dim=1)
    contact = [f"contact rate, week {KNOT_WEEKS * knot}" for knot in range(parameters.knots)]
    names = (*contact, *(name.removeprefix("log ") for name in parameters.names[parameters.knots :]))
    told = zip(names, drawn.mean(dim=0).tolist(), drawn.std(dim=0).tolist(), strict=True)
    return [{"parameter": name, "mean": mean, "sd": sd} for name, mean, sd in told]


def compare(trained: AmortisationResult, fitted: Online) -> Rows:
    """Return a row for each parameter that both have: mean and sd of either, and of the prior.

    Raises:
        ConfigError: the posterior has read other weeks than the fit.
    """
    if trained.weeks != trained.study.fitted:
        raise ConfigError(
            f"the fit is of {trained.study.fitted} weeks, not {trained.weeks}; compare them after as many"
        )
    longer, shorter = trained.amortised.simulator.parameters, fitted.parameters
    generator = torch.Generator().manual_seed(trained.config.seed)
    prior = torch.randn(DRAWS, shorter.p, generator=generator, dtype=torch.float64)
    tables = {
        "amortised": summary(shorter, restrict(trained.z, longer, shorter)),
        "online": summary(shorter, fitted.z),
        "prior": summary(shorter, prior),
    }
    rows = [{"parameter": row["parameter"]} for row in tables["prior"]]
    for name, found in tables.items():
        for row, told in zip(rows, found, strict=True):
            row |= {f"{name}_mean": told["mean"], f"{name}_sd": told["sd"]}
    return rows


def scores(trained: AmortisationResult) -> Rows:
    """Return rows of the table of forecasts for the conditional posterior: each hospital adds what it knows of itself.

    Raises:
        ConfigError: the posterior has read other weeks than the first ones of the study.
    """
    study, seed = trained.study, trained.config.seed
    if trained.weeks != study.fitted:
        raise ConfigError(f"forecasts begin after week {study.fitted}, not {trained.weeks}; change data.fit_weeks")
    simulator = trained.amortised.simulator
    theta = simulator.parameters.theta(trained.z)
    log_x = simulator.log_inpatients(trained.z, simulator.parameters).numpy()
    own = {}
    for place, (name, hospital) in enumerate(study.hospitals(local_steps=LOCAL_STEPS).items()):
        hospital.answer(log_x[:LEARNT_FROM, :, : study.fitted])  # learns; its gradient goes nowhere
        own[name] = predict(hospital, log_x, np.random.default_rng([seed, place]))
    parts = {name: getattr(theta, name).numpy() for name in ("contact", "prevalence", "hospital_rate", "stay_days")}
    found = Forecast(own, simulator.admissions(theta).sum(dim=-2).numpy(), parts)
    return [row | {"method": METHOD} for row in table(study, found, seed=seed) if row["method"] == OURS]
