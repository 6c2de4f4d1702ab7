"""Histories of runs: every draw that mattered, how likely it was, and what another one would have changed."""
