"""The folder of a city run: found again by the configuration's hash, and what a run leaves in it."""

import platform
from pathlib import Path
from typing import Any, Final

import msgspec

from lpm_secure.city.config import CityConfig
from lpm_secure.city.run import CHECKPOINT, Ran
from lpm_secure.city.series import Event
from lpm_secure.populations import Population
from lpm_secure.run.folder import versions
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError
from protocols.models.course import CourseStage

BEGUN: Final = "config.json"  # the configuration, written before anything is computed
DONE: Final = "run.json"
SHORT: Final = 12  # characters of the hash in a folder's name


def folder_of(config: CityConfig, out: Path) -> Path:
    """Return where a run's folder lies."""
    return out / f"{config.name}-{config.hash[:SHORT]}"


def begin(config: CityConfig, out: Path, *, resume: bool) -> Path:
    """Make the folder of a run, or find it again.

    Without `resume`, what an earlier run of the same configuration left is removed.

    Raises:
        ParameterError: to resume, but only an unfinished run of another configuration of this name is there.
    """
    folder = folder_of(config, out)
    if resume and not (folder / BEGUN).exists():
        begun = [each.parent for each in out.glob(f"{config.name}-{'?' * SHORT}/{BEGUN}")]
        others = [each for each in begun if not (each / DONE).exists()]
        if others:
            raise ParameterError(
                f"cannot resume {folder}: it is not there, and {others[0]} is of another configuration; undo the "
                "change, or run without --resume"
            )
    folder.mkdir(parents=True, exist_ok=True)
    if not resume:
        for name in (CHECKPOINT, DONE, "series.csv", "series.parquet", "report.html"):
            (folder / name).unlink(missing_ok=True)
    write_atomically(folder / BEGUN, msgspec.json.encode(config, order="deterministic"), mode=None)
    return folder


def finished(folder: Path) -> dict[str, Any] | None:
    """Return the figures of a run that is finished, else None."""
    path = folder / DONE
    if not path.exists():
        return None
    found: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return found


def figures(config: CityConfig, population: Population, ran: Ran) -> dict[str, Any]:
    """Return everything that a reader of a run may want to compare, as plain values."""
    series = ran.series
    admissions, last = series.of(Event.ADMISSION), series.counts[-1]
    return {
        "run": config.hash,
        "population": population.card.title,
        "sha256_population": population.card.sha256,
        "agents": series.n,
        "days": config.days,
        "seed": config.seed,
        "attack_rate": series.attack_rate,
        "admissions": int(admissions.sum()),
        "admissions_peak": int(admissions.max()),
        "admissions_peak_day": int(admissions.argmax()),
        "deaths": int(last[CourseStage.D]),
        "backend": config.engine.backend,
        "seconds_start": ran.start_s,
        "seconds_days": ran.days_s,
        "resumed_from": ran.resumed_from,
        "sha256": series.hash,
        "versions": versions(),
        "machine": platform.platform(),
        "config": msgspec.to_builtins(config),
    }


def write(folder: Path, found: dict[str, Any], ran: Ran) -> None:
    """Write series, then `run.json`, which says that the run is finished, and remove the checkpoint."""
    ran.series.write(folder)
    write_atomically(folder / DONE, msgspec.json.format(msgspec.json.encode(found), indent=2), mode=None)
    (folder / CHECKPOINT).unlink(missing_ok=True)
