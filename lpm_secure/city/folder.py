"""The folder of a city run, which the configuration's hash names: begun, resumed, finished."""

from pathlib import Path
from typing import Any, Final

import msgspec

from lpm_secure.city.config import CityConfig
from lpm_secure.city.run import CHECKPOINT
from lpm_secure.report.progress import FILE as PROGRESS
from lpm_secure.report.public_file import write_public
from lpm_secure.report.summary import REPORT
from protocols.errors import ParameterError

CONFIG: Final = "config.json"  # the configuration, written before anything is computed
FIGURES: Final = "run.json"  # says that the run is finished
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
    if resume and not (folder / CONFIG).exists():
        folders = [file.parent for file in out.glob(f"{config.name}-{'?' * SHORT}/{CONFIG}")]
        others = [other for other in folders if not (other / FIGURES).exists()]
        if others:
            raise ParameterError(
                f"cannot resume {folder}: it is not there, and {others[0]} is of another configuration; undo the "
                "change, or run without --resume"
            )
    folder.mkdir(parents=True, exist_ok=True)
    if not resume:
        for name in (CHECKPOINT, FIGURES, "series.csv", "series.parquet", REPORT, PROGRESS):
            (folder / name).unlink(missing_ok=True)
    write_public(folder / CONFIG, msgspec.json.encode(config, order="deterministic"))
    return folder


def load_figures(folder: Path) -> dict[str, Any] | None:
    """Return the figures of a run that is finished, else None."""
    path = folder / FIGURES
    if not path.exists():
        return None
    figures: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return figures
