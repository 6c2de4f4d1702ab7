"""A manifest's signatures beside it: `manifest.sig` of the run's operator, `manifest.SERVER.sig` of a server's."""

import datetime
import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Final, Literal, final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols import canonical_json
from protocols.errors import BadSignature, ParameterError
from protocols.identity import signing
from protocols.identity.signing import Signature, SignaturePurpose
from protocols.identity.trust import Digest, Name, Trust
from protocols.task import manifest as manifests
from protocols.task.manifest import Manifest

MAX_BYTES: Final = 2**12


@final
class ManifestSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The operator's word that a manifest is its own.

    Attributes:
        operator: who signed, as the manifest names it.
        run: SHA-256 of the manifest, the run's id.
        signature: Ed25519 over the run's id.
    """

    version: Literal[1] = 1
    operator: Name
    run: Digest
    signature: Signature


@final
class Countersignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A server operator's word that its server takes part in a run, by that server's key.

    Attributes:
        server: its name in the manifest.
        run: SHA-256 of the manifest, the run's id.
        signature: Ed25519 over the run's id.
    """

    version: Literal[1] = 1
    server: Name
    run: Digest
    signature: Signature


def trust_of(manifest: Manifest) -> Trust:
    """Return what a manifest says of trust.

    Raises:
        ParameterError: it pins no keys; such a manifest is for tests inside one process.
    """
    if manifest.trust is None:
        raise ParameterError(
            f"the manifest of {manifest.name} pins no keys, so nothing could be sealed; write it with lpm manifest new"
        )
    return manifest.trust


def sign(manifest: Manifest, key: Ed25519PrivateKey) -> ManifestSignature:
    """Sign a manifest as its operator."""
    run = manifests.run_id(manifest)
    signature = signing.sign(key, SignaturePurpose.MANIFEST, run)
    return ManifestSignature(operator=trust_of(manifest).operator, run=run, signature=signature)


def countersign(manifest: Manifest, key: Ed25519PrivateKey) -> Countersignature:
    """Sign a manifest as the operator of one of its servers.

    Raises:
        ParameterError: the manifest pins no such key.
    """
    run, public, pinned = manifests.run_id(manifest), signing.public_of(key), trust_of(manifest).keys
    server = next((name for name, keys in pinned.items() if keys.identity == public), None)
    if server is None:
        raise ParameterError(
            f"the manifest pins the key of no server as {public.hex()[:16]}...; its servers are "
            f"{', '.join(sorted(pinned))}: give the folder of one, or ask the run's operator to take its request"
        )
    signature = signing.sign(key, SignaturePurpose.COUNTERSIGNATURE, run)
    return Countersignature(server=server, run=run, signature=signature)


def verify(
    manifest: Manifest, signature: ManifestSignature, *, operator_key: bytes, now: datetime.datetime | None = None
) -> None:
    """Check that a manifest is what its operator signed, and valid now.

    Args:
        operator_key: Ed25519, 32 bytes, as this party has pinned it: never taken from beside the manifest.

    Raises:
        BadSignature: another manifest, another key, not valid yet, or expired.
    """
    trust = trust_of(manifest)
    _require_signed(manifests.run_id(manifest), signature, operator_key)
    if signature.operator != trust.operator:
        raise BadSignature(f"signed by {signature.operator}, but the manifest is of {trust.operator}")
    trust.require_valid(now)


def signature_path(path: Path) -> Path:
    """Return where the signature of a manifest's file lies."""
    return path.with_suffix(".sig")


def countersignature_path(path: Path, server: str) -> Path:
    """Return where the signature of a server lies beside a manifest's file."""
    return path.with_suffix(f".{server}.sig")


def require_countersigned(path: Path, manifest: Manifest, servers: Collection[str] | None = None) -> None:
    """Check that the operators of these servers, of all unless given, have signed the manifest of a file.

    Raises:
        BadSignature: one has signed another manifest, or by another key than the manifest pins.
        ParameterError: one has not signed.
    """
    pinned = trust_of(manifest).keys
    for server in pinned if servers is None else servers:
        file = countersignature_path(path, server)
        found = canonical_json.load(file, Countersignature, what="countersignature", max_bytes=MAX_BYTES)
        if (found.server, found.run) != (server, manifests.run_id(manifest)):
            raise BadSignature(f"{file} is of another manifest or server; ask the operator of {server} for its own")
        signing.verify(pinned[server].identity, SignaturePurpose.COUNTERSIGNATURE, found.run, found.signature)


def load_signature(path: Path) -> ManifestSignature:
    """Read the signature beside a manifest's file."""
    return canonical_json.load(signature_path(path), ManifestSignature, what="manifest signature", max_bytes=MAX_BYTES)


def load_verified(path: Path, *, operator_key: bytes, now: datetime.datetime | None = None) -> Manifest:
    """Read a manifest's file, if its operator signed it and it is valid now.

    Security: the signature is checked over the file's bytes before any of them is decoded.

    Raises:
        BadSignature: see `verify`.
        ParameterError: a file cannot be read.
    """
    signature, content = load_signature(path), manifests.read(path)
    _require_signed(hashlib.sha256(content).digest(), signature, operator_key)
    manifest = manifests.decode(content, what=f"manifest {path}")
    verify(manifest, signature, operator_key=operator_key, now=now)
    return manifest


def _require_signed(run: bytes, signature: ManifestSignature, operator_key: bytes) -> None:
    if signature.run != run:
        raise BadSignature("the signature is of another manifest; ask the operator for the pair that belongs together")
    signing.verify(operator_key, SignaturePurpose.MANIFEST, signature.run, signature.signature)
