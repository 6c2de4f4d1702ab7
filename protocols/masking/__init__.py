"""Shares between {both aggregators} and {the dealer}: masked words, and a client's proof of their ranges."""
