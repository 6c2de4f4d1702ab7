"""By how much one agent can change each word of a run's score, which is what noise in it has to cover."""

from typing import Final

from protocols.models.gradient import Gradient
from protocols.models.graph.agents import GraphModel
from protocols.models.likelihood.score_bounds import bound_words

TAIL: Final = 2**6  # no sample of the noise is further out than so many sigmas


def changes(gradient: Gradient | None, model: GraphModel, *, steps: int) -> tuple[int, ...]:
    """Return for each of the p words by how much one agent can change it, at most; none without scores."""
    if gradient is None or gradient.way != "score":
        return ()
    return bound_words(model, gradient, steps=steps)


def furthest(changes: tuple[int, ...], sigma: float, *, aggregators: int) -> int:
    """Return the largest noise that all aggregators together add to a word, `sigma` as in the manifest."""
    return aggregators * round(TAIL * sigma * max(changes, default=0))
