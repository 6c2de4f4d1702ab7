"""One operator's server: it holds one additive share of everything and adds shares up."""

from aggregator.aggregator import Aggregator as Aggregator
from aggregator.run import Run as Run
from aggregator.store import Store as Store

__all__ = ["Aggregator", "Run", "Store"]
