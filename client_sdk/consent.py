"""Consent: a signed record that a client takes part in a run, and what all its runs cost together.

A client's folder has a file for each run that it has consented to, `consent-1.json` on, each with the hash of the one
before. What they cost is the client's budget; a run is paid for before anything of it is sent, and not before its
owner's tables were read.
"""

import datetime
import hashlib
import math
from pathlib import Path
from typing import Annotated, Final, Literal, final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from protocols import canonical_json
from protocols.atomic_file import create_atomically
from protocols.errors import PolicyConflict
from protocols.identity import signing
from protocols.identity.signing import PublicKey, Signature, SignaturePurpose
from protocols.identity.trust import Digest, Moment, Name
from protocols.task import manifest as manifests
from protocols.task import policy as policies
from protocols.task.manifest import Manifest
from protocols.task.policy import OwnersPolicy

MAX_BYTES: Final = 2**12
MOST: Final = 10**6  # consents in a folder


@final
class Consent(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A client's word that it takes part in a run, under its owner's policy.

    Attributes:
        number: of the client's consents, from 1.
        previous: SHA-256 of the one before; zeros in the first.
        run: SHA-256 of the manifest; policy: SHA-256 of the policy's file.
        rho: what the run may cost in zero-concentrated privacy; None where no noise bounds it.
        given: when, UTC.
        identity: the client's Ed25519 key, which signs.
    """

    version: Literal[2] = 2
    client: Name
    number: Annotated[int, msgspec.Meta(ge=1, le=MOST)]
    previous: Digest
    run: Digest
    policy: Digest
    rho: Annotated[float, msgspec.Meta(ge=0)] | None
    given: Moment
    identity: PublicKey
    signature: Signature

    def check(self) -> None:
        """Check the signature; BadSignature if it is not the identity's."""
        signing.verify(self.identity, SignaturePurpose.CONSENT, _statement(self), self.signature)


def load(path: Path) -> Consent:
    """Read a consent, and check its signature."""
    consent = canonical_json.load(path, Consent, what="consent", max_bytes=MAX_BYTES)
    consent.check()
    return consent


def history(folder: Path) -> list[Consent]:
    """Return all consents of a client's folder, the first one first.

    Raises:
        PolicyConflict: one is missing, or follows another one than the one before.
        BadSignature, ParameterError: one was changed, or cannot be read.

    Security: whoever may write the folder can take consents away from its end, and with them what they cost.
    """
    paths = {path.name for path in folder.glob("consent-*.json")}
    each: list[Consent] = []
    for number in range(1, len(paths) + 1):
        path = _path(folder, number)
        if path.name not in paths:
            raise PolicyConflict(
                f"{path} is missing beside {max(paths)}: the budget over all runs stands in these files; restore it"
            )
        consent = load(path)
        if (consent.number, consent.previous) != (number, _link(each)):
            raise PolicyConflict(f"{path} does not follow the consent before it; restore the files as they were")
        each.append(consent)
    return each


def require_allowed(folder: Path, manifest: Manifest, owners: OwnersPolicy, *, client: str) -> list[Consent]:
    """Refuse a run that a policy, or what is left of the budget, does not allow, or return all earlier consents.

    Raises:
        PolicyConflict: it is so; or another client of the same people takes part in the run, and they would tell twice.
    """
    run, earlier = manifests.run_id(manifest), history(folder)
    if others := sorted({each.client for each in earlier if each.run == run} - {client}):
        raise PolicyConflict(
            f"{others[0]} takes part in this run with the consents of {folder}, which pay for its people once; give "
            f"{client} a folder of its own if it has other people, and sit the run out if it has the same"
        )
    policies.check(manifest, owners, spent=math.fsum(_cost(each) for each in earlier if each.run != run))
    return earlier


def give(
    folder: Path,
    manifest: Manifest,
    owners: OwnersPolicy,
    *,
    client: str,
    identity: Ed25519PrivateKey,
    now: datetime.datetime | None = None,
) -> Consent:
    """Check a policy and the budget over all runs, and sign that the client takes part; once for each run.

    Raises:
        PolicyConflict: the policy does not allow the run, or what is left of the budget is too little for it.
    """
    run, rho = manifests.run_id(manifest), policies.rho_of(manifest)
    while True:
        earlier = require_allowed(folder, manifest, owners, client=client)
        for each in earlier:
            if each.run == run:
                return each
        unsigned = Consent(
            client=client,
            number=len(earlier) + 1,
            previous=_link(earlier),
            run=run,
            policy=owners.digest,
            rho=None if math.isinf(rho) else rho,
            given=(now or datetime.datetime.now(datetime.UTC)).replace(microsecond=0),
            identity=signing.public_of(identity),
            signature=bytes(64),
        )
        signature = signing.sign(identity, SignaturePurpose.CONSENT, _statement(unsigned))
        consent = msgspec.structs.replace(unsigned, signature=signature)
        if create_atomically(_path(folder, consent.number), canonical_json.encode(consent)):
            return consent


def _path(folder: Path, number: int) -> Path:
    return folder / f"consent-{number}.json"


def _link(earlier: list[Consent]) -> bytes:
    return hashlib.sha256(canonical_json.encode(earlier[-1])).digest() if earlier else bytes(32)


def _cost(consent: Consent) -> float:
    return math.inf if consent.rho is None else consent.rho


def _statement(consent: Consent) -> bytes:
    return canonical_json.encode(msgspec.structs.replace(consent, signature=bytes(64)))
