"""What every client does before it takes part: check whose manifest it is, and that its owner allows it."""

from contextlib import AbstractContextManager
from pathlib import Path

import msgspec

from client_sdk import consent
from protocols import folder_lock
from protocols.errors import ParameterError
from protocols.identity import signing
from protocols.identity.server_keys import IDENTITY
from protocols.identity.signing import PublicKey
from protocols.identity.trust import Name
from protocols.masking.plan import check_security
from protocols.task import policy as policies
from protocols.task.manifest import Manifest, run_id
from protocols.task.signature import load_verified, trust_of


class AdmissionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every client's configuration file says, and that of a device whose vector its app knows; paths are relative.

    Attributes:
        name: this client's in the manifest, and in its certificate.
        manifest: of the run, with its signature (.sig) beside it.
        operator_key: who must have signed it: the run's operator's Ed25519 key, 32 bytes in base64.
        policy: what the client's owner allows, TOML; a manifest that asks for more is refused.
        credentials: folder with authority.pem, certificate.pem, and private.key and identity.key (mode 0600).
        relay: the one aggregator that this client reaches, by name; it passes sealed calls on to the others.
    """

    name: Name
    manifest: str
    operator_key: PublicKey
    policy: str
    credentials: str
    relay: Name | None = None


def admit(config: AdmissionConfig, folder: Path) -> Manifest:
    """Admit a manifest: check its signature and its owner's policy, and keep a signed record of consent beside it.

    Raises:
        BadSignature: another operator's, or not valid now.
        PolicyConflict: it asks for more than the policy allows, or than is left of the budget over all runs.
        ParameterError: its security is active, and it pins another key of this client, or asks for what cannot be so.
    """
    path = folder / config.manifest
    manifest = load_verified(path, operator_key=config.operator_key)
    identity = signing.read_key(folder / config.credentials / IDENTITY)
    check_security(manifest)
    if trust_of(manifest).identities.get(config.name, own := signing.public_of(identity)) != own:
        raise ParameterError(
            f"the manifest pins another key of {config.name} than {IDENTITY} is; ask its operator to take yours"
        )
    owners = policies.load_policy(folder / config.policy)
    policies.check_countersignatures(manifest, path, owners)
    consent.give(folder, manifest, owners, client=config.name, identity=identity)
    return manifest


def lock(folder: Path, client: str, manifest: Manifest) -> AbstractContextManager[None]:
    """Return a lock on what a client keeps of a run in its folder, to be held while it takes part.

    Raises:
        ConfigError: another process holds it.
    """
    return folder_lock.hold(folder / f"{client}-{run_id(manifest).hex()[:12]}.lock")
