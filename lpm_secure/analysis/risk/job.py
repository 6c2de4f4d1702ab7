"""Everybody's risk: two runs over real processes, their replay in the clear, and what may be shown of them."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar, final

import msgspec
import numpy as np

from client_sdk.secure_sum.contribution import F64
from lpm_secure.analysis.risk import personal, replay
from lpm_secure.analysis.risk.config import RiskConfig
from lpm_secure.analysis.risk.distribution import ONE, distribution, sigma_of
from lpm_secure.analysis.risk.host import HostFile
from lpm_secure.analysis.risk.personal import Personal
from lpm_secure.analysis.risk.risk_law import RiskLaw, fit_risk_law
from lpm_secure.analysis.risk.worlds import select_departments, week
from lpm_secure.audit.collect import collect
from lpm_secure.data.contact_data import ContactData
from lpm_secure.engine.device import device_of
from lpm_secure.event_loop import complete
from lpm_secure.local_process.launch import LocalProcess, launch
from lpm_secure.report.run_counter import RunCounter, count_runs
from lpm_secure.run.jobs import write_drive_file
from lpm_secure.run.processes import drive, supervise
from lpm_secure.secure_sum.announcer import SumAnnouncer
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import Deployment, LocalDeployment, free_addresses
from lpm_secure.testbed.keys import pin_keys
from lpm_secure.testbed.sum_deployment import SumDeployment
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import ProtocolError
from protocols.releases.ledger import SHORT
from protocols.task import manifest as manifests
from protocols.task.parties import ENGINE
from protocols.task.secure_sum.range import SumRule
from protocols.task.secure_sum.spec import SecureSum
from protocols.wire.transport import Transport

OWN: Final = "A device's own risk stays with it: only a noised count of each range of risks is opened."
POLL_S: Final = 0.2
END_S: Final = 60.0
HOST: Final = "lpm_secure.analysis.risk.host"
OnRound = Callable[[int, int, str], None]
T = TypeVar("T")


@final
@dataclass(frozen=True, slots=True, eq=False)
class RiskRun:
    """What the two runs came to. Only a testbed, which holds all folders, can fill in the last two.

    Attributes:
        folders: of the week and of the distribution.
        devices: how many took part.
        released: float64[bins], what the health authority got.
        sigma: of one of its numbers' noise, of all aggregators together.
        edges: of the bins.
        law: how risks are spread, by what was released.
        own: each device's worlds, as the device wrote them.
        parity: whether all of them are the clear replay's, bit for bit.
        truth: each person's risk where that person alone halves contacts.
    """

    folders: tuple[Path, Path]
    devices: int
    released: F64
    sigma: float
    label: str
    edges: tuple[float, ...]
    law: RiskLaw
    own: dict[str, Personal] = field(repr=False)
    parity: bool
    truth: dict[str, float] = field(repr=False)


def run(config: RiskConfig, *, out: Path, on_round: OnRound = lambda done, total, where: None) -> RiskRun:
    """Compute everybody's risk, then its distribution; the folder `OUT/NAME-ID` holds both runs.

    Args:
        config: of both.
        out: the folder is made in it.
        on_round: is told after each round of the week.

    Raises:
        ConfigError: the data cannot be as the configuration asks for them.
        ProtocolError: a party ended before its run did.
    """
    data = select_departments(contacts_of(config.week()), config.people.departments)
    first = _deployed(week(config, data, free_addresses(config.protocol.addresses)), out / config.name)
    devices = [client.name for client in first.manifest.clients]
    rounds, facts = first.testbed.manifest.steps + 1, (f"{len(devices)} devices take part.", OWN)
    with count_runs(
        first.folder.parent,
        kind="risk",
        name=config.name,
        total=rounds,
        unit="round",
        facts=facts,
        on_run=lambda done, phase: on_round(done, rounds, phase),
    ) as counter:
        return _compute(config, first, _label(data), counter)


def _compute(config: RiskConfig, first: Deployment, label: str, counter: RunCounter) -> RiskRun:
    """Run the week, then the distribution, and replay the week."""
    edges = config.distribution.edges
    root, devices = first.folder.parent, [client.name for client in first.manifest.clients]
    risks = [first.party(name) for name in devices]
    counter.enter("the week")
    _run(first, _hosts(first, config.people.processes), partial(_simulate, first, counter))
    counter.enter("the distribution")
    addresses = free_addresses(config.protocol.aggregators + (config.people.security == "active"))
    second = SumDeployment((root / "distribution").resolve(), distribution(config, devices, addresses))
    second.write()
    hosts = _hosts(second, config.people.processes, risks=risks, edges=edges)
    released, law = _run(second, hosts, partial(_open_sum, second, config, risks))
    counter.enter("the replays in the clear")
    own = {folder.name: personal.read(folder) for folder in risks}
    return RiskRun(
        (first.folder, second.folder),
        len(own),
        released,
        sigma_of(SumRule.of(second.manifest)),
        label,
        edges,
        law,
        own,
        own == replay.clear(first.testbed),
        replay.replay_half_contacts(first.testbed),
    )


def _label(data: ContactData) -> str:
    return f"GENERATED LOOK-ALIKE, NOT REAL DATA: {data.source}" if data.look_alike else data.source


def _deployed(testbed: Testbed, root: Path) -> Deployment:
    """Write the folders of the week, which gives the root its id."""
    manifest, keys = pin_keys(testbed.manifest)
    root = root.with_name(f"{root.name}-{manifests.run_id(manifest).hex()[:SHORT]}")
    deployment = Deployment((root / "week").resolve(), dataclasses.replace(testbed, manifest=manifest), keys)
    deployment.write()
    write_drive_file(deployment)
    return deployment


def _hosts(
    deployment: LocalDeployment, processes: int, *, risks: Sequence[Path] = (), edges: tuple[float, ...] = ()
) -> list[Path]:
    """Write the files of the processes that host the devices."""
    folder = deployment.folder / "hosts"
    folder.mkdir()
    devices = [str(deployment.party(client.name)) for client in deployment.manifest.clients]
    files = []
    for place in range(min(processes, len(devices))):
        part = slice(place, None, processes)
        given = HostFile(devices=tuple(devices[part]), risks=tuple(map(str, risks[part])), edges=edges)
        files.append(folder / f"host-{place}.toml")
        files[-1].write_bytes(msgspec.toml.encode(given))
    return files


async def _simulate(deployment: Deployment, counter: RunCounter) -> None:
    """Drive the week."""
    await drive(deployment, device_of("cpu"), time.perf_counter(), lambda step, release: counter.add())


async def _open_sum(deployment: SumDeployment, config: RiskConfig, risks: Sequence[Path]) -> tuple[F64, RiskLaw]:
    """Drive the distribution, and return its sum, float64[bins], and what it says; each device makes its estimate."""
    manifest, edges = deployment.manifest, config.distribution.edges
    released = await supervise(deployment, partial(open_sum, manifest, deployment.party(ENGINE)))
    law = fit_risk_law(released, edges, devices=len(risks), worlds=config.worlds, sigma=sigma_of(SumRule.of(manifest)))
    for folder in risks:
        law.estimate(personal.read(folder)).write(deployment.party(folder.name))
    return released, law


async def open_sum(manifest: SecureSum, folder: Path, transports: Sequence[Transport]) -> F64:
    """Ask for the devices' bins, and return their sum, float64[bins].

    Raises:
        ProtocolError: it is out of range.
    """
    announcer, nothing = SumAnnouncer(manifest, transports, folder), np.zeros(manifest.length, dtype=np.int64)
    await announcer.advance(0, nothing)
    release = await announcer.advance(1, nothing)
    if not SumRule.of(manifest).in_range(release.words, len(release.names)):
        raise ProtocolError("the sum over devices is out of range: one of them sends garbage; start it anew")
    return ONE.decode(release.words)


def _run(deployment: LocalDeployment, hosts: Sequence[Path], act: Callable[[], Awaitable[T]]) -> T:
    """Run the servers, the devices and who drives them to their end, then put ledgers and index in place."""
    processes: list[LocalProcess] = []
    try:
        deployment.start_servers()
        for file in hosts:
            with file.with_suffix(".log").open("wb") as log:
                processes.append(launch([HOST, "--config", str(file)], log, modules=(HOST,)))
        result = complete(_until_done(processes, act))
        for process in processes:
            process.wait(END_S)
        _require(processes, hosts)
    except ProtocolError:
        _require(processes, hosts)  # a host that failed says more than those that waited for it
        raise
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        deployment.stop()
    collect(deployment)
    return result


async def _until_done(processes: Sequence[LocalProcess], act: Callable[[], Awaitable[T]]) -> T:
    """Drive the run, and stop when a host fails: its devices would be missing from everybody's worlds.

    Raises:
        ProtocolError: a host failed.
    """
    engine = asyncio.ensure_future(act())
    while not engine.done() and not any(process.poll() for process in processes):
        await asyncio.wait({engine}, timeout=POLL_S)
    if engine.done():
        return engine.result()
    engine.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await engine
    raise ProtocolError("a host of devices has ended before the run did")


def _require(processes: Sequence[LocalProcess], hosts: Sequence[Path]) -> None:
    """Raise for a host that has failed, with the last line that it wrote."""
    for process, file in zip(processes, hosts, strict=False):
        if process.poll():
            lines = file.with_suffix(".log").read_text(errors="replace").strip().splitlines()
            raise ProtocolError(f"{file.stem} ended with code {process.returncode}: {lines[-1] if lines else 'silent'}")
