"""What a zygote forks is a process as any other: its own program, folder, descriptors, signals and exit code."""

import os
import signal
import subprocess

import pytest

from tests.zygote import Zygote

PROGRAM = """
import os, sys, time
print(sys.argv[1:], os.getcwd(), "colorsys" in sys.modules, flush=True)
sys.exit(int(sys.argv[1])) if sys.argv[1] != "wait" else time.sleep(60)
"""


@pytest.fixture(scope="module")
def zygote():
    started = Zygote(("colorsys",))
    yield started
    started.stop()


@pytest.fixture
def start(zygote, tmp_path, monkeypatch):
    """Return a function that runs the program, and what has been printed so far."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)

    def begin(word):
        with open(os.devnull) as nothing, (tmp_path / "printed").open("w") as printed:
            outputs = {"stdout": printed.fileno(), "stderr": printed.fileno()}
            return zygote.start(["program.py", word], stdin=nothing.fileno(), **outputs)

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


def test_where_a_zygote_cannot_import_nothing_is_forked():
    broken = Zygote(("no_such_module",))
    with open(os.devnull, "r+") as nothing:
        number = nothing.fileno()
        with pytest.raises((ChildProcessError, BrokenPipeError)):
            broken.start(["-m", "this"], stdin=number, stdout=number, stderr=number)
    broken.stop()
