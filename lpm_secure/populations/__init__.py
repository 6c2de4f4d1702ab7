"""Populations of synthetic agents: built from public tables or read from a user's own, and kept as mapped columns."""

from lpm_secure.populations.card import Card as Card
from lpm_secure.populations.population import Population as Population

__all__ = ["Card", "Population"]
