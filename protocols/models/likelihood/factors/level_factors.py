"""Common factors of all that raises a level: scores by those are added up on shares, since nobody knows the exposures.

The parameter `scale.NAME` multiplies every hazard of the outcome NAME, an exponential clock. Each agent is followed as
long as it is in the first stage of a field and its level has not crossed: both are told by what it knows itself.
"""

from typing import Final, NamedTuple

import numpy as np

from protocols.arithmetic.fixed_point import I64
from protocols.models.gradient import FACTOR
from protocols.models.graph import ModelGraph
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.stages import first_stages
from protocols.models.likelihood.clocks import clocks_of
from protocols.models.likelihood.factors.integer_score import HAZARD_BITS, coarse_factors, coarsening

ANYWHERE: Final = "is of an outcome that agents look at in more than a stage that they leave once"


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
    clocks = clocks_of(model.graph)
    reasons = {FACTOR + name: reason for name, reason in factor_reasons(model.graph).items()}
    for outcome in model.agents.outcomes:
        title, factors = FACTOR + outcome.name, outcome.coefficients
        if not reasons[title] and any(
            (np.array(factors) > 0) & (coarse_factors(factors, clocks[outcome.name].bits) == 0)
        ):
            reasons[title] = (
                f"has a coefficient below 2**-{HAZARD_BITS + 1}, where it is lost; use a coarser unit of contacts"
            )
    return reasons


def factor_reasons(graph: ModelGraph) -> dict[str, str]:
    """Return by outcome why no score by a factor of its level can be added up on shares; nothing where one can."""
    clocks = clocks_of(graph)
    reasons = {name: _why_not(graph, name, is_clock=name in clocks) for name in sorted(graph.outcomes)}
    first = first_stages(graph) if not all(reasons.values()) else {}
    return {name: reason or ("" if name in first else ANYWHERE) for name, reason in reasons.items()}


def factors_of(model: GraphModel, outcomes: tuple[str, ...]) -> tuple[LevelFactor, ...]:
    """Return the factors of some outcomes that have one, in that order."""
    graph, known = model.graph, {each.name: (column, each) for column, each in enumerate(model.agents.outcomes)}
    clocks, first = (clocks_of(graph), first_stages(graph)) if outcomes else ({}, {})
    return tuple(
        LevelFactor(
            name,
            known[name][0],
            first[name],
            clocks[name].field,
            clocks[name].bits,
            graph.fields[clocks[name].field].high / 2.0 ** clocks[name].bits,
            known[name][1].coefficients,
        )
        for name in outcomes
    )


def _why_not(graph: ModelGraph, name: str, *, is_clock: bool) -> str:
    channels = [graph.channels[channel] for channel in graph.outcomes[name].coefficients]
    reasons = {
        "is of an outcome that is no bit of a level above a field drawn exponential": not is_clock,
        "is of a level with private weights": name in graph.weights,
        "is of a level that may begin anew": name in graph.restarts,
        "is of a level raised along directed contacts, whose weights those that hear do not know": any(
            channel.directed for channel in channels
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
