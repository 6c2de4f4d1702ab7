"""What a command begins before its modules are imported, and since when it runs."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from lpm_secure.local_process.command import modules_of
from lpm_secure.local_process.modules import ACTIVE_SERVER, SERVER

EXAMPLES = Path(__file__).parents[4] / "examples"
TICK_S = 0.02  # the system counts a process' start in hundredths


@pytest.mark.parametrize(
    ("name", "modules"),
    [("workplace", SERVER), ("three_operators", SERVER), ("active", ACTIVE_SERVER), ("city", ()), ("nothing", ())],
)
def test_the_servers_of_an_example_are_those_of_its_security(name, modules):
    assert modules_of(EXAMPLES / f"{name}.toml") == modules


@pytest.mark.parametrize("content", [b"[private", b"private = 3", b"\xff\xfe", b"[private]\nsecurity = 3"])
def test_a_file_with_a_mistake_begins_nothing(content, tmp_path):
    (tmp_path / "run.toml").write_bytes(content)
    assert modules_of(tmp_path / "run.toml") == ()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the system does not tell when it was")
def test_a_process_runs_since_it_was_started():
    program = (
        "import time; begun = time.perf_counter()\n"
        "from lpm_secure.local_process.command import read_start\n"
        "print(read_start(), begun)"
    )
    before = time.perf_counter()
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    started, begun = map(float, printed.split())
    assert before - TICK_S <= started <= begun
