"""How long a party waits for the others."""

from typing import Final

from protocols.arithmetic.counters import Step
from protocols.task.manifest import Manifest

DEADLINES: Final = 3  # so often a round's deadline passes before those that came are told who did not


def patience_s(manifest: Manifest, step: Step) -> float:
    """Return how long a party waits for the answer to one call: three deadlines of the round, and 10 s."""
    return DEADLINES * (manifest.join_timeout_s if step == 0 else manifest.round_timeout_s) + 10.0
