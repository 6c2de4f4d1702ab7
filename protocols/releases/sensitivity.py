"""By how much one agent can change each word of a run's score, which is what noise in it has to cover.

A word is clipped to `[-clip, clip]` for each agent, so another agent in its place, or none, changes it by `2 clip` at
most; of a model's graph by less where `models.likelihood.score_bounds` proves it. The score by `scale` is not clipped
but bounded: its words lie between -12 2^g Z, with Z all hazards that an agent escapes, and
12 2^2g max(1, 1 - x/2 + x^2/12) for an infection at a hazard x of one step.
"""

from typing import Final

from protocols.models import Seir
from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.score_bounds import bound_words
from protocols.models.run_model import RunModel
from protocols.models.seir.integer_score import HAZARD_BITS, SCALE, UNIT, coarsening
from protocols.models.seir.parameters import LARGEST_DRAW

TAIL: Final = 2**6  # no sample of the noise is further out than so many sigmas


def changes(gradient: Gradient | None, model: RunModel, *, steps: int) -> tuple[int, ...]:
    """Return for each of the p words by how much one agent can change it, at most; none without scores."""
    if gradient is None or gradient.way != "score":
        return ()
    if isinstance(model, GraphModel):
        return bound_words(model, gradient, steps=steps)
    clipped = 2 * gradient.clip_word
    return tuple(
        bound_score_change(gradient, model.require_seir(SCALE), steps=steps) if name == SCALE else clipped
        for name in gradient.parameters
    )


def bound_score_change(gradient: Gradient, model: Seir, *, steps: int) -> int:
    """Return by how much one agent can change the score that aggregators add up on shares.

    An agent escapes while its hazards are below its threshold, 37 at most. Coarse hazards are those times `coarsening`
    at most, and half a unit for what is rounded in each step.

    Security: holds for clients that keep to the protocol: contacts up to `largest_hazard`, masks and hazards as they
        are. A client that lies is bounded by the checks of ranges alone.
    """
    ratio, rounded = coarsening(model.beta, model.f), 2.0**-HAZARD_BITS
    escaped = ratio * LARGEST_DRAW + steps * rounded
    x = ratio * gradient.largest_hazard + rounded
    infected = max(1.0, 1.0 - x / 2 + x**2 / 12)
    return round(UNIT * (escaped + infected)) + 1


def furthest(changes: tuple[int, ...], sigma: float, *, aggregators: int) -> int:
    """Return the largest noise that all aggregators together add to a word, `sigma` as in the manifest."""
    return aggregators * round(TAIL * sigma * max(changes, default=0))
