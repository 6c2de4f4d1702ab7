"""What a manifest says of trust: whose run it is, until when, and which keys belong to whom."""

import datetime
import re
from collections.abc import Collection, Sequence
from typing import Annotated, Final, final

import msgspec

from protocols.errors import BadSignature, ParameterError, RunExpired
from protocols.identity.signing import PublicKey

SEALING_BYTES: Final = 1216  # ML-KEM-768, 1184, then X25519, 32
NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,62}\Z"
ROLE: Final = r"^(engine|dealer|aggregator)(-[0-9]+)?\Z"  # names that stand for a role in every run
Name = Annotated[str, msgspec.Meta(pattern=NAME)]
SealingKey = Annotated[bytes, msgspec.Meta(min_length=SEALING_BYTES, max_length=SEALING_BYTES)]
Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Moment = Annotated[datetime.datetime, msgspec.Meta(tz=True)]


def require_name(text: str) -> str:
    """Return the name of a party or of an operator.

    Raises:
        ParameterError: no manifest takes it, nor may a folder be called so.
    """
    if not re.match(NAME, text):
        raise ParameterError(
            f"got {text[:80]!r} for a name; up to 63 of a-z, 0-9, '.', '_' and '-' are allowed, beginning with a "
            "letter or digit"
        )
    return text


def require_client(name: str) -> str:
    """Return the name of a client.

    Raises:
        ParameterError: it is one of a role: whoever had a certificate for it could pass for that party.
    """
    if re.match(ROLE, name):
        raise ParameterError(f"a client cannot be named {name}: a role in a run has that name; choose another one")
    return name


def require_period(not_before: datetime.datetime, not_after: datetime.datetime) -> None:
    """Check the time for which a run is valid.

    Raises:
        ParameterError: not of UTC and whole seconds, or it ends before it begins.
    """
    for moment in (not_before, not_after):
        if moment.utcoffset() != datetime.timedelta(0) or moment.microsecond:
            raise ParameterError(f"got {moment.isoformat()}: give times in UTC and whole seconds, ending in Z")
    if not_before >= not_after:
        raise ParameterError(f"the run would end at {not_after:%F %T}, before it begins; set not_after later")


def require_operators(operators: Sequence[str]) -> None:
    """Check that no two servers of a run have the same operator.

    Raises:
        ParameterError: two have.
    """
    if len(set(operators)) != len(operators):
        raise ParameterError(
            f"two parties have the same operator among {', '.join(sorted(operators))}: one operator would hold "
            "what must stay apart; every aggregator and the dealer needs its own"
        )


@final
class PartyKeys(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The public keys of an aggregator or of the dealer, pinned.

    Attributes:
        operator: who runs it. No two parties of a run have the same one.
        identity: Ed25519; signs its ledger.
        sealing: ML-KEM-768 and X25519; what clients seal to. The dealer has one where security is active: clients seal
            their seeds to it. Else they never address it, and it has none.
        certificate: SHA-256 of the public key (DER) in its TLS certificate.
    """

    operator: Name
    identity: PublicKey
    sealing: SealingKey | None = None
    certificate: Digest


@final
class Trust(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who answers for a run, and what its parties may rely on.

    Attributes:
        operator: of the run; its key signs the manifest. May be one of the parties' operators.
        collusion_bound: so many aggregators may pool all that they have and learn nothing.
        not_before, not_after: when the run may take place, UTC, whole seconds.
        keys: of every aggregator and of the dealer, by their names.
        identities: where security is active, the key by which each client, and the engine, signs its messages.
    """

    operator: Name
    collusion_bound: Annotated[int, msgspec.Meta(ge=1, le=15)] = 1
    not_before: Moment
    not_after: Moment
    keys: dict[Name, PartyKeys]
    identities: dict[Name, PublicKey] = {}

    def __post_init__(self) -> None:
        """Check what needs no other field of the manifest."""
        require_period(self.not_before, self.not_after)
        require_operators([keys.operator for keys in self.keys.values()])
        for kind in ("identity", "sealing", "certificate"):
            held = [key for keys in self.keys.values() if (key := getattr(keys, kind)) is not None]
            if len(set(held)) != len(held):
                raise ParameterError(f"two parties have the same {kind} key; each makes its own")
        identities = [*(keys.identity for keys in self.keys.values()), *self.identities.values()]
        if len(set(identities)) != len(identities):
            raise ParameterError("two parties have the same identity key; each makes its own")

    @property
    def signing_keys(self) -> dict[str, bytes]:
        """Return the key by which each party signs its messages, by name."""
        return {name: keys.identity for name, keys in self.keys.items()} | self.identities

    def check(self, *, aggregators: Sequence[str], dealer: str | None, signers: Collection[str] = ()) -> None:
        """Check against the parties of the manifest that this is part of.

        Args:
            aggregators: of the run.
            dealer: of the run, if it has one.
            signers: who signs messages beside these: all others where security is active, and else nobody.

        Raises:
            ParameterError: keys are missing or too many, or more aggregators may collude than can.
        """
        wanted = {*aggregators, *((dealer,) if dealer else ())}
        if wanted != self.keys.keys():
            got, need = ", ".join(sorted(self.keys)), ", ".join(sorted(wanted))
            raise ParameterError(f"trust.keys has keys of {got or 'nobody'}; it needs those of {need}")
        for name, keys in self.keys.items():
            if (keys.sealing is None) != (name == dealer and not signers):
                raise ParameterError(
                    f"{name}: every aggregator has a sealing key, and the dealer has one where security is active alone"
                )
        if wrong := sorted({*signers} ^ self.identities.keys()):
            raise ParameterError(
                f"trust.identities lacks {wrong[0]}, or has it wrongly: where security is active it has the key of "
                "every client and of the engine, and else none"
            )
        if self.collusion_bound >= len(aggregators):
            raise ParameterError(
                f"collusion_bound is {self.collusion_bound}, but {len(aggregators)} aggregators together can read "
                f"everything; set it to at most {len(aggregators) - 1}"
            )

    def require_valid(self, now: datetime.datetime | None = None) -> None:
        """Check that the run may take place now.

        Raises:
            BadSignature: it may not yet, or no longer.
        """
        now = now or datetime.datetime.now(datetime.UTC)
        if now < self.not_before:
            raise BadSignature(f"the manifest is valid from {self.not_before:%F %T} UTC; wait, or check the clock")
        if now >= self.not_after:
            raise BadSignature(f"the manifest expired at {self.not_after:%F %T} UTC; ask for a new one")

    def require_current(self, now: datetime.datetime | None = None) -> None:
        """Check that a run that has begun may go on.

        Raises:
            RunExpired: its time is over.
        """
        if (now or datetime.datetime.now(datetime.UTC)) >= self.not_after:
            raise RunExpired(
                f"the manifest expired at {self.not_after:%F %T} UTC, and the run with it; ask for a new one"
            )
