"""Only `lpm_secure.cli` prints, and the few entry points of processes that are named here."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("protocols", "client_sdk", "aggregator", "lpm_secure")
ENTRY_POINTS = {
    "lpm_secure/scenario/progress.py": "a bar for whoever waits at a terminal or in a notebook; nothing elsewhere",
    "lpm_secure/local_process/fork_program.py": "a process of its own: it ends as the interpreter does",
    "client_sdk/__main__.py": "a client's process",
    "protocols/exit_code.py": "the line with which any process ends",
    "aggregator/__main__.py": "an operator's process",
}
STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}
LIBRARIES = {"rich", "typer", "click"}


def prints(source):
    """Return the lines of a program that can print: `print`, `sys.stdout`, and what imports a terminal's libraries."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id in ("print", "pprint"):
            lines.append(node.lineno)
        if isinstance(node, ast.Attribute) and node.attr in STREAMS:
            lines.append(node.lineno)
        if isinstance(node, ast.Import) and any(name.name.split(".")[0] in LIBRARIES for name in node.names):
            lines.append(node.lineno)
        if isinstance(node, ast.ImportFrom) and not node.level:
            module = node.module.split(".")[0]
            if module in LIBRARIES or (module == "sys" and any(name.name in STREAMS for name in node.names)):
                lines.append(node.lineno)
    return lines


def sources():
    paths = (path.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted(path.as_posix() for path in paths if "_pb2" not in path.name)


def test_no_other_file_prints():
    own = [path for path in sources() if not path.startswith("lpm_secure/cli/") and path not in ENTRY_POINTS]
    assert {path: found for path in own if (found := prints((ROOT / path).read_text()))} == {}


def test_every_exception_is_needed():
    assert [path for path in ENTRY_POINTS if not prints((ROOT / path).read_text())] == []


@pytest.mark.parametrize(
    "line",
    [
        "print(1)",
        "import sys; sys.stderr.write('x')",
        "from sys import stdout",
        "import rich",
        "from rich.table import Table",
        "def f():\n    import typer",
        "tell = print",
    ],
)
def test_the_check_sees_every_way_to_print(line):
    assert prints(line)
