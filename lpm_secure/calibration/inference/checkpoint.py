"""A fit's checkpoint: arrays and a few facts in one file, whole or not at all; no pickle."""

import io
import zipfile
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from protocols.atomic_file import atomic_writer
from protocols.errors import ParameterError

FORMAT: Final = 4
FACTS: Final = "facts"
Arrays = dict[str, npt.NDArray[Any]]


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a checkpoint knows besides weights.

    Attributes:
        format: of the file.
        fit: what has been fitted, and how; another fit cannot go on from here.
        round, simulations, absences, refusals, discarded: as in `Fit`.
    """

    format: int
    fit: str
    round: int
    simulations: int
    absences: dict[str, int]
    refusals: dict[str, int]
    discarded: int


def save(path: Path, arrays: Arrays, facts: Facts) -> None:
    """Write a checkpoint."""
    with atomic_writer(path, mode=None) as file:
        text = np.frombuffer(msgspec.json.encode(facts), dtype=np.uint8)
        np.savez(file, allow_pickle=False, **{FACTS: text}, **arrays)


def rounds_done(path: Path) -> int:
    """Return how far a fit has come; 0 where there is no checkpoint that can be read."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return msgspec.json.decode(file[FACTS].tobytes(), type=Facts).round
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return 0


def load(path: Path, *, fit: str) -> tuple[Arrays, Facts]:
    """Read a checkpoint.

    Raises:
        ParameterError: unreadable, or of another fit.
    """
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        facts = msgspec.json.decode(arrays.pop(FACTS).tobytes(), type=Facts)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ParameterError(f"cannot read {path} ({reason}); start the fit anew, without --resume") from error
    except (ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ParameterError(f"{path} is no checkpoint of this fit; start anew, without --resume") from error
    if facts.format != FORMAT or facts.fit != fit:
        raise ParameterError(f"{path} is of another fit; start anew, without --resume, or give the same configuration")
    return arrays, facts
