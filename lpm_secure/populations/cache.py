"""Populations built on demand: each is built once, kept in the user's cache, and checked whenever it is opened."""

import hashlib
import logging
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import platformdirs

from lpm_secure.populations.population import Population
from protocols import __version__
from protocols.atomic_file import publish_folder
from protocols.errors import DataError

OnPart = Callable[[str], None]
SOURCES: Final = Path(__file__).parent
FOLDER: Final = "populations"
NOTICES: Final = logging.getLogger("lpm")  # for whoever waits; `lpm` prints them


class Build(Protocol):
    """What makes a population at a path."""

    def __call__(self, path: Path, *, agents: int, seed: int, on_part: OnPart | None) -> Population:
        """Build and write it."""


def fetch(
    build: Build, *, kind: str, agents: int, seed: int, on_part: OnPart | None = None, root: Path | None = None
) -> Population:
    """Return a population from the cache, built first where it is not there.

    What is found is checked against its checksums, and built again if it was changed.

    Args:
        build: makes it.
        kind, agents, seed: what it is; with the version of the builder they are its name.
        on_part: told the name of each part of a build as it begins.
        root: of the cache, in place of the user's.

    Raises:
        DataError: a build lacks its tables.
    """
    folder = (root or Path(platformdirs.user_cache_dir("lpm-secure"))) / FOLDER
    path = folder / f"{kind}-{agents}-{seed}-{_builder()}.lpmpop"
    if path.exists():
        try:
            return Population.open(path)
        except DataError as error:
            NOTICES.warning("%s: it is built anew", error)
            shutil.rmtree(path)
    folder.mkdir(parents=True, exist_ok=True)
    if on_part is None:
        NOTICES.info("building a population of %s agents (%s); it is kept for later runs", f"{agents:,}", kind)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as own:
        built = build(Path(own) / "population", agents=agents, seed=seed, on_part=on_part)
        try:
            publish_folder(built.path, path)
        except OSError:  # another process was faster; the same seed gives the same bytes
            if not path.exists():
                raise
    return Population.open(path)


def _builder() -> str:
    """Return a short name of what builds populations: its sources and versions; another one builds anew."""
    digest = hashlib.sha256(f"{__version__} {np.__version__}".encode())
    for file in sorted(SOURCES.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
