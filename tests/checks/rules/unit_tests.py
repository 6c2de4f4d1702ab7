"""Unit tests lie where the source lies, so that "which test holds this line" is a path."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.checks.tree import Finding, Tree

UNIT = PurePosixPath("tests/unit")


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
