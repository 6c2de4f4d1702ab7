"""Libraries that a result is handed to, and that this package does without."""

import importlib
from typing import Any

import pyarrow as pa

from protocols.errors import ParameterError


def to_pandas(table: pa.Table) -> Any:
    """Return a table as a data frame.

    Raises:
        ParameterError: pandas is not installed.
    """
    optional("pandas", "to_arrow()")
    return table.to_pandas()


def optional(library: str, instead: str) -> Any:
    """Import a library that this package does without.

    Raises:
        ParameterError: it is not installed.
    """
    try:
        return importlib.import_module(library)
    except ModuleNotFoundError as error:
        raise ParameterError(f"{library} is not installed; pip install {library}, or use {instead}") from error
