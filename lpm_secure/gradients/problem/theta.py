"""The parameters that gradients are taken with respect to."""

import abc
import dataclasses
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, Self, TypeVar, final

from protocols.errors import ParameterError

NAMES: Final = ("beta", "latent", "infectious", "initial", "reduction", "efficacy")
P: Final = len(NAMES)
LARGEST: Final = 10**6  # of a rate or a stay
AT_ZERO: Final = 0.1  # length of a probability that is 0
BETA, LATENT, INFECTIOUS, INITIAL, REDUCTION, EFFICACY = range(P)


class ThetaPoint(abc.ABC):
    """A point in the space of a problem's parameters. Subclasses are final."""

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """Return the parameters' names."""

    @abc.abstractmethod
    def __getitem__(self, parameter: int) -> float:
        """Return a parameter's value, by its place in `names`."""

    @abc.abstractmethod
    def length(self, parameter: int) -> float:
        """Return the distance over which a parameter matters, above 0."""

    @abc.abstractmethod
    def bounds(self, parameter: int) -> tuple[float, float]:
        """Return the least and the greatest value of a parameter."""

    @abc.abstractmethod
    def shift(self, parameter: int, by: float) -> Self:
        """Return the point with one parameter moved."""

    def ends(self, parameter: int, part: float) -> "Ends[Self]":
        """Return two points, a part of the length below and above; at a bound, on one side only."""
        by, value = part * self.length(parameter), self[parameter]
        low, high = self.bounds(parameter)
        below = self.shift(parameter, -by) if value - by >= low else self
        above = self.shift(parameter, by) if value + by <= high else self
        return Ends(below, above, above[parameter] - below[parameter])


T = TypeVar("T")


class Ends(NamedTuple, Generic[T]):
    """Two points that differ in one parameter, and by how much."""

    below: T
    above: T
    distance: float


@final
@dataclass(frozen=True, slots=True)
class Point(ThetaPoint):
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
            if not 0.0 < getattr(self, name) < LARGEST:
                raise ParameterError(f"{name} is {getattr(self, name):g}; it must be above 0")
        for name in ("initial", "reduction", "efficacy"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ParameterError(f"{name} is {getattr(self, name):g}; it must lie in [0, 1)")

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names, which are the same at all points."""
        return NAMES

    def __getitem__(self, parameter: int) -> float:
        """Return a parameter by its place in `NAMES`."""
        return float(getattr(self, NAMES[parameter]))

    def shift(self, parameter: int, by: float) -> Self:
        """Return the point with one parameter moved."""
        name = NAMES[parameter]
        return dataclasses.replace(self, **{name: getattr(self, name) + by})

    def length(self, parameter: int) -> float:
        """Return the distance over which the parameter matters: itself, or what it leaves of the hazard."""
        value = self[parameter]
        return 1.0 - value if parameter in (REDUCTION, EFFICACY) else value or AT_ZERO

    def bounds(self, parameter: int) -> tuple[float, float]:
        """Return the range; where it is open, its ends."""
        return (0.0, LARGEST) if parameter in (BETA, LATENT, INFECTIOUS) else (0.0, 1.0 - 2**-32)
