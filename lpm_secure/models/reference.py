"""A model or environment by name: `pkg:Class`, or one of the library or of a package that registers it."""

import importlib
import importlib.metadata
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from lpm_secure.models.mistake import mistakes_of
from lpm_secure.models.model import Model
from protocols.errors import ModelError

GROUP: Final = "lpm_secure.models"  # of entry points: name = package.module:Class
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
T = TypeVar("T")
_OWN: Final[dict[str, type]] = {}  # classes of this process that no import gives, by the names that they have here


def name_of(kind: type) -> str:
    """Return by which name `find_class` has a class in this process.

    That is `package.module:Class` where an import gives it; else, as of a class of a notebook, it is remembered by
    such a name, and a later class of the same name, another cell's say, has a number beside it.
    """
    name = f"{kind.__module__}:{kind.__qualname__}"
    module = sys.modules.get(kind.__module__)
    if kind.__module__ != "__main__" and getattr(module, kind.__qualname__, None) is kind:
        return name
    number, own = 1, name
    while _OWN.setdefault(own, kind) is not kind:
        number += 1
        own = f"{name}-{number}"
    return own


def is_own(name: str) -> bool:
    """Return whether a name is of a class that this process alone has."""
    return name in _OWN


def find(name: str) -> type[Model]:
    """Return a model's class; as `find_class` does."""
    return find_class(name, Model, group=GROUP)


def find_class(name: str, kind: type[T], *, group: str, library: Mapping[str, str] = NOTHING) -> type[T]:
    """Return a class of an author's.

    Args:
        name: `package.module:Class`, from the working folder too, or a name of ours or of an entry point.
        kind: what it is derived from.
        group: of entry points.
        library: names that need no entry point.

    Raises:
        ModelError: there is none of this name, or it is no such class, or its module raises something.

    Security:
        The module runs with the rights of whoever asks; a graph's bytes are what strangers may send.
    """
    word = kind.__name__.lower()
    if name in _OWN and issubclass(_OWN[name], kind):
        return _OWN[name]
    if ":" not in name:
        points = {point.name: point.value for point in importlib.metadata.entry_points(group=group)} | dict(library)
        if name not in points:
            raise ModelError(
                f"there is no {word} {name}; there are {', '.join(sorted(points))}, or write package:Class"
            )
        name = points[name]
    module, _, attribute = name.partition(":")
    with mistakes_of(f"the import of {module}"):
        made = _imported(module, attribute)
        if isinstance(made, type) and issubclass(made, kind):
            return made
    base = f"lpm.{kind.__name__}"
    raise ModelError(f"{name} is no {base}: {module} has no such class, or it is none; derive it from {base}")


def _imported(module: str, attribute: str) -> Any:
    """Return what a module has by this name, or None."""
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        raise ModelError(f"cannot import {module}: there is no {error.name}; give package.module:Class") from error
    finally:
        if here in sys.path:
            sys.path.remove(here)
