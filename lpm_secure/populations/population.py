"""A population on disk: a folder with one file for each column, mapped into memory when it is asked for."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import msgspec
import numpy as np
import numpy.typing as npt

from client_sdk.private.table import F64
from lpm_secure.populations.card import Card, Column
from protocols.atomic_file import publish_folder
from protocols.errors import DataError, ParameterError

SUFFIX: Final = ".npy"


@final
@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """People with their ages, places and venues, in order of place.

    Attributes:
        path: the folder.
        card: what is in it.
    """

    path: Path
    card: Card

    @classmethod
    def open(cls, path: Path) -> "Population":
        """Return the population in the folder `path`, every column checked against its card.

        Raises:
            DataError: no population, or a column that is missing or was changed.
        """
        card = Card.read(path)
        for name, column in card.columns.items():
            _check(path / f"{name}{SUFFIX}", column, card.agents)
        return cls(path, card)

    @property
    def n(self) -> int:
        """Return how many agents there are."""
        return self.card.agents

    def column(self, name: str) -> npt.NDArray[Any]:
        """Return the column `name`, mapped into memory and read-only: whole numbers [n].

        Raises:
            ParameterError: no such column.
        """
        if name not in self.card.columns:
            raise ParameterError(f"{self.path} has no column {name}; there are {', '.join(self.card.columns)}")
        return np.asarray(np.load(self.path / f"{name}{SUFFIX}", mmap_mode="r", allow_pickle=False))

    def venues(self, setting: str) -> int:
        """Return how many venues a setting has.

        Raises:
            ParameterError: no such setting.
        """
        if setting not in self.card.settings:
            raise ParameterError(f"{self.path} has no setting {setting}; there are {', '.join(self.card.settings)}")
        return self.card.settings[setting]

    @property
    def rate(self) -> F64:
        """Return the reciprocal mixing in community cells: float64[18, 18], or [0, 0] where there is none."""
        return _square(self.card.rate)

    @property
    def contacts(self) -> F64:
        """Return the contact matrix for the community as published: float64[18, 18], or [0, 0] where there is none."""
        return _square(self.card.contacts)


def smallest(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the same whole numbers in the smallest type that holds them."""
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    kinds = (np.uint8, np.uint16, np.uint32) if low >= 0 else (np.int8, np.int16, np.int32, np.int64)
    kind = next(k for k in kinds if np.iinfo(k).min <= low and high <= np.iinfo(k).max)
    return values.astype(kind, copy=False)


def free(path: Path) -> None:
    """Refuse a path where something is.

    Raises:
        ParameterError: there is something, or its folder is missing.
    """
    if path.exists():
        raise ParameterError(f"{path} is there already; name another path or delete it")
    if not path.absolute().parent.is_dir():
        raise ParameterError(f"{path.absolute().parent} is no folder; make it first")


def write(path: Path, card: Card, columns: Mapping[str, npt.NDArray[Any]], meanings: Mapping[str, str]) -> Population:
    """Write a population; it appears under its name only when it is whole, and on disk.

    Args:
        path: of the folder; nothing may be there.
        card: without columns and checksum.
        columns: name to whole numbers, [n].
        meanings: of the columns, in words.

    Raises:
        ParameterError: there is something at the path.
    """
    free(path)
    part = path.with_name(path.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        written = {}
        for name, values in columns.items():
            kept = smallest(values)
            file = part / f"{name}{SUFFIX}"
            np.save(file, kept, allow_pickle=False)
            written[name] = Column(kept.dtype.str, file.stat().st_size, _sha256(file), meanings[name])
        msgspec.structs.replace(card, columns=written).write(part)
        publish_folder(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Population(path, Card.read(path))


def _square(rows: list[list[float]]) -> F64:
    return np.array(rows, dtype=np.float64) if rows else np.zeros((0, 0))


def _check(file: Path, column: Column, agents: int) -> None:
    try:
        size, found = file.stat().st_size, _sha256(file)
        if size == column.bytes and found == column.sha256:
            kept = np.load(file, mmap_mode="r" if agents else None, allow_pickle=False)
            if kept.shape == (agents,) and kept.dtype.str == column.dtype:
                return
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {file} ({type(error).__name__}); build the population again") from error
    raise DataError(
        f"{file} was changed: got {size} bytes with SHA-256 {found[:12]}..., the card has {column.bytes} bytes of "
        f"{agents} numbers with {column.sha256[:12]}...; build the population again"
    )


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
