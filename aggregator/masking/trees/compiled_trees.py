"""Trees of comparison keys one block of agents after the other, compiled with the AES instructions of x86."""

from typing import Any, Final, final

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from aggregator.masking.trees.tree_kernels import CLEAR, LEFT, PAYLOAD, RIGHT, Corrections, TreeKernels
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.jit import compile_kernel, inline_kernel

ROUNDS: Final = 10
HASHES: Final = 3  # to the left child, to the right one, and to both payload words
BLOCK: Final = 64  # trees that go down side by side: their nodes stay in the cache, and their hashes overlap
ONE: Final = np.uint64(1)
ZERO: Final = np.uint64(0)
KEPT: Final = np.uint64(CLEAR)
LOW: Final = np.uint64(2**32 - 1)
HALF: Final = np.uint64(32)


@final
class CompiledTrees(TreeKernels):
    """Machine code, kept on disk after the first call."""

    def deal(self, alpha: U64, label: U64, roots: U64, *, keys: tuple[bytes, ...], out: Corrections) -> None:
        """Write what corrects both parties' trees."""
        _deal(alpha, label, roots, _round_keys(keys), (out.nodes, out.payloads, out.last))

    def evaluate(self, x: U64, root: U64, corrections: Corrections, *, party: int, keys: tuple[bytes, ...]) -> U64:
        """Return a party's shares."""
        out, each = np.empty(x.size, dtype=np.uint64), corrections
        _evaluate(np.uint64(party), (root, each.nodes, each.payloads, each.last), _round_keys(keys), x, out)
        return out


_declare: Any = cgutils.get_or_insert_function
_tuple: Any = types.UniTuple
_pair: Final = _tuple(types.uint64, 2)


def processor_has_aes() -> bool:
    """Tell whether this processor has the instructions."""
    return llvmlite.binding.get_process_triple().startswith("x86_64") and bool(
        llvmlite.binding.get_host_cpu_features().get("aes")
    )


def _round(name: str) -> Any:
    """Return an intrinsic for one round of AES on a block and a round key of two words each."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word, index = ir.IntType(64), ir.IntType(32)
        pair = ir.VectorType(word, 2)
        vectors = []
        for first in (0, 2):
            vector = ir.Constant(pair, ir.Undefined)
            for place in (0, 1):
                vector = builder.insert_element(vector, args[first + place], ir.Constant(index, place))
            vectors.append(vector)
        function = _declare(builder.module, ir.FunctionType(pair, [pair, pair]), name)
        out = builder.call(function, vectors)
        words = [builder.extract_element(out, ir.Constant(index, place)) for place in (0, 1)]
        return context.make_tuple(builder, signature.return_type, words)

    def typed(context: Any, low: Any, high: Any, key_low: Any, key_high: Any) -> Any:
        return _pair(*4 * [types.uint64]), codegen

    return intrinsic(typed)


_inner: Any = _round("llvm.x86.aesni.aesenc")
_last: Any = _round("llvm.x86.aesni.aesenclast")


@compile_kernel
def _schedule(keys: Any, out: Any) -> None:
    """Write the round keys of AES-128, uint64[m, 11, 2], of keys, uint64[m, 2] (FIPS 197, section 5.2)."""
    for each in range(len(keys)):
        out[each, 0, 0], out[each, 0, 1] = keys[each, 0], keys[each, 1]
        constant = ONE
        for number in range(1, ROUNDS + 1):
            low, high = out[each, number - 1, 0], out[each, number - 1, 1]
            turned = high >> HALF
            turned = turned >> np.uint64(8) | (turned & np.uint64(255)) << np.uint64(24)
            both = turned | turned << HALF  # four equal columns: moving rows changes nothing, and boxes are left
            boxed = _last(both, both, ZERO, ZERO)[0] & LOW
            first = (low & LOW) ^ boxed ^ constant
            second = first ^ low >> HALF
            third = second ^ high & LOW
            out[each, number, 0], out[each, number, 1] = first | second << HALF, third | (third ^ high >> HALF) << HALF
            constant = constant << ONE ^ np.uint64(0x11B) * (constant >> np.uint64(7))


def _round_keys(keys: tuple[bytes, ...]) -> U64:
    """Return the round keys of the three hashes, uint64[3, 11, 2]."""
    out = np.empty((HASHES, ROUNDS + 1, 2), dtype=np.uint64)
    _schedule(np.frombuffer(b"".join(keys), dtype=np.uint64).reshape(HASHES, 2), out)
    return out


@inline_kernel
def _hash(low: Any, high: Any, rounds: Any, which: Any) -> tuple[Any, Any]:
    a, b = low ^ rounds[which, 0, 0], high ^ rounds[which, 0, 1]
    for number in range(1, ROUNDS):
        a, b = _inner(a, b, rounds[which, number, 0], rounds[which, number, 1])
    a, b = _last(a, b, rounds[which, ROUNDS, 0], rounds[which, ROUNDS, 1])
    return a ^ low, b ^ high


@inline_kernel
def _pick(first: Any, second: Any, is_second: Any) -> Any:
    """Return the second number where `is_second` is all ones, else the first."""
    return first & ~is_second | second & is_second


@compile_kernel
def _evaluate(party: Any, key: Any, rounds: Any, x: Any, out: Any) -> None:
    """Write a party's XOR shares, uint64[n]; `key` is root, nodes, payloads and last."""
    roots, nodes, payloads, last = key
    levels = len(nodes)
    low, high = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64)
    bit, value = np.empty(BLOCK, np.uint64), np.empty(BLOCK, np.uint64)
    for start in range(0, len(x), BLOCK):
        n = min(BLOCK, len(x) - start)
        for i in range(n):
            low[i], high[i], bit[i], value[i] = roots[start + i, 0] & KEPT, roots[start + i, 1], party, ZERO
        for level in range(levels):
            for i in range(n):
                right = x[start + i] >> np.uint64(levels - 1 - level) & ONE
                payload = _hash(low[i], high[i], rounds, PAYLOAD)
                child = _hash(low[i], high[i], rounds, np.int64(right))
                corrects, word = ZERO - bit[i], nodes[level, start + i, 0]
                value[i] ^= _pick(payload[0], payload[1], ZERO - right) ^ payloads[level, start + i] & corrects
                bit[i] = child[0] & ONE ^ bit[i] & word >> right & ONE
                low[i] = (child[0] ^ word & corrects) & KEPT
                high[i] = child[1] ^ nodes[level, start + i, 1] & corrects
        for i in range(n):
            out[start + i] = value[i] ^ high[i] ^ last[start + i] & (ZERO - bit[i])


