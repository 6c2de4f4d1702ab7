"""What a run tells whom, in words."""

from typing import Final

from protocols.releases.query import NOISE, Release
from protocols.task.manifest import Manifest
from protocols.task.release_plan import releases_of

MODES: Final = {
    "outcome": "Mode outcome: each client learned, for each of its agents and steps, whether it was infected by then.",
    "sum": "Mode sum: each client learned the exact exposure of its agents in every step, and so something about their "
    "neighbours: all of a neighbour's status at one contact, 44 % of its entropy at 3, 15 % at 10.",
}


RELEASES: Final = {
    "tally": "stage counts in every step",
    "incidence": "new infections in every step",
    "running": "totals of infections in every step",
    "cells": "cell totals in every step",
    "score": "a score at the end",
    "gradient": "sums of gradients",
}


def describe_disclosure(manifest: Manifest) -> str:
    """Return what clients and engine learn in a run, for people who take part in it or read its report."""
    releases = [f"{RELEASES[release.name]} ({_noise(release)})" for release in releases_of(manifest).each]
    if manifest.gradient is not None and manifest.gradient.relaxed:
        releases.append(f"{manifest.gradient.way} of these (exact)")
    return (
        f"{MODES[manifest.mode]} Engine and clients learned sums over at least {manifest.min_cohort} clients: "
        f"{', '.join(releases) or 'none'}."
    )


def _noise(release: Release) -> str:
    return f"with noise of sigma {release.sigma:g}" if release.mechanism == NOISE else "exact"
