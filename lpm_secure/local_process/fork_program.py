"""The fork server's own process: it imports what others need, and forks them.

python -m lpm_secure.local_process.fork_program DESCRIPTOR MODULE ...

What is forked is a process of its own, with its own files, signals and exit code, and runs what `python -m MODULE ...`
or `python FILE ...` would. All of it is one process group, which whoever started the server kills at its own end; where
that one was killed itself, the server ends what it has forked.
"""

import atexit
import contextlib
import gc
import importlib
import os
import runpy
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterable
from typing import Final

import msgspec

WORD: Final = 8  # bytes of a process id, and of an exit code
MESSAGE: Final = 1 << 16
GRACE_S: Final = 2.0  # for processes to end by themselves
POLL_S: Final = 0.02


class Call(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to run, and in which folder; its status socket, stdin, stdout and stderr come beside it."""

    argv: list[str]
    folder: str


def word(number: int) -> bytes:
    """Encode a process id or an exit code."""
    return number.to_bytes(WORD, "big", signed=True)


def number(received: bytes) -> int:
    """Decode a process id or an exit code."""
    return int.from_bytes(received, "big", signed=True)


def serve(calls: socket.socket) -> list[str] | None:
    """Fork a process for each call until there are no more; return what to run, in a process that was forked."""
    children: dict[int, socket.socket] = {}
    woken, alarm = socket.socketpair()
    alarm.setblocking(False)
    signal.set_wakeup_fd(alarm.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started this, and ends it with itself
    while True:
        ready, _, _ = select.select([calls, woken], [], [])
        if woken in ready:
            woken.recv(MESSAGE)
            _tell_ended(children)
        if calls not in ready:
            continue
        content, descriptors, _, _ = socket.recv_fds(calls, MESSAGE, 4)
        if not content:
            _end(children)
            return None
        status, *standard = descriptors
        if child := os.fork():
            children[child] = socket.socket(fileno=status)
            try:
                children[child].send(word(child))
            except OSError:  # whoever asked for it was interrupted, and does not know it
                os.kill(child, signal.SIGKILL)
            for each in standard:
                os.close(each)
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for inherited in (calls, woken, alarm, *children.values()):
            inherited.close()
        os.close(status)
        return _begin(msgspec.json.decode(content, type=Call), standard)


def _end(children: Iterable[int]) -> None:
    """End processes that nobody is left to end: first gently, then surely."""
    running = set(children)
    for sig in (signal.SIGTERM, signal.SIGCONT):  # one that stands still ends as soon as it goes on
        _send(running, sig)
    until = time.monotonic() + GRACE_S
    while running and time.monotonic() < until:
        running -= {child for child in running if os.waitpid(child, os.WNOHANG) != (0, 0)}
        time.sleep(POLL_S)
    _send(running, signal.SIGKILL)


def _send(children: Iterable[int], sig: signal.Signals) -> None:
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, sig)


def _begin(call: Call, standard: list[int]) -> list[str]:
    """Take the descriptors and the folder that a call gives."""
    for target, descriptor in enumerate(standard):
        os.dup2(descriptor, target)
        os.close(descriptor)
    os.chdir(call.folder)
    return call.argv


def _tell_ended(children: dict[int, socket.socket]) -> None:
    """Tell each process' exit code once it has ended."""
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
            with children.pop(ended[0]) as status, contextlib.suppress(OSError):  # nobody may care any more
                status.send(word(os.waitstatus_to_exitcode(ended[1])))


def run(argv: list[str]) -> int:
    """Run a module or a file as the interpreter would, and return its exit code."""
    module = argv[0] == "-m"
    sys.argv = argv[1:] if module else argv
    for name in (sys.argv[0], f"{sys.argv[0]}.__main__"):
        if not hasattr(sys.modules.get(name), "__path__"):  # a package stays
            sys.modules.pop(name, None)  # runpy warns of what it runs and finds imported
    try:
        if module:
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BaseException:  # as the interpreter has it: whatever it is, its traceback is what the log gets
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    """Import, fork, and be what was asked for; it ends without taking apart, for seconds, all that it has imported.

    A module that cannot be imported is left to who needs it, in whose log the error then stands.
    """
    with socket.socket(fileno=int(sys.argv[1])) as calls:
        gc.disable()  # a third less time for imports, and less memory that children do not share
        for module in sys.argv[2:]:
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
        gc.freeze()
        argv = serve(calls)
    if argv is None:
        os._exit(0)
    gc.enable()
    code = run(argv)
    threading._shutdown()  # type: ignore[attr-defined]  # waits for other threads, as the interpreter does
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
