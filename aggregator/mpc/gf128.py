"""The field of 2**128 elements, for the few products that a check of ranges takes.

Source: the polynomial is that of GCM (NIST SP 800-38D, 6.3), its bits in the order of a little-endian integer.
"""

from typing import Final

import numpy as np

from aggregator.mpc.keystream import U64

BITS: Final = 128
WORDS: Final = 2
_POLYNOMIAL: Final = (1 << BITS) | 0x87


def multiply(x: U64, y: U64) -> U64:
    """Return the product of two elements, uint64[2] each; takes as many operations whatever they are."""
    a, b = _integer(x), _integer(y)
    product = 0
    for bit in range(BITS):
        product ^= (a << bit) * (b >> bit & 1)
    for bit in reversed(range(BITS, 2 * BITS)):
        product ^= (_POLYNOMIAL << (bit - BITS)) * (product >> bit & 1)
    return np.frombuffer(product.to_bytes(8 * WORDS, "little"), "<u8").astype(np.uint64)


def _integer(x: U64) -> int:
    return int.from_bytes(x.astype("<u8").tobytes(), "little")
