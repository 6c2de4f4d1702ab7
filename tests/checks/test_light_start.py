"""What is imported before a command has anything to compute: none of the heavy libraries."""

import json
import subprocess
import sys

import click
import pytest
import typer

from lpm_secure.cli.main import app
from protocols.task import manifest as manifests

HEAVY = tuple("torch numba plotly scipy pandas pyarrow flwr sqlalchemy crypten grpc pooch zuko".split())  # noqa: SIM905
CHILD = """
import io, json, os, sys
from contextlib import redirect_stdout
from lpm_secure.cli.main import main
for arguments in json.loads(sys.argv[1]):
    if os.fork():
        os.wait()
        continue
    printed, code = io.StringIO(), 0
    sys.argv = ["lpm", *arguments]
    with redirect_stdout(printed):
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
    print(json.dumps([arguments, code, bool(printed.getvalue().strip()), sorted(sys.modules)]), flush=True)
    os._exit(0)
"""


def commands(command, path=()):
    """Return the path of every group and command."""
    below = command.commands.items() if isinstance(command, click.Group) else ()
    return [path, *(found for name, child in below for found in commands(child, (*path, name)))]


def heavy(*given):
    """Run commands, each in a process forked from one that has what all begin with, and return what each has loaded."""
    command = [sys.executable, "-c", CHILD, json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    ended = [json.loads(line) for line in done.stdout.splitlines()]
    assert [arguments for arguments, *_ in ended] == list(map(list, given)), done.stderr
    assert all(code == 0 and printed for _, code, printed, _ in ended), done.stderr
    return {tuple(arguments): [name for name in HEAVY if name in modules] for arguments, _, _, modules in ended}


def test_help_loads_nothing_heavy():
    given = [[*path, "--help"] for path in commands(typer.main.get_command(app))]
    assert len(given) > 40
    assert heavy(*given) == {tuple(each): [] for each in given}


@pytest.mark.parametrize("command", [["--version"], ["data", "list"]], ids=" ".join)
def test_what_computes_nothing_loads_nothing_heavy(command):
    assert heavy(command) == {tuple(command): []}


def test_showing_a_manifest_loads_nothing_heavy(tmp_path, manifest_of):
    path = tmp_path / "manifest.json"
    path.write_bytes(manifests.encode(manifest_of()))
    command = ["manifest", "show", str(path)]
    assert heavy(command) == {tuple(command): []}


def test_importing_the_package_loads_nothing_but_itself():
    code = "import sys; import lpm_secure; print(*(name for name in sys.modules if name.startswith('lpm_secure.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
