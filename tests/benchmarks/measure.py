"""What a benchmark yields, and how its time and memory are taken."""

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


def peak_mib():
    """Return the most memory this process has had resident, in MiB; Linux only, as `make bench` is."""
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def seconds(function, *, repeat=5):
    """Return the median time of a call, after one that warms up."""
    function()
    taken = []
    for _ in range(repeat):
        started = time.perf_counter()
        function()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
