"""Compile a function to machine code that runs outside the interpreter's lock."""

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compile_kernel(function: F) -> F:
    """Compile on the first call, keep the code on disk, and release the interpreter's lock while it runs.

    No fast-math: floating point stays IEEE 754, or parity would end.
    """
    return cast(F, numba.njit(nogil=True, cache=True)(function))


def inline_kernel(function: F) -> F:
    """Compile a function that is only called from compiled ones, into them."""
    return cast(F, numba.njit(nogil=True, inline="never", forceinline=True)(function))
