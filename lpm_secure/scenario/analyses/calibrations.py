"""Calibrations as the command line and a program ask for them: of series of institutions, or through private people."""

from pathlib import Path
from typing import Final

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
from lpm_secure.scenario.progress import watch_rounds
from lpm_secure.scenario.results.analysis import Analysis
from protocols.errors import ParameterError

TRANSPORTS: Final = ("in-process", "native", "flower")


def calibrate(
    config: Path | str,
    *,
    out: Path | str = "runs",
    resume: bool = False,
    transport: str | None = None,
    progress: bool = True,
) -> Analysis[CalibrationResult] | Analysis[PeopleResult]:
    """Let institutions fit one model together, and forecast, or fit a run through its people, as `lpm calibrate` does.

    Tables, report and checkpoints lie in `OUT/NAME`, or `NAME-2` and on where that has a fit, as the command leaves
    them.

    Args:
        config: the path of a calibration's configuration, or of a run's with a table `[fit]`.
        out: a folder is made in it.
        resume: go on from the last folder's checkpoint.
        transport: how sums travel, in place of the configuration's: in-process, native or flower; same numbers.
        progress: show how far it is.

    Returns:
        The fit, its forecasts or the posterior of the run's parameters; `.plot()` and tables are the report's.

    Raises:
        ParameterError: a mistake in the input, or an unfinished fit and no `resume`.
        ProtocolError: the fit cannot go on.
    """
    if transport not in (None, *TRANSPORTS):
        raise ParameterError(f"transport is {transport!r}; give {', '.join(TRANSPORTS)}, or leave it out")
    path, fit = Path(config), _people if is_people(Path(config)) else _series
    return fit(path, Path(out), resume, transport, progress)


def last_run(folder: Path) -> Path | None:
    """Return the folder of the last run of parties' processes; none where there were none."""
    indices = sorted((folder / PARTIES).glob(f"*/{INDEX}"), key=lambda path: path.stat().st_mtime)
    return indices[-1].parent if indices else None


def _series(
    path: Path, out: Path, resume: bool, transport: str | None, progress: bool
) -> Analysis[CalibrationResult] | Analysis[PeopleResult]:
    content = _travelling_by(transport, load_series(path))
    folder, rounds = folders.folder_for(out, content.name, result=POSTERIOR, resume=resume), content.fit.rounds
    with watch_rounds(content.name, shown=progress) as on_round:
        result = series_jobs.calibrate(
            content,
            folder,
            resume=resume,
            on_round=lambda fit: on_round(fit.round, rounds, f"{fit.members} institutions"),
        )
    summary = series_reports.summary_of(result, noise_table(content, result.study), folder)
    return Analysis.write(result, summary, folder)


def _people(
    path: Path, out: Path, resume: bool, transport: str | None, progress: bool
) -> Analysis[CalibrationResult] | Analysis[PeopleResult]:
    asked = load_people(path)
    if transport == "flower":
        raise ParameterError(
            'got --transport flower, which carries sums of series; people take "native" or "in-process"'
        )
    folder = folders.folder_for(out, asked.run.name, result=people_reports.POSTERIOR, resume=resume)
    with watch_rounds(asked.run.name, shown=progress) as on_round:
        result = people_jobs.fit_people(
            asked,
            folder,
            private=transport != "in-process",
            resume=resume,
            on_round=lambda number, words: on_round(number, asked.fit.rounds, words),
        )
    return Analysis.write(result, people_reports.summary_of(result, folder), folder)


def _travelling_by(transport: str | None, config: CalibrationConfig) -> CalibrationConfig:
    """Return a configuration with the transport that was asked for."""
    if transport is None:
        return config
    federation = msgspec.structs.replace(config.federation, transport=transport)
    return msgspec.structs.replace(config, federation=federation)
