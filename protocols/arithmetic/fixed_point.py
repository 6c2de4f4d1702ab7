"""Fixed point in Z_2^64, and the proof that nothing wraps.

Messages, hazards and thresholds are signed integers below 2**63; shares are unsigned integers modulo 2**64. As long as
every *true* total stays inside the signed range, sums modulo 2**64 are sums of integers, in any order and anywhere.
"""

import math

import numpy as np
import numpy.typing as npt

from protocols.errors import ParameterError, WouldWrap

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

LIMIT = 2**63  # a true total stays below it


def to_ring(x: I64) -> U64:
    """Return the same 64 bits as unsigned integers: int64[...] to uint64[...], no copy."""
    return x.view(np.uint64)


def from_ring(x: U64) -> I64:
    """Return the same 64 bits as signed integers: uint64[...] to int64[...], no copy."""
    return x.view(np.int64)


def to_fixed(x: float, *, f: int, name: str) -> int:
    """Round a finite, non-negative number to an integer with `f` fraction bits.

    Raises:
        ParameterError: `x` is negative, not finite, or so small that it would round to zero.
    """
    if not math.isfinite(x) or x < 0:
        raise ParameterError(f"{name} is {x}: it must be a finite number that is not negative")
    fixed = round(x * 2.0**f)
    if x > 0 and fixed == 0:
        raise ParameterError(f"{name} is {x:g}: with {f} fraction bits it would round to zero; use more fraction bits")
    return fixed


def prove_no_wrap(terms: dict[str, int]) -> int:
    """Return the sum of the largest values that the terms of one total can take, below 2**63.

    Args:
        terms: for each term of the total, its name and the largest absolute value it can reach over the whole run.

    Raises:
        WouldWrap: the bound reaches 2**63; the message names the largest term.
    """
    bound: int = sum(terms.values())
    if bound >= LIMIT:
        largest = max(terms.items(), key=lambda term: term[1])[0]
        raise WouldWrap(
            f"a total could reach 2**{int.bit_length(bound) - 1}, and must stay below 2**63; most of it is {largest}: "
            "use fewer fraction bits, smaller weights or fewer steps"
        )
    return bound