@inline_kernel
def _descend(low: Any, high: Any, rounds: Any) -> tuple[Any, Any, Any]:
    return _hash(low, high, rounds, LEFT), _hash(low, high, rounds, RIGHT), _hash(low, high, rounds, PAYLOAD)


@compile_kernel
def _deal(alpha: Any, label: Any, roots: Any, rounds: Any, key: Any) -> None:
    """Write nodes, payloads and last of both parties' keys, which are `key`, for their roots, uint64[2, n, 2]."""
    nodes, payloads, last = key
    levels = len(nodes)
    low, high = np.empty((2, BLOCK), np.uint64), np.empty((2, BLOCK), np.uint64)
    bit, value = np.empty((2, BLOCK), np.uint64), np.empty(BLOCK, np.uint64)
    for start in range(0, len(alpha), BLOCK):
        n = min(BLOCK, len(alpha) - start)
        for i in range(n):
            for party in range(2):
                low[party, i], high[party, i] = roots[party, start + i, 0] & KEPT, roots[party, start + i, 1]
                bit[party, i] = party
            value[i] = ZERO
        for level in range(levels):
            for i in range(n):
                right = alpha[start + i] >> np.uint64(levels - 1 - level) & ONE
                goes_right = ZERO - right
                left0, right0, payload0 = _descend(low[0, i], high[0, i], rounds)
                left1, right1, payload1 = _descend(low[1, i], high[1, i], rounds)
                first, second = payload0[0] ^ payload1[0], payload0[1] ^ payload1[1]
                word = value[i] ^ _pick(second, first, goes_right) ^ label[start + i] & goes_right
                value[i] ^= _pick(first, second, goes_right) ^ word
                payloads[level, start + i] = word
                off_low = _pick(right0[0] ^ right1[0], left0[0] ^ left1[0], goes_right) & KEPT
                off_high = _pick(right0[1] ^ right1[1], left0[1] ^ left1[1], goes_right)
                to_left, to_right = (left0[0] ^ left1[0] ^ right ^ ONE) & ONE, (right0[0] ^ right1[0] ^ right) & ONE
                nodes[level, start + i, 0] = off_low | to_left | to_right << ONE
                nodes[level, start + i, 1] = off_high
                turns = _pick(to_left, to_right, goes_right)
                for party in range(2):
                    left, other = (left0, right0) if party == 0 else (left1, right1)
                    corrects = ZERO - bit[party, i]
                    taken = _pick(left[0], other[0], goes_right)
                    low[party, i] = (taken & KEPT) ^ off_low & corrects
                    high[party, i] = _pick(left[1], other[1], goes_right) ^ off_high & corrects
                    bit[party, i] = taken & ONE ^ bit[party, i] & turns
        for i in range(n):
            last[start + i] = high[0, i] ^ high[1, i] ^ value[i]
