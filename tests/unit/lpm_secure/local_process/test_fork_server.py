"""What a server forks is a process as any other: its own program, folder, descriptors, signals and exit code."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lpm_secure.local_process.fork_server import ROOT, ForkServer

PROGRAM = """
import os, sys, time
print(sys.argv[1:], os.getcwd(), "colorsys" in sys.modules, flush=True)
sys.exit(int(sys.argv[1])) if sys.argv[1] != "wait" else time.sleep(60)
"""


@pytest.fixture(scope="module")
def server():
    started = ForkServer(("colorsys",))
    yield started
    started.stop()


@pytest.fixture
def start(server, tmp_path, monkeypatch):
    """Return a function that runs the program, and what has been printed so far."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)

    def begin(word):
        with open(os.devnull) as nothing, (tmp_path / "printed").open("w") as printed:
            outputs = {"stdout": printed.fileno(), "stderr": printed.fileno()}
            return server.start(["program.py", word], stdin=nothing.fileno(), **outputs)

    return begin


def test_it_runs_its_program_in_its_folder_and_ends_with_its_exit_code(start, tmp_path):
    for code in (0, 3):
        process = start(str(code))
        assert process.wait(30) == process.poll() == code
        assert (tmp_path / "printed").read_text() == f"['{code}'] {tmp_path} True\n"
    assert process.pid != os.getpid()
    assert start("no number").wait(30) == 1
    assert "ValueError" in (tmp_path / "printed").read_text()


def test_it_is_waited_for_and_killed_by_its_own_id(start):
    process = start("wait")
    assert process.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.05)
    process.kill()
    assert process.wait(30) == -signal.SIGKILL
    process.terminate()  # of what has ended, nothing is ended


def test_what_cannot_be_imported_is_an_error_of_who_needs_it(tmp_path):
    server = ForkServer(("no_such_module", "colorsys"))
    with open(os.devnull) as nothing, (tmp_path / "printed").open("w") as printed:
        outputs = {"stdout": printed.fileno(), "stderr": printed.fileno()}
        process = server.start(["-m", "no_such_module"], stdin=nothing.fileno(), **outputs)
        assert process.wait(30) == 1
    assert "No module named no_such_module" in (tmp_path / "printed").read_text()
    server.stop()


def test_no_more_is_forked_when_the_server_has_ended_and_what_was_ends_with_the_rest(tmp_path):
    server = ForkServer(())
    with open(os.devnull, "r+") as nothing:
        numbers = dict.fromkeys(("stdin", "stdout", "stderr"), nothing.fileno())
        process = server.start(["-m", "http.server", "--bind", "127.0.0.1", "0"], **numbers)
        server._child.kill()
        with pytest.raises(ChildProcessError, match="fork server has ended"):
            server.start(["-m", "this"], **numbers)
    os.kill(process.pid, 0)
    server.stop()
    assert process.wait(30) == -signal.SIGKILL


def gone(pid, *, within_s=10.0):
    """Return whether a process has ended, soon at least: what is dead may have to be reaped by others."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        with contextlib.suppress(FileNotFoundError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.01)
                continue
        return True
    return False


STARTER = """
import atexit, os, signal, sys, time
from lpm_secure.local_process import deadline
from lpm_secure.local_process.launch import fork_server

deadline.END_S = 0.5
signal.signal(signal.SIGTERM, deadline.interrupt)
server, how = fork_server(()), sys.argv[1]
process = server.start(["program.py", "wait"], stdin=0, stdout=2, stderr=1)
os.kill(process.pid, signal.SIGSTOP)
if how == "server":
    os.kill(server._child.pid, signal.SIGSTOP)
atexit.register(os.write, 1, b"left")
pids = b"%d\\n%d\\n" % (process.pid, server._child.pid)
while how in ("busy", "leaves"):
    try:
        os.write(1, pids)  # from here on signals are caught
        pids = b""
        time.sleep(60)
    except KeyboardInterrupt:
        deadline.leave() if how == "leaves" else None
os.write(1, pids)
if how == "server":
    server.start(["program.py", "wait"], stdin=0, stdout=2, stderr=1)
if how != "exit":
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("how", "sig", "code"),
    [
        ("exit", None, 0),
        ("killed", signal.SIGKILL, -signal.SIGKILL),
        ("told", signal.SIGTERM, -signal.SIGINT),
        ("busy", signal.SIGTERM, 130),
        ("leaves", signal.SIGTERM, 130),
        ("server", signal.SIGTERM, -signal.SIGINT),
    ],
)
def test_a_program_that_ends_takes_all_with_it_even_what_stands_still(how, sig, code, tmp_path):
    """Servers do not end by themselves: of a run that is over they would stay, with their ports and keys, for good.

    By itself; by kill -9; told to; told to and too busy to hear it; told to and not taken apart; told to while it waits
    for a server that stands.
    """
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "starter.py").write_text(STARTER)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "starter.py", how], cwd=tmp_path, env=environment, **pipes) as starter:
        pids = [int(starter.stdout.readline()) for _ in range(2)]
        if sig is not None:
            starter.send_signal(sig)
        assert starter.wait(30) == code
        assert (starter.stdout.read() == b"left") == (how not in ("killed", "busy"))
    assert [pid for pid in pids if not gone(pid)] == []


def test_a_program_that_nobody_reads_any_more_ends_as_any_other_that_is_told_to():
    program = """
import os, signal, time
from lpm_secure.local_process import deadline

signal.signal(signal.SIGTERM, deadline.interrupt)
print("for nobody")
try:
    os.write(2, b"!")
    time.sleep(60)
except KeyboardInterrupt:
    deadline.leave()
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": ""}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, **pipes) as process:
        assert process.stderr.read(1) == b"!"
        process.stdout.close()
        process.terminate()
        assert (process.wait(30), process.stderr.read()) == (130, b"")
