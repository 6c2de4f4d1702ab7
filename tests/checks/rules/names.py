"""Names: nouns for modules and classes, verbs for functions, and one module for each class name."""

import ast
from collections import defaultdict
from collections.abc import Iterator

from tests.checks.rules.participle import is_participle, is_present_participle, words
from tests.checks.tree import Finding, Tree, classes, module_name

VERBS = {"is", "has", "require", "check", "load", "to"}  # a function that begins so may end with a participle
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def class_names(tree: Tree) -> Iterator[Finding]:
    """Find names that classes of two modules share."""
    places = defaultdict(set)
    for path, module in tree.modules.items():
        for node in classes(module):
            places[node.name].add(module_name(path))
    for name, modules in sorted(places.items()):
        if len(modules) > 1:
            yield Finding("class", name, f"class {name} is in {', '.join(sorted(modules))}; one name, one module")


def participles(tree: Tree) -> Iterator[Finding]:
    """Find modules, classes and public functions that are named by a participle."""
    for path, module in tree.modules.items():
        name = module_name(path)
        if _is_no_noun(name.rpartition(".")[2]):
            yield Finding(
                "participle", name, f"module {name} is named by a participle; a module is a noun of the field"
            )
        yield from _in_module(name, module)


def _in_module(name: str, module: ast.Module) -> Iterator[Finding]:
    """Find classes, functions and methods of one module that are named by a participle."""
    for node in classes(module):
        if _is_no_noun(node.name):
            subject = f"{name}.{node.name}"
            yield Finding(
                "participle", subject, f"class {subject} is named by a participle; a class is a noun of the field"
            )
    for owner, function in _public_functions(module):
        if _is_no_verb(function.name):
            subject = ".".join(filter(None, (name, owner, function.name)))
            yield Finding("participle", subject, f"function {subject} is named by a participle; a function is a verb")


def _public_functions(module: ast.Module) -> Iterator[tuple[str, FunctionNode]]:
    """Yield the public functions of a module and of its classes, with the class; properties are nouns, and left out."""
    for node in module.body:
        if isinstance(node, FunctionNode):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            yield from (
                (node.name, child) for child in node.body if isinstance(child, FunctionNode) and not _is_property(child)
            )


def _is_property(node: FunctionNode) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in node.decorator_list)


def _is_no_noun(name: str) -> bool:
    last = words(name)[-1:]
    return any(is_participle(word) or is_present_participle(word) for word in last)


def _is_no_verb(name: str) -> bool:
    if name.startswith("_") or not words(name):
        return False
    first, *_, last = words(name) * 2
    return is_participle(first) or (is_participle(last) and first not in VERBS)
