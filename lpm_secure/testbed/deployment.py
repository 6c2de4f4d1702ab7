"""A local deployment: a folder for each party with all that it needs, and a process for each."""

import abc
import contextlib
import dataclasses
import datetime
import os
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import msgspec
import pyarrow as pa
from pyarrow import csv

from aggregator.config import AggregatorConfig, DealerFile
from client_sdk.config import ClientConfig
from client_sdk.private.device_keys import write_device_keys
from lpm_secure.local_process.launch import LocalProcess, launch
from lpm_secure.local_process.modules import modules_for
from lpm_secure.testbed.keys import TestbedKeys, permissive, pin_keys
from lpm_secure.testbed.testbed import Testbed
from protocols import canonical_json
from protocols.atomic_file import write_atomically
from protocols.file_mode import PUBLIC_MODE
from protocols.identity import certificates, signing
from protocols.identity.server_keys import IDENTITY
from protocols.models.agent_model import UNKNOWN
from protocols.task import manifest as manifests
from protocols.task import signature as signatures
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest, Simulation, is_active
from protocols.task.parties import ENGINE, servers_of
from protocols.wire.connect import connect
from protocols.wire.transport import Transport

GRACE_S: Final = 2.0  # for all processes to end by themselves,
REAPED_S: Final = 0.5  # and then for their fork servers to say that they have
RESERVED: Final = 256  # ports, fewer than a process may have files open
_reserved: Final[deque[int]] = deque()
WRITERS: Final = 8  # threads that write parties' files
MANIFEST: Final = "manifest.json"
LOG: Final = "log.jsonl"


def free_addresses(count: int) -> list[str]:
    """Return loopback addresses whose ports are free, and which Linux gives to nobody else for some time.

    A socket that is bound and does not listen keeps each port until another `RESERVED` have been asked for; a server
    that asks for the port by its number gets it, on Linux.
    """
    addresses = []
    for _ in range(count):
        reserved = socket.socket()
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        addresses.append(f"127.0.0.1:{reserved.getsockname()[1]}")
        _reserved.append(reserved.detach())
        if len(_reserved) > (RESERVED if sys.platform == "linux" else 0):
            os.close(_reserved.popleft())
    return addresses


@final
@dataclass(frozen=True, slots=True)
class Failure:
    """A process that ended before its run did."""

    name: str
    returncode: int
    reason: str


