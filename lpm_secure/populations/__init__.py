"""Populations of synthetic agents: built from public tables or read from a user's own, and kept as mapped columns.

`population` opens columns that a `card` describes; `source` finds one on disk, in the `cache`, or has it made by
`synthesis`; `user_tables` reads one's own; `settings` says who meets where; `outbreak` holds an epidemic in one
against data.
"""

from lpm_secure.populations.card import Card as Card
from lpm_secure.populations.population import Population as Population

__all__ = ["Card", "Population"]
