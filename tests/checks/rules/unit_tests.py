"""Unit tests lie where the source lies, so that "which test holds this line" is a path."""

import ast
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import final

from tests.checks.tree import Finding, Tree, module_name

UNIT = PurePosixPath("tests/unit")
SUITES = PurePosixPath("tests/checks/suites.toml")  # modules that a suite of several holds, with the reason
SHORT = 40  # lines, up to which a module is held by the tests of who uses it
FEW = 10  # statements in functions; fewer are declarations


def mirrors(tree: Tree) -> Iterator[Finding]:
    """Find unit tests `tests/unit/X/test_Y.py` without a source module `X/Y.py` or a folder `X/Y/`."""
    folders = {parent for path in tree.source for parent in path.parents}
    for path in tree.files:
        if path.is_relative_to(UNIT) and path.name.startswith("test_"):
            subject = path.relative_to(UNIT).parent / path.stem.removeprefix("test_")
            if subject.with_suffix(".py") not in tree.modules and subject not in folders:
                message = (
                    f"{path} mirrors neither {subject}.py nor {subject}/; tests of several modules are in conformance/"
                )
                yield Finding("mirror", str(path), message)


def modules_with_tests(tree: Tree) -> Iterator[Finding]:
    """Find modules with logic that have no test file of their name, and that no suite holds which reaches them."""
    untested, files = set(without_tests(tree)), set(tree.files)
    held, imports = set(), Imports(tree)
    for suite in tomllib.loads(tree.text(SUITES))["suite"] if SUITES in files else ():
        path, modules = PurePosixPath(suite["path"]), {PurePosixPath(f"{name}.py") for name in suite["modules"]}
        tests = [each for each in files if each.suffix == ".py" and (each == path or path in each.parents)]
        tests += [folder / "conftest.py" for folder in path.parents if tests and folder / "conftest.py" in files]
        reached = modules if suite.get("processes") else _reach(imports, tests)
        held |= modules
        for module in sorted(modules - untested):
            yield Finding("test", str(module), f"{module} needs no line in {SUITES}: it is short, or has its own tests")
        for module in sorted(modules & untested if not suite["why"] or not tests else (modules & untested) - reached):
            yield Finding("test", str(module), f"{SUITES} says that {path} holds {module}, which it does not reach")
    for module in sorted(untested - held):
        mirror = UNIT / module.with_name(f"test_{module.name}")
        yield Finding("test", str(module), f"{module} has no tests: write {mirror}, or name its suite in {SUITES}")


def without_tests(tree: Tree) -> Iterator[PurePosixPath]:
    """Yield the modules with logic that have no test file of their name."""
    files = set(tree.files)
    for path, module in tree.modules.items():
        mirror = UNIT / path.with_name(f"test_{path.name}")
        if mirror not in files and len(tree.text(path).splitlines()) > SHORT and _statements(module) >= FEW:
            yield path


def _statements(module: ast.Module) -> int:
    """Return how many statements the functions of a module have, docstrings apart."""
    functions = (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return sum(
        isinstance(each, ast.stmt)
        for function in functions
        for node in function.body[ast.get_docstring(function) is not None :]
        for each in ast.walk(node)
    )


@final
class Imports:
    """What each Python file imports, of the repository's; imports within functions count."""

    def __init__(self, tree: Tree) -> None:
        self._tree, self._known = tree, dict[PurePosixPath, set[PurePosixPath]]()
        self._names = {module_name(path): path for path in tree.files if path.suffix == ".py"}

    def of(self, path: PurePosixPath) -> set[PurePosixPath]:
        """Return what one file imports, packages for what they export."""
        if path not in self._known:
            module, names = self._tree.modules.get(path) or ast.parse(self._tree.text(path)), set[str]()
            for node in ast.walk(module):
                if isinstance(node, ast.Import):
                    names |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            self._known[path] = {self._names[name] for name in names if name in self._names}
        return self._known[path]


def _reach(imports: Imports, tests: Iterable[PurePosixPath]) -> set[PurePosixPath]:
    """Return what tests import, directly or by what they import."""
    reached, rest = set[PurePosixPath](), list(tests)
    while rest:
        path = rest.pop()
        if path not in reached:
            reached.add(path)
            rest += imports.of(path)
    return reached
