"""How far a client has come in a run: servers that tell an earlier step have lost it."""

import os

import pytest

from client_sdk.watermark import StepWatermark
from protocols.errors import ConfigError, RecordsDiffer


def test_servers_in_an_earlier_step_are_refused_whichever_process_was_answered(tmp_path):
    path = tmp_path / "client-0.step"
    StepWatermark(path).require(0)
    assert not path.exists()
    first = StepWatermark(path)
    for step in (0, 1, 7, 3):
        first.take(step)
    for each in (first, StepWatermark(path)):
        each.require(7)
        each.require(8)
        with pytest.raises(RecordsDiffer, match="step 6 comes next, and this client was answered in step 7"):
            each.require(6)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "7", "-00000000001", "000000000007\n", "no number!!!"])
def test_a_file_that_was_changed_is_refused(tmp_path, content):
    path = tmp_path / "client-0.step"
    path.write_text(content)
    with pytest.raises(ConfigError, match="was changed"):
        StepWatermark(path)


def test_a_step_is_written_in_one_write(tmp_path, monkeypatch):
    """A process that is killed leaves the step before, or this one."""
    writes, write = [], os.write
    monkeypatch.setattr(os, "write", lambda *given: (writes.append(given[1:]), write(*given)))
    progress = StepWatermark(tmp_path / "client-0.step")
    for step in (9, 9, 10, 11):
        progress.take(step)
    assert writes == [(b"000000000010",), (b"000000000011",)]  # in place of a file that was whole from the first on
    assert (tmp_path / "client-0.step").read_bytes() == b"000000000011"


def test_a_machine_that_loses_power_leaves_no_empty_file(tmp_path, monkeypatch):
    """Its client could not go on: an empty file counts as changed."""
    path, waits, wait = tmp_path / "client-0.step", [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (waits.append((path.exists(), os.fstat(file).st_size)), wait(file)))
    StepWatermark(path).take(0)
    assert waits[0] == (False, len("000000000000"))
