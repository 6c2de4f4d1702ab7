"""How large a folder and a file may be."""

from collections import Counter
from collections.abc import Iterator

from tests.checks.tree import GENERATED, Finding, Tree

FILES = 12
LINES = 400


def files_in_a_folder(tree: Tree) -> Iterator[Finding]:
    """Find folders of more than twelve Python files; `__init__.py` and generated ones do not count."""
    counts = Counter(path.parent for path in tree.source if path.name != "__init__.py")
    for folder, count in sorted(counts.items()):
        if count > FILES:
            message = f"{folder}/ holds {count} Python files; at most {FILES}: split it by what its files share"
            yield Finding("folder", str(folder), message)


def lines_of_a_file(tree: Tree) -> Iterator[Finding]:
    """Find Python files of more than 400 lines, in tests too."""
    for path in tree.files:
        if path.suffix == ".py" and not path.name.endswith(GENERATED):
            count = len(tree.text(path).splitlines())
            if count > LINES:
                yield Finding("lines", str(path), f"{path} has {count} lines; at most {LINES}: one concept a file")
