"""Products in the field of 2**128 elements, compiled with the carry-less multiplication of x86."""

from collections.abc import Sequence
from typing import Any, Final, final

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from aggregator.masking.carry.field_kernels import SHIFTS, WORD, FieldKernels, Lines, tables
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.jit import compile_kernel, inline_kernel
from protocols.masking.kernels.folding_kernels import ARITY

BLOCK: Final = 64  # words of each plane at a time, which stay in the cache
ZERO: Final = np.uint64(0)


def processor_multiplies() -> bool:
    """Tell whether this processor has the instruction."""
    return llvmlite.binding.get_process_triple().startswith("x86_64") and bool(
        llvmlite.binding.get_host_cpu_features().get("pclmul")
    )


_declare: Any = cgutils.get_or_insert_function
_tuple: Any = types.UniTuple


def _product_of_words(context: Any, a: Any, b: Any) -> Any:
    """Return the carry-less product of two words as two."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word, index = ir.IntType(64), ir.IntType(32)
        pair, place = ir.VectorType(word, 2), ir.IntType(8)
        kind = ir.FunctionType(pair, [pair, pair, place])
        function = _declare(builder.module, kind, "llvm.x86.pclmulqdq")
        zeros = ir.Constant(pair, [ir.Constant(word, 0), ir.Constant(word, 0)])
        vectors = [builder.insert_element(zeros, each, ir.Constant(index, 0)) for each in args]
        out = builder.call(function, [*vectors, ir.Constant(place, 0)])
        words = [builder.extract_element(out, ir.Constant(index, each)) for each in (0, 1)]
        return context.make_tuple(builder, signature.return_type, words)

    return _tuple(types.uint64, 2)(types.uint64, types.uint64), codegen


_widen: Any = intrinsic(_product_of_words)


@inline_kernel
def _multiply(a0: Any, a1: Any, b0: Any, b1: Any) -> tuple[Any, Any, Any, Any]:
    low, high, both = _widen(a0, b0), _widen(a1, b1), _widen(a0 ^ a1, b0 ^ b1)
    return low[0], low[1] ^ both[0] ^ low[0] ^ high[0], high[0] ^ both[1] ^ low[1] ^ high[1], high[1]


@inline_kernel
def _reduce(first: Any, second: Any, third: Any, fourth: Any) -> tuple[Any, Any]:
    one, two, seven = np.uint64(1), np.uint64(2), np.uint64(7)
    second ^= fourth ^ fourth << one ^ fourth << two ^ fourth << seven
    third ^= fourth >> np.uint64(63) ^ fourth >> np.uint64(62) ^ fourth >> np.uint64(57)
    first ^= third ^ third << one ^ third << two ^ third << seven
    return first, second ^ third >> np.uint64(63) ^ third >> np.uint64(62) ^ third >> np.uint64(57)


@compile_kernel
def _products(a: Any, b: Any, out: Any) -> None:
    """Write products; b is of one element or of as many."""
    step = 1 if len(b) > 1 else 0
    for place in range(len(a)):
        other = place * step
        out[place] = _reduce(*_multiply(a[place, 0], a[place, 1], b[other, 0], b[other, 1]))


@compile_kernel
def _inner(a: Any, b: Any, out: Any) -> None:
    """Write the sum of products."""
    s0, s1, s2, s3 = ZERO, ZERO, ZERO, ZERO
    for place in range(len(a)):
        p0, p1, p2, p3 = _multiply(a[place, 0], a[place, 1], b[place, 0], b[place, 1])
        s0, s1, s2, s3 = s0 ^ p0, s1 ^ p1, s2 ^ p2, s3 ^ p3
    out[0], out[1] = _reduce(s0, s1, s2, s3)


@compile_kernel
def _fold(x: Any, coefficients: Any, out: Any) -> None:
    """Write the sum of each four elements times four coefficients."""
    for place in range(len(x)):
        s0, s1, s2, s3 = ZERO, ZERO, ZERO, ZERO
        for each in range(ARITY):
            p0, p1, p2, p3 = _multiply(
                x[place, each, 0], x[place, each, 1], coefficients[each, 0], coefficients[each, 1]
            )
            s0, s1, s2, s3 = s0 ^ p0, s1 ^ p1, s2 ^ p2, s3 ^ p3
        out[place, 0], out[place, 1] = _reduce(s0, s1, s2, s3)


@compile_kernel
def _evaluate(words: Any, tables: Any, out: Any) -> None:
    """Write the sum of what each byte of a word counts for."""
    for place in range(len(words)):
        low, high, word = ZERO, ZERO, words[place]
        for octet in range(8):
            entry = np.int64(word >> np.uint64(8 * octet) & np.uint64(255))
            low ^= tables[octet, entry, 0]
            high ^= tables[octet, entry, 1]
        out[place, 0], out[place, 1] = low, high


@compile_kernel
def _correlate(lines: Any, dealt: Any, weights: Any, sums: Any) -> None:
    """Write the weighted sums of lines for each shift, as words of 192 coefficients."""
    places, starts, coefficients = lines
    width, opened = dealt.shape[1], np.empty(BLOCK, np.uint64)
    for start in range(0, width, BLOCK):
        n = min(BLOCK, width - start)
        for line in range(len(starts) - 1):
            for row in range(2 * WORD - 1):
                up, down = np.uint64(max(row - WORD + 1, 0)), np.uint64(max(WORD - 1 - row, 0))
                opened[:n] = ZERO
                for term in range(starts[line], starts[line + 1]):
                    place = places[term]
                    for i in range(n):
                        opened[i] ^= coefficients[term, start + i] & (dealt[place, start + i] << up >> down)
                s0, s1, s2 = ZERO, ZERO, ZERO
                for i in range(n):
                    low = _widen(opened[i], weights[line, start + i, 0])
                    high = _widen(opened[i], weights[line, start + i, 1])
                    s0, s1, s2 = s0 ^ low[0], s1 ^ low[1] ^ high[0], s2 ^ high[1]
                sums[row, 0] ^= s0
                sums[row, 1] ^= s1
                sums[row, 2] ^= s2


@compile_kernel
def _reduce_all(sums: Any, out: Any) -> None:
    for row in range(len(sums)):
        out[row] = _reduce(sums[row, 0], sums[row, 1], sums[row, 2], ZERO)


@final
class CompiledField(FieldKernels):
    """Machine code, kept on disk after the first call."""

    def multiply(self, a: U64, b: U64) -> U64:
        """Return the products of elements."""
        out = np.empty(a.shape, dtype=np.uint64)
        _products(np.ascontiguousarray(a), np.ascontiguousarray(b).reshape(-1, 2), out)
        return out

    def weigh(self, words: U64, elements: U64) -> U64:
        """Return the sum of words times elements."""
        return self.inner(np.stack([words, np.zeros_like(words)], axis=1), elements)

    def inner(self, a: U64, b: U64) -> U64:
        """Return the sum of products."""
        out = np.empty(2, dtype=np.uint64)
        _inner(np.ascontiguousarray(a), np.ascontiguousarray(b), out)
        return out

    def fold(self, x: U64, coefficients: U64) -> U64:
        """Return the sum of each four elements times four coefficients."""
        out = np.empty((len(x), 2), dtype=np.uint64)
        _fold(np.ascontiguousarray(x), coefficients, out)
        return out

    def evaluate(self, words: U64, powers: Sequence[int]) -> U64:
        """Return the sum of a power for each bit that is 1."""
        out = np.empty((words.size, 2), dtype=np.uint64)
        _evaluate(np.ascontiguousarray(words), tables(powers), out)
        return out

    def correlate(self, lines: Lines, dealt: U64, weights: U64) -> U64:
        """Return the weighted sums for each shift."""
        sums, out = np.zeros((len(SHIFTS), 3), dtype=np.uint64), np.empty((len(SHIFTS), 2), dtype=np.uint64)
        _correlate((lines.places, lines.starts, lines.coefficients), dealt, weights, sums)
        _reduce_all(sums, out)
        return out
