"""The engine's benchmarks run, at a thousandth of their size."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
CODE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import bench_engine
rows = bench_engine.BENCHMARKS[sys.argv[2]](scale=0.001)
print(json.dumps([[row.name, row.value, row.ratio] for row in rows]))
"""


@pytest.mark.parametrize("name", ["graph_8m", "contact_limit", "growth", "differentiable_8m", "city_180d"])
def test_a_small_version_of_each_benchmark_runs(name):
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", CODE, FOLDER, name]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | paths)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout.splitlines()[-1])
    assert name in [row[0] for row in rows]
    assert all(value >= 0 and ratio >= 0 for row, value, ratio in rows if row != "growth")
