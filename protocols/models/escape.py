"""`1 - exp(-h)`: the probability of an event under a hazard, with the same bits on every machine."""

from typing import Final

from array_api_compat import array_namespace

from protocols.models.dual import Dual, Number
from protocols.models.state import Array

LARGEST: Final = 40.0  # 1 - exp(-40) rounds to 1
HALVINGS: Final = 7
TERMS: Final = 12  # the first term left out is below 2**-53 of the sum for y <= 40 / 2**7


def escape(hazard: Number) -> Number:
    """Return `1 - exp(-h)` for h >= 0, float64[n]; error below 2e-15.

    A series for `h / 2**7`, then `1 - exp(-2 y) = q (2 - q)` seven times: additions, multiplications and divisions by
    constants alone, which IEEE 754 rounds the same way everywhere. Torch tensors that ask for gradients are better
    served by their own `expm1`; see `client_sdk.gradients`.
    """
    if isinstance(hazard, Dual):
        value = probability(hazard.value)
        return Dual(value, hazard.tangent * (1.0 - value))
    return probability(hazard)


def probability(hazard: Array) -> Array:
    """Return what `escape` does, of plain numbers."""
    xp = array_namespace(hazard)
    y = xp.where(hazard < LARGEST, hazard, xp.full_like(hazard, LARGEST)) * (1.0 / 2**HALVINGS)
    q = xp.full_like(y, 1.0 / TERMS)
    for term in range(TERMS - 1, 0, -1):
        q *= y
        q *= -1.0
        q += 1.0
        q *= 1.0 / term
    q *= y
    for _ in range(HALVINGS):
        q *= 2.0 - q
    return q
