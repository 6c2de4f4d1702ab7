"""Whatever ends a process does so in one line, and with a code that says whether a person made a mistake."""

import errno
import resource
import subprocess
import sys

import pytest

from protocols.errors import ConfigError, RunEnded
from protocols.exit_code import ending_of


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError("a mistake"), 2, "a mistake"),
        (RunEnded("it is over"), 3, "it is over"),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            3,
            "cannot read or write: No space left on device; make room",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 3, "cannot use /x: Permission denied; make room"),
        (OSError(), 3, "cannot read or write: OSError; make room"),
    ],
)
def test_an_error_has_its_line_and_code(error, code, said):
    line, ended = ending_of(error)
    assert ended == code
    assert line.startswith(said)
    assert "\n" not in line


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))  # as a disk that is full after so many bytes


@pytest.mark.parametrize("program", ["lpm_secure.cli"])
def test_a_disk_that_is_full_is_one_line_with_code_3_and_leaves_no_half_a_file(tmp_path, program):
    done = subprocess.run(
        [sys.executable, "-B", "-m", program, "project", "init", "winter"],  # half a compiled module would stay
        cwd=tmp_path,
        capture_output=True,
        text=True,
        preexec_fn=small_files,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("lpm: cannot read or write: File too large; make room")
    assert not list((tmp_path / "winter").iterdir())
