"""Calibrations as the command line and a program ask for them: of series of institutions, or through private people."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, final

import msgspec

from lpm_secure.audit.index import INDEX
from lpm_secure.calibration import job as series_jobs
from lpm_secure.calibration import report as series_reports
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.config import load as load_series
from lpm_secure.calibration.figures import POSTERIOR
from lpm_secure.calibration.job import CalibrationResult
from lpm_secure.calibration.noise_table import noise_table
from lpm_secure.calibration.people import job as people_jobs
from lpm_secure.calibration.people import report as people_reports
from lpm_secure.calibration.people.config import is_people, load_people
from lpm_secure.calibration.people.job import PeopleResult
from lpm_secure.calibration.transports import PARTIES
from lpm_secure.report import folder as folders
from lpm_secure.report.summary import Summary
from lpm_secure.scenario.progress import watch
from protocols.errors import ParameterError

TRANSPORTS: Final = ("in-process", "native", "flower")


class RoundBar(Protocol):
    """Shows the rounds of a fit between two moments."""

    def __call__(self, title: str, *, rounds: int) -> AbstractContextManager[Callable[[int, str], None]]:
        """Begin; what the context yields is told each round, and who took part in words."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class FinishedCalibration:
    """What a calibration came to.

    Attributes:
        result: of it.
        summary: what is printed of it.
        folder: has all of it.
        collects: whether its figures go into a file beside those of other calibrations.
        audited: the last run of its parties' processes, where these were on this machine.
    """

    result: CalibrationResult | PeopleResult
    summary: Summary
    folder: Path
    collects: bool
    audited: Path | None = None


def calibrate(
    config: Path | str,
    *,
    out: Path | str = "runs",
    resume: bool = False,
    transport: str | None = None,
    progress: bool = True,
) -> CalibrationResult | PeopleResult:
    """Let institutions fit one model together, and forecast, or fit a run through its people, as `lpm calibrate` does.

    Tables, report and checkpoints lie in `OUT/NAME`, or `NAME-2` and on where that has a fit, as the command leaves
    them.

    Args:
        config: the path of a calibration's configuration, or of a run's with a table `[fit]`.
        out: a folder is made in it.
        resume: go on from the last folder's checkpoint.
        transport: how sums travel, in place of the configuration's: in-process, native or flower; same numbers.
        progress: show how far it is.

    Raises:
        ParameterError: a mistake in the input, or an unfinished fit and no `resume`.
        ProtocolError: the fit cannot go on.
    """

    @contextmanager
    def bar(title: str, *, rounds: int) -> Iterator[Callable[[int, str], None]]:
        with watch([title], seeds=rounds, shown=progress, unit="rounds") as on_series:
            yield lambda round_, members: on_series(0)

    return finish_calibration(Path(config), Path(out), resume=resume, transport=transport, bar=bar).result


def finish_calibration(
    path: Path, out: Path, *, resume: bool, transport: str | None, bar: RoundBar
) -> FinishedCalibration:
    """Calibrate as `calibrate` says, showing rounds by a bar, and write the folder."""
    if transport not in (None, *TRANSPORTS):
        raise ParameterError(f"transport is {transport!r}; give {', '.join(TRANSPORTS)}, or leave it out")
    found = (
        _people(path, out, resume, transport, bar) if is_people(path) else _series(path, out, resume, transport, bar)
    )
    folders.write(found.folder, found.summary)
    return found


def _series(path: Path, out: Path, resume: bool, transport: str | None, bar: RoundBar) -> FinishedCalibration:
    content = _travelling_by(transport, load_series(path))
    folder = folders.folder_for(out, content.name, result=POSTERIOR, resume=resume)
    with bar(content.name, rounds=content.fit.rounds) as on_round:
        result = series_jobs.calibrate(
            content, folder, resume=resume, on_round=lambda fit: on_round(fit.round, f"{fit.members} institutions")
        )
    summary = series_reports.summary_of(result, noise_table(content, result.study), folder)
    return FinishedCalibration(result, summary, folder, collects=True, audited=_last_run(folder))


def _last_run(folder: Path) -> Path | None:
    """Return the folder of the last run of parties' processes; none where there were none."""
    indices = sorted((folder / PARTIES).glob(f"*/{INDEX}"), key=lambda path: path.stat().st_mtime)
    return indices[-1].parent if indices else None


def _people(path: Path, out: Path, resume: bool, transport: str | None, bar: RoundBar) -> FinishedCalibration:
    asked = load_people(path)
    if transport == "flower":
        raise ParameterError(
            'got --transport flower, which carries sums of series; people take "native" or "in-process"'
        )
    folder = folders.folder_for(out, asked.run.name, result=people_reports.POSTERIOR, resume=resume)
    with bar(asked.run.name, rounds=asked.fit.rounds) as on_round:
        result = people_jobs.fit_people(
            asked, folder, private=transport != "in-process", resume=resume, on_round=on_round
        )
    return FinishedCalibration(result, people_reports.summary_of(result, folder), folder, collects=False)


def _travelling_by(transport: str | None, config: CalibrationConfig) -> CalibrationConfig:
    """Return a configuration with the transport that was asked for."""
    if transport is None:
        return config
    federation = msgspec.structs.replace(config.federation, transport=transport)
    return msgspec.structs.replace(config, federation=federation)
