"""Every command that yields figures prints them as JSON where it is asked to, and nothing else."""

import contextlib
import csv
import json

import click
import pytest
import typer
from typer.testing import CliRunner

from lpm_secure.cli.analysis.gradient_tables import SIDE_BY_SIDE
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


def test_sensitivities_by_many_parameters_name_each_of_them(tmp_path):
    arguments = ["sensitivity", "strains", "--out", tmp_path / "out", "--steps", "2"]
    done = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    rows = csv.DictReader((tmp_path / "out" / "sensitivity.csv").read_text().splitlines())
    names = {row["parameter"] for row in rows}
    assert len(names) > SIDE_BY_SIDE
    assert all(name in done.stdout for name in names)
