"""What computed a run: the versions that its figures name."""

import importlib.metadata
import sys
from typing import Final

from protocols import __version__

PACKAGES: Final = ("torch", "numpy", "grpcio", "cryptography", "protobuf", "msgspec")


def versions() -> dict[str, str]:
    """Return the versions of this package, Python and what computes."""
    libraries = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"lpm-secure": __version__, "python": sys.version.split()[0], **libraries}
