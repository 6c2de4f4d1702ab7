"""An institution's client, for one run.

python -m client_sdk --config FILE                            takes part in a run
python -m client_sdk enrol INVITATION FOLDER                  makes this client's keys, and a request for the operator
python -m client_sdk enrol --accept NAME.enrolled FOLDER      puts the operator's answer beside the keys
"""

import argparse
import asyncio
import base64
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from client_sdk import Client, certificate_request, config, connect, read_credentials, read_private_state
from client_sdk.admission import admit, lock
from client_sdk.exit_code import exit_code_of
from client_sdk.gradients.participant import Participant
from client_sdk.gradients.participant import take_part as join
from client_sdk.masking.exchange import begin_exchange, open_journal
from client_sdk.private.state import DRAW_BYTES
from client_sdk.simulation.record import RunRecord
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError
from protocols.identity.certificates import expires_soon
from protocols.task.manifest import Simulation, is_active, require_simulation

DRAWS: Final = "draws"  # entry of an active run's journal: the key of what a client draws of its agents


async def take_part(path: Path) -> None:
    """Join the run that a configuration names, take part to its end, and write a summary.

    Raises:
        ConfigError: another process does so from the same folder.
    """
    given, folder = config.load(path), path.resolve().parent
    manifest = require_simulation(admit(given, folder))
    with lock(folder, given.name, manifest):
        await _take_part(given, folder, manifest)


async def _take_part(given: config.ClientConfig, folder: Path, manifest: Simulation) -> None:
    people, contacts = folder / given.people, folder / given.contacts
    journal, draws = None, None
    if given.relay is not None and is_active(manifest):
        raise ParameterError(
            "the run's security is active: an aggregator that relays could drop this client; reach both"
        )
    if is_active(manifest):
        journal = open_journal(folder, manifest, given.name, credentials=folder / given.credentials)
        draws = journal.once(DRAWS, DRAW_BYTES)
    private = read_private_state(manifest, given.name, people=people, contacts=contacts, start=given.start, draws=draws)
    credentials = read_credentials(folder / given.credentials)
    if soon := expires_soon(credentials.certificate):
        print(f"client: {soon}", file=sys.stderr)
    transports = connect(manifest, credentials, relay=given.relay)
    if journal is not None:
        identity = folder / given.credentials
        exchange = begin_exchange(manifest, given.name, transports, identity=identity, journal=journal)
        client: Participant = await Client.join_over(manifest, private, exchange)
    else:
        client = await join(manifest, private, transports, states_every=given.states_every)
    started = time.perf_counter()
    record = RunRecord(client) if isinstance(client, Client) else None
    try:
        await client.run(on_step=record.observe if record else lambda step: None)
    finally:
        if record:
            record.write(outcomes=folder / given.outcomes, series=folder / given.series)
    summary = {
        "steps": manifest.steps,
        "seconds": time.perf_counter() - started,
        "sent_bytes": sum(each.sent for each in transports),
        "received_bytes": sum(each.received for each in transports),
        "missed_steps": client.missed,
        "modules": sorted(sys.modules.keys() & {"torch", "crypten", "flwr"}),
    }
    write_atomically(folder / given.summary, msgspec.json.encode(summary))
    for transport in transports:
        await transport.close()
    print(f"client: the run is over after {manifest.steps} steps, of which {len(set(client.missed))} were missed")
    if record:
        record.require_present(given.max_missed)


def main() -> int:
    """Run one client; a mistake in its files is one line and exit code 2, a run that cannot go on exit code 3."""
    if sys.argv[1:2] == ["enrol"]:
        return exit_code_of(lambda: _enrol(sys.argv[2:]))
    parser = argparse.ArgumentParser(
        prog="python -m client_sdk",
        description=__doc__,
        epilog=config.ClientConfig.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML; see below")
    given = parser.parse_args()
    return exit_code_of(lambda: asyncio.run(take_part(given.config)))


def _enrol(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m client_sdk enrol", description=certificate_request.__doc__)
    parser.add_argument("file", type=Path, help="the operator's invitation; with --accept, its answer")
    parser.add_argument("folder", type=Path, help="for this client's credentials")
    parser.add_argument("--accept", action="store_true", help="put the operator's answer beside the keys")
    given = parser.parse_args(arguments)
    if given.accept:
        print(f'operator_key = "{base64.b64encode(certificate_request.accept(given.file, given.folder)).decode()}"')
    else:
        print(certificate_request.request(given.file, given.folder))


if __name__ == "__main__":
    sys.exit(main())
