"""The kernels of a range proof, compiled: one pass over the words."""

from typing import Any, Final, final

import numpy as np

from protocols.arithmetic.extension_field import P, weights_of
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.jit import compile_kernel, high, inline_kernel
from protocols.masking.kernels.folding_kernels import ARITY, NODES, FoldingKernels

PRIME: Final = np.uint64(P)
PRIME_BITS: Final = np.uint64(61)
LIMB: Final = np.uint64(31)
LOW: Final = np.uint64(2**31 - 1)
BLOCK: Final = 2**9  # words, so that a sum of products of 24 and 31 bits stays below 2**64
CHUNK: Final = 6  # bits that are looked up at once
STEP: Final = np.uint64(CHUNK)
ENTRIES: Final = np.uint64(2**CHUNK - 1)
WEIGHTS: Final = np.array(weights_of(NODES), dtype=np.uint64)
NONE: Final = np.zeros((0, 2), dtype=np.uint64)
CUBIC: Final = np.array(weights_of(ARITY), dtype=np.uint64)


@final
class CompiledKernels(FoldingKernels):
    """Machine code, kept on disk after the first call."""

    def correlate(self, left: U64, right: U64, rho: U64, *, arity: int) -> U64:
        """Return the sums, in blocks that stay in the cache."""
        out = np.zeros((len(left), 2 * arity - 1, 2), dtype=np.uint64)
        for row, sums in enumerate(out):
            _correlate(left[row], right[row], rho, np.bitwise_or.reduce(left[row], initial=0), sums)
        return out

    def powers(self, r: U64, count: int) -> U64:
        """Return the powers."""
        out = np.empty((len(r), count, 2), dtype=np.uint64)
        _powers(r, out)
        return out

    def evaluate(self, weights: U64, words: U64, rho: U64, *, groups: int) -> U64:
        """Return the sums of entries of tables, word by word."""
        out = np.empty((len(words), words.shape[1] * groups, 2), dtype=np.uint64)
        arity = weights.shape[1] // groups
        tables = np.empty((groups, -(-arity // CHUNK), 2**CHUNK, 2), dtype=np.uint64)
        for place, (own, found) in enumerate(zip(weights, out, strict=True)):
            _weigh(own, tables)
            factors = rho[place] if place < len(rho) else NONE
            _look_up(tables, words[place], factors, np.uint64(arity), found)
        return out

    def values(self, left: U64, right: U64) -> U64:
        """Return the sums at each node."""
        out = np.zeros((NODES, 2), dtype=np.uint64)
        _values(left, right, out)
        return out

    def fold(self, x: U64, coefficients: U64) -> U64:
        """Return the sums of four products each."""
        out = np.empty((len(x), x.shape[1] // ARITY, 2), dtype=np.uint64)
        for each, folded in enumerate(out):
            _fold(x[each], coefficients[each], folded)
        return out

    def fold_all(self, x: U64, challenges: U64) -> U64:
        """Return what is left, vector by vector."""
        out = np.empty((len(x), 2), dtype=np.uint64)
        _fold_all(x, np.ascontiguousarray(challenges), CUBIC, out)
        return out

    def inner_product(self, rho: U64, numbers: U64) -> U64:
        """Return the sum of products."""
        out = np.zeros((len(rho), 2), dtype=np.uint64)
        for each, sums in enumerate(out):
            _inner_product(rho[each], numbers[each], sums)
        return out

    def claims(self, rows: U64, linear: U64, challenges: U64) -> U64:
        """Return the claims, each by Horner's rule and then by Lagrange's, fold after fold."""
        out = np.empty((len(rows), 2), dtype=np.uint64)
        _claims(rows, linear, challenges, WEIGHTS, out)
        return out


@inline_kernel
def _reduce(x: Any) -> Any:
    folded = (x & PRIME) + (x >> PRIME_BITS)
    return min(folded, folded - PRIME)  # a negative difference wraps to a large one


@inline_kernel
def _add(a: Any, b: Any) -> Any:
    total = a + b
    return min(total, total - PRIME)


@inline_kernel
def _subtract(a: Any, b: Any) -> Any:
    difference = a - b
    return min(difference, difference + PRIME)


@inline_kernel
def _scale(a: Any, b: Any) -> Any:
    """Return a b modulo p, of numbers below p."""
    low = a * b
    return _add(low & PRIME, high(a, b) << np.uint64(3) | low >> PRIME_BITS)


@inline_kernel
def _multiply(a0: Any, a1: Any, b0: Any, b1: Any) -> tuple[Any, Any]:
    real, imaginary = _scale(a0, b0), _scale(a1, b1)
    cross = _scale(_add(a0, a1), _add(b0, b1))
    return _subtract(real, imaginary), _subtract(cross, _add(real, imaginary))


@inline_kernel
def _product(a: Any, b: Any) -> Any:
    """Return a b modulo p, not reduced, of numbers below p: below 2**62, so that four of them add up."""
    low = a * b
    return (low & PRIME) + (high(a, b) << np.uint64(3) | low >> PRIME_BITS)


@inline_kernel
def _join(parts: tuple[Any, Any, Any, Any]) -> tuple[Any, Any]:
    """Return the element that the sums of products of real and imaginary parts come to: a0 b0, a1 b1, a0 b1, a1 b0."""
    return _subtract(_reduce(parts[0]), _reduce(parts[1])), _add(_reduce(parts[2]), _reduce(parts[3]))


@compile_kernel
def _correlate(left: Any, right: Any, rho: Any, reach: Any, out: Any) -> None:
    """Skip what `reach`, all bits of `left` together, cannot meet."""
    arity = (len(out) + 1) // 2
    mask = np.uint64((1 << arity) - 1)
    a, b = np.empty(BLOCK, np.uint32), np.empty(BLOCK, np.uint32)
    limbs = np.empty((4, BLOCK), np.uint32)
    for start in range(0, len(left), BLOCK):
        n = min(BLOCK, len(left) - start)
        for i in range(n):
            a[i], b[i] = left[start + i], right[start + i]
            limbs[0, i], limbs[1, i] = rho[start + i, 0] & LOW, rho[start + i, 0] >> LIMB
            limbs[2, i], limbs[3, i] = rho[start + i, 1] & LOW, rho[start + i, 1] >> LIMB
        for place in range(2 * arity - 1):
            k = place - (arity - 1)
            up, down = np.uint32(max(k, 0)), np.uint32(max(-k, 0))
            if reach & (mask << np.uint64(up) >> np.uint64(down)) == 0:
                continue
            s0, s1, s2, s3 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
            for i in range(n):
                both = np.uint64(np.uint32(a[i] & (b[i] << up >> down)))
                s0 += both * np.uint64(limbs[0, i])
                s1 += both * np.uint64(limbs[1, i])
                s2 += both * np.uint64(limbs[2, i])
                s3 += both * np.uint64(limbs[3, i])
            worth = np.uint64(2**31)
            out[place, 0] = _add(out[place, 0], _add(_reduce(s0), _scale(_reduce(s1), worth)))
            out[place, 1] = _add(out[place, 1], _add(_reduce(s2), _scale(_reduce(s3), worth)))


@compile_kernel
def _powers(r: Any, out: Any) -> None:
    for each in range(len(r)):
        real, imaginary = np.uint64(1), np.uint64(0)
        for place in range(out.shape[1]):
            out[each, place, 0], out[each, place, 1] = real, imaginary
            real, imaginary = _multiply(real, imaginary, r[each, 0], r[each, 1])


@compile_kernel
def _weigh(weights: Any, tables: Any) -> None:
    """Write what each chunk of a group of bits is worth, uint64[groups, chunks, 2**CHUNK, 2]."""
    groups, chunks = tables.shape[0], tables.shape[1]
    arity = len(weights) // groups
    for group in range(groups):
        for chunk in range(chunks):
            own = tables[group, chunk]
            own[0, 0], own[0, 1] = np.uint64(0), np.uint64(0)
            for bit in range(CHUNK):
                first, second, place = np.uint64(0), np.uint64(0), CHUNK * chunk + bit
                if place < arity:
                    first, second = weights[group * arity + place, 0], weights[group * arity + place, 1]
                for entry in range(1 << bit):
                    own[(1 << bit) + entry, 0] = _add(own[entry, 0], first)
                    own[(1 << bit) + entry, 1] = _add(own[entry, 1], second)


@compile_kernel
def _look_up(tables: Any, words: Any, rho: Any, bits: Any, out: Any) -> None:
    groups, chunks = tables.shape[0], tables.shape[1]
    mask = (np.uint64(1) << bits) - np.uint64(1)
    for i in range(len(words)):
        for group in range(groups):
            own = words[i] >> bits * np.uint64(group) & mask
            first, second = np.uint64(0), np.uint64(0)
            for chunk in range(chunks):
                entry = np.int64(own >> STEP * np.uint64(chunk) & ENTRIES)
                first += tables[group, chunk, entry, 0]  # four below 2**61
                second += tables[group, chunk, entry, 1]
            first, second = _reduce(first), _reduce(second)
            if len(rho):
                first, second = _multiply(rho[i, 0], rho[i, 1], first, second)
            out[i * groups + group, 0], out[i * groups + group, 1] = first, second


@inline_kernel
def _differences(a: Any, b: Any, c: Any, d: Any) -> tuple[Any, Any, Any]:
    """Return the last first, second and third difference of four values of a cubic polynomial."""
    first, second = _subtract(d, c), _subtract(c, b)
    bend = _subtract(first, second)
    return first, bend, _subtract(bend, _subtract(second, _subtract(b, a)))


@compile_kernel
def _values(left: Any, right: Any, out: Any) -> None:
    at = np.empty((2, 2, NODES), np.uint64)  # of both vectors and both parts of an element
    sums = np.zeros((NODES, 4), np.uint64)
    for start in range(0, len(left), ARITY):
        for side in range(2):
            x = left if side == 0 else right
            for part in range(2):
                a, b, c, d = (x[start, part], x[start + 1, part], x[start + 2, part], x[start + 3, part])
                slope, bend, third = _differences(a, b, c, d)
                at[side, part, 0], at[side, part, 1], at[side, part, 2], at[side, part, 3] = a, b, c, d
                for node in range(ARITY, NODES):
                    bend = _add(bend, third)
                    slope = _add(slope, bend)
                    d = _add(d, slope)
                    at[side, part, node] = d
        for node in range(NODES):
            for place in range(4):  # as `_join` takes them
                one, other = at[0, place & 1, node], at[1, (place & 1) ^ (place >> 1), node]
                total = sums[node, place]
                sums[node, place] = (total & PRIME) + (total >> PRIME_BITS) + _product(one, other)
    for node in range(NODES):
        out[node, 0], out[node, 1] = _join((sums[node, 0], sums[node, 1], sums[node, 2], sums[node, 3]))


@inline_kernel
def _lagrange(r0: Any, r1: Any, weights: Any, out: Any) -> None:
    """Write the coefficients by which values at the first nodes give the value of their polynomial at r."""
    out[0, 0], out[0, 1] = np.uint64(1), np.uint64(0)
    for node in range(1, len(weights)):
        at = _subtract(r0, np.uint64(node - 1))
        out[node, 0], out[node, 1] = _multiply(out[node - 1, 0], out[node - 1, 1], at, r1)
    real, imaginary = np.uint64(1), np.uint64(0)
    for node in range(len(weights) - 1, -1, -1):
        first, second = _multiply(out[node, 0], out[node, 1], real, imaginary)
        out[node, 0], out[node, 1] = _scale(first, weights[node]), _scale(second, weights[node])
        real, imaginary = _multiply(real, imaginary, _subtract(r0, np.uint64(node)), r1)


@compile_kernel
def _fold_all(x: Any, challenges: Any, weights: Any, out: Any) -> None:
    coefficients = np.empty((ARITY, 2), np.uint64)
    for each in range(len(x)):
        own, size = x[each], x.shape[1]
        for fold in range(challenges.shape[1]):
            _lagrange(challenges[each, fold, 0], challenges[each, fold, 1], weights, coefficients)
            size //= ARITY
            _fold(own, coefficients, own[:size])  # none is read after it is written
            while size > 1 and size % ARITY:
                own[size, 0], own[size, 1] = np.uint64(0), np.uint64(0)
                size += 1
        out[each, 0], out[each, 1] = own[0, 0], own[0, 1]


@compile_kernel
def _fold(x: Any, coefficients: Any, out: Any) -> None:
    for i in range(len(out)):
        s0, s1, s2, s3 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
        for m in range(ARITY):
            a0, a1 = x[ARITY * i + m, 0], x[ARITY * i + m, 1]
            s0 += _product(a0, coefficients[m, 0])
            s1 += _product(a1, coefficients[m, 1])
            s2 += _product(a0, coefficients[m, 1])
            s3 += _product(a1, coefficients[m, 0])
        out[i, 0], out[i, 1] = _join((s0, s1, s2, s3))


@compile_kernel
def _inner_product(rho: Any, numbers: Any, out: Any) -> None:
    for i in range(len(numbers)):
        out[0] = _add(out[0], _scale(rho[i, 0], numbers[i]))
        out[1] = _add(out[1], _scale(rho[i, 1], numbers[i]))


@compile_kernel
def _claims(rows: Any, linear: Any, challenges: Any, weights: Any, out: Any) -> None:
    folds = challenges.shape[1]
    start = rows.shape[1] - (NODES - 1) * (folds - 1)
    coefficients = np.empty((NODES, 2), np.uint64)
    for each in range(len(rows)):
        r0, r1 = challenges[each, 0, 0], challenges[each, 0, 1]
        real, imaginary = np.uint64(0), np.uint64(0)
        for place in range(start, -1, -1):
            real, imaginary = _multiply(real, imaginary, r0, r1)
            if place == start // 2:
                real, imaginary = _add(real, linear[each, 0]), _add(imaginary, linear[each, 1])
            else:
                sent = place - 1 if place > start // 2 else place
                real, imaginary = _add(real, rows[each, sent, 0]), _add(imaginary, rows[each, sent, 1])
        for fold in range(1, folds):
            first = start + (NODES - 1) * (fold - 1)
            for place in range(3):
                real = _subtract(real, rows[each, first + place, 0])
                imaginary = _subtract(imaginary, rows[each, first + place, 1])
            _lagrange(challenges[each, fold, 0], challenges[each, fold, 1], weights, coefficients)
            three0, three1, real, imaginary = real, imaginary, np.uint64(0), np.uint64(0)
            for node in range(NODES):
                b0, b1 = three0, three1
                if node != 3:
                    sent = first + (node - 1 if node > 3 else node)
                    b0, b1 = rows[each, sent, 0], rows[each, sent, 1]
                a0, a1 = _multiply(coefficients[node, 0], coefficients[node, 1], b0, b1)
                real, imaginary = _add(real, a0), _add(imaginary, a1)
        out[each, 0], out[each, 1] = real, imaginary
