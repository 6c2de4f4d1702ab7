"""`client_import`: what `import client_sdk` costs a phone, against limits of 0.5 s and 80 MiB."""

import statistics
import subprocess
import sys
from pathlib import Path

from measure import Row

CHILD = """
import sys, time
sys.path.insert(0, {folder!r})
from measure import peak_mib
started = time.perf_counter()
import client_sdk
print(time.perf_counter() - started, peak_mib())
"""
LIMIT_S, LIMIT_MIB = 0.5, 80.0


def client_import():
    """Import it in fresh processes, and take the median; the files are in the page cache after the first."""
    code = CHILD.format(folder=str(Path(__file__).parent))
    outputs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(8)
    ]
    columns = zip(*(map(float, each.stdout.split()) for each in outputs[1:]), strict=True)
    taken, mib = (statistics.median(column) for column in columns)
    return [
        Row("client_import", taken, "s", f"limit of {LIMIT_S} s", taken / LIMIT_S, mib),
        Row("client_import_memory", mib, "MiB", f"limit of {LIMIT_MIB:.0f} MiB", mib / LIMIT_MIB, mib),
    ]


BENCHMARKS = {"client_import": client_import}
