"""What a hospital keeps of its own between rounds: a file that nobody else may read."""

import os
from pathlib import Path

import msgspec
import numpy as np

from client_sdk.likelihood.institution import Hospital
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError


class LocalState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What has been learnt by the end of a round."""

    round: int
    state: list[float]


def keep(path: Path, hospital: Hospital, *, round_: int) -> None:
    """Write what a hospital has learnt, whole or not at all; mode 0600.

    Security: shares and dispersion say much about a hospital's counts, so they never join the fit's checkpoint.
    """
    write_atomically(path, msgspec.json.encode(LocalState(round_, hospital.state.tolist())))


def recall(path: Path, hospital: Hospital, *, round_: int) -> None:
    """Let a hospital go on from its file, to the bit.

    Raises:
        ParameterError: unreadable, readable for others, or of another round than the fit's checkpoint.
    """
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise ParameterError(f"{path} can be read by others; make it private: chmod 0600 {path}")
        kept = msgspec.json.decode(path.read_bytes(), type=LocalState)
    except OSError as error:
        raise ParameterError(f"cannot read {path} ({error.strerror}); start the fit anew, without --resume") from error
    except msgspec.MsgspecError as error:
        raise ParameterError(f"{path} is not what a hospital keeps; start the fit anew, without --resume") from error
    if kept.round != round_:
        raise ParameterError(
            f"{path} is of round {kept.round}, the fit's checkpoint of round {round_}; start anew, without --resume"
        )
    hospital.go_on(np.array(kept.state))
