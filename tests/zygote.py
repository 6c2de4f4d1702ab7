"""A process that has imported what parties need and forks them, so that tests do not pay for each one's imports.

What is forked is a process of its own, with its own files, signals and exit code, and runs what `python -m MODULE ...`
or `python FILE ...` would. Parties that start anew, with all their imports, are tested through `lpm run`.

`python tests/zygote.py DESCRIPTOR MODULE ...` is the process itself, for the class below.
"""

import atexit
import contextlib
import gc
import importlib
import os
import pickle
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORD = 8
MESSAGE = 1 << 16
CLIENT = ("client_sdk.admission", "client_sdk.certificate_request", "client_sdk.gradients.participant")
CLIENT += ("client_sdk.institution_config", "client_sdk.secure_sum.client")
SERVER = ("aggregator.mpc.session", "aggregator.wire.server", "aggregator.on_shares.crypten_backend")
SERVER += ("aggregator.permutation.worker", "tests.mpc_tasks")
ENGINE = ("lpm_secure.checkpoint", "lpm_secure.engine.venues.agents")


class ForkedProcess:
    """A process that a zygote has forked, as `subprocess.Popen` has it."""

    def __init__(self, argv, status):
        self.args, self._status, self.returncode = argv, status, None
        if not (told := status.recv(WORD)):
            status.close()
            raise ChildProcessError("the zygote has ended; what it printed says why")
        self.pid = _word(told)

    def poll(self):
        return self._ended(0)

    def wait(self, timeout=None):
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended in between, as Popen has it
                os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout):
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = _word(self._status.recv(WORD))
            self._status.close()
        return self.returncode


class Zygote:
    """The process that forks, as the tests see it; it starts with the first process that it is asked for."""

    def __init__(self, modules):
        self._modules, self._child, self._calls = modules, None, None

    def start(self, argv, *, stdin, stdout, stderr):
        """Fork a process that runs `argv` over these descriptors, in this process' folder.

        One call at a time: the next one is written when this one was read.
        """
        if self._child is None:
            self._begin()
        status, theirs = socket.socketpair()
        with theirs:
            content = pickle.dumps((argv, os.getcwd()))
            socket.send_fds(self._calls, [content], [theirs.fileno(), stdin, stdout, stderr])
        return ForkedProcess(argv, status)

    def stop(self):
        if self._child is not None:
            self._calls.close()
            self._child.wait()
            self._child = None

    def _begin(self):
        self._calls, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            command = [sys.executable, __file__, str(number), *self._modules]
            paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
            self._child = subprocess.Popen(command, pass_fds=[number], env=os.environ | {"PYTHONPATH": paths})


ZYGOTES = {"client": Zygote(CLIENT), "server": Zygote(SERVER), "engine": Zygote(ENGINE)}


def launch(program, log):
    """Start a party, in place of `lpm_secure.testbed.deployment.launch`."""
    zygote = ZYGOTES["server" if program[0] == "aggregator" else "client"]
    with open(os.devnull, "rb") as nothing:
        return zygote.start(["-m", *program], stdin=nothing.fileno(), stdout=log.fileno(), stderr=log.fileno())


def _word(received):
    return int.from_bytes(received, "big", signed=True)


def serve(calls):
    """Fork a process for each call until there are no more; returns what to run, in a process that was forked."""
    while True:
        content, descriptors, _, _ = socket.recv_fds(calls, MESSAGE, 4)
        _reap()
        if not content:
            return None
        argv, folder = pickle.loads(content)
        if os.fork():
            for each in descriptors:
                os.close(each)
            continue
        calls.close()
        _watch(descriptors.pop(0))
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(folder)
        return argv


def _watch(status):
    """Fork once more; return in the new process, and tell its id, and later its exit code, from this one."""
    child = os.fork()
    if child == 0:
        os.close(status)
        return
    os.write(status, child.to_bytes(WORD, "big", signed=True))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(status, code.to_bytes(WORD, "big", signed=True))
    os._exit(0)


def _reap():
    """Forget processes that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


def run(argv):
    """Run a module or a file as the interpreter would, and return its exit code."""
    sys.argv = argv
    try:
        if argv[0] == "-m":
            del argv[0]
            runpy.run_module(argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(argv[0], run_name="__main__")
    except SystemExit as ended:
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def main():
    """Import, fork, and be what was asked for; it ends without taking apart, for seconds, all that it has imported."""
    with socket.socket(fileno=int(sys.argv[1])) as calls:
        for module in sys.argv[2:]:
            importlib.import_module(module)
        gc.collect()
        gc.freeze()
        argv = serve(calls)
    if argv is None:
        return
    code = run(argv)
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
