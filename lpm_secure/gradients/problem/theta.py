"""The parameters that gradients are taken with respect to."""

import dataclasses
from dataclasses import dataclass
from typing import Final, final

from protocols.errors import ParameterError

NAMES: Final = ("beta", "latent", "infectious", "initial", "reduction", "efficacy")
P: Final = len(NAMES)
BETA, LATENT, INFECTIOUS, INITIAL, REDUCTION, EFFICACY = range(P)


@final
@dataclass(frozen=True, slots=True)
class Point:
    """A point in the space of parameters.

    Attributes:
        beta: infections per susceptible agent, day, and unit of infectious contact.
        latent, infectious: mean stay, days; the standard deviations belong to the problem.
        initial: probability of being infectious at the start.
        reduction: part of all contacts that the problem's intervention takes away from its day on.
        efficacy: part by which a vaccinated agent's hazard is smaller.

    Raises:
        ParameterError: a value out of its range.
    """

    beta: float
    latent: float
    infectious: float
    initial: float
    reduction: float = 0.0
    efficacy: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("beta", "latent", "infectious"):
            if not 0.0 < getattr(self, name) < 10**6:
                raise ParameterError(f"{name} is {getattr(self, name):g}; it must be above 0")
        for name in ("initial", "reduction", "efficacy"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ParameterError(f"{name} is {getattr(self, name):g}; it must lie in [0, 1)")

    def __getitem__(self, parameter: int) -> float:
        """Return a parameter by its place in `NAMES`."""
        return float(getattr(self, NAMES[parameter]))

    def shift(self, parameter: int, by: float) -> "Point":
        """Return the point with one parameter moved."""
        name = NAMES[parameter]
        return dataclasses.replace(self, **{name: getattr(self, name) + by})

    def length(self, parameter: int) -> float:
        """Return the distance over which the parameter matters: itself, or what it leaves of the hazard."""
        value = self[parameter]
        return 1.0 - value if parameter in (REDUCTION, EFFICACY) else value
