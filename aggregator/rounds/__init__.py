"""Rounds: shares come in, members are decided, sums are made."""
