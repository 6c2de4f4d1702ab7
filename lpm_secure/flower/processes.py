"""Flower's processes on this machine: a SuperLink, SuperNodes or a simulation, and a run of the app."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from lpm_secure.flower.node import PARTIES, PARTY
from lpm_secure.testbed.deployment import free_addresses
from protocols.errors import Unavailable

START_S: Final = 60.0
GRACE_S: Final = 10.0
POLL_S: Final = 0.2
CONNECTION: Final = "here"
APP: Final = "calibration"
PYPROJECT: Final = """\
[project]
name = "{app}"
version = "1.0.0"
description = "Federated calibration over sealed shares"
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "lpm-secure"

[tool.flwr.app.components]
serverapp = "lpm_secure.flower.server_app:app"
clientapp = "lpm_secure.flower.client_app:app"

[tool.flwr.app.config]
engine = ""
"""


@final
@dataclass(slots=True)
class Processes:
    """A SuperLink and what belongs to it; a context, which ends all of it by its own process groups.

    Attributes:
        folder: for logs, the app, and Flower's own files.
        parties: folder of the parties' folders.
        nodes: names of the parties.
        scratch: for sockets, whose paths have to be short.
        simulated: let one machine's simulation engine play all nodes; else each node is a SuperNode.

    Security: on loopback and without TLS: for tests and simulations on one machine. Between machines, start SuperLink
        and SuperNodes with certificates, as Flower's manual says. Flower's telemetry is off.
    """

    folder: Path
    parties: Path
    nodes: Sequence[str]
    scratch: Path
    simulated: bool = True
    address: str = field(init=False, default="")
    _running: list[subprocess.Popen[bytes]] = field(init=False, repr=False, default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Return what all processes see: Flower's home is the folder, and nothing is told to Flower's makers."""
        own = {
            "FLWR_HOME": str(self.folder / "flwr"),
            "FLWR_TELEMETRY_ENABLED": "0",
            "FLWR_DISABLE_UPDATE_CHECK": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_TMPDIR": str(self.scratch),
            "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
        }
        return {**os.environ, **own, **({PARTIES: str(self.parties)} if self.simulated else {})}

    def start(self) -> None:
        """Start the SuperLink, and where nodes are not simulated, a SuperNode for each party.

        Raises:
            Unavailable: the SuperLink does not come up.
        """
        home, app = self.folder / "flwr", self.folder / APP
        home.mkdir(parents=True, exist_ok=True)
        app.mkdir(exist_ok=True)
        addresses = free_addresses(1 if self.simulated else 1 + len(self.nodes))
        self.address = addresses[0]
        lines = [f'[superlink]\ndefault = "{CONNECTION}"\n\n[superlink.{CONNECTION}]', f'address = "{self.address}"']
        (home / "config.toml").write_text("\n".join([*lines, "insecure = true", ""]), encoding="utf-8")
        (app / "pyproject.toml").write_text(PYPROJECT.format(app=APP), encoding="utf-8")
        port = self.address.rpartition(":")[2]
        command = ["flower-superlink", "--insecure", "--disable-runtime-dependency-installation"]
        command += ["--host", "127.0.0.1", "--port", port, *(["--simulation"] if self.simulated else [])]
        superlink = self._spawn("superlink", command)
        self._wait_for(superlink)
        if not self.simulated:
            for name, address in zip(self.nodes, addresses[1:], strict=True):
                self.start_node(name, address)

    def start_node(self, name: str, address: str | None = None) -> subprocess.Popen[bytes]:
        """Start the SuperNode of one party, again if it ran before."""
        port = (address or free_addresses(1)[0]).rpartition(":")[2]
        command = ["flower-supernode", "--insecure", "--superlink", self.address, "--port", port]
        return self._spawn(name, [*command, "--node-config", f'{PARTY}="{self.parties / name}"'])

    def run(self, engine: Path) -> None:
        """Begin a run of the app for a fit: `flwr run`.

        Raises:
            Unavailable: the SuperLink did not take it.
        """
        command = ["flwr", "run", str(self.folder / APP), CONNECTION, "--run-config", f'engine="{engine}"']
        if self.simulated:
            command += ["--federation-config", f"num-supernodes={len(self.nodes)} client-resources-num-cpus=1"]
        log = self.folder / "run.log"
        with log.open("ab") as out, _told_in_time(log):
            done = subprocess.run(  # noqa: S603 - our own command
                command,
                env=self.environment,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                timeout=START_S,
                check=False,
            )
        if done.returncode:
            raise Unavailable(f"flwr run ended with code {done.returncode}; see {log}")

    def stop(self) -> None:
        """End every process that was started here, and those that Flower started for it: gently, then surely."""
        for process in reversed(self._running):
            process.terminate()
        until = time.monotonic() + GRACE_S
        while self.ours() and time.monotonic() < until:
            time.sleep(POLL_S)
        for number in self.ours():
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        for process in self._running:
            process.kill()
            process.wait()
        self._running.clear()

    def ours(self) -> list[int]:
        """Return the ids of all processes whose Flower home is this folder's; on Linux, elsewhere those started here.

        Flower starts processes in sessions of their own, so what it started is known by its environment alone.
        """
        for process in self._running:
            process.poll()  # one that has ended is none
        mark, found = f"FLWR_HOME={self.folder / 'flwr'}\0".encode(), []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
        return found or [process.pid for process in self._running if process.poll() is None]

    def _spawn(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._running.append(process)
        return process

    def _wait_for(self, superlink: subprocess.Popen[bytes]) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until and superlink.poll() is None:
            try:
                with urllib.request.urlopen(f"http://{self.address}/health", timeout=1.0):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(POLL_S)
        raise Unavailable(f"the SuperLink did not come up; see {self.folder / 'superlink.log'}")


@contextlib.contextmanager
def _told_in_time(log: Path) -> Iterator[None]:
    """Tell of a command that took too long as of any other party that does not answer."""
    try:
        yield
    except subprocess.TimeoutExpired:
        raise Unavailable(f"flwr run has not ended within {START_S:g} s; see {log}") from None
