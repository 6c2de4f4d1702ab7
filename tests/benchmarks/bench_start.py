"""`command_start`: what commands that compute nothing cost, against limits of 0.5 CPU seconds and 80 MiB."""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import Row

from lpm_secure.config.simulation import load
from lpm_secure.run.jobs import local_testbed
from protocols.task import manifest as manifests

EXAMPLE = Path(__file__).parents[2] / "examples" / "workplace.toml"
LIMIT_S, LIMIT_MIB = 0.5, 80.0
CHILD = """
import sys, time
sys.argv = {command!r}
from lpm_secure.cli.main import main
try:
    main()
except SystemExit as ended:
    if ended.code:
        raise
seconds = time.process_time()
sys.path.insert(0, {folder!r})
from measure import peak_mib
print(seconds, peak_mib(), file=sys.stderr)
"""
COMMANDS = (["--help"], ["--version"], ["run", "--help"], ["data", "list"], ["manifest", "show"])


def cost(command):
    """Run a command in a fresh process, and return its CPU seconds, user and system, and its peak MiB."""
    code = CHILD.format(folder=str(Path(__file__).parent), command=["lpm", *command])
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, mib = ended.stderr.split()[-2:]
    return float(seconds), float(mib)


def command_start():
    """Take the median of each command over fresh processes; files are in the page cache after the first."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder) / "manifest.json"
        manifest.write_bytes(manifests.encode(local_testbed(load(EXAMPLE)).manifest))
        for command in COMMANDS:
            given = [*command, str(manifest)] if command == ["manifest", "show"] else command
            columns = zip(*[cost(given) for _ in range(8)][1:], strict=True)
            taken, mib = (statistics.median(column) for column in columns)
            name = "command_start " + " ".join(command)
            rows.append(Row(name, taken, "CPU s", f"limit of {LIMIT_S} CPU s", taken / LIMIT_S, mib))
            rows.append(Row(f"{name}, memory", mib, "MiB", f"limit of {LIMIT_MIB:.0f} MiB", mib / LIMIT_MIB, mib))
    return rows


BENCHMARKS = {"command_start": command_start}
