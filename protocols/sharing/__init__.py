"""Sharings: how a vector is split so that no aggregator sees it."""

from protocols.sharing.additive import Additive as Additive
from protocols.sharing.base import Sharing as Sharing
from protocols.sharing.clear import Clear as Clear

__all__ = ["Additive", "Clear", "Sharing"]