class PartyProcesses(abc.ABC):
    """Processes of one run on this machine, each party's from a folder of its own, where its log is too.

    Security: a testbed. One machine and one user hold all keys here, so nothing is hidden from them; the parties are
        separate processes that talk over mutual TLS, as they would between machines.
    """

    __slots__ = ()

    folder: Path
    _processes: dict[str, LocalProcess]

    @property
    @abc.abstractmethod
    def manifest(self) -> Manifest:
        """Return the run's manifest."""

    @abc.abstractmethod
    def party(self, name: str) -> Path:
        """Return a party's folder."""

    @abc.abstractmethod
    def _program(self, name: str) -> Sequence[str]:
        """Return the module that a party runs, with its arguments."""

    @property
    def servers(self) -> frozenset[str]:
        """Return the names of the operators' servers."""
        return frozenset(party.name for party in servers_of(self.manifest.aggregators, self.manifest.dealer))

    def start(self) -> None:
        """Start the operators' servers, then all clients."""
        self.start_servers()
        for client in self.manifest.clients:
            self.start_party(client.name)

    def start_servers(self) -> None:
        """Start the dealer, where there is one, and all aggregators."""
        for party in reversed(servers_of(self.manifest.aggregators, self.manifest.dealer)):
            self.start_party(party.name)

    def start_party(self, name: str) -> None:
        """Start one party's process, again if it ran before; its log is `log.jsonl` in its folder."""
        with (self.party(name) / LOG).open("ab") as log:
            program = self._program(name)
            self._processes[name] = launch(program, log, modules=modules_for(program, active=is_active(self.manifest)))

    def process(self, name: str) -> LocalProcess:
        """Return a party's process."""
        return self._processes[name]

    def failures(self) -> list[Failure]:
        """Return the processes that have ended with an error, with the last line of their logs."""
        ended = {name: process.poll() for name, process in self._processes.items()}
        return [Failure(name, code, self._last_line(name)) for name, code in ended.items() if code]

    def wait_for_clients(self, timeout_s: float | None) -> None:
        """Wait until all clients have ended."""
        for client in self.manifest.clients:
            try:
                self._processes[client.name].wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._processes[client.name].kill()

    def stop(self) -> None:
        """End every process by its own id: first gently, then surely, at once where this is interrupted."""
        running = {name: process for name, process in self._processes.items() if process.poll() is None}
        for process in running.values():
            process.terminate()
            process.send_signal(signal.SIGCONT)  # one that stands still ends as soon as it goes on
        until = time.monotonic() + GRACE_S
        try:
            for process in running.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(until - time.monotonic(), 0.0))
        finally:
            for process in running.values():
                process.kill()
        until = time.monotonic() + REAPED_S
        for name, process in running.items():
            try:
                process.wait(max(until - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:  # its fork server stands still, and tells nobody that it is gone
                del self._processes[name]

    def _last_line(self, name: str) -> str:
        lines = (self.party(name) / LOG).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "its log is empty"


class LocalDeployment(PartyProcesses):
    """A run of a testbed, whose files are all written here; subclasses are final, one for each kind of manifest.

    Attributes:
        folder: holds `manifest.json` and `parties/NAME/`, one folder for each party with its files, key and log.
    """

    __slots__ = ()

    keys: TestbedKeys | None

    @property
    @abc.abstractmethod
    def client_program(self) -> str:
        """Return the module that a client runs."""

    @abc.abstractmethod
    def _write_client(self, name: str) -> None:
        """Write a client's own files, beside its keys and its policy."""

    def write(self) -> None:
        """Write the manifest, signed, and every party's folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        manifest, keys = self.manifest, self._keys
        path = self.folder / MANIFEST
        write_atomically(path, manifests.encode(manifest), mode=PUBLIC_MODE)
        signature = canonical_json.encode(signatures.sign(manifest, keys.operator))
        write_atomically(signatures.signature_path(path), signature, mode=PUBLIC_MODE)
        with ThreadPoolExecutor(WRITERS) as pool:  # most of the time is the disk's, which takes several files at once
            list(pool.map(self._write_party, keys.identities))
        for name in keys.servers:
            certificates.write(self.party(name), keys.credentials[name])
            keys.servers[name].write(self.party(name))
        for aggregator in manifest.aggregators:
            self._write_config(
                aggregator.name,
                AggregatorConfig(
                    name=aggregator.name,
                    listen=aggregator.address,
                    credentials=".",
                    manifests=(f"../../{MANIFEST}",),
                    operator_key=self.operator_key,
                    revoked="revoked.txt",
                    store="sqlite:///store.sqlite",
                ),
            )
        if self.manifest.dealer is not None:
            self._write_config(
                self.manifest.dealer.name,
                DealerFile(
                    name=self.manifest.dealer.name,
                    credentials=".",
                    manifest=f"../../{MANIFEST}",
                    operator_key=self.operator_key,
                    testbed=True,
                ),
            )

    def _write_party(self, name: str) -> None:
        """Write what the engine or a client has: keys, a certificate, a policy that allows this run, its files."""
        self.party(name).mkdir(parents=True, exist_ok=True)
        signing.write_key(self.party(name) / IDENTITY, self._keys.identities[name])
        certificates.write(self.party(name), self._keys.authority.issue(name))
        if name != ENGINE:
            write_atomically(self.party(name) / "policy.toml", permissive(self.manifest).encode())
            self._write_client(name)

    @property
    def operator_key(self) -> bytes:
        """Return the key that all parties pin, 32 bytes."""
        return signing.public_of(self._keys.operator)

    @property
    def _keys(self) -> TestbedKeys:
        assert self.keys is not None  # noqa: S101 - set by __post_init__
        return self.keys

    def _program(self, name: str) -> Sequence[str]:
        role = [self.client_program]
        if name in {party.name for party in self.manifest.aggregators}:
            role = ["aggregator"]
        elif self.manifest.dealer is not None and name == self.manifest.dealer.name:
            role = ["aggregator", "dealer"]
        return [*role, "--config", str(self.party(name) / "config.toml")]

    def transports(self) -> list[Transport]:
        """Return the engine's transports to the aggregators."""
        return connect(self.manifest, certificates.read(self.party(ENGINE)))

    def party(self, name: str) -> Path:
        """Return a party's folder."""
        return self.folder / "parties" / name

    def _write_config(self, name: str, config: msgspec.Struct) -> None:
        """Write a party's configuration, mode 0600: an institution's may say whose data it has."""
        given = {key: value for key, value in msgspec.to_builtins(config).items() if value is not None}
        write_atomically(self.party(name) / "config.toml", msgspec.toml.encode(given))


@final
@dataclass(slots=True)
class Deployment(LocalDeployment):
    """The processes of a simulation."""

    folder: Path
    testbed: Testbed
    keys: TestbedKeys | None = field(default=None, repr=False)
    _processes: dict[str, LocalProcess] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Make the parties' keys, unless they are given, and pin them in the manifest, which gives it its final id."""
        if self.keys is None:
            manifest, self.keys = pin_keys(self.testbed.manifest)
            self.testbed = dataclasses.replace(self.testbed, manifest=manifest)

    @property
    def manifest(self) -> Simulation:
        """Return the run's manifest."""
        return self.testbed.manifest

    @property
    def client_program(self) -> str:
        """Return the module that a client runs."""
        return "client_sdk"

    def _write_client(self, name: str) -> None:
        folder = self.party(name)
        write_tables(self.testbed, name, folder)
        self._write_config(
            name,
            ClientConfig(
                name=name,
                manifest=f"../../{MANIFEST}",
                operator_key=self.operator_key,
                policy="policy.toml",
                credentials=".",
                people="people.csv",
                contacts="contacts.csv",
            ),
        )


def write_tables(
    testbed: Testbed, name: str, folder: Path, *, cells: Sequence[str] = (), start: datetime.date | None = None
) -> None:
    """Write what one client keeps to itself: its people and contacts, and a device's keys.

    Args:
        testbed: that has them.
        name: of the client.
        folder: of its files.
        cells: names of the cells, where people's tables have names.
        start: of a run whose steps are days: contacts then have dates.
    """
    manifest = testbed.manifest
    agents = [agent for client in manifest.clients for agent in client.agents]
    own_slots = Layout.of(manifest).people(name)
    people: dict[str, Sequence[float | str | None]] = {"agent": [*agents[own_slots]]}
    if manifest.cells and manifest.model.agents.cell_field is None:  # who moves begins where the model says
        people["cell"] = [cells[cell] if cells else int(cell) for cell in testbed.cell_of(name)]
    bits = {spec.name: spec.bits for spec in manifest.model.agents.columns}
    for column, values in testbed.columns.items():
        own: list[float] = values[own_slots].tolist()
        known = [value / 2 ** bits[column] for value in own] if bits[column] else own
        people[column] = [None if word == UNKNOWN else value for word, value in zip(own, known, strict=True)]
    table = testbed.contacts_of(name)
    if manifest.devices is not None:
        write_device_keys(folder, testbed.keyring.of(name, manifest, table), agents)
    days = {"day": pa.array(table.day, pa.int64())}
    if start is not None:
        days = {
            "date": pa.array([str(start + datetime.timedelta(days=day)) for day in table.day.tolist()], pa.string())
        }
    contacts = {
        "a": [agents[slot] for slot in table.a],
        "b": [agents[slot] for slot in table.b],
        "channel": [manifest.channels[channel] for channel in table.channel],
        "weight": table.weight,
    }
    fractions = {column for column in testbed.columns if bits[column]}
    types = {"channel": pa.string(), **dict.fromkeys(fractions, pa.float64())}
    if cells:
        types["cell"] = pa.string()
    for file, before, columns in (("people.csv", {}, people), ("contacts.csv", days, contacts)):
        arrays = {key: pa.array(value, types.get(key, pa.int64())) for key, value in columns.items()}
        csv.write_csv(pa.table({**before, **arrays}), folder / file)
        (folder / file).chmod(0o600)
