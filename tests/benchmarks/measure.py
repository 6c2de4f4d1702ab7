"""What a benchmark yields, and how its time and memory are taken."""

import contextlib
import statistics
import time

import msgspec


class Row(msgspec.Struct):
    """One line of the table.

    Attributes:
        value, unit: what was measured.
        against: the named peer or limit; `ratio` is value over its value, in the same unit and run.
    """

    name: str
    value: float
    unit: str
    against: str
    ratio: float
    peak_mib: float = 0.0
    machine: str = ""


def peak_mib(pid="self"):
    """Return the most memory a process has had resident, in MiB; Linux only, as `make bench` is."""
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def peak_of(pids):
    """Return the peak of each process that still runs, by its id."""
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError, StopIteration):
            found[pid] = peak_mib(pid)
    return found


def seconds(function, *, repeat=5):
    """Return the median time of a call, after one that warms up."""
    function()
    taken = []
    for _ in range(repeat):
        started = time.perf_counter()
        function()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
