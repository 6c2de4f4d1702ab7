"""Are numbers that no party holds in their ranges? Whatever 64 bits they are, and without opening any of them.

A number x is opened under a mask r of 64 bits: z = x + r. Let c be the borrow of `z - r` out of the low b bits. In bits
b to 63, x is `z - c - r`; so it is zero there just where r has the bits of `z - c`. XOR shares of r's bits and of c are
at hand, and z is public: whether r has these bits is *linear* over GF(2), and costs no more talk. Only c takes a
circuit, and only of b bits.

So every party ends with XOR shares of 64 error bits for each number, all zero where it is in its range. A coin that is
tossed after everything is fixed picks a linear hash (GHASH, the polynomial of AES-GCM), and the hashes' XOR is opened:
zero where all numbers are in range, and otherwise nonzero but with probability 2**-100.

Source:
    The masked opening is that of Damgard et al., TCC 2006. A random linear check of what should be zero, with coins
    after the values are fixed: Blum, Feldman and Micali's coin, as in the batch checks of SPDZ (CRYPTO 2012).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from aggregator.mpc.circuit import ONES, plan
from aggregator.mpc.correlations import Planes, Range
from aggregator.mpc.current import current
from aggregator.mpc.operations import climb, leaves, open_sum, open_xor
from aggregator.mpc.planes import WORD, from_planes, n_words, to_planes
from aggregator.mpc.streams import I64, U8, U64

Bools = npt.NDArray[np.bool_]
CHUNK: Final = 1 << 21  # numbers looked at together; bounds the memory to some 200 MiB
TAG_WORDS: Final = 2
_NONCE: Final = bytes(12)  # a key makes hashes of one check only


def out_of_range(x: I64, bits: U8, lengths: Sequence[int]) -> Bools:
    """Tell every party which groups of numbers have one out of its range.

    Args:
        x: int64[n], this party's additive share; the numbers may be any.
        bits: uint8[n], public: number i should be in [0, 2**bits[i]), of at most 63 bits.
        lengths: of the groups, which follow each other; they add up to n.
    Returns:
        bool[groups].
    Security:
        Of groups that are in range nothing is opened but that they are. Of others a hash of the errors is, too.
    """
    if not len(x):
        return np.zeros(len(lengths), np.bool_)
    errors = [_errors(x[start : start + CHUNK], bits[start : start + CHUNK]) for start in range(0, len(x), CHUNK)]
    key = current().coin()
    if not _opened([b"".join(part.tobytes() for part in errors)], key).any():
        return np.zeros(len(lengths), np.bool_)
    counts = [min(CHUNK, len(x) - start) for start in range(0, len(x), CHUNK)]
    words = np.concatenate([from_planes(part, count) for part, count in zip(errors, counts, strict=True)])
    groups = np.split(words, np.cumsum(np.asarray(lengths, np.int64))[:-1])
    return _opened([group.tobytes() for group in groups], key)


def _opened(shares: Sequence[bytes], key: bytes) -> Bools:
    """Open the hashes of XOR-shared bytes; tell which are not zero."""
    hashes = np.array([_hash(share, key) for share in shares], np.uint64)
    opened = open_xor(hashes.reshape(-1)).reshape(-1, TAG_WORDS)
    return np.asarray(opened.any(axis=1), np.bool_)


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
    free_words, product_words = current().material(kind)
    free, products = Planes(free_words, kind.m), Planes(product_words, kind.m)
    r = free.take(WORD)
    z = to_planes(open_sum(x.view(np.uint64) + product_words[kind.product_planes * kind.m :][:n]))
    keep = np.array([_plane(bits > bit) for bit in range(kind.bits)], np.uint64)
    nodes = leaves(kind, r, z, products, keep)
    for gate_rows in plan(kind.bits).levels:
        nodes = climb(gate_rows, nodes, free, products)
    return _high_errors(r, z, nodes[0][0], keep, _plane(np.ones(n, np.bool_)))


def _high_errors(r: U64, z: U64, borrow: U64, keep: U64, real: U64) -> U64:
    """Return XOR shares of `r ^ (z - borrow)` in the bits that should be zero, uint64[64, m].

    `z - borrow` flips bit i of z where there is a borrow and all bits of z below, from b on, are zero.
    """
    first = current().mesh.rank == 0
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
