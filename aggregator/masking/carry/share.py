"""What the dealer deals of comparisons by a tree, and what it holds of them until they are proved."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import numpy as np

from aggregator.masking.carry.circuit import CONSTANT, ONES, carry_circuit, deal_planes, plane_words, to_planes
from aggregator.masking.carry.opening_proof import OpeningPart, OpeningShape, dealer_part
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.errors import WireError
from protocols.masking.messages import view
from protocols.masking.words import WORD_BYTES, expand, top


@final
@dataclass(frozen=True, slots=True, eq=False)
class CarryShare:
    """What one aggregator holds of the comparisons of n agents.

    Attributes:
        party: 0 or 1.
        planes: uint64[k, w], its XOR shares; of one the first has all.
        key: 32 bytes, of what masks its proof.
    """

    party: int
    planes: U64 = field(repr=False)
    key: bytes = field(repr=False)

    @classmethod
    def decode(cls, parts: tuple[memoryview, ...], *, party: int, n: int, bits: int) -> "CarryShare":
        """Read what `encode` wrote of one, of differences of so many bits.

        Raises:
            WireError: other sizes than those of n comparisons.
        """
        shape = (carry_circuit(bits).planes, plane_words(n))
        sizes = [KEY_BYTES] if party == 0 else [KEY_BYTES, WORD_BYTES * (shape[0] - 1) * shape[1]]
        if [len(part) for part in parts] != sizes:
            raise WireError(f"got shares of a tree of another size than those of {n} comparisons")
        key = bytes(parts[0])
        if party == 0:
            return cls(party, _first_planes(key, *shape), key)
        planes = np.zeros(shape, dtype=np.uint64)
        planes[CONSTANT + 1 :] = np.frombuffer(parts[1], dtype="<u8").reshape(-1, shape[1])
        return cls(party, planes, key)

    def encode(self) -> tuple[memoryview, ...]:
        """Return what the dealer sends: the first aggregator's planes follow from its key."""
        return (memoryview(self.key), *((view(self.planes[CONSTANT + 1 :]),) if self.party else ()))

    @property
    def masks(self) -> U64:
        """Return what masks its proof, uint64[sent + 1, 2]."""
        count = OpeningShape(self.planes.size).sent + 1
        return expand(_subkey(self.key, b"rows"), 2 * count).reshape(count, 2)

    def prove(self, challenges: list[int]) -> OpeningPart:
        """Return the dealer's part of this aggregator's proof."""
        return dealer_part(self.planes, self.masks, challenges)


def _subkey(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"lpm carry " + purpose, "sha256")


def _first_planes(key: bytes, planes: int, width: int) -> U64:
    drawn = expand(_subkey(key, b"planes"), (planes - 1) * width).reshape(-1, width)
    return np.concatenate([np.full((1, width), ONES), drawn])


def deal_carry(r: U64, masks: U64, *, bits: int, draw: Callable[[int], U64]) -> tuple[CarryShare, CarryShare, U64]:
    """Return what each aggregator gets of comparisons with 0, and what both are told when they have opened the bits.

    Args:
        r: uint64[n], what masks the differences, modulo 2**(bits + 1).
        masks: uint64[n], of the bits, 0 or 1, which clients know.
        bits: l, of what is compared with 0, without its sign.
        draw: fresh words of the system's randomness, for nothing else.

    Security: the bits are opened under masks that the dealer alone knows. Under the clients' one that lies in an
        opening before, with a client in league, would see in the bit what came of it, before the proof fails.
    """
    circuit, width = carry_circuit(bits), plane_words(r.size)
    whole = deal_planes(circuit, to_planes(r, bits), lambda count: draw(count * width).reshape(count, width))
    known, secret = to_planes(masks, 1)[0], draw(width)
    whole[circuit.output] = to_planes(top(r, bits), 1)[0] ^ secret
    keys = [draw(KEY_BYTES // WORD_BYTES).tobytes() for _ in range(2)]
    first = CarryShare(0, _first_planes(keys[0], *whole.shape), keys[0])
    whole ^= first.planes
    whole[CONSTANT] = 0
    return first, CarryShare(1, whole, keys[1]), secret ^ known
