"""Words of one field: a framework for any model speaks of epidemics in its library of models alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.checks.tree import Finding, Tree

WORDS = re.compile(
    r"susceptib|infect|recover|seir|s-e-i-r|prevalence|attack_rate|(?<![a-z])beta(?![a-z])", re.IGNORECASE
)
PLACES = ("lpm_secure/models", "lpm_secure/environments", "lpm_secure/populations")


def epidemics(tree: Tree) -> Iterator[Finding]:
    """Find files outside of the library whose identifiers or strings, docstrings too, have a word of epidemics."""
    for path, module in tree.modules.items():
        if any(PurePosixPath(place) in path.parents for place in PLACES):
            continue
        found = sorted({match for text in _texts(module) for match in map(str.lower, WORDS.findall(text))})
        if found:
            message = (
                f"{path} speaks of {', '.join(found)}; a word of the framework, or of the model's graph, is better"
            )
            yield Finding("field", str(path), message)


def _texts(module: ast.Module) -> Iterator[str]:
    """Yield every identifier and every string of a module."""
    for node in ast.walk(module):
        for _, value in ast.iter_fields(node):
            if isinstance(value, str):
                yield value
            elif isinstance(value, list):
                yield from (each for each in value if isinstance(each, str))
