"""The parts of a build, each with random numbers of its own."""

import enum
from typing import final

import numpy as np

from protocols.errors import ParameterError


@final
class Part(enum.IntEnum):
    """A part of a build; a change in one leaves the random numbers of the others."""

    PLACES = 1
    HOUSEHOLDS = 2
    SCHOOLS = 3
    WORKPLACES = 4
    CELLS = 5
    CARD = 6
    COLUMNS = 7


def draws(seed: int, stage: Part) -> np.random.Generator:
    """Return the random numbers of one stage: Philox, keyed by seed and stage.

    Security: simulation only; reproducible, never for masks, keys or noise.

    Raises:
        ParameterError: a seed that is no unsigned 64-bit number.
    """
    if not 0 <= seed < 2**64:
        raise ParameterError(f"got seed {seed}; a whole number from 0 to {2**64 - 1} is needed")
    return np.random.Generator(np.random.Philox(key=seed | int(stage) << 64))
