"""What a fit does with hospitals in other processes, whichever way their shares travel."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from client_sdk.vector_client import calibration_of
from client_sdk.vector_contribution import Contribution
from client_sdk.vector_hospital import F64, Hospital
from client_sdk.vector_kept import Kept
from protocols.calibration import GRADIENT, rounds, sigma
from protocols.errors import ParameterError
from protocols.fixed import I64
from protocols.manifest import Manifest
from protocols.releases import releases_of

LARGEST_DEVIATION: Final = 6.5  # a norm of d normal numbers exceeds sqrt(d) + t with probability exp(-t**2 / 2)


def require_round(manifest: Manifest, draws: F64, number: int) -> None:
    """Check that a round can be played.

    Raises:
        ParameterError: draws of another shape, or more rounds than the manifest has.
    """
    shape = calibration_of(manifest).shape
    if draws.shape != shape:
        raise ParameterError(f"got draws of shape {draws.shape}; the run has {shape}")
    if number >= rounds(manifest):
        raise ParameterError(f"the run's {number} rounds are over; begin another one")


def decoded(manifest: Manifest, total: I64, members: int) -> F64 | None:
    """Return an opened sum as float64[S, B, W]; None where its norm is larger than its members may add.

    Security: so garbage that shows does no harm. Within the range a hospital can shift a sum unseen.
    """
    given, release = calibration_of(manifest), releases_of(manifest).of(GRADIENT)
    found = Contribution(given.clip, given.bits).decode(total)
    noise = math.sqrt(len(manifest.aggregators)) * sigma(given, release) if release is not None else 0.0
    spread = (noise + members) * (math.sqrt(found.size) + LARGEST_DEVIATION) * 2.0**-given.bits
    return found.reshape(given.shape) if np.linalg.norm(found) <= members * given.clip + spread else None


def recall(hospitals: Mapping[str, Hospital], parties: Path, manifest: Manifest) -> None:
    """Let a testbed's hospitals know what their processes have learnt, so that they can play their part in forecasts.

    Args:
        hospitals: by name, as the testbed has them.
        parties: folder of the parties' folders.
        manifest: of the run.
    """
    for name, hospital in hospitals.items():
        kept = Kept.look(parties / name, manifest)
        if kept is not None:
            hospital.go_on(kept)
