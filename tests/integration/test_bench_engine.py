"""The engine's benchmarks run, at a thousandth of their size."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.zygote import ENGINE

FOLDER = Path(__file__).parents[1] / "benchmarks"
NAMES = ["graph_8m", "contact_limit", "growth", "differentiable_8m", "city_180d", "labour_1m", "relaxed_step"]
CODE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import bench_engine, bench_gradient, bench_labour
for name in sys.argv[2:]:
    rows = (bench_engine.BENCHMARKS | bench_labour.BENCHMARKS | bench_gradient.BENCHMARKS)[name](scale=0.001)
    print("rows", json.dumps([name, [[row.name, row.value, row.ratio] for row in rows]]), flush=True)
"""


@pytest.fixture(scope="module")
def ran():
    """Return what a process printed that ran all of them, one after the other, and its errors."""
    paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", CODE, FOLDER, *NAMES]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | paths)
    lines = [line.removeprefix("rows ") for line in done.stdout.splitlines() if line.startswith("rows ")]
    return dict(map(json.loads, lines)), done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_small_version_of_each_benchmark_runs(ran, name):
    tables, errors = ran
    assert name in tables, errors
    assert name in [row[0] for row in tables[name]]
    assert all(value >= 0 and ratio >= 0 for row, value, ratio in tables[name] if row != "growth")


def test_every_benchmark_can_be_imported_and_is_named(tmp_path):
    path = tmp_path / "printed.txt"
    with path.open("wb") as printed, open(os.devnull, "rb") as nothing:
        outputs = {"stdin": nothing.fileno(), "stdout": printed.fileno(), "stderr": printed.fileno()}
        assert ENGINE.start([str(FOLDER), "no_such"], **outputs).wait(60) == 2
    said = path.read_text()
    assert "no benchmark no_such; there are" in said
    assert {"step_12", "outcome_workplace", "graph_8m", "city_180d", "tangent_p8"} < set(said.replace(",", "").split())
