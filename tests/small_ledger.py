"""The ledger of a run of four rounds, for tests of its format and of its writer."""

from aggregator.release.ledger import Ledger
from protocols.identity import signing
from protocols.releases.ledger import DeliveryRecord, ReleaseRecord, RoundRecord

RUN = bytes(32)
KEY = signing.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = signing.public_of(KEY)


def agreed(number, members=("a", "b", "c")):
    """Return the record of a round."""
    return RoundRecord(
        number=number, step=number, phase=0, members=members, refused=(), releases=(ReleaseRecord("tally", "exact"),)
    )


def told(number):
    """Return what its only party was told."""
    return (DeliveryRecord("a", 8, bytes([number]) * 32),)


def opened(path):
    """Return an aggregator's ledger."""
    return Ledger(path, run=RUN, name="aggregator-0", key=KEY)


def write_ledger(path):
    """Write a run of four rounds, whose last one lacks a client, and a refusal."""
    ledger = opened(path)
    ledger.write_joining("a", 0)
    for number in range(4):
        ledger.write_closing(agreed(number, ("a", "b") if number == 3 else ("a", "b", "c")), told(number))
    ledger.write_refusal(4, "budget-spent", "nothing is left")
    return path
