"""A run that is killed at random moments ends with the same bits as one that is not."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lpm_secure.engine.checkpoint import resume, save
from protocols.errors import DataError

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


ARRAYS = {"stage": np.arange(7, dtype=np.uint8), "left": np.arange(6).reshape(2, 3), "step": np.array(4)}


def test_a_checkpoint_returns_what_was_saved(tmp_path):
    save(tmp_path / "c", ARRAYS, run="a")
    for name, array in resume(tmp_path / "c", run="a").items():
        np.testing.assert_array_equal(array, ARRAYS[name])
        assert (array.dtype, array.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)


@pytest.mark.parametrize("where", [0, 20, 60, -40, -1])
def test_a_damaged_checkpoint_is_refused(tmp_path, where):
    save(tmp_path / "c", ARRAYS, run="a")
    content = bytearray((tmp_path / "c").read_bytes())
    content[where] ^= 1
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        resume(tmp_path / "c", run="a")


def test_a_write_that_was_cut_short_leaves_the_last_checkpoint(tmp_path):
    save(tmp_path / "c", ARRAYS, run="a")
    (tmp_path / ".c.partial").write_bytes(b"half")
    assert set(resume(tmp_path / "c", run="a")) == set(ARRAYS)
    save(tmp_path / "c", ARRAYS, run="a")
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize(("name", "run", "words"), [("c", "b", "of the run a"), ("d", "a", "cannot read")])
def test_another_run_or_a_missing_file_is_refused(tmp_path, name, run, words):
    save(tmp_path / "c", ARRAYS, run="a")
    with pytest.raises(DataError, match=words):
        resume(tmp_path / name, run=run)
