"""The key that both aggregators have in common, and nobody else: of contributions that were committed to."""

import hmac
import os
from dataclasses import dataclass, field
from typing import final

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.errors import ResultsDiffer
from protocols.masking.party import digest_of
from protocols.masking.words import expand


@final
@dataclass(frozen=True, slots=True)
class CommonKey:
    """What masks the aggregators' answers, and is the key of their noise.

    Attributes:
        key: 32 bytes.

    Security: uniform if one contribution is; each is committed to before the other is opened, so neither chooses it.
    """

    key: bytes = field(repr=False)

    def answer_mask(self, number: RoundNumber, count: int) -> U64:
        """Return the mask that both XOR to what they tell clients in a round, uint64[count]."""
        return expand(hmac.digest(self.key, b"lpm answers %d" % number, "sha256"), count)

    @property
    def noise_key(self) -> bytes:
        """Return the key of the aggregators' noise."""
        return hmac.digest(self.key, b"lpm common noise", "sha256")


@final
@dataclass(frozen=True, slots=True)
class KeyPart:
    """One aggregator's part of the common key."""

    index: int
    part: bytes = field(repr=False)

    @classmethod
    def draw(cls, index: int) -> "KeyPart":
        """Draw it from the system."""
        return cls(index, os.urandom(KEY_BYTES))

    @property
    def commitment(self) -> bytes:
        """Return what tells nothing of it, and binds to it."""
        return digest_of(b"lpm contribution %d" % self.index, self.part)

    def join(self, other: "KeyPart", commitment: bytes) -> CommonKey:
        """Return the common key, from the other's contribution and its commitment.

        Raises:
            ResultsDiffer: it is not what the other committed to.
        """
        if other.commitment != commitment:
            raise ResultsDiffer("the other aggregator opened another key than it had committed to; the run stops here")
        parts = sorted([self, other], key=lambda each: each.index)
        return CommonKey(digest_of(b"lpm common key", *(each.part for each in parts)))
