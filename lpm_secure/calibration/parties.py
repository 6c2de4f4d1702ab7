"""The parties of a calibration over processes: their manifest, and a folder for each."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from client_sdk.likelihood.institution import SeriesInstitution
from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.secure_sum.parties import manifest_for
from lpm_secure.testbed.deployment import free_addresses
from lpm_secure.testbed.sum_deployment import SumDeployment
from protocols.releases.query import Releases

NAME: Final = "calibration"
ROUND_TIMEOUT_S: Final = 30.0  # an institution that is gone holds a round up so long, once
JOIN_TIMEOUT_S: Final = 120.0


def parties(
    institutions: Mapping[str, SeriesInstitution],
    folder: Path,
    *,
    contribution: Contribution,
    draws: int,
    rounds: int,
    aggregators: int,
    min_cohort: int,
    releases: Releases | None = None,
    dealer: bool = False,
) -> SumDeployment:
    """Return a deployment of a calibration on this machine, in a new folder below `folder`.

    Args:
        draws: S, of each round.
        rounds: at most; a fit may end earlier.
        dealer: whether there is one, so that the run's security is active.
    """
    addresses = free_addresses(aggregators + dealer)
    manifest = manifest_for(
        tuple(institutions),
        shape_of(institutions, draws=draws),
        addresses[:aggregators],
        contribution=contribution,
        name=NAME,
        rounds=rounds,
        min_cohort=min_cohort,
        round_timeout_s=ROUND_TIMEOUT_S,
        join_timeout_s=JOIN_TIMEOUT_S,
        releases=releases,
        dealer=addresses[-1] if dealer else None,
    )
    folder.mkdir(parents=True, exist_ok=True)
    return SumDeployment(Path(tempfile.mkdtemp(prefix="run-", dir=folder)), manifest, institutions)


def shape_of(institutions: Mapping[str, SeriesInstitution], *, draws: int) -> tuple[int, int, int]:
    """Return what institutions add up: gradients by so many draws, of their places and periods."""
    one = next(iter(institutions.values()))
    return draws, one.share.size, one.series.periods
