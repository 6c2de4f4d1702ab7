"""What a run tells whom, in words."""

from typing import Final

from protocols.manifest import Manifest

MODES: Final = {
    "outcome": "Mode outcome: each client learned, for each of its agents and steps, whether it was infected by then.",
    "sum": "Mode sum: each client learned the exact exposure of its agents in every step, and so something about their "
    "neighbours: all of a neighbour's status at one contact, 44 % of its entropy at 3, 15 % at 10.",
}


def what_is_learned(manifest: Manifest) -> str:
    """Return what clients and engine learn in a run, for people who take part in it or read its report."""
    return (
        f"{MODES[manifest.mode]} Engine and clients learned cell totals and stage counts in every step: exact sums "
        f"over at least {manifest.min_cohort} clients, without noise."
    )
