"""Compiled tools that know no epidemic: draws, sparse graphs, exposures, threads over ranges of agents."""
