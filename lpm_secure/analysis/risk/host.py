"""Simulated devices, some to a process: each with its own files, keys, consent and connections.

python -m lpm_secure.analysis.risk.host --config FILE
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import final

import msgspec
import numpy as np

from client_sdk import Client, PrivateState, config, connect, read_credentials, read_private_state
from client_sdk.admission import Admission, AdmissionConfig, admit, lock
from client_sdk.masking.exchange import MaskedExchange, begin_exchange, require_no_relay
from client_sdk.secure_sum.client import SumClient
from client_sdk.secure_sum.fixed_vector import FixedVector
from client_sdk.secure_sum.journal import SumJournal
from client_sdk.simulation.exchange import Exchange, RoundExchange
from lpm_secure.analysis.risk import personal
from lpm_secure.analysis.risk.distribution import in_bin
from protocols.errors import ProtocolError, RunEnded
from protocols.exit_code import exit_code_of
from protocols.masking.journal import open_journal
from protocols.task.manifest import Manifest, Simulation, is_active, require_simulation, require_sum, run_id
from protocols.task.secure_sum.spec import SecureSum
from protocols.toml_file import load_config
from protocols.wire.transport import Transport


@final
class HostFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a host reads.

    Attributes:
        devices: folders of the devices in the run.
        risks: folders in which the same devices keep their risks; without them, the run is the one that finds these.
        edges: of the distribution's bins.
    """

    devices: tuple[str, ...]
    risks: tuple[str, ...] = ()
    edges: tuple[float, ...] = ()


async def week(
    manifest: Simulation, private: PrivateState, transports: list[Transport], exchange: MaskedExchange | None = None
) -> personal.Personal:
    """Take part in the simulation, and return what the device learned of its person.

    Args:
        manifest, private, transports: of the run, of the device, and to the aggregators.
        exchange: the device's rounds, where security is active.

    Raises:
        ProtocolError: a round closed without the device, so that its worlds are not the others'.
    """
    first = np.array(private.state["stage"], dtype=np.int64)
    if exchange is not None:
        client = await Client.join_over(manifest, private, exchange)
    else:
        client = await Client.join(manifest, private, transports)
    await client.run()
    if client.missed:
        raise ProtocolError(
            f"{private.name} missed step {client.missed[0]}, so it has no risk to show; allow longer rounds"
        )
    return personal.Personal.of(first, np.array(private.state["stage"], dtype=np.int64))


async def join_distribution(manifest: SecureSum, exchange: RoundExchange, *, place: int, journal: SumJournal) -> None:
    """Take part in the distribution, in the bin of the device's own risk."""
    institution = FixedVector(in_bin(place, manifest.length))
    client = await SumClient.join_over(manifest, institution, exchange, journal)
    await client.run()


async def _simulated(folder: Path) -> None:
    """Let one device take part in the week, by its own files."""
    given = config.load(folder / "config.toml")
    admission = admit(given, folder)
    manifest = require_simulation(admission.manifest)
    people, contacts = folder / given.people, folder / given.contacts
    with lock(folder, given.name, manifest):
        private = read_private_state(manifest, given.name, people=people, contacts=contacts, start=given.start)
        credentials = read_credentials(folder / given.credentials)
        transports = admission.gate(connect(manifest, credentials, relay=given.relay))
        try:
            exchange = _masked(given, folder, manifest, transports) if is_active(manifest) else None
            (await week(manifest, private, transports, exchange)).write(folder)
        finally:
            await _close(transports)


async def _join(folder: Path, risk_of: Path, edges: Sequence[float]) -> None:
    """Let one device take part in the distribution, by its own files and its risk."""
    given = load_config(folder / "config.toml", AdmissionConfig)
    admission = admit(given, folder)
    with lock(folder, given.name, admission.manifest):
        await _distribute(given, admission, require_sum(admission.manifest), place=personal.read(risk_of).bin(edges))


async def _distribute(given: AdmissionConfig, admission: Admission, manifest: SecureSum, *, place: int) -> None:
    credentials = read_credentials(admission.folder / given.credentials)
    journal = SumJournal.start(admission.folder, manifest)
    transports = admission.gate(connect(manifest, credentials, relay=given.relay, resumed=journal.sessions))
    try:
        if is_active(manifest):
            exchange: RoundExchange = _masked(given, admission.folder, manifest, transports)
        else:
            exchange = Exchange(manifest, given.name, transports, keys=journal.keys)
        await join_distribution(manifest, exchange, place=place, journal=journal)
    finally:
        await _close(transports)


def _masked(
    given: AdmissionConfig, folder: Path, manifest: Manifest, transports: Sequence[Transport]
) -> MaskedExchange:
    """Return a device's rounds where security is active; a host that is started again has lost its devices' worlds.

    Raises:
        ParameterError: the device's configuration names a relay.
        RunEnded: the device has begun the run before.
    """
    require_no_relay(given.relay)
    identity = folder / given.credentials
    journal = open_journal(folder, run_id(manifest), given.name, credentials=identity)
    exchange = begin_exchange(manifest, given.name, transports, identity=identity, journal=journal)
    if exchange.client.has_joined:
        raise RunEnded(f"{given.name} has begun the run before; start both runs anew")
    return exchange


async def _close(transports: Sequence[Transport]) -> None:
    for transport in transports:
        await transport.close()


async def _all(given: HostFile) -> None:
    """Let all devices of a host take part, in the distribution where they have their risks."""
    if not given.risks:
        await asyncio.gather(*(_simulated(Path(device)) for device in given.devices))
        return
    pairs = zip(given.devices, given.risks, strict=True)
    await asyncio.gather(*(_join(Path(device), Path(risk), given.edges) for device, risk in pairs))


def main() -> int:
    """Run the devices of one file; exit code 2 for a mistake in their files, 3 for a run that cannot go on."""
    parser = argparse.ArgumentParser(prog="python -m lpm_secure.analysis.risk.host", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="TOML")
    given = parser.parse_args()
    return exit_code_of("devices", lambda: asyncio.run(_all(load_config(given.config, HostFile))))


if __name__ == "__main__":
    sys.exit(main())
