"""A client's seed on its way to the dealer: sealed to the dealer's key, in the client's name and with its counter."""

import os
from dataclasses import dataclass, field
from typing import Final, final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PublicKey

from protocols.arithmetic.counters import FIRST_ROUND, RoundNumber
from protocols.errors import NotSealed
from protocols.identity.sealing_key import SealingKey
from protocols.masking.envelope import encode
from protocols.masking.messages import SeedNotice
from protocols.masking.pads import SEED_BYTES, PadSource
from protocols.sealing.handshake import SUITE

FIRST_COUNTER: Final = 1


@final
@dataclass(frozen=True, slots=True)
class SealedSeed:
    """A seed as its client holds it, and as it travels.

    Attributes:
        source: what is expanded from it.
        notice: what is signed and sent.

    Security: the name, the run and the counter enter the seal, and the notice is signed by the client: a seed that is
        copied into another name does not open, and one that is made in a client's name is not signed by it.
    """

    source: PadSource
    notice: SeedNotice = field(repr=False)

    @classmethod
    def draw(
        cls,
        run: bytes,
        client: str,
        dealer: MLKEM768X25519PublicKey,
        *,
        counter: int = FIRST_COUNTER,
        number: RoundNumber = FIRST_ROUND,
    ) -> "SealedSeed":
        """Draw a seed from the system, and seal it to the dealer.

        Args:
            run: the manifest's hash.
            client: whose it is.
            dealer: the key that opens it.
            counter: above that of every seed which the client has drawn before.
            number: of the round from which on it serves.
        """
        source = PadSource(os.urandom(SEED_BYTES), run, client, counter)
        blank = SeedNotice(run=run, number=number, client=client, counter=counter, sealed=b"")
        sealed = SUITE.encrypt(source.seed, dealer, info=encode(blank))
        return cls(source, msgspec.structs.replace(blank, sealed=sealed))


def open_seed(notice: SeedNotice, key: SealingKey) -> PadSource:
    """Return the seed in a notice, whose signature holds.

    Raises:
        NotSealed: it does not open in this name, run and counter.
    """
    blank = msgspec.structs.replace(notice, sealed=b"")
    try:
        seed = SUITE.decrypt(notice.sealed, key.private, info=encode(blank))
    except (InvalidTag, ValueError):
        raise NotSealed("a client's seed does not open under its name") from None
    if len(seed) != SEED_BYTES:
        raise NotSealed(f"a client's seed has {len(seed)} bytes; it has {SEED_BYTES}")
    return PadSource(seed, notice.run, notice.client, notice.counter)
