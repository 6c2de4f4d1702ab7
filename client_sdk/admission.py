"""What every client does before it takes part: check whose manifest it is, and that its owner allows it.

Then its tables are read, and whatever else can be wrong here is looked for; its owner's consent is signed and paid for
when the first call is about to leave, by whatever calls first: a comparison of contacts is one too.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from client_sdk import consent
from client_sdk.watermark import StepWatermark
from protocols import folder_lock
from protocols.errors import ParameterError
from protocols.identity import signing
from protocols.identity.server_keys import IDENTITY
from protocols.identity.signing import PublicKey
from protocols.identity.trust import Name
from protocols.masking.plan import check_security
from protocols.releases.ledger import SHORT
from protocols.task import policy as policies
from protocols.task.manifest import Manifest, run_id
from protocols.task.policy import OwnersPolicy
from protocols.task.signature import load_verified, trust_of
from protocols.wire.messages import JoinReply, Share
from protocols.wire.transport import Transport


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

    def addresses(self, manifest: Manifest) -> dict[str, str]:
        """Return the addresses of the aggregators that this client calls itself, by name."""
        return {each.name: each.address for each in manifest.aggregators if self.relay in (None, each.name)}


@final
@dataclass(slots=True, eq=False)
class Admission:
    """A manifest that a client's owner allows; nothing of the run has left the client before its consent is given."""

    manifest: Manifest
    folder: Path
    client: str
    _owners: OwnersPolicy
    _identity: Ed25519PrivateKey = field(repr=False)
    _given: bool = False

    def consent(self) -> None:
        """Keep a signed record that the client takes part, and charge its budget, once for each run.

        Raises:
            PolicyConflict: another run has taken what was left of the budget.
        """
        if not self._given:
            consents = self._owners.consents(self.folder)
            consent.give(consents, self.manifest, self._owners, client=self.client, identity=self._identity)
            self._given = True

    def gate(self, transports: Sequence[Transport]) -> list[Transport]:
        """Return the transports behind this consent: the first call over one of them gives it first.

        Raises:
            ConfigError: what this client has kept of the run was changed.
        """
        progress = StepWatermark(self.folder / f"{_stem(self.client, self.manifest)}.step")
        return [ConsentGate(each, self, progress) for each in transports]


@final
class ConsentGate(Transport):
    """A transport over which nothing leaves before the consent to it is on disk, nor to servers that were put back."""

    def __init__(self, inner: Transport, admission: Admission, progress: StepWatermark) -> None:
        """Call over `inner`."""
        self._inner, self._admission, self._progress = inner, admission, progress

    async def call(self, request: object, *, timeout_s: float) -> Any:
        """Consent, if it was not done yet, and call.

        Raises:
            RecordsDiffer: the server's run is in a step that is over for this client.
        """
        self._admission.consent()
        try:
            reply = await self._inner.call(request, timeout_s=timeout_s)
        finally:
            self.sent, self.received = self._inner.sent, self._inner.received
        if isinstance(request, Share):
            self._progress.take(request.step)
        elif isinstance(reply, JoinReply):
            self._progress.require(reply.step)
        return reply

    async def close(self) -> None:
        """Close what carries the calls."""
        await self._inner.close()


def admit(config: AdmissionConfig, folder: Path) -> Admission:
    """Admit a manifest: check its signature, its owner's policy, and that enough of the budget is left.

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
    consent.require_allowed(owners.consents(folder), manifest, owners, client=config.name)
    return Admission(manifest, folder, config.name, owners, identity)


def lock(folder: Path, client: str, manifest: Manifest) -> AbstractContextManager[None]:
    """Return a lock on what a client keeps of a run in its folder, to be held while it takes part.

    Raises:
        ConfigError: another process holds it.
    """
    return folder_lock.hold(folder / f"{_stem(client, manifest)}.lock")


def _stem(client: str, manifest: Manifest) -> str:
    return f"{client}-{run_id(manifest).hex()[:SHORT]}"
