"""Which way a calibration's gradients travel: one function from configuration to federation."""

from client_sdk.vector_hospital import Hospital
from lpm_secure.calibration.config import CalibrationConfig
from lpm_secure.calibration.federation import Federation, Shared
from lpm_secure.calibration.privacy import RESERVE, noises
from protocols.errors import ConfigError


def federation_of(config: CalibrationConfig, hospitals: dict[str, Hospital]) -> Federation:
    """Return the federation of a configuration.

    Args:
        config: of the calibration.
        hospitals: by name; the in-process way plays all of them.

    Raises:
        ConfigError: a way that this command does not start.
    """
    way = config.federation
    if way.transport != "in-process":
        raise ConfigError(f'got transport "{way.transport}"; this command runs "in-process" only; set that')
    openings = config.fit.rounds + RESERVE if way.epsilon is not None else None
    noise = (
        ()
        if way.epsilon is None or openings is None
        else noises(
            way.contribution,
            aggregators=way.aggregators,
            openings=openings,
            epsilon=way.epsilon,
            delta=way.delta,
        )
    )
    return Shared(
        hospitals,
        way.contribution,
        aggregators=way.aggregators,
        min_cohort=way.min_cohort,
        noise=noise,
        most_openings=openings,
    )
