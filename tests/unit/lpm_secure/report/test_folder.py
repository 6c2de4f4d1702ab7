"""The folder of a run: tables, a report and figures, figures last, each file whole."""

import json

import pytest

from lpm_secure.report import folder as folders
from lpm_secure.report.folder import merge_figures, write_figures
from lpm_secure.report.page import Page
from lpm_secure.report.summary import Summary
from protocols.errors import ParameterError


def summary(**changed):
    defaults = {
        "file": "run.json",
        "figures": {"a": 1},
        "lines": ("done",),
        "tables": {"t.csv": b"x"},
        "page": Page("p", ["<p>q</p>"]),
    }
    return Summary(**(defaults | changed))


def test_a_run_leaves_tables_report_and_figures(tmp_path):
    folders.write(tmp_path, summary())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "run.json", "t.csv"]
    assert json.loads((tmp_path / "run.json").read_text()) == {"a": 1}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}


def test_where_figures_are_everything_else_is(tmp_path):
    with pytest.raises(TypeError):
        folders.write(tmp_path, summary(page=Page("p", [object()])))
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_figures_of_other_names_stay_where_two_commands_share_a_file(tmp_path):
    folders.write(tmp_path, summary(beside=True))
    folders.write(tmp_path, summary(figures={"b": 2}, beside=True))
    assert json.loads((tmp_path / "run.json").read_text()) == {"a": 1, "b": 2}
    folders.write(tmp_path, summary(figures={"c": 3}))
    assert json.loads((tmp_path / "run.json").read_text()) == {"c": 3}


@pytest.mark.parametrize("content", ["[1]", "no json"])
def test_a_file_of_something_else_is_not_written_over(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_text(content)
    with pytest.raises(ParameterError, match="move it away"):
        merge_figures(path, {"a": 1})
    assert path.read_text() == content


def test_runs_of_one_name_are_numbered_and_none_is_written_over(tmp_path):
    made = []
    for _ in range(3):
        assert folders.last_of(tmp_path, "few") == (made[-1] if made else tmp_path / "few")
        made.append(folders.next_of(tmp_path, "few"))
        made[-1].mkdir()
    assert [each.name for each in made] == ["few", "few-2", "few-3"]
    assert folders.last_of(tmp_path, "few") == made[-1]


def test_a_job_works_in_the_last_folder_of_its_name_until_its_result_is_there(tmp_path):
    (tmp_path / "few").mkdir()
    asked = {"result": "posterior.csv", "resume": False}
    assert folders.folder_for(tmp_path, "few", **asked) == tmp_path / "few"
    (tmp_path / "few" / "posterior.csv").touch()
    assert folders.folder_for(tmp_path, "few", **asked) == tmp_path / "few-2"
    assert folders.folder_for(tmp_path, "few", **asked | {"resume": True}) == tmp_path / "few"


def test_figures_make_the_folder_that_they_go_to(tmp_path):
    write_figures(tmp_path / "build" / "figures.json", {"a": 1})
    assert json.loads((tmp_path / "build" / "figures.json").read_text()) == {"a": 1}
