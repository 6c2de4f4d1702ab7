"""An aggregator's sealing key: ML-KEM-768 and X25519 side by side, so that breaking one opens nothing."""

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey

from protocols.errors import ParameterError
from protocols.identity.signing import read_private, write_private
from protocols.identity.trust import SEALING_BYTES

SEED_BYTES: Final = 64  # of ML-KEM; X25519 has 32
PRIVATE_BYTES: Final = SEED_BYTES + 32
MLKEM_BYTES: Final = SEALING_BYTES - 32


@final
@dataclass(frozen=True, slots=True)
class SealingKey:
    """Opens what is sealed to one aggregator.

    Attributes:
        public: 1,216 bytes, for the manifest.
    """

    private: MLKEM768X25519PrivateKey = field(repr=False)
    public: bytes
    _secret: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> "SealingKey":
        """Make a key from the system's randomness."""
        return cls.of(
            MLKEM768PrivateKey.generate().private_bytes_raw() + X25519PrivateKey.generate().private_bytes_raw()
        )

    @classmethod
    def of(cls, secret: bytes) -> "SealingKey":
        """Take the 96 secret bytes: the seed of ML-KEM, then X25519."""
        if len(secret) != PRIVATE_BYTES:
            raise ParameterError(f"got a sealing key of {len(secret)} bytes; it has {PRIVATE_BYTES}")
        kem = MLKEM768PrivateKey.from_seed_bytes(secret[:SEED_BYTES])
        curve = X25519PrivateKey.from_private_bytes(secret[SEED_BYTES:])
        public = kem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
        return cls(MLKEM768X25519PrivateKey(kem, curve), public, secret)

    def write(self, path: Path) -> None:
        """Keep it with mode 0600."""
        write_private(path, base64.b64encode(self._secret) + b"\n")

    @classmethod
    def read(cls, path: Path) -> "SealingKey":
        """Read what `write` kept; errors are ParameterError."""
        content = read_private(path)
        try:
            return cls.of(base64.b64decode(content.strip(), validate=True))
        except binascii.Error:
            raise ParameterError(f"{path} holds no sealing key; make one with lpm keys") from None


def public_key(content: bytes) -> MLKEM768X25519PublicKey:
    """Return the key that a manifest pins.

    Raises:
        ParameterError: these bytes are no such key.
    """
    try:
        kem = MLKEM768PublicKey.from_public_bytes(content[:MLKEM_BYTES])
        curve = X25519PublicKey.from_public_bytes(content[MLKEM_BYTES:])
    except ValueError as error:
        raise ParameterError(f"the manifest pins a sealing key that is none: {error}") from None
    return MLKEM768X25519PublicKey(kem, curve)
