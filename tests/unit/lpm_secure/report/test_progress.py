"""Journals of progress: whole lines, an end however it ended, a lock while somebody writes, and no run that fails."""

import os
import subprocess
import sys

import msgspec
import pytest

from lpm_secure.report.progress import (
    FILE,
    PhaseProgress,
    ProgressEvent,
    ProgressHead,
    ProgressJournal,
    journal_of,
    lock,
)
from protocols.errors import ParameterError

HEAD = ProgressHead(at=1.0, kind="private run", name="x", run="ab", total=3)


def lines(folder):
    return [msgspec.json.decode(line, type=ProgressEvent) for line in (folder / FILE).read_bytes().splitlines()]


def test_a_run_that_ends_says_so_with_its_results(tmp_path):
    with journal_of(tmp_path / "new", HEAD) as journal:
        journal.enter("the steps")
        journal.results["parity"] = "identical"
    head, phase, end = lines(tmp_path / "new")
    assert head == HEAD
    assert phase.phase == "the steps"
    assert (end.outcome, end.reason, end.results) == ("ended", "", {"parity": "identical"})
    assert (tmp_path / "new" / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("error", "outcome", "reason"),
    [
        (ParameterError("got 3; give 4"), "failed", "got 3; give 4"),
        (ValueError("secret 4711"), "failed", "ValueError, which is a mistake of the program: its log says more"),
        (KeyboardInterrupt(), "interrupted", ""),
    ],
)
def test_a_run_that_stops_says_how_and_no_more_than_users_may_read(tmp_path, error, outcome, reason):
    with pytest.raises(type(error)), journal_of(tmp_path, HEAD):
        raise error
    end = lines(tmp_path)[-1]
    assert (end.outcome, end.reason) == (outcome, reason)


def test_another_process_goes_on_after_what_is_there(tmp_path):
    for _ in range(2):
        with journal_of(tmp_path, HEAD):
            pass
    assert [type(each).__name__ for each in lines(tmp_path)] == ["ProgressHead", "ProgressEnd"] * 2


def test_a_lock_tells_whether_anybody_writes_and_ends_with_a_process_that_is_killed(tmp_path):
    code = (
        "import sys, time, pathlib; from lpm_secure.report.progress import ProgressJournal;"
        "journal = ProgressJournal(pathlib.Path(sys.argv[1])); print('written', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b"written\n"
        descriptor = os.open(tmp_path / FILE, os.O_RDONLY)
        assert not lock(descriptor, shared=True)
        writer.kill()
        writer.wait()
        assert lock(descriptor, shared=True)
        os.close(descriptor)


def test_a_folder_that_cannot_be_written_ends_the_journal_and_not_the_run(tmp_path):
    (tmp_path / "file").touch()
    with journal_of(tmp_path / "file", HEAD) as journal:
        journal.enter("the steps")
    assert (tmp_path / "file").read_bytes() == b""


def test_what_is_written_after_the_end_is_dropped(tmp_path):
    journal = ProgressJournal(tmp_path)
    journal.close()
    journal.write(PhaseProgress(at=1.0, phase="late"))
    assert (tmp_path / FILE).read_bytes() == b""
