"""Correlated randomness: what it is, who deals it, who fetches it."""
