"""Words of one field: a framework for any model speaks of epidemics, and by its models' names, in its library alone."""

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import PurePosixPath

from tests.checks.tree import Finding, Tree

WORDS = re.compile(
    r"susceptib|infect|recover|seir|s-e-i-r|prevalence|attack_rate|(?<![a-z])beta(?![a-z])", re.IGNORECASE
)
PLACES = ("lpm_secure/models", "lpm_secure/environments", "lpm_secure/populations")
LIBRARY = PurePosixPath("lpm_secure/models/library")
# fmt: off
DECLARATIONS = frozenset((
    "stage", "field", "private", "parameter", "public", "cell", "message", "cell_message", "outcome",
    "observable", "lowest", "highest",
))
GENERAL = frozenset((  # names of the library's that mean something else in the framework too, and so name no model
    "age", "alarm", "buffer", "contact", "cover", "coverage", "days", "default", "delay", "delivery", "FAILED",
    "first", "home", "initial", "job", "kind", "left", "mixing", "need", "reach", "recall", "since", "spell",
    "spending", "stage", "start", "state", "STOPPED", "tau", "testing", "timer",
))
# fmt: on


def field_words(tree: Tree) -> Iterator[Finding]:
    """Find files outside of the library with a word of epidemics, or a name that only a model of the library has.

    Words are looked for in identifiers and strings, docstrings too; names of fields, stages, parameters, channels and
    outcomes as parts of identifiers and of strings without a space, since a price is also a word of prose.
    """
    declared = declarations(module for path, module in tree.modules.items() if LIBRARY in path.parents) - GENERAL
    names = re.compile("|".join(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])" for name in sorted(declared)) or r"(?!)")
    for path, module in tree.modules.items():
        if any(PurePosixPath(place) in path.parents for place in PLACES):
            continue
        texts = sorted(set(_texts(module)))
        epidemics = {match.lower() for text in texts for match in WORDS.findall(text)}
        found = epidemics.union(*(names.findall(text) for text in texts if not re.search(r"\s", text)))
        if found:
            words = ", ".join(sorted(found))
            message = f"{path} speaks of {words}; a word of the framework, or of the model's graph, is better"
            yield Finding("field", str(path), message)


def declarations(modules: Iterable[ast.Module]) -> set[str]:
    """Return the names that models declare, of their stages too; those of one or two letters name nothing alone."""
    nodes = chain.from_iterable(ast.walk(module) for module in modules)
    found = set()
    for each in (line for node in nodes if isinstance(node, ast.ClassDef) for line in node.body):
        match each:
            case ast.Assign(targets=targets, value=ast.Call(func=ast.Name(id=kind) | ast.Attribute(attr=kind))):
                if kind in DECLARATIONS:
                    found |= {target.id for target in targets if isinstance(target, ast.Name)}
                    found |= set(_texts(each.value)) if kind == "stage" else set()
    return {name for name in found if len(name) > 2}


def _texts(module: ast.AST) -> Iterator[str]:
    """Yield every identifier and every string of a module."""
    for node in ast.walk(module):
        for _, value in ast.iter_fields(node):
            if isinstance(value, str):
                yield value
            elif isinstance(value, list):
                yield from (each for each in value if isinstance(each, str))
