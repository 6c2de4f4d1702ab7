"""AES-256-CTR keystreams: the only source of masks, and the same words for everyone who holds the key."""

import hmac
from typing import Final, final

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

KEY_BYTES: Final = 32
_ZEROS: Final = bytes(1 << 20)


@final
class Keystream:
    """A keystream that counts what was drawn from it.

    Security:
        Whoever lacks the 32-byte key cannot tell the words from uniform ones. A key is used for one stream only.
    """

    __slots__ = ("_encryptor", "words_drawn")

    def __init__(self, key: bytes) -> None:
        """Start at the first block of a fresh key."""
        self._encryptor = Cipher(AES256(key), CTR(bytes(16))).encryptor()
        self.words_drawn = 0

    def words(self, count: int) -> U64:
        """Return the next `count` words, uint64[count]."""
        out = np.empty(count, np.uint64)
        view = out.data.cast("B") if count else memoryview(b"")
        for start in range(0, len(view), len(_ZEROS)):
            part = view[start : start + len(_ZEROS)]
            self._encryptor.update_into(_ZEROS if len(part) == len(_ZEROS) else _ZEROS[: len(part)], part)
        self.words_drawn += count
        return out


def subkey(key: bytes, purpose: bytes) -> bytes:
    """Derive the key of one purpose (HMAC-SHA256), so that no two purposes ever share a word."""
    return hmac.digest(key, purpose, "sha256")
