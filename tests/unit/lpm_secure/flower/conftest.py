"""Six hospitals as Flower nodes of this process."""

import os
import shutil

import pytest

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"

from flwr.supercore.task_identity import TaskIdentity

from lpm_secure.flower.strategy import SecureSumStrategy
from tests.calibration_hospitals import hospitals
from tests.flower_nodes import LocalGrid, write


@pytest.fixture(autouse=True, scope="module")
def identity():
    """Be a task of a run, as Flower makes its processes."""
    TaskIdentity.run_id = TaskIdentity.task_id = TaskIdentity.node_id = 1


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write six hospitals' folders once, for all tests to copy."""
    folder = tmp_path_factory.mktemp("flower")
    return folder, write(folder, hospitals(), 4).manifest


@pytest.fixture
def deployed(written, tmp_path):
    folder, manifest = written
    shutil.copytree(folder, tmp_path / "run")
    return LocalGrid(tmp_path / "run" / "parties"), SecureSumStrategy(manifest)
