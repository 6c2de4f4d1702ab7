"""An institution's client, for one run of sums: python -m client_sdk.institution --config FILE."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from client_sdk import connect, institution_config, read_credentials
from client_sdk.admission import Admission, admit, lock
from client_sdk.institution_config import InstitutionConfig
from client_sdk.likelihood.forecasts.forecast_institution import ForecastInstitution
from client_sdk.likelihood.forecasts.forecast_table import write_course, write_forecast
from client_sdk.masking.exchange import begin_exchange, require_no_relay
from client_sdk.secure_sum.client import SumClient
from client_sdk.secure_sum.journal import SumJournal
from protocols.atomic_file import write_atomically
from protocols.errors import RunEnded
from protocols.exit_code import exit_code_of
from protocols.kit.peers import wait_for_servers
from protocols.masking.journal import open_journal
from protocols.quantity import quantity
from protocols.task.manifest import is_active, require_sum, run_id
from protocols.task.secure_sum.spec import SecureSum


async def take_part(path: Path, say: Callable[[str], None] = lambda line: None) -> str:
    """Join the run that a configuration names, or go on with it, to its end, and write what comes home of it.

    Args:
        path: of the configuration.
        say: is given a line for whoever waits for the servers.

    Returns:
        How it ended, in a line.

    Raises:
        ConfigError: another process does so from the same folder.
    """
    given, folder = institution_config.load(path), path.resolve().parent
    admission = admit(given, folder)
    manifest = require_sum(admission.manifest)
    with lock(folder, given.name, manifest):
        return await _take_part(given, admission, manifest, say)


async def _take_part(
    given: InstitutionConfig, admission: Admission, manifest: SecureSum, say: Callable[[str], None]
) -> str:
    folder = admission.folder
    institution = ForecastInstitution(institution_config.read_institution(given, folder), given.forecast_periods)
    institution.require(manifest.shape)
    journal = SumJournal.start(folder, manifest)
    if journal.ended:
        return journal.ended  # the servers may be gone
    own = folder / given.credentials
    credentials = read_credentials(own)
    masked = None
    if is_active(manifest):
        require_no_relay(given.relay)
        transports = admission.gate(connect(manifest, credentials))
        pads = open_journal(folder, run_id(manifest), given.name, credentials=own)
        masked = begin_exchange(manifest, given.name, transports, identity=own, journal=pads)
        if masked.client.has_joined:
            raise RunEnded("this institution has begun the run before, and a sum with a dealer takes nobody back")
    else:
        transports = admission.gate(connect(manifest, credentials, relay=given.relay, resumed=journal.sessions))
    await wait_for_servers(given.addresses(manifest), own, patience_s=manifest.join_timeout_s, say=say)
    if masked is not None:
        client = await SumClient.join_over(manifest, institution, masked, journal)
    else:
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
    took = f"the run is over after {quantity(manifest.rounds, 'round')}, of which {len(client.missed)} were missed"
    if len(institution.heard):
        _write_home(given, folder, institution, seed=int.from_bytes(run_id(manifest)[:8], "big"))
        took = f"{took}; {given.forecast} has the own series with bands, {given.course} what was published"
    else:
        took = f"{took}; nothing of its end was heard, so there is no forecast"
    journal.end(took)
    return took


def _write_home(given: InstitutionConfig, folder: Path, institution: ForecastInstitution, *, seed: int) -> None:
    """Write the own series with bands, and what was published of each place."""
    known = institution_config.read_series(given, folder)
    draws = institution.forecast(seed)
    write_forecast(folder / given.forecast, draws, known, given.horizon, fitted=given.periods)
    write_course(folder / given.course, institution.heard, given.place_names, given.horizon)


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
    return exit_code_of("client", lambda: asyncio.run(take_part(given.config)))


if __name__ == "__main__":
    sys.exit(main())
