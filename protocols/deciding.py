"""What a client tells of each of its agents when the aggregators decide: own hazard, and what a model asks beside it.

[hazard | threshold, anew | weight], agent by agent: threshold and a bit where immunity wanes, a weight where agents
have private ones. All words are told in every step, so that neither sizes nor order show whose have changed.
"""

from typing import Final

import numpy as np

from protocols.fixed import U64
from protocols.substeps import Seir

HAZARD: Final = 0


def told_words(model: Seir) -> int:
    """Return how many words are told for each agent."""
    return 1 + 2 * bool(model.waning) + (model.doses is not None)


def columns(model: Seir, words: U64) -> dict[str, U64]:
    """Return views of what was told, uint64[n] each, by name: hazard, threshold, anew, weight, as far as it is told."""
    names = ["hazard", *(["threshold", "anew"] if model.waning else []), *(["weight"] if model.doses else [])]
    return dict(zip(names, words.reshape(-1, told_words(model)).T, strict=True))


def told_bits(model: Seir, *, hazard: int, threshold: int) -> list[int]:
    """Return of how many bits each word of an agent is, given those of hazards and thresholds."""
    return [
        hazard,
        *([threshold, 1] if model.waning else []),
        *([model.largest_weight.bit_length()] if model.doses else []),
    ]


def rows(*columns_of: np.ndarray) -> U64:
    """Return uint64[n * words] from int64[n] of each word, agent by agent."""
    return np.stack([column.astype(np.int64) for column in columns_of], axis=1).reshape(-1).view(np.uint64)
