"""Compile a function to machine code that runs outside the interpreter's lock."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., object])


def compile_kernel(function: F) -> F:
    """Compile on the first call, keep the code on disk, and release the interpreter's lock while it runs.

    No fast-math: floating point stays IEEE 754, or parity would end.
    """
    return cast(F, numba.njit(nogil=True, cache=True)(function))


def inline_kernel(function: F) -> F:
    """Compile a function that is only called from compiled ones, into them."""
    return cast(F, numba.njit(nogil=True, inline="never", forceinline=True)(function))


def _high_codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    wide = ir.IntType(128)
    product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
    return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))


def _high(context: Any, a: Any, b: Any) -> Any:
    return types.uint64(types.uint64, types.uint64), _high_codegen


high: Any = intrinsic(_high)  # the high 64 bits of a * b: one machine instruction
