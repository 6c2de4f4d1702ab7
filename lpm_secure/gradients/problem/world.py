"""What compiled epidemics take: who meets whom, and the integers of a model at one theta."""

from typing import Any, NamedTuple

import numpy as np

from lpm_secure.engine.kernels.csr import I32
from protocols.arithmetic.fixed_point import I64, U64


class ContactWorld(NamedTuple):
    """The part of a problem that theta does not change.

    Attributes:
        indptr: int64[period, n + 1], where each agent's contacts of a day begin.
        indices: int32[edges], the other end of each contact.
        weight: int64[edges], of each contact.
        group: int32[n].
        vaccinated: uint8[n].
        first: the step from which on contacts are reduced.
        steps: T.
        groups: how many.
    """

    indptr: I64
    indices: I32
    weight: I64
    group: I32
    vaccinated: Any
    first: int
    steps: int
    groups: int


class ProblemLaw(NamedTuple):
    """The part that theta does change.

    Attributes:
        latent, infectious: bounds of the laws of days, uint64.
        initial: probability of being infectious at the start, in units of 2**-32.
        factor: int64[2, 2], hazard per unit of exposure: before or from the reduction on; unvaccinated or vaccinated.
        unit: 2.0**f.
    """

    latent: U64
    infectious: U64
    initial: np.uint64
    factor: I64
    unit: float
