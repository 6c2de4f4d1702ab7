"""Between which numbers an agent's score lies, proved from a graph: what noise in it has to cover.

A word is clipped to `[-clip, clip]` for each agent, so another agent in its place, or none, changes it by `2 clip` at
most; less where that is proved. The score by a common factor of a level is not clipped but bounded: its words lie
between -12 2^g Z, with Z all hazards that an agent escapes, and 12 2^2g max(1, 1 - x/2 + x^2/12) for a crossing at a
hazard x of one step.
"""

import math
from fractions import Fraction
from typing import Final

import numpy as np

from protocols.arithmetic.distributions import LAW_TOTAL
from protocols.models.gradient import Gradient
from protocols.models.graph import GraphNode, ModelGraph
from protocols.models.graph.agents import GraphModel
from protocols.models.graph.draws import BEGIN
from protocols.models.likelihood.dependence import Dependence, dependence_of
from protocols.models.likelihood.entries import ParameterEntry, is_law, slopes_of_laws
from protocols.models.likelihood.factors.integer_score import HAZARD_BITS, UNIT
from protocols.models.likelihood.factors.level_factors import LevelFactor, factors_of
from protocols.models.likelihood.relevance import find_leaves
from protocols.models.likelihood.score_parameters import entries_of

Range = tuple[Fraction, Fraction]  # least and greatest
NOTHING: Final = Fraction(0), Fraction(0)


def score_range(model: GraphModel, entry: ParameterEntry, *, steps: int, slope: tuple[float, ...] = ()) -> Range | None:
    """Return the least and the greatest score of one agent in a run; none where no bound is proved.

    A draw that is made with the parameter itself for its probability, or by its law, has a score of a few values. In a
    run it is made once, or once in a step. Of anything else that moves with the parameter nothing is proved.

    Args:
        model: with its parameters.
        entry: that has a score.
        steps: of the run.
        slope: of a law, as the manifest has it; it moves by tilting unless given.
    """
    graph, dependence, (low, high) = model.graph, dependence_of(model), NOTHING
    if any(entry.name in names for names in dependence.levels.values()):
        return None
    for node in graph.nodes:
        if node.op not in ("happens", "days") or entry.name not in dependence.numbers[node.inputs[0]]:
            continue
        drawn = _range_of_draw(model, entry, slope)
        if drawn is None or not _is_direct(graph, node, entry.name, dependence):
            return None
        times = 1 if node.numbers[0] == BEGIN else steps
        low, high = low + times * drawn[0], high + times * drawn[1]
    return low, high


def _is_direct(graph: ModelGraph, node: GraphNode, name: str, dependence: Dependence) -> bool:
    """Tell whether a draw's probability is the parameter itself wherever it moves with it, as laws always are."""
    moving = [graph.nodes[leaf] for leaf in find_leaves(graph, node.inputs[0]) if name in dependence.numbers[leaf]]
    return all(leaf.op == "parameter" or _is_entry(graph, leaf, name) for leaf in moving)


def _is_entry(graph: ModelGraph, leaf: GraphNode, name: str) -> bool:
    return leaf.op == "lookup" and graph.nodes[leaf.inputs[0]].name == name


def _range_of_draw(model: GraphModel, entry: ParameterEntry, slope: tuple[float, ...]) -> Range | None:
    """Return the least and the greatest score of one draw that is made with a parameter itself."""
    value = model.agents.parameters[entry.name]
    if is_law(model.graph.parameters[entry.name]):
        score = slopes_of_laws([value[entry.place].tolist()], {0: slope} if slope else {}).score[0]
        return Fraction(score.min()), Fraction(score.max())
    number = int(np.reshape(value, -1)[entry.place])
    if not 0 < number < LAW_TOTAL:
        return None
    scale = Fraction(2 ** model.graph.parameters[entry.name].bits)
    return -scale / (LAW_TOTAL - number), scale / number


def bound_words(model: GraphModel, gradient: Gradient, *, steps: int) -> tuple[int, ...]:
    """Return by how much one agent can change each word of a score, at most, by other draws or by not being there.

    That is the width between the bounds of its score, each clipped; two units more are for what is rounded.
    """
    changed = dict[str, int]()
    for entry in entries_of(model, gradient.parameters):
        slope, clip = gradient.slopes.get(entry.title, ()), Fraction(gradient.clip)
        low, high = score_range(model, entry, steps=steps, slope=slope) or (-clip, clip)
        low, high = max(low, -clip), min(high, clip)
        changed[entry.title] = min(2 * gradient.clip_word, math.ceil((high - low) * 2**gradient.tangent_bits) + 2)
    for factor, place in zip(factors_of(model, tuple(gradient.factors)), gradient.factors.values(), strict=True):
        changed[gradient.parameters[place]] = bound_factor(factor, gradient.largest_hazard, steps=steps)
    return tuple(changed[title] for title in gradient.parameters)


def hazard_bounds(factor: LevelFactor, largest_hazard: float, *, steps: int) -> tuple[float, float]:
    """Return the most that an agent's hazards add up to while it escapes, and the largest of one step, made coarse.

    An agent escapes while its hazards are below its threshold. Coarse hazards are those times `coarsening` at most, and
    half a unit for what is rounded in each step.

    Security: holds for clients that keep to the protocol: contacts up to `largest_hazard`, masks and hazards as they
        are. A client that lies is bounded by the checks of ranges alone.
    """
    ratio, rounded = factor.coarsening, 2.0**-HAZARD_BITS
    return ratio * factor.largest + steps * rounded, ratio * largest_hazard + rounded


def bound_factor(factor: LevelFactor, largest_hazard: float, *, steps: int) -> int:
    """Return by how much one agent can change the score that aggregators add up on shares."""
    escaped, x = hazard_bounds(factor, largest_hazard, steps=steps)
    crossed = max(1.0, 1.0 - x / 2 + x**2 / 12)
    return round(UNIT * (escaped + crossed)) + 1
