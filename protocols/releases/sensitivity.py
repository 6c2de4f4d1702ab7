"""By how much one agent can change each word of a run's score, which is what noise in it has to cover.

A word is clipped to `[-clip, clip]` for each agent, so another agent in its place, or none, changes it by `2 clip` at
most. The score by `scale` is not clipped but bounded: its words lie between -12 2^g Z, with Z all hazards that an agent
escapes, and 12 2^2g max(1, 1 - x/2 + x^2/12) for an infection at a hazard x of one step.
"""

from typing import TYPE_CHECKING, Final

from protocols.models.seir.parameters import LARGEST_DRAW
from protocols.task.gradients.hidden_score import HAZARD_BITS, SCALE, UNIT, coarsening

if TYPE_CHECKING:
    from protocols.task.manifest import Manifest

TAIL: Final = 2**6  # no sample of the noise is further out than so many sigmas


def changes(manifest: "Manifest") -> tuple[int, ...]:
    """Return for each of the p words by how much one agent can change it, at most; none without scores."""
    given = manifest.gradient
    if given is None or given.way != "score":
        return ()
    clipped = 2 * round(given.clip * 2.0**given.tangent_bits)
    return tuple(hidden_change(manifest) if name == SCALE else clipped for name in given.parameters)


def hidden_change(manifest: "Manifest") -> int:
    """Return by how much one agent can change the score that aggregators add up on shares.

    An agent escapes while its hazards are below its threshold, 37 at most. Coarse hazards are those times `coarsening`
    at most, and half a unit for what is rounded in each step.

    Security: holds for clients that keep to the protocol: contacts up to `largest_hazard`, masks and hazards as they
        are. A client that lies is bounded by the checks of ranges alone.
    """
    largest = 0.0 if manifest.gradient is None else manifest.gradient.largest_hazard
    ratio, rounded = coarsening(manifest), 2.0**-HAZARD_BITS
    escaped = ratio * LARGEST_DRAW + manifest.steps * rounded
    x = ratio * largest + rounded
    infected = max(1.0, 1.0 - x / 2 + x**2 / 12)
    return round(UNIT * (escaped + infected)) + 1


def furthest(manifest: "Manifest", sigma: float) -> int:
    """Return the largest noise that all aggregators together add to a word, `sigma` as in the manifest."""
    return len(manifest.aggregators) * round(TAIL * sigma * max(changes(manifest), default=0))
