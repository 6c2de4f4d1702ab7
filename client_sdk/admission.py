"""What every client does before it takes part: check whose manifest it is, and that its owner allows it."""

from pathlib import Path
from typing import Protocol

from protocols.errors import ParameterError
from protocols.identity import signing
from protocols.identity.server_keys import IDENTITY
from protocols.masking.plan import check_security
from protocols.task import policy as policies
from protocols.task.manifest import Manifest
from protocols.task.signature import load_verified, trust_of


class AdmissionConfig(Protocol):
    """The part of a client's configuration that this needs; paths are relative to its folder."""

    @property
    def name(self) -> str:
        """Return the client's name."""

    @property
    def manifest(self) -> str:
        """Return where the manifest is."""

    @property
    def operator_key(self) -> bytes:
        """Return the key that must have signed it."""

    @property
    def policy(self) -> str:
        """Return where the owner's policy is."""

    @property
    def credentials(self) -> str:
        """Return the folder of the client's keys."""


def admit(config: AdmissionConfig, folder: Path) -> Manifest:
    """Admit a manifest: check its signature and its owner's policy, and keep a signed record of consent beside it.

    Raises:
        BadSignature: another operator's, or not valid now.
        PolicyConflict: it asks for more than the policy allows.
        ParameterError: its security is active, and it pins another key of this client, or asks for what cannot be so.
    """
    manifest = load_verified(folder / config.manifest, operator_key=config.operator_key)
    identity = signing.read_key(folder / config.credentials / IDENTITY)
    check_security(manifest)
    if trust_of(manifest).identities.get(config.name, own := signing.public_of(identity)) != own:
        raise ParameterError(
            f"the manifest pins another key of {config.name} than {IDENTITY} is; ask its operator to take yours"
        )
    owners = policies.load_policy(folder / config.policy)
    policies.keep(folder, policies.give(manifest, owners, client=config.name, identity=identity))
    return manifest
