"""Mutual TLS 1.3 between operators: both sides show a certificate, and it must name who they are expected to be."""

import hashlib
import ssl
from typing import final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from aggregator.mpc.config import Endpoint, Identity
from protocols.errors import ConfigError, NotEnrolled


@final
class Tls:
    """One party's contexts for connections that it takes and that it makes."""

    __slots__ = ("accepting", "connecting", "key_hash")

    def __init__(self, identity: Identity) -> None:
        """Read the files.

        Raises:
            ConfigError: a file is missing or does not fit.
        """
        try:
            self.accepting = _context(ssl.PROTOCOL_TLS_SERVER, identity)
            self.connecting = _context(ssl.PROTOCOL_TLS_CLIENT, identity)
            self.key_hash = _key_hash(x509.load_pem_x509_certificate(identity.certificate.read_bytes()))
        except (OSError, ValueError) as err:
            raise ConfigError(f"cannot use the certificate files: {err}") from err


def names(sock: ssl.SSLSocket) -> frozenset[str]:
    """Return the names that the other side's verified certificate carries: DNS names, else the common name."""
    certificate = x509.load_der_x509_certificate(_der(sock))
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        found = extension.value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        found = []
    common = [str(a.value) for a in certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    return frozenset(found or common)


def require(sock: ssl.SSLSocket, expected: Endpoint, own_key_hash: bytes) -> None:
    """Check that the other side is who it should be, and does not hold this party's own key.

    Security: the run's authority could certify anybody under an operator's name; so the key counts that the manifest
        pins, and not the name alone.

    Raises:
        NotEnrolled: it is somebody else.
    """
    if names(sock) != {expected.name}:
        raise NotEnrolled(f"the other side's certificate does not name {expected.name!r}; check the addresses")
    shown = _key_hash(x509.load_der_x509_certificate(_der(sock)))
    if shown == own_key_hash:
        raise NotEnrolled(f"{expected.name!r} shows this party's own key; each operator needs a key of its own")
    if expected.key not in (None, shown):
        raise NotEnrolled(f"the key of {expected.name!r} is not the one that the manifest pins; compare the keys")


def _context(protocol: ssl._SSLMethod, identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # `require` checks the operator's name, which need not be a host's
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(identity.authority)
    context.load_cert_chain(identity.certificate, identity.private_key)
    if protocol == ssl.PROTOCOL_TLS_SERVER:
        context.num_tickets = 0  # no resumption: every connection proves both keys
    return context


def _der(sock: ssl.SSLSocket) -> bytes:
    der = sock.getpeercert(binary_form=True)
    if not der:
        raise NotEnrolled("the other side showed no certificate")
    return der


def _key_hash(certificate: x509.Certificate) -> bytes:
    public = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(public).digest()
