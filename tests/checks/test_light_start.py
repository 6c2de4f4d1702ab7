"""What is imported before a command has anything to compute: none of the heavy libraries."""

import subprocess
import sys

import click
import pytest
import typer

from lpm_secure.cli.main import app
from protocols.task import manifest as manifests

HEAVY = tuple("torch numba plotly scipy pandas pyarrow flwr sqlalchemy crypten grpc pooch zuko".split())  # noqa: SIM905
CHILD = """
import sys
from lpm_secure.cli.main import main
sys.argv = ["lpm", *{arguments!r}]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
heavy = [name for name in {heavy!r} if name in sys.modules]
print("heavy", *heavy, file=sys.stderr)
"""


def commands(command, path=()):
    """Return the path of every group and command."""
    below = command.commands.items() if isinstance(command, click.Group) else ()
    return [path, *(found for name, child in below for found in commands(child, (*path, name)))]


def heavy(*arguments):
    """Run a command in a process of its own, and return which heavy libraries it has loaded."""
    code = CHILD.format(arguments=list(arguments), heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip()
    return done.stderr.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("command", commands(typer.main.get_command(app)), ids=" ".join)
def test_help_loads_nothing_heavy(command):
    assert heavy(*command, "--help") == []


@pytest.mark.parametrize("command", [["--version"], ["data", "list"]], ids=" ".join)
def test_what_computes_nothing_loads_nothing_heavy(command):
    assert heavy(*command) == []


def test_showing_a_manifest_loads_nothing_heavy(tmp_path, manifest_of):
    path = tmp_path / "manifest.json"
    path.write_bytes(manifests.encode(manifest_of()))
    assert heavy("manifest", "show", str(path)) == []


def test_importing_the_package_loads_nothing_but_itself():
    code = "import sys; import lpm_secure; print(*(name for name in sys.modules if name.startswith('lpm_secure.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
