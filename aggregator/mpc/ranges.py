"""Are numbers that no party holds in their ranges? Whatever 64 bits they are, and without opening any of them.

A number x is opened under a mask r of 64 bits: z = x + r. Let c be the borrow of `z - r` out of the low b bits. In bits
b to 63, x is `z - c - r`; so it is zero there just where r has the bits of `z - c`. XOR shares of r's bits and of c are
at hand, and z is public: whether r has these bits is *linear* over GF(2), and costs no more talk. Only c takes a
circuit, and only of b bits.

So every party ends with XOR shares of 64 error bits for each number, all zero where it is in its range. A coin that is
tossed after everything is fixed picks a linear hash (GHASH, the polynomial of AES-GCM), zero where all numbers are in
range, and otherwise nonzero but with probability 2**-100. The hash itself would tell which number it was, and how far
out: it is multiplied on shares by an element of the field that nobody knows, and the product is opened. That is zero
where the hash is, and uniform otherwise: one bit. All commit to their shares of it before any is shown.

Source:
    The masked opening is that of Damgard et al., TCC 2006. A random linear check of what should be zero, with coins
    after the values are fixed: Blum, Feldman and Micali's coin, as in the batch checks of SPDZ (CRYPTO 2012).
"""

import os
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from aggregator.mpc.circuits.bit_planes import WORD, n_words, to_planes
from aggregator.mpc.circuits.carry_tree import ONES, carry_tree
from aggregator.mpc.context import get_context
from aggregator.mpc.gf128 import WORDS as TAG_WORDS
from aggregator.mpc.gf128 import multiply
from aggregator.mpc.keystream import I64, U8, U64
from aggregator.mpc.operations import climb, leaves, open_sum, open_xor
from aggregator.mpc.randomness.correlations import Blinding, PlaneReader, Range

Bools = npt.NDArray[np.bool_]
CHUNK: Final = 1 << 21  # numbers looked at together; bounds the memory to some 200 MiB
SALT_BYTES: Final = 16  # shares of a verdict that is zero are the same at two parties, so they can be guessed
_NONCE: Final = bytes(12)  # a key makes hashes of one check only


def out_of_range(x: I64, bits: U8, opening: Callable[[], None] = lambda: None) -> bool:
    """Tell every party whether any number is out of its range.

    Args:
        x: int64[n], this party's additive share; the numbers may be any.
        bits: uint8[n], public: number i should be in [0, 2**bits[i]), of at most 63 bits.
        opening: called when this party is about to show its share of the verdict; all that it has shown before was
            masked by words that serve once.
    Security:
        One bit is opened: whether all numbers are in range. Not which of them is not, nor by how much. A party that
        lies can shift a number or the hash beforehand, and so choose what this bit tells, once in each check. It can
        not hide the bit from the others: it commits to its share of the verdict before it sees theirs.
    """
    if not len(x):
        return False
    errors = [_errors(x[start : start + CHUNK], bits[start : start + CHUNK]) for start in range(0, len(x), CHUNK)]
    share = _hash(b"".join(part.tobytes() for part in errors), get_context().coin())
    shown = get_context().gather_by_commitment(os.urandom(SALT_BYTES) + _blinded(share).tobytes(), opening)
    verdicts = [np.frombuffer(part[SALT_BYTES:], np.uint64) for part in shown]
    return bool(np.bitwise_xor.reduce(verdicts).any())


def _blinded(h: U64) -> U64:
    """Return this party's share of h times a random element that nobody knows, uint64[2]."""
    free, product = get_context().material(Blinding(1))
    factor, mask = free.reshape(2, TAG_WORDS)
    return multiply(factor, open_xor(h ^ mask)) ^ product


def _hash(share: bytes, key: bytes) -> U64:
    """Return GHASH of the share, uint64[2]: linear over GF(2) in shares of one length.

    A tag of AES-GCM is GHASH of the bytes, XOR a constant of the key and the length: the XOR of an odd number of tags
    keeps the constant, so each party takes away its own.
    """
    gcm = AESGCM(key)
    tag = np.frombuffer(gcm.encrypt(_NONCE, b"", share), np.uint64)
    return tag ^ np.frombuffer(gcm.encrypt(_NONCE, b"", bytes(len(share))), np.uint64)


def _errors(x: I64, bits: U8) -> U64:
    """Return XOR shares of the bits that are one and should be zero, as planes uint64[64, m]."""
    n = len(x)
    kind = Range(n, max(1, int(bits.max(initial=0))))
    free_words, product_words = get_context().material(kind)
    free, products = PlaneReader(free_words, kind.m), PlaneReader(product_words, kind.m)
    r = free.take(WORD)
    z = to_planes(open_sum(x.view(np.uint64) + product_words[kind.product_planes * kind.m :][:n]))
    keep = np.array([_plane(bits > bit) for bit in range(kind.bits)], np.uint64)
    nodes = leaves(kind, r, z, products, keep)
    for gate_rows in carry_tree(kind.bits).levels:
        nodes = climb(gate_rows, nodes, free, products)
    return _high_errors(r, z, nodes[0][0], keep, _plane(np.ones(n, np.bool_)))


def _high_errors(r: U64, z: U64, borrow: U64, keep: U64, real: U64) -> U64:
    """Return XOR shares of `r ^ (z - borrow)` in the bits that should be zero, uint64[64, m].

    `z - borrow` flips bit i of z where there is a borrow and all bits of z below, from b on, are zero.
    """
    first = get_context().mesh.rank == 0
    out = np.zeros_like(r)
    flips = np.zeros_like(real)
    below = np.full_like(real, ONES)  # which numbers keep the bit below this one
    for bit in range(WORD):
        kept = keep[bit] if bit < len(keep) else np.zeros_like(real)
        flips = ~kept & (below | (flips & ~z[bit - 1]))
        out[bit] = r[bit] ^ (borrow & flips)
        if first:
            out[bit] ^= z[bit]
        out[bit] &= ~kept & real
        below = kept
    return out


def _plane(flags: Bools) -> U64:
    """Return bool[n] as one bit plane, uint64[m]."""
    padded = np.zeros(WORD * n_words(len(flags)), np.bool_)
    padded[: len(flags)] = flags
    rows = padded.reshape(WORD, -1).T
    packed: U64 = np.packbits(np.ascontiguousarray(rows), axis=1, bitorder="little").view("<u8").reshape(-1)
    return packed
