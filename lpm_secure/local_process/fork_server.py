"""A fork server as whoever starts processes sees it.

`multiprocessing` has one in a process, with one set of modules; here clients and servers import different ones, and
what is forked has its own arguments, folder and descriptors, as a program has.
"""

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

import msgspec

from lpm_secure.local_process.fork_program import WORD, Call, number

ROOT: Final = Path(__file__).parents[2]
PROGRAM: Final = "lpm_secure.local_process.fork_program"


@final
class ForkedProcess:
    """A process that a fork server has forked, with what we use of `subprocess.Popen`."""

    __slots__ = ("_status", "args", "pid", "returncode")

    def __init__(self, args: Sequence[str], status: socket.socket) -> None:
        """Wait until it is forked; interrupted, it is ended by the server, which cannot tell its number.

        Raises:
            ChildProcessError: the server has ended.
        """
        self.args, self._status = args, status
        self.returncode: int | None = None
        try:
            if not (told := status.recv(WORD)):
                raise ChildProcessError("the fork server has ended; what it printed says why")
        except BaseException:
            status.close()
            raise
        self.pid: Final = number(told)

    def poll(self) -> int | None:
        """Return its exit code if it has ended: -N where signal N ended it."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code once it has ended.

        Args:
            timeout: in seconds.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        if (code := self._ended(timeout)) is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return code

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended in between, as Popen has it
                os.kill(self.pid, sig)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None and self._is_told(timeout):
            told = self._status.recv(WORD)
            self.returncode = number(told) if told else -signal.SIGKILL  # the server was killed: nobody knows
            self._status.close()
        return self.returncode

    def _is_told(self, timeout: float | None) -> bool:
        waiting = select.poll()  # select takes no descriptor above 1,023
        waiting.register(self._status, select.POLLIN)
        return bool(waiting.poll(None if timeout is None else timeout * 1000))


@final
class ForkServer:
    """A process that has imported modules, and forks programs that need them in a tenth of a second or less.

    Linux alone: elsewhere a fork of what has threads, or fork itself, is not there.
    """

    def __init__(self, modules: Sequence[str]) -> None:
        """Name what it imports; it starts with the first process that it is asked for, or when told to begin."""
        self._modules: Final = tuple(modules)
        self._child: subprocess.Popen[bytes] | None = None
        self._calls: socket.socket
        self._owner = 0
        self._lock: Final = threading.Lock()

    def begin(self) -> None:
        """Let it import what it was given, while others work."""
        with self._lock:
            self._begin()

    def start(self, argv: Sequence[str], *, stdin: int, stdout: int, stderr: int) -> ForkedProcess:
        """Fork a process that runs what `python ARGV` would, over these descriptors, in this process' folder.

        Raises:
            ChildProcessError: the server has ended.
        """
        with self._lock:
            self._begin()
            status, theirs = socket.socketpair()
            with theirs:
                content = msgspec.json.encode(Call(list(argv), str(Path.cwd())))
                try:
                    socket.send_fds(self._calls, [content], [theirs.fileno(), stdin, stdout, stderr])
                except BrokenPipeError as error:
                    status.close()
                    raise ChildProcessError("the fork server has ended; what it printed says why") from error
            return ForkedProcess(argv, status)

    def stop(self) -> None:
        """End it, and all that it has forked, and wait until it is gone."""
        if self.kill() and self._child is not None:
            self._child.wait()
            self._calls.close()
            self._child = None

    def kill(self) -> bool:
        """End it, and all that it has forked, at once and whatever they do; return whether there is one to end."""
        if self._child is None or os.getpid() != self._owner:  # as in a copy of this, which was forked
            return False
        with contextlib.suppress(ProcessLookupError):  # all have ended
            os.killpg(self._child.pid, signal.SIGKILL)
        return True

    def _begin(self) -> None:
        if self._child is not None:
            return
        self._owner = os.getpid()
        self._calls, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            descriptor = theirs.fileno()
            command = [sys.executable, "-m", PROGRAM, str(descriptor), *self._modules]
            paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
            given = os.environ | {"PYTHONPATH": paths}
            atexit.register(self.stop)
            self._child = subprocess.Popen(command, pass_fds=[descriptor], env=given, process_group=0)  # noqa: S603 - ourselves
