"""Every command prints what it yields as one JSON document where it is asked to, errors too, and nothing else."""

import contextlib
import io
import json
import sys
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from lpm_secure.cli.figures import show
from lpm_secure.cli.main import app, main
from lpm_secure.report.summary import Summary
from tests.manifest_parties import PROJECT

WITHOUT = {  # commands that have no figures in the end
    "up": "it waits between what it prints",
    "serve": "it prints an address, and serves until it is stopped",
    "start": "a server serves until it is stopped, and clients and the engine leave files",
    "schema": "it prints JSON, and nothing else",
}


def commands_of(group):
    """Yield every command below a group, with its name."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from ((f"{name} {below}", each) for below, each in commands_of(command))
        else:
            yield name, command


COMMANDS = dict(commands_of(typer.main.get_command(app)))


@pytest.mark.parametrize("passed", [True, False])
def test_figures_are_one_line_of_json_and_the_exit_code_says_whether_they_hold(passed, capsys):
    summary = Summary(file="x.json", figures={"a": 1, "b": [0.5]}, lines=("a  1",), passed=passed)
    for as_json, printed in ((True, '{"a": 1, "b": [0.5]}\n'), (False, "a  1\n")):
        with contextlib.nullcontext() if passed else pytest.raises(typer.Exit):
            show(summary, as_json)
        assert capsys.readouterr().out == printed


def test_every_command_prints_its_figures_as_json_where_it_has_some():
    flags = {
        name: {option for each in command.params if getattr(each, "is_flag", False) for option in each.opts}
        for name, command in COMMANDS.items()
    }
    assert {name for name, options in flags.items() if "--json" not in options} == set(WITHOUT)
    assert json.loads(printed("schema", "risk"))["$ref"]


def printed(*arguments, code=0):
    """Return what a command left on standard output, in this process and with all that `lpm` does of an error."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", ["lpm", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code or 0) == code, err.getvalue()
    return out.getvalue()


def figures(*arguments, code=0):
    """Return the one JSON document that a command prints."""
    return json.loads(printed(*arguments, "--json", code=code))


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["run", "no.toml"], 2, "cannot read no.toml"),
        (["audit", "no"], 2, "no has no index.json"),
        (["collect", "no.json", "no.jsonl"], 2, "operator.key"),
        (["doctor", "no"], 2, "no"),
        (["evaluate", "no.toml"], 2, "cannot read no.toml"),
        (["manifest", "show", "no.json"], 2, "no.json"),
        (["population", "show", "no"], 2, "no"),
        (["check-model", "no"], 2, "there is no model no"),
        (["compare"], 2, "Missing argument"),
        (["nothing"], 2, "No such command"),
    ],
    ids=lambda each: each[0] if isinstance(each, list) else "",
)
def test_an_error_is_one_document_too_and_a_line_on_standard_error(arguments, code, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = figures(*arguments, code=code)
    assert error in found["error"]
    assert found["exit_code"] == code
    assert printed(*arguments, code=code) == ""


def test_operators_set_up_a_run_by_commands_whose_answers_programs_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, operator in (("agg-a", "university"), ("agg-b", "charity"), ("dealer", "statistics")):
        dealer = ["--dealer"] if name == "dealer" else []
        made = Path(figures("identity", name, name, "--operator", operator, *dealer)["request"])
        (tmp_path / "requests").mkdir(exist_ok=True)
        made.rename(tmp_path / "requests" / made.name)
    Path("school.txt").write_text("10\n11\n")
    Path("project.toml").write_text(PROJECT)
    run = figures("manifest", "new", "project.toml")["run"]
    pinned = figures("manifest", "sign", "manifest.json")["operator_key"]
    given = ("--operator-key", pinned)
    assert figures("manifest", "countersign", "manifest.json", "agg-a", *given)["server"] == "agg-a"
    assert f"run {run}" in figures("manifest", "verify", "manifest.json", *given)["verified"]
    shown = figures("manifest", "show", "manifest.json")
    assert (shown["run"], shown["manifest"]["name"]) == (run, "winter")
    assert "30 steps of 1 day each" in shown["sentences"]["What is simulated"][0]
    Path("project.toml").write_text(PROJECT.replace("steps = 30", "steps = 31"))
    figures("manifest", "new", "project.toml", "--out", "other.json")
    differences = figures("manifest", "diff", "manifest.json", "other.json", code=1)["differences"]
    assert {"field": "steps", "one": "30", "other": "31"} in differences
    assert figures("keys", "parties", "engine")["folders"] == ["parties/engine"]
    assert figures("keys", "parties")["certificates"]["engine"]["warning"] is None
    (invitation,) = figures("invite", "parties", "school")["invitations"]
    (request,) = [figures("enrol", invitation, "school")["made"]]
    admitted = figures("admit", "parties", request)
    assert admitted["refused"] == []
    assert len(admitted["enrolled"]) == 1
    assert "invitation" in figures("admit", "parties", request, code=2)["refused"][0]


def test_a_project_and_a_model_are_begun_by_commands_whose_answers_programs_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project = figures("project", "init", "winter")["project"]
    made = figures("project", "kit", project, "--out", "kits")
    assert all(Path(kit).is_dir() for kit in made["kits"])
    assert (tmp_path / figures("new-model", "hearsay")["folder"]).is_dir()


def test_what_is_printed_beside_json_is_not_on_standard_output(tmp_path):
    arguments = ["sensitivity", "opinion", "--out", tmp_path / "out", "--parameter", "start", "--output", "YES"]
    done = CliRunner().invoke(app, [*map(str, arguments), "--steps", "2", "--json"])
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)["entries"]
    assert row["parameter"] == "start"
