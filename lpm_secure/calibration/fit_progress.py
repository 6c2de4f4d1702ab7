"""What the centre of a calibration sees of it, round by round, for its journal of progress."""

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import torch

from client_sdk.private.table import F64
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.forecasts.bands import bands
from lpm_secure.calibration.inference.fit import Fit
from lpm_secure.calibration.study import Study
from lpm_secure.report.progress import FILE, Band, FitProgress, ProgressHead, ProgressJournal, journal_of

LOOKS: Final = 20  # at the posterior, in a whole fit
DRAWS: Final = 64
MOST: Final = 60  # values of a parameter that has one for each place or period


@final
@dataclass(frozen=True, slots=True, eq=False)
class FitJournal:
    """Writes rounds down, and now and then the posterior.

    Attributes:
        journal: of the calibration.

    Security: what it takes of institutions is who answered. The posterior is what the centre publishes.
    """

    journal: ProgressJournal

    def see(self, fit: Fit) -> None:
        """Write a round down that is over."""
        rounds = fit.schedule.rounds
        posterior: tuple[Band, ...] = ()
        forecast: Band | None = None
        if fit.round % max(rounds // LOOKS, 1) == 0 or fit.round == rounds:
            posterior, forecast = _bands(fit)
        loss = None if fit.loss is None or not math.isfinite(fit.loss) else fit.loss
        self.journal.write(
            FitProgress(
                at=time.time(),
                step=fit.round,
                loss=loss,
                members=fit.members,
                late=tuple(name for name in fit.late if name not in fit.refusals),
                refused=tuple(sorted(fit.refusals)),
                posterior=posterior,
                forecast=forecast,
            )
        )


@contextmanager
def record_rounds(folder: Path, head: ProgressHead, *, resume: bool) -> Iterator[ProgressJournal]:
    """Begin a journal of rounds in a folder, or go on with the same job's, and end it with how the job ended."""
    with suppress(OSError), (folder / FILE).open("rb") as file:
        first = file.readline()
        if not resume or f'"run":{json.dumps(head.run)}'.encode() not in first:
            (folder / FILE).unlink()
    with journal_of(folder, head) as journal:
        yield journal


@contextmanager
def record_fit(folder: Path, config: CalibrationConfig, study: Study, *, resume: bool) -> Iterator[FitJournal]:
    """Begin the journal of a calibration in its folder, or go on with it, and end it with how the fit ended."""
    head = ProgressHead(
        at=time.time(),
        kind="calibration",
        name=config.name,
        run=config.name,
        total=config.schedule.rounds,
        unit="round",
        clients=study.names,
        releases=(f"the sum of the institutions' clipped gradients, in every round ({_noise(config)})",),
        facts=(study.data.title,),
    )
    with record_rounds(folder, head, resume=resume) as journal:
        journal.enter("rounds of the fit")
        yield FitJournal(journal)


def _noise(config: CalibrationConfig) -> str:
    epsilon = config.federation.epsilon
    return "exact" if epsilon is None else f"with noise: epsilon {epsilon:g} of all rounds together"


def _bands(fit: Fit) -> tuple[tuple[Band, ...], Band]:
    """Return the posterior by parameter, and the events a day of the fitted periods."""
    z = fit.draws(DRAWS, seed=fit.schedule.seed)
    with torch.no_grad():
        parameters = fit.course.parameters(z)
        events = fit.course.events_a_day(z)
    posterior = tuple(_band(each.name, torch.nan_to_num(each.values).numpy()) for each in parameters)
    return posterior, _band("median, and 90 % of draws", torch.nan_to_num(events).numpy())


def _band(name: str, draws: F64) -> Band:
    found = bands(draws.reshape(len(draws), -1)[:, :MOST])
    return Band(name=name, low=tuple(found["q05"]), median=tuple(found["median"]), high=tuple(found["q95"]))
