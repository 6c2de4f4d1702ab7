"""Parts forget the whole: who takes a manifest, where a part of it would do, is named with a reason."""

import ast
import re
from collections.abc import Iterator

from tests.checks.tree import Finding, Tree, module_name

WHOLES = {"protocols.task.manifest", "protocols.task.secure_sum.spec"}
NAMES = {"Manifest", "SimulationManifest", "SecureSum"}


def takers(tree: Tree) -> Iterator[Finding]:
    """Yield each function that takes a manifest, and each class that has one."""
    for path, module in tree.modules.items():
        known = set(_known(module))
        name = module_name(path)
        for subject, annotation in _annotations(module, name) if known else ():
            if known.intersection(_words(annotation)):
                yield Finding("whole", subject, f"{subject} takes a manifest: take what it needs of it")


def _known(module: ast.Module) -> Iterator[str]:
    """Yield by which names a module knows manifests, `manifests.Manifest` among them."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for each in node.names:
                if each.name in WHOLES:
                    yield from (f"{each.asname or each.name}.{name}" for name in NAMES)
        elif isinstance(node, ast.ImportFrom):
            for each in node.names:
                if node.module in WHOLES and each.name in NAMES:
                    yield each.asname or each.name
                if f"{node.module}.{each.name}" in WHOLES:
                    yield from (f"{each.asname or each.name}.{name}" for name in NAMES)


def _annotations(node: ast.AST, name: str) -> Iterator[tuple[str, ast.expr]]:
    """Yield the annotations of all parameters and fields, each with what it is of."""
    for child in ast.iter_child_nodes(node):
        inner = name
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            inner, given = f"{name}.{child.name}", child.args
            each = (*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg)
            yield from ((inner, one.annotation) for one in each if one is not None and one.annotation is not None)
        elif isinstance(child, ast.ClassDef):
            inner = f"{name}.{child.name}"
            yield from ((inner, each.annotation) for each in child.body if isinstance(each, ast.AnnAssign))
        yield from _annotations(child, inner)


def _words(annotation: ast.expr) -> Iterator[str]:
    """Yield the names in an annotation, those in strings too."""
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"[\w.]+", node.value)
