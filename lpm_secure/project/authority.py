"""What the run's operator keeps in a folder of its own: its key, the authority of certificates, and invitations."""

from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols.identity import certificates, signing
from protocols.identity.certificates import Authority

INVITATIONS: Final = "invitations"
OPERATOR: Final = "operator.key"


def authority_in(folder: Path, *, days: float) -> Authority:
    """Return the authority of a folder, made here if there is none."""
    if (folder / "authority.key").exists():
        return certificates.read_authority(folder)
    authority = certificates.new_authority(f"authority of {folder.name}", days=days)
    certificates.write_authority(folder, authority)
    return authority


def operator_key_in(folder: Path) -> Ed25519PrivateKey:
    """Return the operator's key of a folder, made here if there is none."""
    if not (folder / OPERATOR).exists():
        signing.write_key(folder / OPERATOR, signing.new_key())
    return signing.read_key(folder / OPERATOR)
