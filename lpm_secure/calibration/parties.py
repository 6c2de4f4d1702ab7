"""The parties of a calibration over processes: their manifest, its releases, and a folder for each."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from client_sdk.likelihood.institution import Hospital
from client_sdk.private.contacts import ContactTable
from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.testbed import Testbed
from protocols.releases.query import GRADIENT, NOISE, Release, Releases
from protocols.task.manifest import Manifest
from protocols.task.parties import AggregatorParty, ClientParty
from protocols.task.secure_sum.spec import NOBODY, Calibration

NOWHERE: Final = "127.0.0.1:1"  # the address of a party in this process, which nobody calls
SOURCE: Final = "hospitals' own series"
ROUND_TIMEOUT_S: Final = 30.0  # a hospital that is gone holds a round up so long, once
JOIN_TIMEOUT_S: Final = 120.0


def manifest_for(
    names: tuple[str, ...],
    calibration: Calibration,
    addresses: list[str],
    *,
    name: str = "calibration",
    rounds: int,
    min_cohort: int,
    join_timeout_s: float = 60.0,
    round_timeout_s: float = 10.0,
    releases: Releases | None = None,
) -> Manifest:
    """Return the manifest of a calibration among hospitals of these names, with an aggregator at each address.

    Without `releases`, the gradient is opened exact; see `build_noisy_releases` for one with noise.
    """
    return Manifest(
        name=name,
        model=NOBODY,
        model_hash=NOBODY.model().hash,
        steps=2 * rounds - 1,
        channels=("none",),
        max_message=1,
        engine=True,
        mode="sum",
        aggregators=tuple(AggregatorParty(f"aggregator-{a}", address) for a, address in enumerate(addresses)),
        clients=tuple(ClientParty(each, (number,)) for number, each in enumerate(names)),
        min_cohort=min_cohort,
        join_timeout_s=join_timeout_s,
        round_timeout_s=round_timeout_s,
        releases=releases,
        calibration=calibration,
    )


def build_noisy_releases(*, sigma: float, rounds: int, epsilon: float, delta: float) -> Releases:
    """Return the releases of a calibration with noise.

    Args:
        sigma: of the noise in each sum, in units of the norm that one hospital can add.
        rounds: of the calibration, and how many more sums may be opened to find out who sends garbage.
        epsilon, delta: what all sums together cost; the unit is all that one hospital contributes.
    """
    release = Release(
        name=GRADIENT,
        mechanism=NOISE,
        sigma=sigma,
        times=rounds,
        unit="contribution",
        epsilon=epsilon,
        delta=delta,
    )
    return Releases(each=(release,), rho=release.rho(rounds))


def deployment_for(manifest: Manifest, hospitals: Mapping[str, Hospital], folder: Path) -> Deployment:
    """Return a deployment with a folder for each hospital, which holds its own column and nobody else's."""
    return Deployment(folder, build_hospital_testbed(manifest), institutions=hospitals)


def build_hospital_testbed(manifest: Manifest) -> Testbed:
    """Return a testbed of hospitals, in which nobody is simulated."""
    column = np.zeros(0, dtype=np.int64)
    nobody = ContactTable(column, column, column, column, column)
    return Testbed(manifest, nobody, column, 0, SOURCE, False)


def parties(
    hospitals: Mapping[str, Hospital],
    folder: Path,
    *,
    contribution: Contribution,
    draws: int,
    rounds: int,
    aggregators: int,
    min_cohort: int,
    releases: Releases | None = None,
) -> Deployment:
    """Return a deployment of a calibration on this machine, in a new folder below `folder`.

    Args:
        draws: S, of each round.
        rounds: at most; a fit may end earlier.
    """
    manifest = manifest_for(
        tuple(hospitals),
        size_of(hospitals, contribution, draws=draws),
        free_addresses(aggregators),
        rounds=rounds,
        min_cohort=min_cohort,
        round_timeout_s=ROUND_TIMEOUT_S,
        join_timeout_s=JOIN_TIMEOUT_S,
        releases=releases,
    )
    folder.mkdir(parents=True, exist_ok=True)
    return deployment_for(manifest, hospitals, Path(tempfile.mkdtemp(prefix="run-", dir=folder)))


def size_of(hospitals: Mapping[str, Hospital], contribution: Contribution, *, draws: int) -> Calibration:
    """Return what hospitals add up: gradients by so many draws, of their boroughs and weeks."""
    one = next(iter(hospitals.values()))
    return Calibration(
        draws=draws, places=one.share.size, weeks=one.counts.weeks, clip=contribution.clip, bits=contribution.bits
    )
