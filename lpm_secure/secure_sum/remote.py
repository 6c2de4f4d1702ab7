"""What a fit does with hospitals in other processes, whichever way their shares travel."""

from collections.abc import Mapping
from pathlib import Path

from client_sdk.likelihood.institution import F64, Hospital
from client_sdk.secure_sum.client import calibration_of
from client_sdk.secure_sum.contribution import Contribution
from client_sdk.secure_sum.journal import VectorJournal
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ParameterError
from protocols.releases.query import GRADIENT
from protocols.task.manifest import Manifest
from protocols.task.release_plan import releases_of
from protocols.task.secure_sum.range import in_range
from protocols.task.secure_sum.spec import rounds


def require_round(manifest: Manifest, draws: F64, number: int) -> None:
    """Check that a round can be played.

    Raises:
        ParameterError: draws of another shape, or more rounds than the manifest has.
    """
    shape = calibration_of(manifest).shape
    if draws.shape != shape:
        raise ParameterError(f"got draws of shape {draws.shape}; the run has {shape}")
    if number >= rounds(manifest.steps):
        raise ParameterError(f"the run's {number} rounds are over; begin another one")


def decode_sum(manifest: Manifest, total: I64, members: int) -> F64 | None:
    """Return an opened sum as float64[S, B, W]; None where it is out of range: see `in_range`."""
    given = calibration_of(manifest)
    found = Contribution(given.clip, given.bits).decode(total)
    release, k = releases_of(manifest).of(GRADIENT), len(manifest.aggregators)
    return found.reshape(given.shape) if in_range(given, total, members, release=release, aggregators=k) else None


def recall(hospitals: Mapping[str, Hospital], parties: Path, manifest: Manifest) -> None:
    """Let a testbed's hospitals know what their processes have learnt, so that they can play their part in forecasts.

    Args:
        hospitals: by name, as the testbed has them.
        parties: folder of the parties' folders.
        manifest: of the run.
    """
    for name, hospital in hospitals.items():
        kept = VectorJournal.look(parties / name, manifest)
        if kept is not None:
            hospital.go_on(kept)
