"""What a calibration asks of a model: what is expected of a series in each place and period, with derivatives."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Self, final

import torch

Axis = Literal["", "places", "periods"]


@final
@dataclass(frozen=True, slots=True, eq=False)
class CourseParameter:
    """One parameter of a model, by name.

    Attributes:
        values: float64[...]; with a last axis of places or periods where `axis` says so. Of periods there may be more
            than are observed: those before the first one.
    """

    name: str
    values: torch.Tensor = field(repr=False)
    axis: Axis = ""


class ExpectedCourse(abc.ABC):
    """Maps z, whose prior is standard normal, to the expected course of one series.

    Subclasses are final, and differ in the model.
    """

    @property
    @abc.abstractmethod
    def places(self) -> tuple[str, ...]:
        """Return their names, B of them."""

    @property
    @abc.abstractmethod
    def periods(self) -> int:
        """Return how many are observed, W."""

    @property
    @abc.abstractmethod
    def coordinates(self) -> tuple[str, ...]:
        """Return the names of the coordinates of z, p of them, as the parameters that they move."""

    @property
    def p(self) -> int:
        """Return the length of z."""
        return len(self.coordinates)

    @property
    @abc.abstractmethod
    def identity(self) -> str:
        """Return a text that differs for models whose courses differ; a checkpoint belongs to it."""

    @abc.abstractmethod
    def log_mean(self, z: torch.Tensor) -> torch.Tensor:
        """Return the log of expected values, float64[..., B, W], from float64[..., p]; what a centre publishes."""

    @abc.abstractmethod
    def with_jacobian(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return `log_mean` of float64[S, p], and its derivatives by z: float64[S, B, W, p]."""

    @abc.abstractmethod
    def with_events(self, z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return `with_jacobian`, and the same of the log of events in each period over all places.

        Returns:
            float64[S, B, W], [S, B, W, p], [S, W] and [S, W, p].
        """

    @abc.abstractmethod
    def events_a_day(self, z: torch.Tensor) -> torch.Tensor:
        """Return expected events a day over all places, float64[..., W], mean over each period."""

    @abc.abstractmethod
    def parameters(self, z: torch.Tensor) -> Sequence[CourseParameter]:
        """Return the parameters of z by name."""

    @abc.abstractmethod
    def by_coordinate(self, z: torch.Tensor) -> torch.Tensor:
        """Return float64[..., p]: the value of the parameter that each coordinate moves."""

    @abc.abstractmethod
    def lengthen(self, periods: int) -> Self:
        """Return the same course over more periods."""

    @abc.abstractmethod
    def extend(self, z: torch.Tensor, longer: Self, generator: torch.Generator) -> torch.Tensor:
        """Return z of a longer course: what only later periods need is drawn from the prior."""

    @abc.abstractmethod
    def restrict(self, z: torch.Tensor, shorter: Self) -> torch.Tensor:
        """Return z of a shorter course: what it does not need is left out."""
