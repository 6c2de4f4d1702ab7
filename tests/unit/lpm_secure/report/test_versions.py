"""When and by what a page is made: the command where it is one of ours, and nothing of another program's."""

import sys

import pytest

from lpm_secure.report.versions import command, origin
from protocols import __version__


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["/x/bin/lpm", "run", "my run.toml"], "lpm run 'my run.toml'"),
        (["/x/lpm_secure/cli/__main__.py", "audit", "y"], "lpm audit y"),
        (["/x/ipykernel/__main__.py", "-f", "secret.json"], "a program or a notebook"),
        ([""], "a program or a notebook"),
        ([], "a program or a notebook"),
    ],
)
def test_commands(argv, told, monkeypatch):
    monkeypatch.setattr(sys, "argv", argv)
    assert command() == told
    assert origin().startswith("Made on 20")
    assert origin().endswith(f" UTC with lpm-secure {__version__}, by {told}.")
