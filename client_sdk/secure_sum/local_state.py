"""An institution's own state between the rounds of a testbed: a file that nobody else may read."""

from pathlib import Path

import msgspec
import numpy as np

from client_sdk.secure_sum.institution import Institution
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError
from protocols.file_mode import mode_for_others


class LocalState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What has been learnt by the end of a round."""

    round: int
    state: list[float]


def write(path: Path, institution: Institution, *, round_: int) -> None:
    """Write what an institution has learnt, whole or not at all; mode 0600.

    Security: what was learnt says much about an institution's data, so it never joins the fit's checkpoint.
    """
    write_atomically(path, msgspec.json.encode(LocalState(round_, institution.state.tolist())))


def resume(path: Path, institution: Institution, *, round_: int) -> None:
    """Let an institution go on from its file, to the bit.

    Raises:
        ParameterError: unreadable, readable for others, or of another round than the fit's checkpoint.
    """
    try:
        if mode_for_others(path):
            raise ParameterError(f"{path} can be read by others; make it private: chmod 0600 {path}")
        local = msgspec.json.decode(path.read_bytes(), type=LocalState)
    except OSError as error:
        raise ParameterError(f"cannot read {path} ({error.strerror}); start the fit anew, without --resume") from error
    except msgspec.MsgspecError as error:
        raise ParameterError(
            f"{path} is not what an institution keeps; start the fit anew, without --resume"
        ) from error
    if local.round != round_:
        raise ParameterError(
            f"{path} is of round {local.round}, the fit's checkpoint of round {round_}; start anew, without --resume"
        )
    institution.resume(np.array(local.state))
