"""The data catalogue: what there is, where it lies, and that it is what it should be.

A dataset is looked for in the directory that LPM_DATA names, else in `../shared/data` beside the checkout, else in the
user's cache, which is filled from the origin. Whatever file is read has the size and the SHA-256 of the catalogue.
"""

import hashlib
import logging
import os
import tomllib
from collections.abc import Mapping
from functools import cache as once
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, final
from urllib.parse import urlsplit

import msgspec
import platformdirs

from protocols.errors import DataError, ParameterError, did_you_mean

TIMEOUT_S: Final = 10
CATALOGUE: Final = Path(__file__).parent / "catalogue.toml"
ROOT: Final = Path(__file__).parents[2]  # of the checkout, if it is one
ELSEWHERE: Final = "set LPM_DATA to a directory that holds it"
REPLACE: Final = "delete it or replace it by the original"


@final
class DataFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file; without `url` it is only found where somebody has put it."""

    name: str
    bytes: int
    sha256: str
    url: str | None = None


@final
class Dataset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A set of files with one origin; `use` says what it is for, and what must not be done with it."""

    name: str
    title: str
    licence: str
    citation: str
    use: str
    files: tuple[DataFile, ...]


@once
def datasets() -> Mapping[str, Dataset]:
    """Return the whole catalogue, by name."""
    entries = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))
    return MappingProxyType({name: msgspec.convert({"name": name, **e}, Dataset) for name, e in entries.items()})


def dataset(name: str) -> Dataset:
    """Return one entry.

    Raises:
        ParameterError: no such dataset; the message names the nearest.
    """
    known = datasets()
    if name not in known:
        hint = did_you_mean(name, known) or f"; there are {', '.join(known)}"
        raise ParameterError(f"the catalogue has no dataset {name}{hint}")
    return known[name]


def where(name: str, *, cache: Path | None = None) -> Path | None:
    """Return the directory in which all files of a dataset lie, or None; nothing is fetched.

    Args:
        name: of the dataset.
        cache: in place of the user's.

    Raises:
        ParameterError: no such dataset.
    """
    files = dataset(name).files
    for place in (*_roots(), cache or _users_cache()):
        if all((place / name / file.name).is_file() for file in files):
            return place / name
    return None


def get(name: str, *, base: str | None = None, cache: Path | None = None) -> Path:
    """Return the directory of a dataset, with every file checked; fetch what is not there.

    Args:
        name: of the dataset.
        base: URL of a mirror, which has the files under the same paths as their origins.
        cache: in place of the user's.

    Raises:
        ParameterError: no such dataset.
        DataError: a file cannot be fetched, or is not what the catalogue describes.
    """
    files = dataset(name).files
    folder = where(name, cache=cache) or (cache or _users_cache()) / name
    missing = [file for file in files if not (folder / file.name).is_file()]
    for file in missing:
        _address(file, folder)  # before anything is fetched
    for file in missing:
        fetch(file, folder, base=base)
    for file in files:
        check(folder / file.name, file)
    return folder


def fetch(file: DataFile, folder: Path, *, base: str | None = None) -> None:
    """Fetch one file from its origin, or from a mirror, into a folder; a wrong one is not kept.

    Raises:
        DataError: it has no address, cannot be reached, or is not what the catalogue describes.
    """
    import pooch  # noqa: PLC0415 - slow to load, and only what fetches needs them
    import requests  # noqa: PLC0415

    origin = _address(file, folder)
    url = origin if base is None else base.rstrip("/") + urlsplit(origin).path

    def download(url: str, output: str, caller: Any) -> None:
        # Read at once, not streamed: a stream would stay open after a refusal, and the files are small.
        pooch.HTTPDownloader(timeout=TIMEOUT_S, stream=False)(url, output, caller)
        check(Path(output), file, shown=url, fix=f"nothing is kept of it; {ELSEWHERE}")

    pooch.get_logger().setLevel(logging.WARNING)  # a failure is told in one line
    try:
        pooch.retrieve(url, f"sha256:{file.sha256}", file.name, folder, downloader=download)
    except (requests.RequestException, OSError) as error:
        reason = f"{type(error).__name__} at {urlsplit(url).netloc}"
        raise DataError(f"cannot fetch {folder.name}/{file.name} ({reason}); try again, or {ELSEWHERE}") from error


def check(path: Path, file: DataFile, *, shown: str | None = None, fix: str = REPLACE) -> None:
    """Refuse a file that is not what the catalogue describes.

    Args:
        path: to read.
        file: what it should be.
        shown: its name in messages, if not its path.
        fix: what a message tells to do about another content.

    Raises:
        DataError: unreadable, or another size or SHA-256.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path} ({error.strerror}); make it readable, or {ELSEWHERE}") from error
    sha256 = hashlib.sha256(content).hexdigest()
    if len(content) != file.bytes or sha256 != file.sha256:
        raise DataError(
            f"{shown or path} has {len(content)} bytes with SHA-256 {sha256[:12]}...; the catalogue allows "
            f"{file.bytes} bytes with {file.sha256[:12]}... only; {fix}"
        )


def _address(file: DataFile, folder: Path) -> str:
    if file.url is None:
        raise DataError(f"{folder.name}/{file.name} is not here, and the catalogue has no address for it; {ELSEWHERE}")
    return file.url


def _roots() -> list[Path]:
    """Return the directory that was asked for, or the one beside a checkout.

    Raises:
        ParameterError: what was asked for is no directory; else a run would go on with other data.
    """
    if given := os.environ.get("LPM_DATA"):
        if not Path(given).is_dir():
            raise ParameterError(f"LPM_DATA is {given}, which is no directory; correct it, or unset it")
        return [Path(given)]
    return [ROOT.parent / "shared" / "data"] if (ROOT / "pyproject.toml").is_file() else []


def _users_cache() -> Path:
    return Path(platformdirs.user_cache_dir("lpm-secure"))
