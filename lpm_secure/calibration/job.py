"""`lpm calibrate`: fit, forecast, score, and leave a folder that says all of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final, final

import torch

from client_sdk.likelihood.institution import SeriesInstitution
from client_sdk.secure_sum import local_state
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.fit_progress import record_fit
from lpm_secure.calibration.forecasts.forecast import Forecast, forecast, table
from lpm_secure.calibration.inference.facts import count_rounds
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.calibration.study import Study
from lpm_secure.calibration.transports import in_process, sums_of
from lpm_secure.secure_sum.transport import SumTransport
from protocols.errors import ConfigError, ParameterError

CHECKPOINT: Final = "fit.safetensors"
INSTITUTIONS: Final = "institutions"  # folder of what each keeps; on its own machine, outside of a testbed


@final
@dataclass(frozen=True, slots=True, eq=False)
class CalibrationResult:
    """A finished calibration.

    Attributes:
        config, study: what was asked for, and the data.
        fit: with its posterior.
        forecast: of all weeks.
        scores: rows of the table of forecasts.
        seconds: that the fit took in this process, and rounds that it played in them.
    """

    config: CalibrationConfig
    study: Study
    fit: Fit
    forecast: Forecast = field(repr=False)
    scores: list[dict[str, Any]]
    seconds: float
    rounds: int


@dataclass(slots=True, eq=False)
class _Files:
    """A fit's checkpoint and its institutions' own files, all of one round."""

    folder: Path
    institutions: dict[str, SeriesInstitution] = field(repr=False)

    def _own(self, name: str, round_: int) -> Path:
        return self.folder / INSTITUTIONS / f"{name}.{round_}.json"

    def save(self, fit: Fit) -> None:
        """Write institutions first: a checkpoint never stands without their files, whenever the process dies."""
        (self.folder / INSTITUTIONS).mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, institution in self.institutions.items():
            local_state.write(self._own(name, fit.round), institution, round_=fit.round)
        fit.save(self.folder / CHECKPOINT)
        for path in (self.folder / INSTITUTIONS).glob("*.json"):
            if not path.name.endswith(f".{fit.round}.json"):
                path.unlink()

    def load(self, fit: Fit) -> None:
        """Go on from the last checkpoint.

        Raises:
            ParameterError: there is none, or it is of another fit.
        """
        fit.load(self.folder / CHECKPOINT)
        for name, institution in self.institutions.items():
            local_state.resume(self._own(name, fit.round), institution, round_=fit.round)


def calibrate(
    config: CalibrationConfig,
    folder: Path,
    *,
    resume: bool = False,
    on_round: Callable[[Fit], None] = lambda fit: None,
) -> CalibrationResult:
    """Fit the first weeks, and forecast the others.

    Args:
        config: of the calibration.
        folder: for checkpoints.
        resume: go on from the folder's checkpoint, to the posterior that an uninterrupted fit would have.
        on_round: is told after each round.

    Raises:
        ParameterError: a folder with an unfinished fit and no `resume`, or `resume` and none that fits.
        ProtocolError: the fit cannot go on.
    """
    if resume and config.federation.epsilon is not None:
        raise ConfigError("a fit with noise does not go on from a checkpoint: noise is never drawn twice; start anew")
    if not resume and 0 < count_rounds(folder / CHECKPOINT) < config.fit.rounds:
        raise ParameterError(f"{folder} has an unfinished fit; go on with --resume, or give another folder with --out")
    torch.set_num_threads(1)  # arrays are small: more threads only wait for each other
    study = config.study()
    institutions = study.institutions(local_steps=config.fit.local_steps)
    with record_fit(folder, config, study, resume=resume) as progress:

        def told(fit: Fit) -> None:
            progress.see(fit)
            on_round(fit)

        with sums_of(config, institutions, folder) as sums:
            files = _Files(folder, institutions)
            fit, rounds, seconds = _fitted(config, study, sums, files, resume=resume, told=told)
        progress.journal.enter("the forecast")
        found = forecast(fit, study, institutions, seed=config.seed)
        scores = table(study, found, seed=config.seed)
    return CalibrationResult(config, study, fit, found, scores, seconds, rounds)


def load_fit(config: CalibrationConfig, study: Study, folder: Path) -> tuple[Fit, dict[str, SeriesInstitution]]:
    """Return a fit as its last checkpoint has it, and its institutions with what they have learnt.

    Raises:
        ParameterError: the folder has none, or it is of another fit.
    """
    institutions = study.institutions(local_steps=config.fit.local_steps)
    fit = begin_fit(config, study, in_process(config, institutions))
    _Files(folder, institutions).load(fit)
    return fit, institutions


def begin_fit(config: CalibrationConfig, study: Study, sums: SumTransport) -> Fit:
    """Return the fit of a configuration; a checkpoint of one whose institutions answer otherwise is not its own."""
    data = f"{config.data.without_folders()} {config.observation} {config.fit.local_steps} "
    data += f"{config.federation.contribution} {study.identity}"
    data += f" {config.public_observation}" if config.public_observation is not None else ""
    stream = study.stream(local_steps=config.fit.local_steps)
    return Fit(study.course, sums, config.schedule, study.names, data, stream=stream)


def _fitted(
    config: CalibrationConfig,
    study: Study,
    sums: SumTransport,
    files: _Files,
    *,
    resume: bool,
    told: Callable[[Fit], None],
) -> tuple[Fit, int, float]:
    """Return the fit, and how many rounds and seconds it took here."""
    fit = begin_fit(config, study, sums)
    if resume:
        files.load(fit)
    before, started = fit.round, perf_counter()

    def after(fit: Fit) -> None:
        if fit.round % config.fit.checkpoint_rounds == 0 or fit.round == config.fit.rounds:
            files.save(fit)
        told(fit)

    fit.run(after)
    return fit, fit.round - before, perf_counter() - started
