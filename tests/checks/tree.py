"""The repository as the rules see it: its files, and the source parsed once."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import final

PACKAGES = ("protocols", "client_sdk", "aggregator", "lpm_secure")
GENERATED = ("_pb2.py", "_pb2_grpc.py", "_pb2.pyi")


@final
@dataclass(frozen=True)
class Finding:
    """One breach of a rule.

    Attributes:
        rule: its name.
        subject: what breaks it; with the rule, the key by which `exceptions.txt` allows it.
        message: one line that says what is wrong, and what to do.
    """

    rule: str
    subject: str
    message: str


@final
@dataclass(frozen=True)
class Tree:
    """The files of a repository, those that git does not know yet included, those that it ignores left out."""

    root: Path

    @cached_property
    def files(self) -> tuple[PurePosixPath, ...]:
        """Every file, sorted."""
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        listing = subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout
        return tuple(
            PurePosixPath(name) for name in sorted(set(listing.split("\0")) - {""}) if (self.root / name).is_file()
        )

    @cached_property
    def source(self) -> tuple[PurePosixPath, ...]:
        """Every Python file of the packages that is written by hand."""
        return tuple(
            path
            for path in self.files
            if path.parts[0] in PACKAGES and path.suffix == ".py" and not path.name.endswith(GENERATED)
        )

    @cached_property
    def modules(self) -> dict[PurePosixPath, ast.Module]:
        """The source, parsed."""
        return {path: ast.parse(self.text(path)) for path in self.source}

    def text(self, path: PurePosixPath) -> str:
        """Return what is in a file; bytes that are no text come out as question marks."""
        return (self.root / path).read_text(errors="replace")


def module_name(path: PurePosixPath) -> str:
    """Return the dotted name of a Python file; a package's is its folder's."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def classes(module: ast.Module) -> Iterator[ast.ClassDef]:
    """Yield the classes of a module, nested ones too."""
    return (node for node in ast.walk(module) if isinstance(node, ast.ClassDef))
