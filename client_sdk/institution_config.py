"""The configuration file of an institution's client, and the one column that it reads."""

import csv
from pathlib import Path
from typing import Annotated, Final, final

import msgspec
import numpy as np

from client_sdk.admission import AdmissionConfig
from client_sdk.likelihood.counts import CENSORED, Counts
from client_sdk.likelihood.institution import SCALE_SD, Hospital
from client_sdk.secure_sum.contribution import F64
from protocols.errors import DataError
from protocols.identity.signing import read_private, write_private
from protocols.toml_file import load_config

COLUMN: Final = "inpatients"
CENSORED_MARK: Final = -999999.0  # the source's mark of a count of 1 to 3
MAX_WEEKS: Final = 2**16
CatchmentShare = Annotated[float, msgspec.Meta(gt=0, le=1)]


@final
class InstitutionConfig(AdmissionConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `python -m client_sdk.institution --config FILE` reads; paths are relative to the file.

    Attributes:
        name: this client's in the manifest, and in its certificate.
        manifest: of the run, with its signature (.sig) beside it.
        operator_key: who must have signed it: the run's operator's Ed25519 key, 32 bytes in base64.
        policy: what the client's owner allows, TOML; a manifest that asks for more is refused.
        credentials: folder with authority.pem, certificate.pem, and private.key and identity.key (mode 0600).
        series: CSV with the column `inpatients`, a row a week: a number, nothing where missing, -999999 for 1 to 3.
        share: of each borough's inpatients those that one would expect here, before having learnt it.
        local_steps: gradient steps on own parameters in each round.
        scale_sd: prior spread of the log of this hospital's size, beside what the shares say.
        state: what was learnt in an earlier run, float64, little-endian, mode 0600; where there is none, nothing was.
        relay: the one aggregator that this client reaches, by name; it passes sealed calls on to the others.
        summary: where the client writes what it sent and received in bytes, for its owner; no private value.
    """

    series: str
    share: tuple[CatchmentShare, ...]
    local_steps: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 5
    scale_sd: Annotated[float, msgspec.Meta(ge=0, le=10)] = SCALE_SD
    state: str | None = None
    summary: str = "summary.json"


def load(path: Path) -> InstitutionConfig:
    """Read a configuration file; errors are ConfigError."""
    return load_config(path, InstitutionConfig)


def read_hospital(config: InstitutionConfig, folder: Path) -> Hospital:
    """Return the hospital of a configuration; DataError names file and row of what is no count."""
    path = folder / config.series
    try:
        counts = Counts(_series(path))
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    share = np.array(config.share)
    hospital = Hospital(counts, share, local_steps=config.local_steps, scale_sd=config.scale_sd)
    if config.state is not None:
        content = read_private(folder / config.state)
        hospital.resume(np.frombuffer(content[: len(content) // 8 * 8], dtype="<f8"))
    return hospital


def write_series(path: Path, series: F64) -> None:
    """Write a hospital's own column, mode 0600."""
    texts = [
        "" if np.isnan(value) else repr(float(value)) for value in np.where(series == CENSORED, CENSORED_MARK, series)
    ]
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text("\n".join([COLUMN, *(text or '""' for text in texts)]) + "\n", encoding="utf-8")


def write_state(path: Path, hospital: Hospital) -> None:
    """Write what a hospital has learnt, for it to go on from in another run."""
    write_private(path, hospital.state.astype("<f8").tobytes())


def _series(path: Path) -> F64:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            if COLUMN not in (reader.fieldnames or ()):
                raise DataError(f"there is no column {COLUMN}; a hospital's series needs it")
            texts = [row[COLUMN] or "" for _, row in zip(range(MAX_WEEKS), reader, strict=False)]
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError("is not CSV in UTF-8") from error
    values = np.array([_number(text, row) for row, text in enumerate(texts, start=1)])
    return np.where(values == CENSORED_MARK, CENSORED, np.where(values == CENSORED, -np.inf, values))


def _number(text: str, row: int) -> float:
    """Read a count; what it says instead is the hospital's own, and in no message."""
    try:
        return float(text) if text else np.nan
    except ValueError:
        raise DataError(f"week {row} is no number; give one, or nothing", row=row) from None
