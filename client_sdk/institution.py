"""An institution's client, for one run of sums: python -m client_sdk.institution --config FILE."""

import argparse
import asyncio
import sys
from pathlib import Path

import msgspec

from client_sdk import connect, institution_config, read_credentials
from client_sdk.admission import Admission, admit, lock
from client_sdk.exit_code import exit_code_of
from client_sdk.masking.exchange import begin_exchange, require_no_relay
from client_sdk.secure_sum.client import SumClient
from client_sdk.secure_sum.journal import SumJournal
from protocols.atomic_file import write_atomically
from protocols.errors import RunEnded
from protocols.masking.journal import open_journal
from protocols.task.manifest import is_active, require_sum, run_id
from protocols.task.secure_sum.spec import SecureSum


async def take_part(path: Path) -> None:
    """Join the run that a configuration names, or go on with it, to its end, and write a summary.

    Raises:
        ConfigError: another process does so from the same folder.
    """
    given, folder = institution_config.load(path), path.resolve().parent
    admission = admit(given, folder)
    manifest = require_sum(admission.manifest)
    with lock(folder, given.name, manifest):
        await _take_part(given, admission, manifest)


async def _take_part(given: institution_config.InstitutionConfig, admission: Admission, manifest: SecureSum) -> None:
    folder = admission.folder
    institution = institution_config.read_institution(given, folder)
    journal = SumJournal.start(folder, manifest)
    credentials = read_credentials(folder / given.credentials)
    if is_active(manifest):
        require_no_relay(given.relay)
        transports = admission.gate(connect(manifest, credentials))
        identity = folder / given.credentials
        pads = open_journal(folder, run_id(manifest), given.name, credentials=identity)
        masked = begin_exchange(manifest, given.name, transports, identity=identity, journal=pads)
        if masked.client.has_joined:
            raise RunEnded("this institution has begun the run before, and a sum with a dealer takes nobody back")
        client = await SumClient.join_over(manifest, institution, masked, journal)
    else:
        transports = admission.gate(connect(manifest, credentials, relay=given.relay, resumed=journal.sessions))
        client = await SumClient.join(manifest, given.name, institution, transports=transports, journal=journal)
    await client.run()
    summary = {
        "sent_bytes": sum(each.sent for each in transports),
        "received_bytes": sum(each.received for each in transports),
        "missed_rounds": client.missed,
        "modules": sorted(sys.modules.keys() & {"torch", "crypten", "flwr"}),
    }
    write_atomically(folder / given.summary, msgspec.json.encode(summary))
    for transport in transports:
        await transport.close()


def main() -> int:
    """Run one client; a mistake in its files is one line and exit code 2, a run that cannot go on exit code 3."""
    parser = argparse.ArgumentParser(
        prog="python -m client_sdk.institution",
        description=__doc__,
        epilog=institution_config.InstitutionConfig.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML; see below")
    given = parser.parse_args()
    return exit_code_of(lambda: asyncio.run(take_part(given.config)))


if __name__ == "__main__":
    sys.exit(main())
