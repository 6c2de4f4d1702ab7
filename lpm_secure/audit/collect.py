"""At the end of a local run: its ledgers in one place, and the signed index over all of its files."""

import shutil

from lpm_secure.audit import index
from lpm_secure.audit.index import LEDGERS
from lpm_secure.testbed.deployment import LocalDeployment
from protocols.releases import deliveries, ledger
from protocols.task import manifest as manifests


def collect(deployment: LocalDeployment) -> None:
    """Copy every aggregator's ledger and deliveries to `ledgers/`, and write the index; all processes have ended."""
    folder, manifest = deployment.folder, deployment.manifest
    (folder / LEDGERS).mkdir(exist_ok=True)
    name = ledger.file_name(manifests.run_id(manifest))
    for party in manifest.aggregators:
        source, target = deployment.party(party.name) / name, folder / LEDGERS / f"{party.name}.jsonl"
        for path, copy in ((source, target), tuple(map(deliveries.path_beside, (source, target)))):
            if path.exists():
                shutil.copyfile(path, copy)
    if deployment.keys is not None:
        index.write(folder, deployment.keys.operator)
