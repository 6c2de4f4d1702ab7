"""The start of a program of this project: forked on Linux, anew elsewhere."""

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import BinaryIO, Final, Protocol

from lpm_secure.local_process.fork_server import ForkServer

FORKS: Final = sys.platform == "linux"


class LocalProcess(Protocol):
    """What is asked of a process: a part of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """Return its number."""

    @property
    def returncode(self) -> int | None:
        """Return its exit code, once it has been asked for."""

    def poll(self) -> int | None:
        """Return its exit code if it has ended."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code once it has ended.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """

    def send_signal(self, sig: int) -> None:
        """Send it a signal."""

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""


_servers: Final[dict[tuple[str, ...], ForkServer]] = {}


def fork_server(modules: tuple[str, ...]) -> ForkServer:
    """Return the one fork server of this process that imports these modules."""
    return _servers.setdefault(modules, ForkServer(modules))


def kill_all() -> None:
    """End all that was forked for this process, at once and whatever it does."""
    for server in tuple(_servers.values()):
        server.kill()


def begin(modules: tuple[str, ...]) -> None:
    """Import modules, in another process, that programs are going to need."""
    if FORKS:
        fork_server(modules).begin()


def launch(program: Sequence[str], log: BinaryIO, *, modules: tuple[str, ...]) -> LocalProcess:
    """Start `python -m PROGRAM`, which writes all that it prints into a log.

    Args:
        program: a module, and its arguments.
        log: for both outputs.
        modules: that it needs, to be imported once for all programs that need the same.
    """
    command = ["-m", *program]
    if not FORKS:
        return subprocess.Popen([sys.executable, *command], stdout=log, stderr=log, stdin=subprocess.DEVNULL)  # noqa: S603
    with open(os.devnull, "rb") as nothing:
        output = log.fileno()
        return fork_server(modules).start(command, stdin=nothing.fileno(), stdout=output, stderr=output)
