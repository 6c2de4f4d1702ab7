"""Points of Curve25519 that contacts are hashed to, and their blinding by a secret factor: x coordinates alone."""

import hashlib
import itertools
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from protocols.errors import NotSealed

POINT_BYTES: Final = 32
_PRIME: Final = 2**255 - 19
_A: Final = 486_662  # y**2 = x**3 + A x**2 + x


def point(content: bytes) -> bytes:
    """Return the x coordinate, 32 bytes, of a point of the curve that stands for some bytes.

    Hashes are taken until one is on the curve and not on its twist: of a point that is blinded it can be seen on which
    of the two it lies.
    """
    hashes = (hashlib.sha256(count.to_bytes(8, "big") + content).digest() for count in itertools.count())
    numbers = (int.from_bytes(each, "little") & (2**255 - 1) for each in hashes)
    return next(x for x in numbers if x < _PRIME and _on_curve(x)).to_bytes(POINT_BYTES, "little")


def blind(factor: X25519PrivateKey, points: Sequence[bytes]) -> list[bytes]:
    """Return points times a secret factor; two factors may be applied in either order.

    Raises:
        NotSealed: one of them has a small order, as no hash has: whoever sent it would see the factor's parts.

    Security: which of one's own points a blinded one is, nobody can tell who lacks the factor (decisional
        Diffie-Hellman, hash functions taken for random).
    """
    try:
        return [factor.exchange(X25519PublicKey.from_public_bytes(each)) for each in points]
    except ValueError:
        raise NotSealed(
            "a list of contacts has a point of small order; its sender does not follow the protocol"
        ) from None


def _on_curve(x: int) -> bool:
    return pow(x * (x * (x + _A) + 1) % _PRIME, (_PRIME - 1) // 2, _PRIME) == 1
