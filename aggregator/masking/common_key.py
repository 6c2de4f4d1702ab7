"""The key that both aggregators have in common, and nobody else: of contributions that were committed to."""

import hmac
from dataclasses import dataclass, field
from typing import Final, final

from protocols.arithmetic.counters import RoundNumber
from protocols.arithmetic.fixed_point import U64
from protocols.arithmetic.sharing.additive import KEY_BYTES
from protocols.errors import ResultsDiffer, RoundAhead
from protocols.masking.envelope import SignedMessage
from protocols.masking.messages import KeyCommitment, KeyContribution
from protocols.masking.party import MaskingParty, digest_of
from protocols.masking.words import expand

OTHER_COMMITMENT: Final = "commitment of the other"
OTHER_PART: Final = "key part of the other"


@final
@dataclass(frozen=True, slots=True)
class CommonKey:
    """What masks the aggregators' answers, and is the key of their noise.

    Attributes:
        key: 32 bytes.

    Security: uniform if one contribution is; each is committed to before the other is opened, so neither chooses it.
    """

    key: bytes = field(repr=False)

    def answer_mask(self, number: RoundNumber, closing: bytes, count: int) -> U64:
        """Return the mask that both XOR to what they tell clients in a round over what both heard, uint64[count]."""
        return expand(hmac.digest(self.key, b"lpm answers %d " % number + closing, "sha256"), count)

    def opening_key(self, number: RoundNumber, closing: bytes) -> bytes:
        """Return the key of the challenges for what both open in a round over what both heard."""
        return hmac.digest(self.key, b"lpm openings %d " % number + closing, "sha256")

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


@dataclass(slots=True, eq=False)
class KeyAgreement(MaskingParty):
    """What two aggregators do before the first round: each draws a part of a key, and commits to it first.

    Attributes:
        index: 0 or 1.
    """

    index: int = 0
    _contribution: KeyPart = field(init=False, repr=False)
    _common: CommonKey | None = field(init=False, repr=False, default=None)
    _commitment: bytes = field(init=False, default=b"")

    def __post_init__(self) -> None:
        """Begin the run, and draw the part; or go on with both."""
        MaskingParty.__post_init__(self)
        self._contribution = KeyPart(self.index, self.journal.once("key part", KEY_BYTES))
        part, self._commitment = self.journal.entry(OTHER_PART), self.journal.entry(OTHER_COMMITMENT) or b""
        if part is not None:
            self._common = self._contribution.join(KeyPart(1 - self.index, part), self._commitment)

    @property
    def _other(self) -> str:
        return self.plan.aggregators[1 - self.index]

    def commit(self) -> SignedMessage:
        """Return the commitment to this aggregator's part of the common key."""
        with self.guard():
            message = KeyCommitment(run=self.plan.run, number=0, digest=self._contribution.commitment)
            return self.send(message, name="commitment")

    def contribute(self, commitment: SignedMessage) -> SignedMessage:
        """Take in the other's commitment, and open this one's.

        Raises:
            ConflictingReplay: it committed to another part before, and by now it may know this one's.
        """
        with self.guard():
            self._commitment = self.read(commitment, KeyCommitment, sender=self._other).digest
            self.journal.record(OTHER_COMMITMENT, self._commitment)
            message = KeyContribution(run=self.plan.run, number=0, part=self._contribution.part)
            return self.send(message, name="contribution")

    def join_keys(self, contribution: SignedMessage) -> None:
        """Take in the other's part of the common key.

        Raises:
            ResultsDiffer: it is not what it had committed to.
        """
        with self.guard():
            part = self.read(contribution, KeyContribution, sender=self._other).part
            self._common = self._contribution.join(KeyPart(1 - self.index, part), self._commitment)
            self.journal.record(OTHER_PART, part)

    def _require_common(self) -> CommonKey:
        if self._common is None:
            raise RoundAhead("the aggregators have no common key yet; the run stops here")
        return self._common
