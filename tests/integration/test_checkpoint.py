"""A run that is killed at random moments ends with the same bits as one that is not."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHILD = Path(__file__).parent / "checkpoint_child.py"
KILLS, ATTEMPTS = 3, 20  # at least so many kills after which a later step was reached, if that many attempts allow it


def begin(kind, path, threads=1):
    """Start a child, and return it with the step that it goes on from."""
    command = [sys.executable, CHILD, kind, path, str(threads)]
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | paths)
    first = child.stdout.readline()
    return child, int(first.removeprefix("from "))


@pytest.mark.parametrize("kind", ["graph", "staged"])
def test_a_run_killed_at_random_moments_ends_with_the_same_bits(kind, tmp_path):
    child, _ = begin(kind, tmp_path / "whole")
    whole = child.communicate()[0]
    assert child.returncode == 0
    assert 0 < int(whole.split()[1]) < 18_000  # there was an epidemic
    chance = random.Random(9)
    steps = []
    while len(set(steps)) <= KILLS and len(steps) < ATTEMPTS:
        child, step = begin(kind, tmp_path / "killed", threads=1 + len(steps) % 2)
        steps.append(step)
        time.sleep(chance.uniform(0.0, 0.1 + 0.05 * len(steps)))  # slow machines get longer
        child.send_signal(signal.SIGKILL)
        child.communicate()
    child, last = begin(kind, tmp_path / "killed")
    assert child.communicate()[0] == whole
    assert steps[0] == 0
    assert last > 0
    assert steps == sorted(steps)
