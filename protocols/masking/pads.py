"""The pads of a client, which it and the dealer expand from one seed, each by the name of what it masks."""

import enum
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, final

import msgspec
import numpy as np

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.masking.words import expand, residue

SEED_BYTES: Final = 32
NO_OUTCOME: Final = -1


@final
class PadPurpose(enum.IntEnum):
    """What is expanded. A number, once given, is never used for anything else."""

    WORDS = 1  # masks of a round's words
    BITS = 2  # masks of their bits, in the proof of their ranges
    PROOF = 3  # masks of the proof itself
    LABEL = 4  # the words that stand for a bit of 1
    SUM = 5  # masks of the sums that a client is told
    NUMBERS = 6  # masks of what it tells modulo p, in the proof of a norm
    OPENED = 7  # masks of bits that both aggregators learn


@final
@dataclass(frozen=True, slots=True)
class PadSource:
    """A seed, and whose it is in which run.

    Attributes:
        seed: 32 bytes of the system's randomness, which the client and the dealer have.
        run: the manifest's hash, 32 bytes.
        client: whose seed it is.
        counter: of the client's seeds; it only rises.

    Security: every name enters the key of a stream (HMAC-SHA256), so a seed that is handed on in another client's name,
        run or counter yields other words. Whoever lacks the seed cannot tell the words from uniform ones.
    """

    seed: bytes = field(repr=False)
    run: bytes
    client: str
    counter: int
    _ahead: dict[tuple[int, int], U64] = field(init=False, repr=False, compare=False, default_factory=dict)

    def expand_ahead(self, number: RoundNumber, counts: Mapping[PadPurpose, int]) -> None:
        """Expand the first words of streams of a round before they are asked for, and let go of those of before."""
        for old in [each for each in self._ahead if each[0] < number - 1]:
            del self._ahead[old]
        for purpose, count in counts.items():
            self._ahead[int(number), int(purpose)] = self.stream(purpose, number, count)

    def stream(self, purpose: PadPurpose, number: RoundNumber, count: int, *, outcome: int = NO_OUTCOME) -> U64:
        """Return uint64[count], the first words of 64 bits of a name's stream."""
        ahead = self._ahead.get((int(number), int(purpose)))
        if ahead is not None and outcome == NO_OUTCOME and ahead.size >= count:
            return ahead[:count].copy()  # whoever asks may write to it
        name = msgspec.msgpack.encode((self.run, self.client, self.counter, int(purpose), int(number), outcome))
        return expand(hmac.digest(self.seed, b"lpm pad " + name, "sha256"), count)

    def pads(self, number: RoundNumber, count: int) -> U64:
        """Return the pads of a round's words, uint64[count] modulo 2**58."""
        return residue(self.stream(PadPurpose.WORDS, number, count))

    def labels(self, number: RoundNumber, count: int, *, outcome: int) -> U64:
        """Return what stands for a bit of 1 of each agent, uint64[count]; for a bit of 0 stands 0."""
        return self.stream(PadPurpose.LABEL, number, count, outcome=outcome) | np.uint64(1)

    def bits(self, number: RoundNumber, count: int, *, outcome: int) -> U64:
        """Return what masks each agent's bit where both aggregators learn it masked, uint64[count] of 0 and 1."""
        return self.stream(PadPurpose.OPENED, number, count, outcome=outcome) & np.uint64(1)

    def sums(self, number: RoundNumber, count: int, *, outcome: int) -> U64:
        """Return what masks the exact sum of each agent that its client is told, uint64[count] modulo 2**58."""
        return residue(self.stream(PadPurpose.SUM, number, count, outcome=outcome))
