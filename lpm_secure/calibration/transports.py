"""Which way a calibration's gradients travel: one function from configuration to federation."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from client_sdk.likelihood.institution import Hospital
from lpm_secure.accounting import sigma_for
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.parties import build_noisy_releases, parties
from lpm_secure.calibration.privacy import RESERVE, noises
from lpm_secure.secure_sum.federation import Federation, SharedFederation
from lpm_secure.secure_sum.native import Native
from lpm_secure.testbed.deployment import Deployment
from protocols.errors import ConfigError

PARTIES: Final = "parties"  # folder below a calibration's, with a folder for each run of its processes


@contextmanager
def federation_of(config: CalibrationConfig, hospitals: dict[str, Hospital], folder: Path) -> Iterator[Federation]:
    """Yield the federation of a configuration, and end its processes afterwards.

    Args:
        config: of the calibration.
        hospitals: by name. What they have learnt is in them afterwards, whichever process has learnt it: a testbed
            plays their part in forecasts.
        folder: for the parties' files.

    Raises:
        ConfigError: a way that this installation cannot start.
    """
    if config.federation.transport == "in-process":
        yield federate(config, hospitals)
        return
    deployment = deploy(config, hospitals, folder)
    remote = Native(deployment) if config.federation.transport == "native" else _flower(deployment)
    with remote as federation:
        yield federation


def federate(config: CalibrationConfig, hospitals: dict[str, Hospital]) -> SharedFederation:
    """Return the federation in this process, with the noise that the configuration asks for."""
    way = config.federation
    if way.epsilon is None:
        return SharedFederation(hospitals, way.contribution, way.aggregators, way.min_cohort)
    openings, one = config.fit.rounds + RESERVE, next(iter(hospitals.values()))
    noise = noises(
        way.contribution,
        d=config.fit.draws * one.share.size * one.counts.weeks,
        aggregators=way.aggregators,
        openings=openings,
        epsilon=way.epsilon,
        delta=way.delta,
    )
    return SharedFederation(hospitals, way.contribution, way.aggregators, way.min_cohort, noise, openings)


def deploy(config: CalibrationConfig, hospitals: dict[str, Hospital], folder: Path) -> Deployment:
    """Return the parties of a configuration as a deployment, with the noise that it asks for in the manifest.

    Sums beyond the rounds, to find out who sends garbage, are opened within a round, or over Flower in rounds of their
    own.
    """
    way, openings, releases = config.federation, config.fit.rounds + RESERVE, None
    if way.epsilon is not None:
        sigma = sigma_for(way.epsilon, way.delta, times=openings)
        releases = build_noisy_releases(sigma=sigma, rounds=openings, epsilon=way.epsilon, delta=way.delta)
    return parties(
        hospitals,
        folder / PARTIES,
        contribution=way.contribution,
        draws=config.fit.draws,
        rounds=openings if way.transport == "flower" else config.fit.rounds,
        aggregators=way.aggregators,
        min_cohort=way.min_cohort,
        releases=releases,
    )


def _flower(deployment: Deployment) -> AbstractContextManager[Federation]:
    try:
        from lpm_secure.flower.federation import Flower  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"transport \"flower\" needs {error.name}, which is not installed: pip install 'lpm-secure[flower]'"
        ) from error
    return Flower(deployment)
