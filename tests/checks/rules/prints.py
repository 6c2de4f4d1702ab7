"""Only `lpm_secure.cli` prints; `exceptions.txt` names the few entry points of processes beside it."""

import ast
from collections.abc import Iterator

from tests.checks.tree import Finding, Tree

COMMAND_LINE = "lpm_secure/cli"
FUNCTIONS = {"print", "pprint"}
STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}
LIBRARIES = {"rich", "typer", "click"}  # of terminals


def prints(tree: Tree) -> Iterator[Finding]:
    """Find source that can print: `print`, `sys.stdout`, and what imports a terminal's libraries."""
    for path, module in tree.modules.items():
        if path.is_relative_to(COMMAND_LINE):
            continue
        if lines := [node.lineno for node in ast.walk(module) if isinstance(node, ast.stmt | ast.expr) and _can(node)]:
            message = f"{path}, line {min(lines)}, can print; return it, and let {COMMAND_LINE} print"
            yield Finding("print", str(path), message)


def _can(node: ast.stmt | ast.expr) -> bool:
    """Return whether a node prints, or takes what prints."""
    match node:
        case ast.Name(id=name):
            return name in FUNCTIONS
        case ast.Attribute(attr=name):
            return name in STREAMS
        case ast.Import(names=names):
            return any(each.name.partition(".")[0] in LIBRARIES for each in names)
        case ast.ImportFrom(module=str(module), names=names, level=0):
            is_stream = module == "sys" and any(each.name in STREAMS for each in names)
            return is_stream or module.partition(".")[0] in LIBRARIES
    return False
