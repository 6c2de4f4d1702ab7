"""Additive sharing modulo 2**64, with all shares but one expanded from keys."""

import os
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.arithmetic.counters import RoundNumber, Stream
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.sharing.base import Sharing
from protocols.errors import ParameterError

KEY_BYTES: Final = 32
BLOCK: Final = 2**15  # words of keystream at a time: 256 KiB stay in the cache
ZEROS: Final = bytes(8 * BLOCK)
START_BYTES: Final = 16
START_ROUND: Final = RoundNumber(2**64 - 1)  # no run has it: its keystream masks nothing


def keystream(key: bytes, *, nonce: RoundNumber | Stream, out: U64, subtract: bool = False) -> None:
    """Add the AES-256-CTR keystream of (key, nonce) to `out`, uint64[d], in place; or subtract it.

    The 128-bit counter starts at nonce * 2**64, so the streams of two nonces never meet.
    """
    counter = nonce.to_bytes(8, "big") + bytes(8)
    encryptor = Cipher(algorithms.AES(key), modes.CTR(counter)).encryptor()
    buffer = np.empty(min(BLOCK, out.size), dtype="<u8")
    bytes_of_buffer = buffer.view(np.uint8)
    for start in range(0, out.size, BLOCK):
        part = out[start : start + BLOCK]
        encryptor.update_into(ZEROS[: 8 * part.size], bytes_of_buffer.data)
        if subtract:
            part -= buffer[: part.size]
        else:
            part += buffer[: part.size]


def start_of(keys: tuple[bytes, ...]) -> bytes:
    """Return by what all aggregators recognise shares under the same keys, 16 bytes: of a keystream that masks nothing.

    Security: whoever lacks one of the keys cannot tell it from random bytes (AES-256 in counter mode), and it says
        nothing of what is shared. Two starts of a client, which draw keys of their own, have the same by chance alone.
    """
    words = np.zeros(START_BYTES // 8, dtype="<u8")
    for key in keys:
        keystream(key, nonce=START_ROUND, out=words)
    return words.tobytes()


@final
@dataclass(frozen=True, slots=True)
class Additive(Sharing):
    """`k` additive shares modulo 2**64: `k - 1` keystreams, and the vector less all of them.

    Security: any k - 1 shares are indistinguishable from uniform (AES-256 in counter mode). Semi-honest: an aggregator
        that lies shifts the sum unseen, and learns from whatever depends on the sum that it has shifted.
    Source: Chopra 2025 (arXiv 2507.09901), Eq. 9, with aggregators in place of peers.
    """

    k: int

    def __post_init__(self) -> None:
        """Check k."""
        if self.k < 2:
            raise ParameterError(
                f"got k = {self.k} aggregators: additive sharing needs at least 2; name another operator"
            )

    def keys(self) -> tuple[bytes, ...]:
        """Draw k - 1 keys of 32 bytes from the operating system."""
        return tuple(os.urandom(KEY_BYTES) for _ in range(self.k - 1))

    def split(self, x: U64, keys: tuple[bytes, ...], *, round_number: RoundNumber) -> U64:
        """Return x less the keystreams, uint64[d]."""
        share = x.copy()
        for key in keys:
            keystream(key, nonce=round_number, out=share, subtract=True)
        return share

    def expand(self, key: bytes, *, round_number: RoundNumber, out: U64) -> None:
        """Add the keystream of (key, round_number) to `out`."""
        keystream(key, nonce=round_number, out=out)
