"""Invitations: a client is named by the run's operator, makes its own keys, and is enrolled once."""

import datetime
import hashlib
import os
from pathlib import Path
from typing import Annotated, Final, Literal, final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols import canonical_json
from protocols.errors import BadSignature, NotEnrolled, ParameterError
from protocols.identity import certificates, signing
from protocols.identity.certificates import Authority
from protocols.identity.signing import PublicKey, Signature, SignaturePurpose
from protocols.identity.trust import Moment, Name, require_client

SECRET_BYTES: Final = 16
OPEN: Final = "open"
USED: Final = "used"
MAX_BYTES: Final = 2**15
Secret = Annotated[bytes, msgspec.Meta(min_length=SECRET_BYTES, max_length=SECRET_BYTES)]
Pem = Annotated[str, msgspec.Meta(max_length=2**13)]


@final
class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What an invitation says.

    Attributes:
        secret: drawn once; whoever holds it may enrol under this name, once.
        operator_key: of the run's operator; the client pins it.
    """

    version: Literal[1] = 1
    name: Name
    not_after: Moment
    secret: Secret
    operator_key: PublicKey

    def __repr__(self) -> str:
        """Tell the name, and nothing of the secret."""
        return f"Terms({self.name})"


@final
class Invitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A signed word of the run's operator: the client `name` may enrol once.

    Security: a bearer's token until it is used: hand it over on a channel you trust. Used twice, it is refused, so a
        client finds out that another one was quicker.
    """

    terms: Terms
    signature: Signature

    def check(self, *, operator_key: bytes | None = None, now: datetime.datetime | None = None) -> None:
        """Check signature and time.

        Args:
            operator_key: that must have signed; the invitation's own where the client has pinned none yet.

        Raises:
            BadSignature: another key, or expired.
        """
        if operator_key is not None and operator_key != self.terms.operator_key:
            raise BadSignature("the invitation is of another operator; ask this run's operator for one")
        signing.verify(
            self.terms.operator_key, SignaturePurpose.INVITATION, canonical_json.encode(self.terms), self.signature
        )
        if (now or datetime.datetime.now(datetime.UTC)) >= self.terms.not_after:
            raise BadSignature(f"the invitation expired at {self.terms.not_after:%F %T} UTC; ask for another one")

    @property
    def mark(self) -> str:
        """Return what the operator knows it by: a hash, from which the secret does not follow."""
        return hashlib.sha256(canonical_json.encode(self.terms)).hexdigest()


@final
class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a client hands back: its invitation, a request for a certificate (PEM), and its identity's public key.

    Attributes:
        signature: by the identity over all of it, so that no one else's key can be enrolled as this client's.
    """

    version: Literal[1] = 1
    invitation: Invitation
    certificate: Pem
    identity: PublicKey
    signature: Signature

    @classmethod
    def of(cls, invitation: Invitation, certificate: bytes, identity: Ed25519PrivateKey) -> "Request":
        """Sign a request."""
        pem, public = certificate.decode("ascii"), signing.public_of(identity)
        signed = signing.sign(identity, SignaturePurpose.ENROLMENT, _statement(invitation, pem, public))
        return cls(invitation=invitation, certificate=pem, identity=public, signature=signed)

    def check(self, *, operator_key: bytes, now: datetime.datetime | None = None) -> None:
        """Check everything but whether the invitation was used; see `Invitation.check`."""
        self.invitation.check(operator_key=operator_key, now=now)
        content = _statement(self.invitation, self.certificate, self.identity)
        signing.verify(self.identity, SignaturePurpose.ENROLMENT, content, self.signature)


@final
class EnrolmentReply(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the operator answers: the client's certificate and the run's authority, both PEM."""

    version: Literal[1] = 1
    name: Name
    authority: Pem
    certificate: Pem


def _statement(invitation: Invitation, certificate: str, identity: bytes) -> bytes:
    parts = (canonical_json.encode(invitation), certificate.encode(), identity)
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def invite(
    folder: Path, key: Ed25519PrivateKey, name: str, *, days: float, now: datetime.datetime | None = None
) -> Invitation:
    """Make an invitation, and remember its hash in the operator's folder."""
    end = (now or datetime.datetime.now(datetime.UTC)) + datetime.timedelta(days=days)
    terms = Terms(
        name=require_client(name),
        not_after=end.astimezone(datetime.UTC).replace(microsecond=0),
        secret=os.urandom(SECRET_BYTES),
        operator_key=signing.public_of(key),
    )
    signature = signing.sign(key, SignaturePurpose.INVITATION, canonical_json.encode(terms))
    made = canonical_json.decode(
        canonical_json.encode(Invitation(terms=terms, signature=signature)), Invitation, what="invitation"
    )  # a name that no manifest takes is refused here
    for place in (OPEN, USED):
        (folder / place).mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / OPEN / made.mark).write_text(name)
    return made


def enrol(
    folder: Path,
    authority: Authority,
    request: Request,
    *,
    operator_key: bytes,
    days: float,
    now: datetime.datetime | None = None,
) -> EnrolmentReply:
    """Sign a client's certificate, once for an invitation.

    Args:
        folder: that `invite` remembered it in.

    Raises:
        NotEnrolled: the invitation was used, or never made here.
        ParameterError: not signed, expired, or another name than the invitation's.
    """
    request.check(operator_key=operator_key, now=now)
    name = require_client(request.invitation.terms.name)
    certificate = authority.certify(request.certificate.encode(), name=name, days=days)
    _use(folder, request.invitation)
    authority_pem = certificates.pem_of(authority.certificate)
    return EnrolmentReply(name=name, authority=authority_pem.decode(), certificate=certificate.decode())


def _use(folder: Path, invitation: Invitation) -> None:
    """Use an invitation up: a file is renamed by one process only."""
    try:
        (folder / OPEN / invitation.mark).rename(folder / USED / invitation.mark)
    except FileNotFoundError:
        used = (folder / USED / invitation.mark).exists()
        raise NotEnrolled(
            f"the invitation of {invitation.terms.name} was {'used already' if used else 'not made here'}; "
            "if the client did not use it, somebody else did: revoke the name and invite under another"
        ) from None
    except OSError as error:
        raise ParameterError(f"cannot use the invitation up in {folder}: {error.strerror}") from error


def load_invitation(path: Path) -> Invitation:
    """Read an invitation's file."""
    return canonical_json.load(path, Invitation, what="invitation", max_bytes=MAX_BYTES)


def load_request(path: Path) -> Request:
    """Read a request's file."""
    return canonical_json.load(path, Request, what="request", max_bytes=MAX_BYTES)


def load_reply(path: Path) -> EnrolmentReply:
    """Read the operator's answer."""
    return canonical_json.load(path, EnrolmentReply, what="enrolment", max_bytes=MAX_BYTES)
