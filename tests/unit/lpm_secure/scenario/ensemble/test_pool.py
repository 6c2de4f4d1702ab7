"""Processes that compute seeds: the same bits, the same errors, and none that is left over."""

import os
import signal
import time
from pathlib import Path

import pytest

from lpm_secure.scenario.ensemble.pool import WorkerPool
from lpm_secure.scenario.ensemble.task import series_path, write_task
from protocols.errors import ParameterError, Unavailable


def test_a_process_without_the_class_computes_the_same_bits_and_raises_the_same_error(rumour, tmp_path):
    rumour = rumour.with_(start=0.3)
    result = rumour.run(seeds=3, workers=1)
    write_task(tmp_path, 0, rumour.config, beside=rumour.beside, device="cpu", cores=1)
    wrong = rumour.with_({"private.people": str(tmp_path / "gone.csv")}).config
    write_task(tmp_path, 1, wrong, beside=rumour.beside, device="cpu", cores=1)
    found, pool = {}, WorkerPool(tmp_path, 1, 1, lambda notice: None)
    with pytest.raises(ParameterError, match="cannot read"):
        pool.compute([(0, 2), (0, 3), (1, 1)], found.__setitem__)
    assert list(found) == [(0, 2), (0, 3)]
    assert found[0, 3]["private_AWARE"].to_pylist() == result.values("private_AWARE")[2].tolist()
    assert not series_path(tmp_path, 0, 3).exists()


@pytest.mark.slow
def test_a_process_that_is_killed_is_told_in_one_line_and_none_is_left(rumour, tmp_path):
    write_task(tmp_path, 0, rumour.config, beside=rumour.beside, device="cpu", cores=1)
    pool = WorkerPool(tmp_path, 2, 1, lambda notice: None)

    forked = []

    def kill(task, table):
        (first,) = pool._processes
        if not forked:  # the other one may have another series by then
            forked[:] = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
            os.kill(first.pid, signal.SIGKILL)

    with pytest.raises(Unavailable, match="a process ended in the run of seed"):
        pool.compute([(0, seed) for seed in range(200)], kill)
    assert len(forked) == 1
    deadline = time.monotonic() + 30
    while is_running(forked[0]) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(forked[0])


def is_running(process):
    """Return whether a process does anything; one that has ended may wait for its parent."""
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
