"""Every file has a floor: an exhaustive contract of layers lays each package out, and the topmost one all packages."""

import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.checks.tree import Finding, Tree, module_name

SETTINGS = PurePosixPath("pyproject.toml")


def floors(tree: Tree) -> Iterator[Finding]:
    """Find packages whose modules no exhaustive contract of `pyproject.toml` lays out, and top packages in none."""
    settings = tomllib.loads(tree.text(SETTINGS))["tool"]["importlinter"]
    layers = [each for each in settings["contracts"] if each["type"] == "layers"]
    laid_out = {name for each in layers if each.get("exhaustive") for name in each["containers"]}
    children = defaultdict(set)
    for path in tree.source:
        for part in (path, *path.parents):
            if part.parent.name and part.name != "__init__.py":
                children[module_name(part.parent / "__init__.py")].add(part.stem)
    for package, modules in sorted(children.items()):
        if len(modules) > 1 and package not in laid_out:
            message = f"{package} has no exhaustive contract of layers in {SETTINGS}; say which way its imports go"
            yield Finding("floors", package, message)
    rows = (row for each in layers if "containers" not in each for row in each["layers"])
    highest = {name.strip() for row in rows for name in row.split("|")} & set(settings["root_packages"])
    tops = {path.parts[0] for path in tree.files if path.name == "__init__.py" and len(path.parts) == 2}
    for package in sorted(tops - highest - {"tests", "examples"}):
        message = f"the package {package} has no place in the topmost contract of {SETTINGS}"
        yield Finding("floors", package, message)
