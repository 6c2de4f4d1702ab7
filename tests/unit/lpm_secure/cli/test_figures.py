"""Every command that yields figures prints them as JSON where it is asked to, and nothing else."""

import contextlib
import json

import click
import pytest
import typer
from typer.testing import CliRunner

from lpm_secure.cli.figures import show
from lpm_secure.cli.main import app
from lpm_secure.report.summary import Summary

YIELDING = ("run", "compare", "runs", "audit", "risk", "calibrate", "amortise", "sensitivity", "rehearse")


@pytest.mark.parametrize("passed", [True, False])
def test_figures_are_one_line_of_json_and_the_exit_code_says_whether_they_hold(passed, capsys):
    summary = Summary(file="x.json", figures={"a": 1, "b": [0.5]}, lines=("a  1",), passed=passed)
    for as_json, printed in ((True, '{"a": 1, "b": [0.5]}\n'), (False, "a  1\n")):
        with contextlib.nullcontext() if passed else pytest.raises(typer.Exit):
            show(summary, as_json)
        assert capsys.readouterr().out == printed


@pytest.mark.parametrize("name", YIELDING)
def test_a_command_that_yields_figures_takes_json(name):
    command = typer.main.get_command(app).commands[name]
    flags = [each for each in command.params if isinstance(each, click.Option) and each.is_flag]
    assert "--json" in [option for each in flags for option in each.opts]


def test_what_is_printed_beside_json_is_not_on_standard_output(tmp_path):
    arguments = ["sensitivity", "opinion", "--out", tmp_path / "out", "--parameter", "start", "--output", "YES"]
    done = CliRunner().invoke(app, [*map(str, arguments), "--steps", "2", "--json"])
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)
    assert row["parameter"] == "start"
