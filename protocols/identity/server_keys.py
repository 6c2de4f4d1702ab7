"""The key files of an operator's server, made where the server runs, and what of them a manifest pins."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.errors import ParameterError
from protocols.identity import certificates, signing
from protocols.identity.sealing_key import SealingKey
from protocols.identity.trust import PartyKeys

IDENTITY = "identity.key"
SEALING = "sealing.key"


@final
@dataclass(frozen=True, slots=True)
class ServerKeys:
    """The private keys of an aggregator, or of the dealer, which needs none for sealing."""

    identity: Ed25519PrivateKey = field(repr=False)
    sealing: SealingKey | None = field(repr=False)

    @classmethod
    def generate(cls, *, dealer: bool = False) -> "ServerKeys":
        """Make keys from the system's randomness."""
        return cls(signing.new_key(), None if dealer else SealingKey.generate())

    def write(self, folder: Path) -> None:
        """Keep them as `identity.key` and `sealing.key`, mode 0600, never over files that are there."""
        folder.mkdir(parents=True, exist_ok=True)
        signing.write_key(folder / IDENTITY, self.identity)
        if self.sealing is not None:
            self.sealing.write(folder / SEALING)

    @classmethod
    def read(cls, folder: Path, *, dealer: bool = False) -> "ServerKeys":
        """Read what `write` kept."""
        identity = signing.read_key(folder / IDENTITY)
        return cls(identity, None if dealer else SealingKey.read(folder / SEALING))

    def public(self, operator: str, tls: bytes) -> PartyKeys:
        """Return what a manifest pins, with the digest of the party's TLS key."""
        return PartyKeys(
            operator=operator,
            identity=signing.public_of(self.identity),
            sealing=None if self.sealing is None else self.sealing.public,
            certificate=tls,
        )


def digest_of(certificate: bytes) -> bytes:
    """Return what a certificate (PEM) is pinned by: its public key, so that a renewed one still fits."""
    return digest_of_key(x509.load_pem_x509_certificate(certificate).public_key())


def digest_of_key(key: Any) -> bytes:
    """Return SHA-256 of a public key's DER form."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).digest()


def server_keys(folder: Path, pins: Mapping[str, PartyKeys], name: str) -> ServerKeys:
    """Read the keys of a server, if they are those that the manifest pins.

    Args:
        folder: its credentials.
        pins: of all servers, by name.

    Raises:
        ParameterError: the manifest pins none, or others.
    """
    pin = pins.get(name)
    if pin is None:
        raise ParameterError(f"the manifest pins no keys of {name}; it has those of {', '.join(pins)}")
    keys = ServerKeys.read(folder, dealer=pin.sealing is None)
    if keys.public(pin.operator, digest_of(certificates.certificate_of(folder))) != pin:
        raise ParameterError(
            f"the keys in {folder} are not those that the manifest pins for {name}; use the folder they were made in"
        )
    return keys
