"""Agents block by block, so that what a loop holds of them stays in the first cache."""

from typing import Any, Final

from protocols.arithmetic.jit import inline_kernel

BLOCK: Final = 2048  # agents


@inline_kernel
def part_sums(exposure: Any, low: Any, x: Any) -> Any:
    """Return the sums of all threads' parts for x.size agents from `low` on, modulo the size of their type."""
    first = exposure[0, low : low + x.size]
    if exposure.shape[0] == 1:
        return first
    for k in range(x.size):
        x[k] = first[k]
    for p in range(1, exposure.shape[0]):
        part = exposure[p, low : low + x.size]
        for k in range(x.size):
            x[k] += part[k]
    return x
