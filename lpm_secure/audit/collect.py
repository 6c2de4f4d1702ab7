"""At the end of a local run: its ledgers in one place, and the signed index over all of its files."""

from lpm_secure.audit import index
from lpm_secure.testbed.deployment import LocalDeployment
from protocols.releases import ledger
from protocols.task import manifest as manifests


def collect(deployment: LocalDeployment) -> None:
    """Copy every aggregator's ledger and deliveries to `ledgers/`, and write the index; all processes have ended."""
    folder, manifest = deployment.folder, deployment.manifest
    name = ledger.file_name(manifests.run_id(manifest))
    index.copy_ledgers({party.name: deployment.party(party.name) / name for party in manifest.aggregators}, folder)
    if deployment.keys is not None:
        index.write(folder, deployment.keys.operator)
