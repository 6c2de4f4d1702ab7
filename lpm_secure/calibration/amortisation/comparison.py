"""An amortised posterior beside the online fit: means and spreads by parameter, seconds, and forecasts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final, final

import torch

from lpm_secure.calibration import job
from lpm_secure.calibration.amortisation.job import DRAWS, AmortisationResult
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.forecasts.forecast import OURS, predict_all, table
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.calibration.study import Study
from lpm_secure.calibration.transports import in_process
from lpm_secure.models.courses.expected_course import ExpectedCourse
from protocols.errors import ConfigError, ParameterError

METHOD: Final = "amortised posterior"
LEARNT_FROM: Final = 16  # draws, from which an institution learns its catchment and dispersion before it forecasts
LOCAL_STEPS: Final = 50
Rows = list[dict[str, Any]]


@final
@dataclass(frozen=True, slots=True, eq=False)
class Online:
    """What the online fit says of the same periods.

    Attributes:
        course: of its periods.
        z: float64[S, p].
        seconds: that it took; None where it was read from a checkpoint, which does not say.
    """

    course: ExpectedCourse
    z: torch.Tensor = field(repr=False)
    seconds: float | None


def online(
    config: CalibrationConfig, study: Study, folder: Path, *, on_round: Callable[[Fit], None] = lambda fit: None
) -> Online:
    """Read the fit that `lpm calibrate` has left in a folder; where there is none, fit now."""
    institutions = study.institutions(local_steps=config.fit.local_steps)
    fit = job.begin_fit(config, study, in_process(config, institutions))
    seconds = None
    if (folder / job.CHECKPOINT).exists():
        fit.load(folder / job.CHECKPOINT)
        if fit.round < config.fit.rounds:
            raise ParameterError(f"the fit in {folder} is not finished; finish it with lpm calibrate --resume")
    else:
        started = perf_counter()
        fit.run(on_round)
        seconds = perf_counter() - started
    return Online(fit.course, fit.draws(DRAWS, seed=config.seed), seconds)


def summary(course: ExpectedCourse, z: torch.Tensor) -> Rows:
    """Return mean and standard deviation of each parameter in its own unit."""
    drawn = course.by_coordinate(z)
    told = zip(course.coordinates, drawn.mean(dim=0).tolist(), drawn.std(dim=0).tolist(), strict=True)
    return [{"parameter": name, "mean": mean, "sd": sd} for name, mean, sd in told]


def compare(trained: AmortisationResult, fitted: Online) -> Rows:
    """Return a row for each parameter that both have: mean and sd of either, and of the prior.

    Raises:
        ConfigError: the posterior has read other periods than the fit.
    """
    if trained.periods != trained.study.fitted:
        raise ConfigError(
            f"the fit is of {trained.study.fitted} periods, not {trained.periods}; compare them after as many"
        )
    longer, shorter = trained.amortised.course, fitted.course
    generator = torch.Generator().manual_seed(trained.config.seed)
    prior = torch.randn(DRAWS, shorter.p, generator=generator, dtype=torch.float64)
    tables = {
        "amortised": summary(shorter, longer.restrict(trained.z, shorter)),
        "online": summary(shorter, fitted.z),
        "prior": summary(shorter, prior),
    }
    rows = [{"parameter": row["parameter"]} for row in tables["prior"]]
    for name, found in tables.items():
        for row, told in zip(rows, found, strict=True):
            row |= {f"{name}_mean": told["mean"], f"{name}_sd": told["sd"]}
    return rows


def scores(trained: AmortisationResult) -> Rows:
    """Return rows of the table of forecasts for the amortised posterior: each institution adds what it knows.

    Raises:
        ConfigError: the posterior has read other periods than the first ones of the study.
    """
    study, seed = trained.study, trained.config.seed
    if trained.periods != study.fitted:
        raise ConfigError(f"forecasts begin after {study.fitted} periods, not {trained.periods}; change fit_periods")
    course, institutions = trained.amortised.course, study.institutions(local_steps=LOCAL_STEPS)
    learnt_from = course.log_mean(trained.z[:LEARNT_FROM]).numpy()[..., : study.fitted]
    for institution in institutions.values():
        institution.answer(learnt_from)  # learns; its gradient goes nowhere
    found = predict_all(course, trained.z, institutions, seed=seed)
    return [row | {"method": METHOD} for row in table(study, found, seed=seed) if row["method"] == OURS]
