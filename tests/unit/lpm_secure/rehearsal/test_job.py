"""A rehearsal ends in a folder of what it took, and of what each client would be told."""

import json

import pytest

from lpm_secure.rehearsal.job import rehearse
from protocols.errors import ConfigError, ParameterError
from tests.three_hospitals import HOSPITALS, NOISE, project


def test_a_rehearsal_in_one_process_says_parity_seconds_and_what_the_real_runs_page_says(tmp_path):
    heard = []
    path = project(tmp_path)
    path.write_text(NOISE.sub("", path.read_text()))  # which takes seconds to account for
    summary = rehearse(path, tmp_path / "out", in_process=True, people=6, say=heard.append)
    (folder,) = (tmp_path / "out").iterdir()
    assert summary.passed
    text = "\n".join(summary.lines)
    assert "parity in one process           identical: private = clear" in text
    assert "6 of 9, all made up" in text
    assert "Exact numbers are released, which no epsilon bounds." in text
    assert "agents whose state changed" in text
    figures = json.loads((folder / "rehearsal.json").read_text())
    assert (figures["clients"], figures["people"], figures["people_of_the_project"]) == (3, 6, 9)
    assert sorted(page.stem for page in (folder / "consent").iterdir()) == sorted(HOSPITALS)
    page = (folder / "consent" / "st-john.md").read_text()
    assert "numbers of your 4 people" in page
    assert "FROM A SEED" not in page  # the real run has none
    assert (folder / "report.html").exists()
    assert "first in one process" in heard[0]


def test_what_cannot_be_rehearsed_is_one_line_and_leaves_nothing(tmp_path):
    path = project(tmp_path, seed=11)
    with pytest.raises(ConfigError, match="give at least 3"):
        rehearse(path, tmp_path / "out", people=2)
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").touch()
    with pytest.raises(ParameterError, match=r"cannot make .* give another --out"):
        rehearse(path, tmp_path / "file", in_process=True)
