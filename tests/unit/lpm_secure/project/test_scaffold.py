"""What `lpm project init` writes is what its own reader takes, and says every key."""

import datetime
import re

import pytest

from lpm_secure.config.gradient import GradientConfig
from lpm_secure.config.model import DosesConfig, ModelConfig
from lpm_secure.config.releases import NoiseConfig
from lpm_secure.project.base_project import ServerEntry
from lpm_secure.project.manifest import manifest_of
from lpm_secure.project.project_file import ClientEntry, ProjectFile, load
from lpm_secure.project.scaffold import OPTIONAL, project_text, write_project
from protocols.errors import ParameterError

TODAY = datetime.datetime(2026, 3, 2, 9, 30, tzinfo=datetime.UTC)


def test_a_first_project_is_read_as_it_is_and_is_not_written_over(tmp_path):
    read = load(write_project("winter", tmp_path))
    assert (read.min_count, list(read.cells), read.releases.series) == (5, ["ward 1", "ward 2"], "incidence")
    assert read.testbed_seed is None
    with pytest.raises(ParameterError, match="winter: File exists; give another name"):
        write_project("winter", tmp_path)
    with pytest.raises(ParameterError, match="got 'A b' for a name"):
        write_project("A b", tmp_path)


@pytest.mark.slow  # the accountant of noise takes seconds to load
def test_a_first_project_asks_for_noise_and_suppression(tmp_path):
    path = write_project("winter", tmp_path)
    manifest = manifest_of(load(path), path.parent)
    assert (manifest.min_count, manifest.period, manifest.cells) == (5, 28, (40, 60))
    assert [release.name for release in manifest.releases.each] == ["incidence", "cells"]
    assert [client.agents[0] for client in manifest.clients] == [1, 41, 76]


@pytest.mark.slow  # as above
def test_a_first_project_is_active_as_the_comment_of_security_says(tmp_path):
    path = write_project("winter", tmp_path)
    text = re.sub("^# security = ", "security = ", path.read_text(), flags=re.M)
    path.write_text(re.sub("^(mpc|epsilon) = .*\n", "", text, flags=re.M))
    assert manifest_of(load(path), path.parent).security == "active"


@pytest.mark.parametrize(
    "kind", [ProjectFile, ServerEntry, ClientEntry, ModelConfig, DosesConfig, NoiseConfig, GradientConfig]
)
def test_a_first_project_names_every_key(kind):
    text = project_text("winter", today=TODAY)
    assert [key for key in kind.__struct_fields__ if not re.search(rf"\b{key}\b", text)] == []


@pytest.mark.parametrize("key", [key for key in OPTIONAL if key not in {"engine_identity", "edges", "degree"}])
def test_what_stands_in_a_comment_may_be_taken_out_of_it(key, tmp_path):
    text = project_text("winter", today=TODAY)
    lines = [line for line in text.splitlines() if line.startswith(f"# {key} = ")]
    assert len(lines) == 1
    (tmp_path / "project.toml").write_text(text.replace(lines[0], lines[0][2:]))
    assert getattr(load(tmp_path / "project.toml"), key) == OPTIONAL[key]
