"""Ask memory for an array's element before it is needed, so that many waits overlap."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


def _codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, args[0])
    pointer = builder.bitcast(builder.gep(array.data, [args[1]]), cgutils.voidptr_t)
    number = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
    get: Any = cgutils.get_or_insert_function
    function = get(builder.module, kind, "llvm.prefetch.p0")
    builder.call(function, [pointer, number(0), number(3), number(1)])  # for reading, into all caches, data
    return context.get_dummy_value()


def _prefetch(context: Any, array: Any, index: Any) -> Any:
    return types.void(array, types.int64), _codegen


prefetch: Any = intrinsic(_prefetch)  # prefetch(array, index): a hint, without effect on any result
