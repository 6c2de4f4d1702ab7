"""The data catalogue: what there is, where it lies, and that it is what it should be.

A dataset is looked for in the directory that LPM_DATA names, else in `../shared/data` beside the checkout, else in the
user's cache, which is filled from the origin. Whatever file is read has the size and the SHA-256 of the catalogue.
"""

import difflib
import hashlib
import os
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, final

import msgspec
import pooch
import requests

from protocols.errors import DataError, ParameterError

TIMEOUT_S: Final = 10
CATALOGUE: Final = Path(__file__).parent / "catalogue.toml"
BESIDE: Final = CATALOGUE.parent.parent.parent.parent / "shared" / "data"


@final
class DataFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file; without `url` it is only found where somebody has put it."""

    name: str
    bytes: int
    sha256: str
    url: str | None = None


@final
class Dataset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A set of files with one origin."""

    title: str
    licence: str
    citation: str
    files: tuple[DataFile, ...]


@cache
def datasets() -> Mapping[str, Dataset]:
    """Return the whole catalogue, by name."""
    return msgspec.convert(tomllib.loads(CATALOGUE.read_text(encoding="utf-8")), dict[str, Dataset])


def dataset(name: str) -> Dataset:
    """Return one entry.

    Raises:
        ParameterError: no such dataset; the message names the nearest.
    """
    known = datasets()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise ParameterError(f"the catalogue has no dataset {name}; {hint}")
    return known[name]


def where(name: str) -> Path | None:
    """Return the directory in which all files of a dataset lie, or None; nothing is fetched.

    Raises:
        ParameterError: no such dataset.
    """
    files = dataset(name).files
    given = os.environ.get("LPM_DATA")
    places = [Path(given)] if given else [BESIDE]
    for place in (*places, _cache()):
        if all((place / name / file.name).is_file() for file in files):
            return place / name
    return None


def get(name: str) -> Path:
    """Return the directory of a dataset, with every file checked; fetch what is not there.

    Raises:
        ParameterError: no such dataset.
        DataError: a file cannot be fetched, or is not what the catalogue describes.
    """
    folder = where(name) or _cache() / name
    for file in dataset(name).files:
        if not (folder / file.name).is_file():
            fetch(file, folder, dataset_name=name)
        check(folder / file.name, file)
    return folder


def fetch(file: DataFile, folder: Path, *, dataset_name: str) -> None:
    """Fetch one file from its origin into a folder.

    Raises:
        DataError: it has no address, cannot be reached, or is not what the catalogue describes.
    """
    place = "set LPM_DATA to a directory that holds it"
    if file.url is None:
        raise DataError(f"{dataset_name}/{file.name} is not here, and the catalogue knows no address for it; {place}")
    downloader = pooch.HTTPDownloader(timeout=TIMEOUT_S)
    try:
        pooch.retrieve(file.url, f"sha256:{file.sha256}", file.name, folder, downloader=downloader)
    except (requests.RequestException, OSError, ValueError) as error:
        raise DataError(f"cannot fetch {dataset_name}/{file.name} ({type(error).__name__}); {place}") from error


def check(path: Path, file: DataFile) -> None:
    """Refuse a file that is not what the catalogue describes.

    Raises:
        DataError: another size or SHA-256.
    """
    content = path.read_bytes()
    if len(content) != file.bytes or hashlib.sha256(content).hexdigest() != file.sha256:
        raise DataError(
            f"{path} has {len(content)} bytes and another SHA-256 than the catalogue's {file.bytes} bytes, "
            f"{file.sha256[:12]}...; replace it by the original"
        )


def _cache() -> Path:
    return Path(pooch.os_cache("lpm-secure"))
