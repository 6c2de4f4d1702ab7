"""A lock on a folder's files: one process at a time, and free again however it ends."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading

import pytest

from protocols import folder_lock
from protocols.errors import ConfigError

HOLD = """
import pathlib, sys, time
from protocols import folder_lock
with folder_lock.hold(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_holder_is_refused_and_the_next_one_is_not(tmp_path):
    path = tmp_path / "a.lock"
    with folder_lock.hold(path):
        message = r"another process works with what a keeps in .*; wait for its end"
        with pytest.raises(ConfigError, match=message), folder_lock.hold(path):
            raise AssertionError
        with folder_lock.hold(tmp_path / "b.lock"):
            assert {each.name for each in tmp_path.iterdir()} == {"a.lock", "b.lock"}
    with folder_lock.hold(path):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_process_that_is_killed_lets_go_of_its_lock(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / "a.lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ConfigError), folder_lock.hold(tmp_path / "a.lock"):
            raise AssertionError
        os.kill(holder.pid, signal.SIGKILL)
    with folder_lock.hold(tmp_path / "a.lock"), pytest.raises(ConfigError), folder_lock.hold(tmp_path / "a.lock"):
        raise AssertionError


def test_who_waits_goes_on_when_the_holder_ends(tmp_path):
    order = []

    def wait():
        with folder_lock.hold(tmp_path / "a.lock", wait=True):
            order.append("waited")

    with folder_lock.hold(tmp_path / "a.lock"):
        other = threading.Thread(target=wait)
        other.start()
        other.join(0.1)
        order.append("held")
    other.join(10)
    assert order == ["held", "waited"]


def test_a_file_that_cannot_be_opened_is_said_to_be_that(tmp_path):
    with (
        pytest.raises(ConfigError, match=r"a.lock cannot be opened \(No such file"),
        folder_lock.hold(tmp_path / "none" / "a.lock"),
    ):
        raise AssertionError


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.ENOLCK, r"cannot be locked \(No locks available\): use a local folder"),
        (errno.EAGAIN, "another process works"),
        (errno.EACCES, "another process works"),
    ],
)
def test_only_a_lock_that_is_held_is_said_to_be_held(tmp_path, monkeypatch, number, message):
    def refuse(descriptor, how):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(ConfigError, match=message), folder_lock.hold(tmp_path / "a.lock"):
        raise AssertionError
