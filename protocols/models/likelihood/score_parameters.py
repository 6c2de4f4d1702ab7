"""Which parameters of a model private runs have scores of, and why not of the others."""

from typing import Final

import numpy as np

from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.models.gradient import FACTOR
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.dependence import dependence_of
from protocols.models.likelihood.entries import (
    ParameterEntry,
    ParameterReasons,
    explain_lone_length,
    is_law,
    parameters_read,
)
from protocols.models.likelihood.factors.level_factors import factor_titles

EXACT: Final = "is for mode outcome: in mode sum the parameters that raise a level have scores of their own"


def score_parameters(model: GraphModel, *, exact: bool) -> ParameterReasons:
    """Read off a model's graph, and its values, of which parameters agents' holders know the scores.

    Args:
        model: with its parameters.
        exact: whether holders know what reaches their agents, as in mode sum.
    """
    entries, dependence = parameters_read(model.graph), dependence_of(model)
    reasons = {name: dependence.why_not_private(name, exact=exact) for name in {entry.name for entry in entries}}
    scored = ParameterReasons((entry.title, reasons[entry.name] or _at_edge(model, entry)) for entry in entries)
    scored.update({title: EXACT if exact else reason for title, reason in factor_titles(model).items()})
    return scored


def entries_of(model: GraphModel, titles: tuple[str, ...]) -> tuple[ParameterEntry, ...]:
    """Return parameters by their titles, in that order, without common factors of levels."""
    known = {entry.title: entry for entry in parameters_read(model.graph)}
    return tuple(known[title] for title in titles if not title.startswith(FACTOR))


def _at_edge(model: GraphModel, entry: ParameterEntry) -> str:
    """Return why a parameter has no score where it is, or nothing: what cannot happen yet tells nothing."""
    parameter, value = model.graph.parameters[entry.name], model.agents.parameters[entry.name]
    if is_law(parameter):
        return explain_lone_length(value[entry.place].tolist())
    number = int(np.reshape(value, -1)[entry.place])
    if number == 0 and parameter.low == 0:
        return "is 0, or rounds to it, where what cannot happen yet has no score"
    if number == LAW_TOTAL and parameter.unit == "probability":
        return "is 1, where what cannot happen yet has no score"
    return ""
