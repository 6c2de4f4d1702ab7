"""Certificates of a run: one authority, one certificate per party, whose name it carries."""

import contextlib
import datetime
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Final, final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError
from protocols.file_mode import PUBLIC_MODE, mode_for_others

DAYS: Final = 90
WARN: Final = datetime.timedelta(days=7)
MAX_REQUEST: Final = 2**13


@final
@dataclass(frozen=True, slots=True)
class Credentials:
    """What a party shows and trusts, in PEM."""

    authority: bytes
    certificate: bytes
    private_key: bytes = field(repr=False)


@final
@dataclass(frozen=True, slots=True)
class Authority:
    """Signs the certificates of a run's parties."""

    certificate: x509.Certificate
    private_key: ec.EllipticCurvePrivateKey = field(repr=False)

    def issue(self, name: str, *, days: float = DAYS, now: datetime.datetime | None = None) -> Credentials:
        """Make a key and a certificate for a party.

        Args:
            name: of the party, as in the manifest; becomes the certificate's common name and DNS name.
            days: how long it is valid.
            now: when that begins; five minutes ago unless told, for clocks that differ.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        return Credentials(
            pem_of(self.certificate), self._certify(name, key.public_key(), days=days, now=now), _private_pem(key)
        )

    def certify(self, request: bytes, *, name: str, days: float = DAYS, now: datetime.datetime | None = None) -> bytes:
        """Sign a request that a party made (PEM), and return its certificate (PEM).

        Args:
            name: that the request must have; of what else it asks for, nothing is granted.

        Raises:
            ParameterError: no request, of another name, with another kind of key, or not signed with its own key.
        """
        return self._certify(name, key_of_request(request, name=name), days=days, now=now)

    def _certify(
        self, name: str, key: ec.EllipticCurvePublicKey, *, days: float, now: datetime.datetime | None
    ) -> bytes:
        loopback = [x509.IPAddress(IPv4Address("127.0.0.1")), x509.IPAddress(IPv6Address("::1"))]
        usage = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        certificate = (
            _builder(name, self.certificate.subject, key, days, now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name), *loopback]), critical=False)
            .add_extension(x509.ExtendedKeyUsage(usage), critical=False)
            .sign(self.private_key, hashes.SHA256())
        )
        return pem_of(certificate)


def new_request(name: str) -> tuple[bytes, bytes]:
    """Make a key and a request for a certificate where the party runs: both PEM, the key first."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return _private_pem(key), request.public_bytes(serialization.Encoding.PEM)


def key_of_request(request: bytes, *, name: str) -> ec.EllipticCurvePublicKey:
    """Return the public key of a request (PEM); see `Authority.certify`."""
    if len(request) > MAX_REQUEST:
        raise ParameterError(f"the request has {len(request)} bytes; at most {MAX_REQUEST} are allowed")
    try:
        parsed = x509.load_pem_x509_csr(request)
        names = [str(part.value) for part in parsed.subject]
        key, own = parsed.public_key(), parsed.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise ParameterError(f"not a request for a certificate: {error}") from None
    if names != [name]:
        raise ParameterError(f"the request is for {', '.join(names)[:80] or 'nobody'}; it must be for {name} alone")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ParameterError(f"the request of {name} has no P-256 key; make it with lpm identity or lpm enrol")
    if not own:
        raise ParameterError(f"the request of {name} is not signed with its own key; ask for another one")
    return key


def name_of(certificate: bytes) -> str:
    """Return the party that a certificate (PEM) names."""
    try:
        names = x509.load_pem_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except (ValueError, x509.InvalidVersion) as error:
        raise ParameterError(f"certificate.pem is no certificate: {error}; make it with lpm keys") from None
    if len(names) != 1:
        raise ParameterError(f"certificate.pem has {len(names)} names; it must have one; make it with lpm keys")
    return str(names[0].value)


def expiry(certificate: bytes) -> datetime.datetime:
    """Return when a certificate (PEM) ends, UTC."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def expires_soon(certificate: bytes, *, now: datetime.datetime | None = None) -> str | None:
    """Return a line for the party's owner in the last week of its certificate (PEM), or nothing."""
    end = expiry(certificate)
    left = end - (now or datetime.datetime.now(datetime.UTC))
    if left > WARN:
        return None
    said = f"expires in {max(left.days, 0)} days" if left > datetime.timedelta(0) else "has expired"
    return f"the certificate {said}, at {end:%F %T} UTC; ask the run's operator for a new one"


def new_authority(name: str, *, days: float = DAYS, now: datetime.datetime | None = None) -> Authority:
    """Make an authority for a run."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(name, subject, key.public_key(), days, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def write_authority(folder: Path, authority: Authority) -> None:
    """Keep an authority's certificate and key (mode 0600) in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "authority.pem", pem_of(authority.certificate), mode=PUBLIC_MODE)
    write_atomically(folder / "authority.key", _private_pem(authority.private_key))


def read_authority(folder: Path) -> Authority:
    """Read an authority that `write_authority` kept."""
    certificate = x509.load_pem_x509_certificate(_read(folder / "authority.pem"))
    key = serialization.load_pem_private_key(_read(folder / "authority.key"), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ParameterError(f"{folder / 'authority.key'} holds no key that lpm keys made; make a new authority")
    return Authority(certificate, key)


def write(folder: Path, credentials: Credentials) -> None:
    """Keep a party's credentials in a folder, the key with mode 0600."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "authority.pem", credentials.authority, mode=PUBLIC_MODE)
    write_atomically(folder / "certificate.pem", credentials.certificate, mode=PUBLIC_MODE)
    write_atomically(folder / "private.key", credentials.private_key)


def write_public(folder: Path, authority: bytes, certificate: bytes) -> None:
    """Keep what a party gets back for its request: the authority's certificate and its own (PEM)."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / "authority.pem", authority, mode=PUBLIC_MODE)
    write_atomically(folder / "certificate.pem", certificate, mode=PUBLIC_MODE)


def certificate_of(folder: Path) -> bytes:
    """Return the certificate (PEM) in a party's folder; it is public."""
    return _read(folder / "certificate.pem")


def key_of(folder: Path) -> ec.EllipticCurvePublicKey:
    """Return the public key of the private one in a party's folder."""
    content, key = _read(folder / "private.key"), None
    with contextlib.suppress(ValueError, TypeError, UnsupportedAlgorithm):
        key = serialization.load_pem_private_key(content, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ParameterError(f"{folder / 'private.key'} holds no P-256 key; make it with lpm identity or lpm enrol")
    return key.public_key()


def read(folder: Path) -> Credentials:
    """Read a party's credentials.

    Raises:
        ParameterError: a file is missing, or others than the owner may read the key.
    """
    key = folder / "private.key"
    content = _read(key)
    if mode := mode_for_others(key):
        raise ParameterError(f"{key} has mode {mode}: only its owner may read it; chmod 600 {key}")
    return Credentials(_read(folder / "authority.pem"), _read(folder / "certificate.pem"), content)


def _builder(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: float, now: datetime.datetime | None
) -> x509.CertificateBuilder:
    start = now or datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
    )


def pem_of(certificate: x509.Certificate) -> bytes:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ParameterError(f"cannot read {path}: {error.strerror}; make it with lpm keys") from error
