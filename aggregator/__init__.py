"""One operator's server: it holds one additive share of everything and adds shares up."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aggregator.aggregator import Aggregator as Aggregator
    from aggregator.run import Run as Run
    from aggregator.store import Store as Store

__all__ = ["Aggregator", "Run", "Store"]


def __getattr__(name: str) -> Any:
    """Import a name with its first use: who reads a server's configuration needs no database."""
    if name not in __all__:
        raise AttributeError(f"module 'aggregator' has no attribute {name!r}")
    return getattr(importlib.import_module(f"aggregator.{name.lower()}"), name)
