"""Which way a calibration's gradients travel: one function from configuration to federation."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from client_sdk.vector_hospital import Hospital
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.federation import Federation, Shared
from lpm_secure.calibration.privacy import RESERVE, noises
from protocols.errors import ConfigError


@contextmanager
def federation_of(config: CalibrationConfig, hospitals: dict[str, Hospital], folder: Path) -> Iterator[Federation]:
    """Yield the federation of a configuration, and end its processes afterwards.

    Args:
        config: of the calibration.
        hospitals: by name. What they have learnt is in them afterwards, whichever process has learnt it: a testbed
            plays their part in forecasts.
        folder: for the parties' files.

    Raises:
        ConfigError: a way that this command does not start.
    """
    if config.federation.transport != "in-process":
        raise ConfigError(f'got transport "{config.federation.transport}"; only "in-process" can be started; set that')
    yield shared(config, hospitals)


def shared(config: CalibrationConfig, hospitals: dict[str, Hospital]) -> Shared:
    """Return the federation in this process, with the noise that the configuration asks for."""
    way = config.federation
    if way.epsilon is None:
        return Shared(hospitals, way.contribution, way.aggregators, way.min_cohort)
    openings = config.fit.rounds + RESERVE
    noise = noises(
        way.contribution, aggregators=way.aggregators, openings=openings, epsilon=way.epsilon, delta=way.delta
    )
    return Shared(hospitals, way.contribution, way.aggregators, way.min_cohort, noise, openings)
