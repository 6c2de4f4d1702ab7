"""Every command explains itself: what it does, and what each argument and option means."""

import click
import pytest
import typer
from typer.testing import CliRunner

from lpm_secure.cli.main import app


def _commands(command, path=()):
    if isinstance(command, click.Group):
        return [found for name, child in command.commands.items() for found in _commands(child, (*path, name))]
    return [(path, command)]


COMMANDS = _commands(typer.main.get_command(app))


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) for path, _ in COMMANDS])
def test_help_explains_every_argument_and_option(path, command):
    shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "300"}, terminal_width=300)
    assert shown.exit_code == 0
    assert command.help
    for parameter in command.params:
        told = getattr(parameter, "help", None)
        assert told, parameter.name
        assert " ".join(told.replace("`", "").split())[:40] in " ".join(shown.stdout.split()), parameter.name


def test_help_keeps_what_stands_in_brackets():
    shown = CliRunner().invoke(app, ["run", "--help"], env={"COLUMNS": "80"}, terminal_width=80)
    assert "[gradient]" in shown.stdout
