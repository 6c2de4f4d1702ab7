"""What computed a run: the versions that its figures name."""

import datetime
import importlib.metadata
import shlex
import sys
from pathlib import Path
from typing import Final

from protocols import __version__

MODULE: Final = ("cli", "__main__.py")  # the end of the path of `python -m lpm_secure.cli`
PACKAGES: Final = ("torch", "numpy", "grpcio", "cryptography", "protobuf", "msgspec")


def versions() -> dict[str, str]:
    """Return the versions of this package, Python and what computes."""
    libraries = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"lpm-secure": __version__, "python": sys.version.split()[0], **libraries}


def command() -> str:
    """Return the command line that this process was started by; of a program or a notebook that it was one."""
    program = Path(sys.argv[0] if sys.argv else "")
    own = program.name == "lpm" or program.parts[-2:] == MODULE
    return shlex.join(["lpm", *sys.argv[1:]]) if own else "a program or a notebook"


def origin() -> str:
    """Return in a sentence when and by what something is made."""
    now = datetime.datetime.now(datetime.UTC).isoformat(sep=" ", timespec="minutes").replace("+00:00", " UTC")
    return f"Made on {now} with lpm-secure {__version__}, by {command()}."
