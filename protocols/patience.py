"""How long a party waits for the others."""

from protocols.manifest import Manifest


def patience_s(manifest: Manifest, step: int) -> float:
    """Return how long a party waits for the answer to one call: three deadlines of the round, and 10 s."""
    return 3 * (manifest.join_timeout_s if step == 0 else manifest.round_timeout_s) + 10.0
