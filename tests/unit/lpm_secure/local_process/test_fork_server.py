"""What a server forks is a process as any other: its own program, folder, descriptors, signals and exit code."""

import os
import signal
import subprocess
import sys

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


def test_what_was_forked_runs_on_when_its_server_has_ended_and_no_more_is_forked(tmp_path):
    server = ForkServer(())
    with open(os.devnull, "r+") as nothing:
        numbers = dict.fromkeys(("stdin", "stdout", "stderr"), nothing.fileno())
        process = server.start(["-m", "http.server", "--bind", "127.0.0.1", "0"], **numbers)
        server._child.kill()
        server._child.wait()
        with pytest.raises(ChildProcessError, match="fork server has ended"):
            server.start(["-m", "this"], **numbers)
    os.kill(process.pid, 0)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL
    server.stop()


def test_a_server_that_stands_still_is_ended_too():
    server = ForkServer(())
    server.begin()
    child = server._child
    os.kill(child.pid, signal.SIGSTOP)
    server.stop()
    assert child.returncode == -signal.SIGKILL


STARTER = """
import os, sys, time
from lpm_secure.local_process.fork_server import ForkServer

server = ForkServer(())
process = server.start(["program.py", "wait"], stdin=0, stdout=2, stderr=1)
os.write(1, b"%d\\n" % process.pid)
server.stop() if sys.argv[1] == "stop" else time.sleep(60)
"""


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_what_was_forked_ends_with_whoever_is_killed_and_runs_on_after_a_stop(how, tmp_path):
    """Servers do not end by themselves: of a run that is killed they would stay, with their ports, for good."""
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "starter.py").write_text(STARTER)
    command = [sys.executable, "starter.py", how]
    paths = {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=tmp_path, env=os.environ | paths, **pipes) as starter:
        pid = int(starter.stdout.readline())
        if how == "kill":
            starter.kill()
            assert starter.communicate(timeout=30) == (b"", None)  # all that had it open have ended
        else:
            assert starter.wait(30) == 0
            os.kill(pid, signal.SIGKILL)
