"""Everybody's risk: two runs over real processes, their replay in the clear, and what may be shown of them."""

import asyncio
import contextlib
import dataclasses
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import msgspec
import numpy as np

from lpm_secure.analysis.risk import personal, replay
from lpm_secure.analysis.risk.config import RiskConfig
from lpm_secure.analysis.risk.distribution import distribution
from lpm_secure.analysis.risk.host import HostFile
from lpm_secure.analysis.risk.personal import Personal
from lpm_secure.analysis.risk.worlds import select_departments, week
from lpm_secure.audit.collect import collect
from lpm_secure.data.contact_data import ContactData
from lpm_secure.engine.tensors.device import device_of
from lpm_secure.run.jobs import write_drive_file
from lpm_secure.run.observer import OnStep
from lpm_secure.run.processes import drive
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import Deployment, free_addresses
from lpm_secure.testbed.keys import pin_keys
from lpm_secure.testbed.testbed import Testbed
from protocols.arithmetic.fixed_point import I64
from protocols.errors import ProtocolError
from protocols.task import manifest as manifests

POLL_S: Final = 0.2
END_S: Final = 60.0


@final
@dataclass(frozen=True, slots=True, eq=False)
class RiskRun:
    """What the two runs came to. Only a testbed, which holds all folders, can fill in the last two.

    Attributes:
        folders: of the week and of the distribution.
        devices: how many took part.
        released: int64[2, bins], what the health authority got.
        sigma: of one of its numbers' noise, of all aggregators together.
        own: each device's risk, as the device wrote it.
        parity: whether all of them are the clear replay's, bit for bit.
        truth: each person's risk where that person alone halves contacts.
    """

    folders: tuple[Path, Path]
    devices: int
    released: I64
    sigma: float
    label: str
    own: dict[str, Personal] = field(repr=False)
    parity: bool
    truth: dict[str, float] = field(repr=False)


def run(config: RiskConfig, *, out: Path) -> RiskRun:
    """Compute everybody's risk, then its distribution; the folder `OUT/NAME-ID` holds both runs.

    Raises:
        ConfigError: the data cannot be as the configuration asks for them.
        ProtocolError: a party ended before its run did.
    """
    data = select_departments(contacts_of(config.week()), config.people.departments)
    first = _deployed(week(config, data, free_addresses(config.protocol.addresses)), out / config.name, "week")
    root = first.folder.parent
    risks = [first.party(client.name) for client in first.testbed.manifest.clients]
    _run(first, _hosts(first, config.people.processes))
    second = _deployed(distribution(config, data, free_addresses(config.protocol.addresses)), root, "distribution")
    histograms: list[I64] = []
    hosts = _hosts(second, config.people.processes, risks=risks, bins=config.distribution.bins)
    _run(second, hosts, lambda step, release: histograms.append(release.cells))
    own = {folder.name: personal.read(folder) for folder in risks}
    return RiskRun(
        (first.folder, second.folder),
        len(own),
        np.stack(histograms),
        sigma_of(second.testbed),
        _label(data),
        own,
        own == replay.clear(first.testbed),
        replay.replay_half_contacts(first.testbed),
    )


def sigma_of(testbed: Testbed) -> float:
    """Return the standard deviation of all aggregators' noise in one number of the distribution."""
    releases = testbed.manifest.releases
    sigmas = [release.sigma for release in releases.each] if releases else []
    return float(np.sqrt(len(testbed.manifest.aggregators)) * max(sigmas, default=0.0))


def _label(data: ContactData) -> str:
    return f"GENERATED LOOK-ALIKE, NOT REAL DATA: {data.source}" if data.look_alike else data.source


def _deployed(testbed: Testbed, root: Path, name: str) -> Deployment:
    """Write a run's folders; that of the first one gives the root its id."""
    manifest, keys = pin_keys(testbed.manifest)
    if name == "week":
        root = root.with_name(f"{root.name}-{manifests.run_id(manifest).hex()[:12]}")
    deployment = Deployment((root / name).resolve(), dataclasses.replace(testbed, manifest=manifest), keys)
    deployment.write()
    write_drive_file(deployment)
    return deployment


def _hosts(deployment: Deployment, processes: int, *, risks: Sequence[Path] = (), bins: int = 0) -> list[Path]:
    """Write the files of the processes that host the devices."""
    folder = deployment.folder / "hosts"
    folder.mkdir()
    devices = [str(deployment.party(client.name)) for client in deployment.testbed.manifest.clients]
    files = []
    for place in range(min(processes, len(devices))):
        part = slice(place, None, processes)
        given = HostFile(devices=tuple(devices[part]), risks=tuple(map(str, risks[part])), bins=bins)
        files.append(folder / f"host-{place}.toml")
        files[-1].write_bytes(msgspec.toml.encode(given))
    return files


def _run(deployment: Deployment, hosts: Sequence[Path], on_step: OnStep = lambda step, release: None) -> None:
    """Run the servers, the devices and the engine to their end, then put ledgers and index in place."""
    processes: list[subprocess.Popen[bytes]] = []
    try:
        deployment.start_servers()
        for file in hosts:
            with file.with_suffix(".log").open("wb") as log:
                command = [sys.executable, "-m", "lpm_secure.analysis.risk.host", "--config", str(file)]
                processes.append(subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL))  # noqa: S603
        asyncio.run(_driven(deployment, processes, on_step))
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


async def _driven(deployment: Deployment, processes: Sequence[subprocess.Popen[bytes]], on_step: OnStep) -> None:
    """Drive the run, and stop when a host fails: its devices would be missing from everybody's worlds."""
    engine = asyncio.create_task(drive(deployment, device_of("cpu"), time.perf_counter(), on_step))
    while not engine.done() and not any(process.poll() for process in processes):
        await asyncio.wait({engine}, timeout=POLL_S)
    if engine.done():
        engine.result()
        return
    engine.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await engine


def _require(processes: Sequence[subprocess.Popen[bytes]], hosts: Sequence[Path]) -> None:
    """Raise for a host that has failed, with the last line that it wrote."""
    for process, file in zip(processes, hosts, strict=False):
        if process.poll():
            lines = file.with_suffix(".log").read_text(errors="replace").strip().splitlines()
            raise ProtocolError(f"{file.stem} ended with code {process.returncode}: {lines[-1] if lines else 'silent'}")
