"""What `lpm project init --calibration` writes is what its own reader takes, and says every key."""

import re

import pytest

from client_sdk.likelihood.observation import Observation
from lpm_secure.calibration.centre.table import CalibrationTable
from lpm_secure.calibration.inference.fit_config import FitConfig
from lpm_secure.models.courses.compartments.config import CompartmentConfig
from lpm_secure.project.calibration.project_file import CalibrationProject, InstitutionEntry, load_calibration
from lpm_secure.project.calibration.scaffold import OF_TABLE
from lpm_secure.project.kits import load_kind
from lpm_secure.project.scaffold import write_project


@pytest.fixture
def path(tmp_path):
    return write_project("fever", tmp_path, calibration=True)


def test_a_first_calibration_is_read_as_it_is(path):
    manifest = load_kind(path).manifest()
    assert (manifest.rounds, manifest.shape, manifest.norm) == (300, (4, 2, 18), 500.0)
    assert [client.name for client in manifest.clients] == ["st-mary", "st-john", "st-anne"]


@pytest.mark.parametrize(
    "kind", [CalibrationProject, CalibrationTable, InstitutionEntry, CompartmentConfig, Observation, FitConfig]
)
def test_a_first_calibration_names_every_key(kind, path):
    text = path.read_text()
    assert [key for key in kind.__struct_fields__ if not re.search(rf"\b{key}\b", text)] == []


@pytest.mark.parametrize("key", list(OF_TABLE))
def test_what_stands_in_a_comment_may_be_taken_out_of_it(key, path):
    (line,) = (line for line in path.read_text().splitlines() if line.startswith(f"# {key} = "))
    path.write_text(path.read_text().replace(line, line[2:]))
    assert getattr(load_calibration(path).calibration, key) == OF_TABLE[key]
