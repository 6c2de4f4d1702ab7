"""Common factors of all that raises a level: scores by those are added up on shares, since nobody knows the exposures.

The parameter `scale.NAME` multiplies every hazard of the outcome NAME, an exponential clock. Each agent is followed as
long as it is in the first stage of a field and its level has not crossed: both are told by what it knows itself.
"""

from typing import NamedTuple

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.gradient import FACTOR
from protocols.models.graph import ModelGraph
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.stages import is_first_alone
from protocols.models.likelihood.dependence import dependence_of
from protocols.models.likelihood.factors.integer_score import HAZARD_BITS, coarse_factors, coarsening


class LevelFactor(NamedTuple):
    """A common factor of all that raises an outcome's level.

    Attributes:
        outcome: its name.
        column: its place among a model's outcomes.
        stage: the field in whose first stage agents look at it, and leave that stage once.
        threshold: the field that the level is held against.
        bits: fraction bits of hazards.
        largest: no threshold, in units of 1, is larger.
        by_channel: of each contact channel, the hazard of one unit of exposure.
    """

    outcome: str
    column: int
    stage: str
    threshold: str
    bits: int
    largest: float
    by_channel: tuple[int, ...]

    @property
    def coarse(self) -> I64:
        """Return the hazards of one unit of exposure as they are multiplied on shares, int64[c]."""
        return coarse_factors(self.by_channel, self.bits)

    @property
    def coarsening(self) -> float:
        """Return by which factor, at most, their rounding makes a hazard larger."""
        return coarsening(self.by_channel, self.bits)


def factor_titles(model: GraphModel) -> dict[str, str]:
    """Return by the title of each outcome's factor why aggregators add up no score of it; nothing where they do."""
    return {FACTOR + name: _why_not(model, name) for name in sorted(model.graph.outcomes)}


def factors_of(model: GraphModel, outcomes: tuple[str, ...]) -> tuple[LevelFactor, ...]:
    """Return the factors of some outcomes that have one, in that order."""
    names = [outcome.name for outcome in model.agents.outcomes]
    return tuple(_factor(model, name, names.index(name)) for name in outcomes)


def _factor(model: GraphModel, name: str, column: int) -> LevelFactor:
    clock, factors = dependence_of(model).clocks[name], model.agents.outcomes[column].coefficients
    largest = model.graph.fields[clock.field].high / 2.0**clock.bits
    return LevelFactor(name, column, _stage(model.graph, name), clock.field, clock.bits, largest, factors)


def _why_not(model: GraphModel, name: str) -> str:
    graph, clock = model.graph, dependence_of(model).clocks.get(name)
    if clock is None:
        return "is of an outcome that is no bit of a level above a field drawn exponential"
    factors = next(each.coefficients for each in model.agents.outcomes if each.name == name)
    channels = [graph.channels[channel] for channel in graph.outcomes[name].coefficients]
    reasons = {
        "is of a level with private weights": name in graph.weights,
        "is of a level that may begin anew": name in graph.restarts,
        "is of a level raised along directed contacts, whose weights those that hear do not know": any(
            channel.directed for channel in channels
        ),
        "is of an outcome that agents look at in more than a stage that they leave once": not _stage(graph, name),
        f"has a coefficient below 2**-{HAZARD_BITS + 1}, where it is lost; use a coarser unit of contacts": any(
            (np.array(factors) > 0) & (coarse_factors(factors, clock.bits) == 0)
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def _stage(graph: ModelGraph, name: str) -> str:
    """Return the field in whose first stage alone agents look at an outcome; none that is proved to be so."""
    fields = (field for field in sorted(graph.fields) if graph.fields[field].stages)
    return next((field for field in fields if is_first_alone(graph, name, field)), "")
