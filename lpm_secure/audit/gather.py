"""The folder that an audit needs, of a run whose parties ran apart: its operator makes it from what they handed in."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lpm_secure.audit import index
from lpm_secure.audit.index import LEDGERS, MANIFEST
from protocols.errors import LpmError, ParameterError
from protocols.identity import signing
from protocols.releases import ledger
from protocols.releases.ledger import StartEvent
from protocols.task import manifest as manifests
from protocols.task import signature as signatures
from protocols.task.manifest import Manifest


def gather(manifest: Path, ledgers: Sequence[Path], *, key: Ed25519PrivateKey, out: Path) -> list[str]:
    """Copy a run's manifest and its aggregators' ledgers to a new folder, and sign the index over them.

    What an aggregator shows of its deliveries is taken along where it lies beside its ledger. A ledger that was damaged
    after its first line is taken as it is: to find that is the audit's work.

    Returns:
        The aggregators of which no ledger was given; the audit will name these.

    Raises:
        ParameterError: not the operator's key, a file that is no ledger of this run, or a folder that is there.
    """
    content = manifests.load(manifest)
    trust = signatures.trust_of(content)
    signature = signatures.load_signature(manifest)
    signatures.verify(content, signature, operator_key=signing.public_of(key), now=trust.not_before)
    found: dict[str, Path] = {}
    for path in ledgers:
        name = _writer(path, content)
        if name in found:
            raise ParameterError(f"{found[name]} and {path} are both of {name}; give the one that it handed in")
        found[name] = path
    try:
        (out / LEDGERS).mkdir(parents=True)
    except OSError as error:
        raise ParameterError(f"cannot make {out / LEDGERS}: {error.strerror}; name a new folder") from error
    shutil.copyfile(manifest, out / MANIFEST)
    shutil.copyfile(signatures.signature_path(manifest), signatures.signature_path(out / MANIFEST))
    index.copy_ledgers(found, out)
    index.write(out, key)
    return [party.name for party in content.aggregators if party.name not in found]


def _writer(path: Path, manifest: Manifest) -> str:
    """Return which aggregator of the run began a ledger, by its pinned key."""
    run, trust = manifests.run_id(manifest), signatures.trust_of(manifest)
    try:
        with path.open("rb") as file:
            first = file.readline(ledger.MAX_LINE)
    except OSError as error:
        raise ParameterError(f"cannot read the ledger {path}: {error.strerror}") from error
    for party in manifest.aggregators:
        try:
            events = ledger.verify([first], trust.keys[party.name].identity)
        except LpmError:
            continue
        if events == [StartEvent(run, party.name)]:
            return party.name
    names = ", ".join(party.name for party in manifest.aggregators)
    raise ParameterError(f"{path} begins no ledger of this run by {names}; ask its operator for ledger-*.jsonl")
