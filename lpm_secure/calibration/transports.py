"""Which way a calibration's gradients travel: one function from configuration to secure sum."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from client_sdk.likelihood.institution import SeriesInstitution
from lpm_secure.accounting import smooth_sigma_for
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.parties import NAME, parties, shape_of
from lpm_secure.calibration.privacy import RESERVE
from lpm_secure.secure_sum.in_process import InProcessSum
from lpm_secure.secure_sum.native import NativeSum
from lpm_secure.secure_sum.parties import NOWHERE, build_noisy_releases, manifest_for
from lpm_secure.secure_sum.transport import SumTransport
from lpm_secure.testbed.sum_deployment import SumDeployment
from protocols.errors import ConfigError
from protocols.releases.query import Releases

PARTIES: Final = "parties"  # folder below a calibration's, with a folder for each run of its processes


@contextmanager
def sums_of(
    config: CalibrationConfig, institutions: dict[str, SeriesInstitution], folder: Path
) -> Iterator[SumTransport]:
    """Yield the secure sum of a configuration, and end its processes afterwards.

    Args:
        config: of the calibration.
        institutions: by name. What they have learnt is in them afterwards, whichever process has learnt it: a testbed
            plays their part in forecasts.
        folder: for the parties' files.

    Raises:
        ConfigError: a way that this installation cannot start.
    """
    if config.federation.transport == "in-process":
        yield in_process(config, institutions)
        return
    deployment = deploy(config, institutions, folder)
    remote = NativeSum(deployment) if config.federation.transport == "native" else _flower(deployment)
    with remote as sums:
        yield sums


def openings_of(config: CalibrationConfig) -> int:
    """Return how many sums noise is made for: one a round, and without a dealer some to find who sends garbage."""
    return config.fit.rounds + (0 if config.federation.security == "active" else RESERVE)


def in_process(config: CalibrationConfig, institutions: dict[str, SeriesInstitution]) -> InProcessSum:
    """Return the secure sum in this process, with the noise that the configuration asks for."""
    way = config.federation
    manifest = manifest_for(
        tuple(institutions),
        shape_of(institutions, draws=config.fit.draws),
        [NOWHERE] * way.aggregators,
        contribution=way.contribution,
        name=NAME,
        rounds=config.fit.rounds,
        min_cohort=way.min_cohort,
        releases=_releases(config),
        dealer=NOWHERE if way.security == "active" else None,
    )
    return InProcessSum(manifest, institutions)


def deploy(config: CalibrationConfig, institutions: dict[str, SeriesInstitution], folder: Path) -> SumDeployment:
    """Return the parties of a configuration as a deployment, with the noise that it asks for in the manifest.

    Sums beyond the rounds, to find out who sends garbage, are opened within a round; with a dealer there are none.
    """
    way = config.federation
    return parties(
        institutions,
        folder / PARTIES,
        contribution=way.contribution,
        draws=config.fit.draws,
        rounds=config.fit.rounds,
        aggregators=way.aggregators,
        min_cohort=way.min_cohort,
        releases=_releases(config),
        dealer=way.security == "active",
    )


def _releases(config: CalibrationConfig) -> Releases | None:
    """Return the sums with the noise that is asked for; none, for exact ones, without an epsilon."""
    way, openings = config.federation, openings_of(config)
    if way.epsilon is None:
        return None
    sigma = smooth_sigma_for(way.epsilon, way.delta, times=openings)
    return build_noisy_releases(sigma=sigma, rounds=openings, epsilon=way.epsilon, delta=way.delta)


def _flower(deployment: SumDeployment) -> AbstractContextManager[SumTransport]:
    try:
        from lpm_secure.flower.transport import FlowerSum  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"transport \"flower\" needs {error.name}, which is not installed: pip install 'lpm-secure[flower]'"
        ) from error
    return FlowerSum(deployment)
