"""What a benchmark yields, and how its time and memory are taken."""

import contextlib
import os
import resource
import statistics
import threading
import time
from pathlib import Path

import msgspec


class Row(msgspec.Struct):
    """One line of the table.

    Attributes:
        value, unit: what was measured.
        against: the named peer or limit; `ratio` is value over its value, in the same unit and run.
        cpu_s: user and system seconds of what was measured, in all processes; 0 where nobody took them.
    """

    name: str
    value: float
    unit: str
    against: str
    ratio: float
    peak_mib: float = 0.0
    machine: str = ""
    cpu_s: float = 0.0


def peak_mib(pid="self"):
    """Return the most memory a process has had resident, in MiB; Linux only, as `make bench` is."""
    with open(f"/proc/{pid}/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def reset_peak():
    """Let `peak_mib` of this process begin anew; Linux only."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def memory_of(pid):
    """Return what a process holds now, in MiB: pages that n processes share count for an n-th (PSS)."""
    with open(f"/proc/{pid}/smaps_rollup") as parts:
        line = next(line for line in parts if line.startswith("Pss:"))
    return int(line.split()[1]) / 1024


def pids_of(deployment):
    """Return the ids of all processes of a deployment."""
    return [process.pid for process in tuple(deployment._processes.values())]


def cpu_seconds(pids=()):
    """Return the user and system seconds of this process, of its children that have ended, and of some that run."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used) + sum(map(_cpu_of, pids))


def _cpu_of(pid):
    """Return the seconds of a process that runs; 0 of one that has ended, which its parent counts."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def below(pid):
    """Yield the ids of all processes that a process has started, and these have."""
    with contextlib.suppress(OSError):
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in path.read_text().split():
                yield int(child)
                yield from below(int(child))


class Watch(threading.Thread):
    """Looks ten times in three seconds at what it is made for."""

    def __init__(self):
        super().__init__(daemon=True)
        self._ended = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self.join()

    def run(self):
        while not self._ended.wait(0.3):
            self.look()


class Memory(Watch):
    """The most memory that processes hold at one moment, all together.

    Args:
        pids: returns the ids of those that run.
    """

    def __init__(self, pids):
        super().__init__()
        self.pids, self.peak_mib = pids, 0.0

    def look(self):
        total = 0.0
        for pid in self.pids():
            with contextlib.suppress(OSError, StopIteration):  # it has just ended
                total += memory_of(pid)
        self.peak_mib = max(self.peak_mib, total)


class Busiest(Watch):
    """CPU seconds of each process below this one: of those side by side the busiest says how long all take."""

    def __init__(self):
        super().__init__()
        self.each = {}

    def look(self):
        for pid in below(os.getpid()):
            self.each[pid] = max(self.each.get(pid, 0.0), _cpu_of(pid))

    @property
    def cpu_s(self):
        """Return the seconds of the busiest."""
        return max(self.each.values())


def seconds(function, *, repeat=5):
    """Return the median time of a call, after one that warms up."""
    function()
    taken = []
    for _ in range(repeat):
        started = time.perf_counter()
        function()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)
