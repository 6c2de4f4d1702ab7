"""The words of the masked backend: integers modulo 2**58, and what of them both aggregators hold.

A client sends the same d = x + pad modulo 2**58 to both aggregators; the pad is expanded from a seed that only it and
the dealer have. Levels, thresholds and totals stay below 2**57 in absolute value, so that the top bit of a difference
is its sign.
"""

import hmac
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import WireError

U8 = npt.NDArray[np.uint8]

WORD_BYTES: Final = 8
WIDTH: Final = 58
LIMIT: Final = 2 ** (WIDTH - 1)  # what is compared or released stays below it in absolute value
MASK: Final = np.uint64(2**WIDTH - 1)
_COUNTER: Final = CTR(bytes(16))
_ZEROS: Final = memoryview(bytes(2**18))


def expand(key: bytes, count: int) -> U64:
    """Return uint64[count], the first words that stand for a key of 32 bytes; the key serves for nothing else."""
    words = np.empty(count, dtype="<u8")
    octets, encryptor = words.view(np.uint8).data, Cipher(AES256(key), _COUNTER).encryptor()
    for start in range(0, len(octets), len(_ZEROS)):
        part = octets[start : start + len(_ZEROS)]
        encryptor.update_into(_ZEROS[: len(part)], part)
    return words.astype(np.uint64, copy=False)


def stream_of(key: bytes) -> Callable[[int], U64]:
    """Return what draws words from a key, others with each call: uint64[count]."""
    drawn = 0

    def draw(count: int) -> U64:
        nonlocal drawn
        drawn += 1
        return expand(hmac.digest(key, b"lpm dealt %d" % drawn, "sha256"), count)

    return draw


def residue(x: U64) -> U64:
    """Return words modulo 2**58 of words modulo 2**64."""
    return x & MASK


def pack(x: U64, bits: int) -> bytes:
    """Return words of so many bits, each in as few bytes as hold it: those of all words by fours, twos and ones."""
    planes = _planes(bits)
    return b"".join((x >> np.uint64(8 * start)).astype(f"<u{size}").tobytes() for start, size in planes)


def unpack(content: bytes | memoryview, bits: int, count: int) -> U64:
    """Return the words that `pack` wrote, uint64[count]; they may have more bits, up to a whole byte.

    Raises:
        WireError: another number of bytes than those of so many words.
    """
    planes = _planes(bits)
    if len(content) != count_bytes(bits, count):
        raise WireError(f"got {len(content)} bytes of {count} words of {bits} bits; a word is cut to whole bytes")
    words, place = np.zeros(count, dtype=np.uint64), 0
    for start, size in planes:
        part = np.frombuffer(content, dtype=f"<u{size}", count=count, offset=place).astype(np.uint64)
        words |= part << np.uint64(8 * start)
        place += count * size
    return words


def count_bytes(bits: int, count: int) -> int:
    """Return how many bytes `pack` writes."""
    return count * -(-bits // 8)


def _planes(bits: int) -> tuple[tuple[int, int], ...]:
    """Return where in a word of so many bits each of its parts begins, and how long that is, in bytes."""
    whole, planes, start = -(-bits // 8), list[tuple[int, int]](), 0
    for size in (8, 4, 2, 1):
        if whole & size:
            planes.append((start, size))
            start += size
    return tuple(planes)


def to_integers(x: U64) -> I64:
    """Return the integers from -2**57 to 2**57 - 1 that words modulo 2**58 stand for."""
    sign = np.uint64(64 - WIDTH)
    return (x << sign).view(np.int64) >> np.int64(sign)


def top(x: U64, bits: int = WIDTH - 1) -> U64:
    """Return the top bit of each word modulo 2**(bits + 1): 1 of a negative number."""
    return x >> np.uint64(bits) & np.uint64(1)


def require_canonical(words: U64, below: int | U64, count: int, what: str) -> None:
    """Refuse words that no party of this protocol sends.

    A word of 2**58 or more would be another number modulo p, where the proof is, than modulo 2**58, where it counts.

    Raises:
        WireError: another number of words, or one that is too large.
    """
    if words.shape != (count,):
        raise WireError(f"got {words.size} words of {what}; the shape of the round demands {count}")
    if np.any(words >= np.asarray(below, dtype=np.uint64)):
        raise WireError(f"a word of {what} is not in its canonical range; words are reduced before they are sent")
