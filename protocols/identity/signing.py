"""Signatures with Ed25519: one key in one file, and every signature for one purpose."""

import base64
import binascii
import enum
from pathlib import Path
from typing import Annotated, final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from protocols.atomic_file import create_atomically
from protocols.errors import BadSignature, ParameterError
from protocols.file_mode import mode_for_others

PublicKey = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]


@final
class SignaturePurpose(enum.Enum):
    """What a signature says; a signature for one purpose is none for another."""

    MANIFEST = b"manifest"
    COUNTERSIGNATURE = b"countersignature"
    INVITATION = b"invitation"
    ENROLMENT = b"enrolment"
    CONSENT = b"consent"
    LEDGER = b"ledger"
    MESSAGE = b"message"
    INDEX = b"index"


def statement(purpose: SignaturePurpose, content: bytes) -> bytes:
    """Return the bytes that are signed: version, purpose and content, which no other pair gives."""
    return b"lpm-secure 1 " + purpose.value + b"\x00" + content


def sign(key: Ed25519PrivateKey, purpose: SignaturePurpose, content: bytes) -> bytes:
    """Return the signature, 64 bytes."""
    return key.sign(statement(purpose, content))


def verify(key: bytes, purpose: SignaturePurpose, content: bytes, signature: bytes) -> None:
    """Check a signature under a public key of 32 bytes.

    Raises:
        BadSignature: it was not made with that key, for that purpose, over that content.
    """
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, statement(purpose, content))
    except (InvalidSignature, ValueError):
        raise BadSignature(
            f"the signature of this {purpose.name.lower()} was not made over it with the key {key.hex()[:16]}...; "
            "ask its author for the original, and compare the key"
        ) from None


def new_key() -> Ed25519PrivateKey:
    """Make a key from the system's randomness."""
    return Ed25519PrivateKey.generate()


def public_of(key: Ed25519PrivateKey) -> bytes:
    """Return the public key, 32 bytes."""
    return key.public_key().public_bytes_raw()


def public_key_of(text: str) -> bytes:
    """Read a public key as people hand it on, 32 bytes in base64.

    Raises:
        ParameterError: it is something else.
    """
    try:
        content = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        content = b""
    if len(content) != 32:
        raise ParameterError(
            f"got {text[:60]!r} for a public key; it is 32 bytes in base64, 44 characters: ask the run's operator"
        )
    return content


def write_key(path: Path, key: Ed25519PrivateKey) -> None:
    """Keep a private key, PEM, mode 0600; never over a file that is there."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(path, pem)


def read_key(path: Path) -> Ed25519PrivateKey:
    """Read what `write_key` kept.

    Raises:
        ParameterError: no such file, no Ed25519 key, or others than the owner may read it.
    """
    try:
        key = serialization.load_pem_private_key(read_private(path), None)
    except (ValueError, TypeError) as error:
        raise ParameterError(f"{path} holds no private key: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ParameterError(f"{path} holds no Ed25519 key; make one with lpm keys")
    return key


def write_private(path: Path, content: bytes) -> None:
    """Write a secret with mode 0600; never over a file that is there."""
    try:
        is_new = create_atomically(path, content)
    except OSError as error:
        raise ParameterError(f"cannot write {path}: {error.strerror}") from error
    if not is_new:
        raise ParameterError(f"{path} is there already; a key is not written over, so move it away first")


def read_private(path: Path) -> bytes:
    """Read a secret, if its owner alone may.

    Raises:
        ParameterError: no such file, or others may read it.
    """
    try:
        content, mode = path.read_bytes(), mode_for_others(path)
    except OSError as error:
        raise ParameterError(f"cannot read {path}: {error.strerror}; make it with lpm keys") from error
    if mode:
        raise ParameterError(f"{path} has mode {mode}: only its owner may read it; chmod 600 {path}")
    return content
