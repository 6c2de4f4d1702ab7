"""A run that is killed at random moments ends with the same bits as one that is not."""

import os
import random
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.zygote import ENGINE

CHILD = Path(__file__).parent / "checkpoint_child.py"
KILLS, ATTEMPTS = 3, 20  # at least so many kills after which a later step was reached, if that many attempts allow it


@contextmanager
def child(kind, path, threads=1):
    """Start a child, and return it with what it prints, and the step that it goes on from."""
    read, write = os.pipe()
    with os.fdopen(read) as printed:
        with os.fdopen(write, "w"), open(os.devnull) as nothing:
            outputs = {"stdin": nothing.fileno(), "stdout": write, "stderr": sys.__stderr__.fileno()}
            started = ENGINE.start([str(CHILD), kind, str(path), str(threads)], **outputs)
        yield started, printed, int(printed.readline().removeprefix("from "))
        started.wait()


@pytest.mark.parametrize("kind", ["graph", "venues"])
def test_a_run_killed_at_random_moments_ends_with_the_same_bits(kind, tmp_path):
    with child(kind, tmp_path / "whole") as (started, printed, _):
        whole = printed.read()
        assert started.wait() == 0
    assert 0 < int(whole.split()[1]) < 4_800  # there was an epidemic
    chance = random.Random(9)
    steps = []
    while len(set(steps)) <= KILLS and len(steps) < ATTEMPTS:
        with child(kind, tmp_path / "killed", threads=1 + len(steps) % 2) as (started, _, step):
            steps.append(step)
            time.sleep(chance.uniform(0.0, 0.1 + 0.05 * len(steps)))  # slow machines get longer
            started.send_signal(signal.SIGKILL)
    with child(kind, tmp_path / "killed") as (_, printed, last):
        assert printed.read() == whole
    assert steps[0] == 0
    assert last > 0
    assert steps == sorted(steps)
