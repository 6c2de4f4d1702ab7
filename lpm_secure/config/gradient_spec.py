"""From `[gradient]` of a configuration to what the manifest says of derivatives."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from lpm_secure.config.day_law import DayLaw
from lpm_secure.config.laws import Delay
from lpm_secure.config.simulation import Config
from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.errors import ConfigError
from protocols.models import Stage
from protocols.models.gradient import Gradient

SCALES: Final[Mapping[str, Mapping[str, float]]] = {"adjoints": {"value_bits": 40, "tangent_bits": 36, "clip": 64.0}}


def gradient_for(config: Config) -> Gradient | None:
    """Return the manifest's gradient of a run; none where its configuration asks for none.

    Raises:
        ConfigError: synthetic agents that live in a population, whose derivatives nobody computes here.
    """
    asked = config.gradient
    if asked is None:
        return None
    if config.synthetic.population is not None:
        raise ConfigError(
            f"[gradient] and synthetic.population {config.synthetic.population!r}: agents of a population have no "
            "derivatives in a private run; leave the population out, so that they meet in cells"
        )
    given = {name: getattr(asked, name) for name in asked.__struct_fields__ if getattr(asked, name) is not None}
    slopes = {}
    if asked.way == "score":
        slopes = {
            f"{name}_slope": _slope(getattr(config.model, name), config.dt)
            for name in ("latent", "infectious")
            if name in asked.parameters
        }
    passes = {"passes": len(Stage)} if asked.way == "adjoints" else {}
    return Gradient(**{**SCALES.get(asked.way, {}), **given, **slopes, **passes})


def _slope(delay: Delay, dt: float) -> tuple[float, ...]:
    """Return by how much each weight of a law of days changes with its mean in steps, in units of 2**-32."""
    by_day = DayLaw.of(delay.mean, delay.sd, dt=dt).slope
    by_step: list[float] = np.multiply(by_day, dt * LAW_TOTAL).tolist()
    return tuple(by_step)
