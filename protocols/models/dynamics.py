"""What a run's agents live by, whoever holds them."""

from dataclasses import dataclass
from typing import final

from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel


@final
@dataclass(frozen=True, slots=True)
class Dynamics:
    """The part of a manifest that moves agents on.

    Attributes:
        model: with its parameters.
        steps: T.
        period: contacts are given for so many days, and come again.
        cells: how many people mix in each cell.
        gradient: which derivatives the run yields, if any.
    """

    model: GraphModel
    steps: int
    period: int
    cells: tuple[int, ...] = ()
    gradient: Gradient | None = None


@final
@dataclass(frozen=True, slots=True)
class Relaxation:
    """The part of a manifest that makes the relaxed dynamics of its model.

    Attributes:
        model: with its parameters.
        gradient: which derivatives, and in which fixed point.
        steps: T.
        sizes: people in each cell; empty where the run has none.
    """

    model: GraphModel
    gradient: Gradient
    steps: int
    sizes: tuple[int, ...]
