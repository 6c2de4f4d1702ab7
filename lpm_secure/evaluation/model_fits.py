"""The model's forecasts: a fit at each origin, some from the prior, the others following the one before."""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
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
from lpm_secure.calibration.inference.fit_config import AssimilationConfig
from lpm_secure.calibration.job import CHECKPOINT, INSTITUTIONS, begin_fit
from lpm_secure.calibration.study import Study
from lpm_secure.calibration.transports import in_process
from lpm_secure.data.institution_series import InstitutionSeries
from lpm_secure.evaluation.forecasts import ByOrigin, OriginForecast
from lpm_secure.evaluation.origins import study_of
from lpm_secure.evaluation.scores.quantiles import quantiles_of
from lpm_secure.models.courses.expected_course import ExpectedCourse
from lpm_secure.secure_sum.transport import SumTransport
from protocols.errors import DataError

FORECAST: Final = "forecast.safetensors"
DRAWS: Final = 1000  # of a posterior, which the next one begins at
OnRound = Callable[[int, int], None]  # an origin, and the round of its fit that is over
Sums = Callable[[CalibrationConfig, dict[str, SeriesInstitution], Path], AbstractContextManager[SumTransport]]


class FitFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Rounds that a fit took, each with a sum over all institutions of so many numbers."""

    rounds: int
    numbers: int


@final
@dataclass(slots=True, eq=False)
class OriginFit:
    """An origin's fit as the next one needs it, and what it forecasts.

    Attributes:
        owner: what it belongs to.
        course: of its periods.
        z: draws of its posterior, float64[S, p].
        institutions: with what they have learnt.
        forecast, facts: of it.
    """

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
        calibration: whose model and fit.
        assimilation: how a fit goes on from the one before.
        ahead: periods that are forecast, where there are so many.
        data: of all periods.
        folder: that the origins' folders are made in. A fit of the same configuration and series that is there already
            is not made again.
        on_round: is told after each round.
        sums: the way that gradients travel, of a configuration; parties' files are in a folder of the origin's.

    Security: this side plays all institutions. What one has learnt is in its own file, mode 0600.
    """

    calibration: CalibrationConfig
    assimilation: AssimilationConfig
    ahead: int
    data: InstitutionSeries = field(repr=False)
    folder: Path
    on_round: OnRound = lambda origin, round_: None
    sums: Sums = lambda config, institutions, folder: nullcontext(in_process(config, institutions))

    def run(
        self, origins: Iterable[tuple[int, bool]], before: OriginFit | None = None
    ) -> tuple[ByOrigin, dict[int, FitFacts]]:
        """Return forecasts and what they took, by origin.

        Args:
            origins: periods that are known, and whether the fit begins at the prior.
            before: the fit that the first one goes on from, if it does not.

        Raises:
            ProtocolError: a fit cannot go on.
        """
        torch.set_num_threads(1)  # arrays are small: more threads only wait for each other
        forecasts: ByOrigin = {}
        facts: dict[int, FitFacts] = {}
        for periods, anew in origins:
            before = self._at(periods, None if anew else before)
            forecasts[periods], facts[periods] = before.forecast, before.facts
        return forecasts, facts

    def _at(self, periods: int, before: OriginFit | None) -> OriginFit:
        """Return the fit at an origin: the one that is kept, or a new one, which is then kept."""
        config = self._schedule(before)
        study = study_of(config, self.data, periods, min(self.ahead, self.data.calendar.count - periods))
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
        return OriginFit(owner, study.course, torch.from_numpy(arrays["z"]), institutions, kept, facts)

    def _fit(
        self,
        config: CalibrationConfig,
        study: Study,
        institutions: dict[str, SeriesInstitution],
        before: OriginFit | None,
        *,
        owner: str,
        folder: Path,
    ) -> OriginFit:
        """Fit, forecast, and keep all of it; the forecast is written last."""
        if before is not None:
            for name, institution in institutions.items():
                institution.resume(before.institutions[name].state)
        with self.sums(config, institutions, folder) as sums:
            fit = begin_fit(config, study, sums)
            if before is not None:
                follow(fit, before.course, before.z, seed=config.seed)
            fit.run(lambda fit: self.on_round(study.fitted, fit.round))
        draws, w = forecast(fit, study, institutions, seed=config.seed), study.fitted
        own = torch.stack([torch.from_numpy(draws.institutions[name][:, w:]) for name in study.names], dim=1).numpy()
        public = None if study.data.events_a_day is None else quantiles_of(draws.events_a_day[:, w:])
        z, found = fit.draws(DRAWS, seed=config.seed), OriginForecast(quantiles_of(own), public)
        numbers = config.fit.draws * len(study.course.places) * w
        facts = FitFacts(rounds=fit.round, numbers=numbers)
        (folder / INSTITUTIONS).mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / FORECAST).unlink(missing_ok=True)  # of another fit: it would pass for whole beside new files
        for name, institution in institutions.items():
            local_state.write(folder / INSTITUTIONS / f"{name}.json", institution, round_=fit.round)
        fit.save(folder / CHECKPOINT)
        arrays = {"institutions": found.institutions, "z": z.numpy()}
        arrays |= {} if found.public is None else {"public": found.public}
        checkpoint.save(folder / FORECAST, arrays, owner=owner, facts=facts)
        return OriginFit(owner, study.course, z, institutions, found, facts)

    def _schedule(self, before: OriginFit | None) -> CalibrationConfig:
        if before is None:
            return self.calibration
        shorter = self.assimilation
        fit = msgspec.structs.replace(self.calibration.fit, rounds=shorter.rounds, rate=shorter.rate)
        return msgspec.structs.replace(self.calibration, fit=fit)

    def _owner(self, config: CalibrationConfig, study: Study, before: OriginFit | None) -> str:
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
