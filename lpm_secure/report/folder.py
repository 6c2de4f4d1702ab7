"""The folder of a run of any kind: tables, a report and figures, each file whole or not there."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from lpm_secure.report import page as pages
from lpm_secure.report.summary import REPORT, Summary
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError
from protocols.file_mode import PRIVATE_MODE, PUBLIC_MODE


def write(folder: Path, summary: Summary) -> None:
    """Write tables, then the report, then the figures: where these are, the rest is too.

    The script that draws the report's plots lies in the folder above, for all runs there.
    """
    mode = PRIVATE_MODE if summary.private else PUBLIC_MODE
    for name, content in summary.tables.items():
        write_atomically(folder / name, content, mode=mode)
    if summary.page is not None:
        pages.write(folder / REPORT, summary.page, scripts=folder.parent, mode=mode)
    put = merge_figures if summary.beside else write_figures
    put(folder / summary.file, summary.figures, mode=mode)


def last_of(out: Path, name: str) -> Path:
    """Return the folder of the last run of a name: `NAME`, or `NAME-2`, `NAME-3`, ... where there are several."""
    folder, number = out / name, 2
    while (following := out / f"{name}-{number}").exists():
        folder, number = following, number + 1
    return folder


def next_of(out: Path, name: str) -> Path:
    """Return the folder of another run of a name, which is not there yet: what others have left is not written over."""
    last = last_of(out, name)
    return last if not last.exists() else out / f"{name}-{int(last.name.removeprefix(name)[1:] or 1) + 1}"


def folder_for(out: Path, name: str, *, result: str, resume: bool) -> Path:
    """Return the folder that a job of a name works in: the last one, or another where that has the job's result.

    Args:
        out: that folders are made in.
        name: of the job.
        result: a file that is there once the job has ended.
        resume: go on in the last one, whatever it has.
    """
    last = last_of(out, name)
    return next_of(out, name) if not resume and (last / result).exists() else last


def write_figures(path: Path, figures: Mapping[str, Any], *, mode: int = PUBLIC_MODE) -> None:
    """Write plain values as JSON that people can read, into a folder that is made unless it is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, msgspec.json.format(msgspec.json.encode(figures), indent=2), mode=mode)


def merge_figures(path: Path, figures: Mapping[str, Any], *, mode: int = PUBLIC_MODE) -> None:
    """Put figures into a JSON file; figures of other names that are in it stay.

    Raises:
        ParameterError: the file is there and holds something else.
    """
    try:
        old = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except (OSError, ValueError) as error:
        raise ParameterError(f"{path} holds no figures of a calibration; move it away") from error
    if not isinstance(old, dict):
        raise ParameterError(f"{path} holds no figures of a calibration; move it away")
    write_figures(path, old | dict(figures), mode=mode)
