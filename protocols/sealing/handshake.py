"""How a session begins: the client's secret, sealed to the aggregator's pinned key, and signed by the client.

Two clients begin one with keys that they sign likewise.
"""

import datetime
import os
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PublicKey, Suite
from cryptography.x509.oid import NameOID

from protocols.errors import NotEnrolled, NotSealed, ParameterError
from protocols.identity.certificates import Credentials
from protocols.identity.sealing_key import SealingKey
from protocols.sealing.messages import Handshake
from protocols.sealing.route import Route
from protocols.sealing.session import SECRET_BYTES

SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
MAX_CERTIFICATE: Final = 4096


def begin(
    route: Route, key: MLKEM768X25519PublicKey, credentials: Credentials, *, secret: bytes | None = None
) -> tuple[bytes, Handshake]:
    """Draw a secret for one run and one aggregator, and seal it.

    Args:
        key: that the manifest pins for the aggregator.
        credentials: of the client; its TLS key signs, so that no one on the way, the aggregator that relays included,
            can pass for it.
        secret: that this client drew before and kept, for it to go on after a restart.

    Returns:
        The secret, 32 bytes, and what the aggregator needs.
    """
    secret = os.urandom(SECRET_BYTES) if secret is None else secret
    return secret, sign(route, SUITE.encrypt(secret, key, info=route.header(b"open")), credentials)


def sign(route: Route, content: bytes, credentials: Credentials, *, deterministic: bool = False) -> Handshake:
    """Sign what a client begins with, by its TLS key: a secret that is sealed to an aggregator, or a key for a client.

    Args:
        deterministic: the same signature again after a restart (RFC 6979).

    Raises:
        ParameterError: the key is no P-256 key.
    """
    private = serialization.load_pem_private_key(credentials.private_key, None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ParameterError("the client's private.key is no P-256 key; make it with lpm enrol or lpm keys")
    way = ec.ECDSA(hashes.SHA256(), deterministic_signing=deterministic)
    signature = private.sign(_statement(route, content), way)
    certificate = x509.load_pem_x509_certificate(credentials.certificate)
    return Handshake(content, certificate.public_bytes(serialization.Encoding.DER), signature)


def accept(
    route: Route,
    handshake: Handshake,
    *,
    key: SealingKey,
    authorities: Sequence[x509.Certificate],
    now: datetime.datetime | None = None,
) -> bytes:
    """Return the secret of a session that the route's client began.

    Raises:
        NotEnrolled: the certificate is not this client's, not of the run's authority, or not valid now.
        NotSealed: not signed by the client, or sealed to another key, run or aggregator.
    """
    verify(route, handshake, authorities, now)
    try:
        secret = SUITE.decrypt(handshake.sealed, key.private, info=route.header(b"open"))
    except (InvalidTag, ValueError):
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise NotSealed(f"{route.client} sealed its key for another run or aggregator; compare the manifests")
    return secret


def verify(
    route: Route,
    handshake: Handshake,
    authorities: Sequence[x509.Certificate],
    now: datetime.datetime | None = None,
) -> None:
    """Check that the route's client signed what it begins with.

    Raises:
        NotEnrolled: the certificate is not this client's, not of the run's authority, or not valid now.
        NotSealed: not signed by the client, or for another run or party.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    try:
        certificate = x509.load_der_x509_certificate(handshake.certificate[:MAX_CERTIFICATE])
        names = [part.value for part in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
        public = certificate.public_key()
        in_time = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc
    except Exception as error:  # the parser's errors have no common class
        raise NotEnrolled(f"{route.client} showed a certificate that cannot be read: {type(error).__name__}") from None
    if names != [route.client] or not isinstance(public, ec.EllipticCurvePublicKey) or not in_time:
        raise NotEnrolled(f"{route.client} showed a certificate of another name or kind, or one that is not valid now")
    if not any(_is_issuer(certificate, authority) for authority in authorities):
        raise NotEnrolled(f"the certificate of {route.client} is not of the run's authority; enrol it")
    try:
        public.verify(handshake.signature, _statement(route, handshake.sealed), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise NotSealed(f"the key that came in the name of {route.client} is not signed by it") from None


def _is_issuer(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _statement(route: Route, sealed: bytes) -> bytes:
    return route.header(b"signed") + sealed
