"""A model by name: `pkg:Model`, or one of the library or of a package that registers it."""

import importlib
import importlib.metadata
import sys
from pathlib import Path
from typing import Any, Final

from lpm_secure.models.mistake import mistakes_of
from lpm_secure.models.model import Model
from protocols.errors import ModelError

GROUP: Final = "lpm_secure.models"  # of entry points: name = package.module:Class


def find(name: str) -> type[Model]:
    """Return a model's class.

    Args:
        name: `package.module:Class`, from the working folder too, or a name that an entry point gives.

    Raises:
        ModelError: there is none of this name, or it is no model, or its module raises something.

    Security:
        The module runs with the rights of whoever asks; a graph's bytes are what strangers may send.
    """
    if ":" not in name:
        points = {point.name: point.value for point in importlib.metadata.entry_points(group=GROUP)}
        if name not in points:
            raise ModelError(f"there is no model {name}; there are {', '.join(sorted(points))}, or write package:Class")
        name = points[name]
    module, _, attribute = name.partition(":")
    with mistakes_of(f"the import of {module}"):
        model = _imported(module, attribute)
        if isinstance(model, type) and issubclass(model, Model):
            return model
    raise ModelError(f"{name} is no lpm.Model: {module} has no such class, or it is none; derive it from lpm.Model")


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
