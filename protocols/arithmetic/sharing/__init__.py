"""Sharings: how a vector is split so that no aggregator sees it."""

from protocols.arithmetic.sharing.additive import Additive as Additive
from protocols.arithmetic.sharing.base import Sharing as Sharing
from protocols.arithmetic.sharing.clear import Clear as Clear

__all__ = ["Additive", "Clear", "Sharing"]
