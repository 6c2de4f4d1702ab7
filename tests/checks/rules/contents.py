"""What a file must hold, and what it must not."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.checks.tree import Finding, Tree

HOSTS = ("pypi", "pythonhosted", "npmjs", "crates", "anaconda", "quay", "ghcr")
TRACES = re.compile(
    rf"\b(?:{'|'.join(HOSTS)})\.(?:org|com|io)\b" r"|(?<![\w.}\])/])/(?:work|root|home|Users|opt|mnt|tmp)/\w",
    re.IGNORECASE,
)


def mocks(tree: Tree) -> Iterator[Finding]:
    """Find source that imports `unittest`: what draws has a twin that takes, and nothing is patched."""
    for path, module in tree.modules.items():
        for node in ast.walk(module):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(name.partition(".")[0] in {"unittest", "mock"} for name in names):
                yield Finding(
                    "mock", str(path), f"{path} imports a mock; give the function a twin that takes what it draws"
                )


def package_docstrings(tree: Tree) -> Iterator[Finding]:
    """Find source folders whose `__init__.py` is missing or says nothing."""
    for folder in sorted({path.parent for path in tree.source}):
        module = tree.modules.get(folder / "__init__.py")
        if module is None or not ast.get_docstring(module):
            yield Finding("docstring", str(folder), f"{folder}/__init__.py must say in one line what its files share")


def machine_traces(tree: Tree) -> Iterator[Finding]:
    """Find files that name a registry's host, or a path of the machine that they were written on."""
    here = PurePosixPath("tests/checks")
    for path in tree.files:
        if path.is_relative_to(here) or path.suffix == ".csv":
            continue
        for number, line in enumerate(tree.text(path).splitlines(), 1):
            if trace := TRACES.search(line):
                subject = f"{path}:{trace.group()}"
                yield Finding(
                    "trace", subject, f"{path}:{number} names {trace.group()!r}, which is nothing to its reader"
                )
