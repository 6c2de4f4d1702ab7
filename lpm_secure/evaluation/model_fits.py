"""The model's forecasts: a fit at each origin, some from the prior, the others following the one before."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import msgspec
import torch

from client_sdk.likelihood.institution import SeriesInstitution
from client_sdk.secure_sum import local_state
from lpm_secure import checkpoint
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.forecasts.forecast import forecast
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.calibration.job import CHECKPOINT, INSTITUTIONS, begin_fit
from lpm_secure.calibration.study import Study
from lpm_secure.calibration.transports import in_process
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.evaluation.config import EvaluationConfig
from lpm_secure.evaluation.forecasts import ByOrigin, OriginForecast
from lpm_secure.evaluation.origins import Origin, study_of
from lpm_secure.evaluation.scores.quantiles import quantiles_of
from lpm_secure.models.courses.expected_course import ExpectedCourse
from protocols.errors import DataError

FORECAST: Final = "forecast.safetensors"
DRAWS: Final = 1000  # of a posterior, which the next one begins at
OnRound = Callable[[int, int], None]  # an origin, and the round of its fit that is over


class FitFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rounds that a fit took, each with a sum over all institutions of so many numbers."""

    rounds: int
    numbers: int


@final
@dataclass(slots=True, eq=False)
class _OriginFit:
    """An origin's fit as the next one needs it, and what it forecasts."""

    owner: str
    course: ExpectedCourse
    z: torch.Tensor = field(repr=False)
    institutions: dict[str, SeriesInstitution] = field(repr=False)
    forecast: OriginForecast = field(repr=False)
    facts: FitFacts


@final
@dataclass(frozen=True, slots=True, eq=False)
class ModelFits:
    """Fits a model at origins, and keeps each fit whole in a folder of its own.

    Attributes:
        config, calibration: what was asked for.
        data: of all periods.
        folder: that the origins' folders are made in. A fit of the same configuration and series that is there already
            is not made again.
        on_round: is told after each round.

    Security: this side plays all institutions. What one has learnt is in its own file, mode 0600.
    """

    config: EvaluationConfig
    calibration: CalibrationConfig
    data: InstitutionSeries = field(repr=False)
    folder: Path
    on_round: OnRound = lambda origin, round_: None

    def run(self, origins: Sequence[Origin]) -> tuple[ByOrigin, dict[int, FitFacts]]:
        """Return forecasts and what they took, by origin.

        Raises:
            ProtocolError: a fit cannot go on.
        """
        torch.set_num_threads(1)  # arrays are small: more threads only wait for each other
        forecasts: ByOrigin = {}
        facts: dict[int, FitFacts] = {}
        last: _OriginFit | None = None
        for origin in origins:
            last = self._at(origin.periods, None if origin.anew else last)
            forecasts[origin.periods], facts[origin.periods] = last.forecast, last.facts
        return forecasts, facts

    def _at(self, periods: int, before: _OriginFit | None) -> _OriginFit:
        """Return the fit at an origin: the one that is kept, or a new one, which is then kept."""
        config = self._schedule(before)
        study = study_of(config, self.data, periods, self.config.ahead)
        institutions = study.institutions(local_steps=config.fit.local_steps)
        owner = self._owner(config, study, before)
        folder = self.folder / f"origin-{periods:03}"
        try:
            arrays, facts = checkpoint.load(folder / FORECAST, FitFacts, owner=owner)
        except DataError:
            return self._fit(config, study, institutions, before, owner=owner, folder=folder)
        for name, institution in institutions.items():
            local_state.resume(folder / INSTITUTIONS / f"{name}.json", institution, round_=facts.rounds)
        kept = OriginForecast(arrays["institutions"], arrays.get("public"))
        return _OriginFit(owner, study.course, torch.from_numpy(arrays["z"]), institutions, kept, facts)

    def _fit(
        self,
        config: CalibrationConfig,
        study: Study,
        institutions: dict[str, SeriesInstitution],
        before: _OriginFit | None,
        *,
        owner: str,
        folder: Path,
    ) -> _OriginFit:
        """Fit, forecast, and keep all of it; the forecast is written last."""
        fit = begin_fit(config, study, in_process(config, institutions))
        if before is not None:
            follow(fit, before.course, before.z, seed=config.seed)
            for name, institution in institutions.items():
                institution.resume(before.institutions[name].state)
        fit.run(lambda fit: self.on_round(study.fitted, fit.round))
        draws, w = forecast(fit, study, institutions, seed=config.seed), study.fitted
        own = torch.stack([torch.from_numpy(draws.institutions[name][:, w:]) for name in study.names], dim=1).numpy()
        public = None if study.data.events_a_day is None else quantiles_of(draws.events_a_day[:, w:])
        z, found = fit.draws(DRAWS, seed=config.seed), OriginForecast(quantiles_of(own), public)
        numbers = config.fit.draws * len(study.course.places) * w
        facts = FitFacts(rounds=fit.round, numbers=numbers)
        (folder / INSTITUTIONS).mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, institution in institutions.items():
            local_state.write(folder / INSTITUTIONS / f"{name}.json", institution, round_=fit.round)
        fit.save(folder / CHECKPOINT)
        arrays = {"institutions": found.institutions, "z": z.numpy()}
        arrays |= {} if found.public is None else {"public": found.public}
        checkpoint.save(folder / FORECAST, arrays, owner=owner, facts=facts)
        return _OriginFit(owner, study.course, z, institutions, found, facts)

    def _schedule(self, before: _OriginFit | None) -> CalibrationConfig:
        if before is None:
            return self.calibration
        shorter = self.config.assimilation
        fit = msgspec.structs.replace(self.calibration.fit, rounds=shorter.rounds, rate=shorter.rate)
        return msgspec.structs.replace(self.calibration, fit=fit)

    def _owner(self, config: CalibrationConfig, study: Study, before: _OriginFit | None) -> str:
        """Return what a kept fit belongs to: configuration, model, shares, series that were known, the fit before."""
        after = "" if before is None else before.owner
        whole = f"{config} {study.course.identity} {study.ahead} {study.identity} {after}"
        return hashlib.sha256(whole.encode()).hexdigest()


def follow(fit: Fit, course: ExpectedCourse, z: torch.Tensor, *, seed: int) -> None:
    """Let a fit begin where an earlier one has ended: at its draws, float64[S, p], of its shorter course.

    What only the later periods need is drawn from the prior.
    """
    generator = torch.Generator().manual_seed(seed)
    fit.posterior.begin_at(course.extend(z, fit.course, generator))
